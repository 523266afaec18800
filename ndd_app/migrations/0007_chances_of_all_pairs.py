from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('ndd_app', '0006_step_ends_at'),
    ]

    operations = [
        migrations.RemoveField(model_name='evidence', name='details'),
        migrations.AlterField(
            model_name='candidate',
            name='probability',
            field=models.FloatField(default=0, help_text='Of being the same image or another exposure.'),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name='candidate',
            name='probability_same_image',
            field=models.FloatField(default=0),
        ),
    ]
