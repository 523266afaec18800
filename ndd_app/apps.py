from django.apps import AppConfig


class NddAppConfig(AppConfig):
    name = "ndd_app"
    verbose_name = "Near-duplicate detection"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from ndd_app import checks, receivers

        checks.register()
        receivers.connect()
