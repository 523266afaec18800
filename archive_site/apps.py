from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.db import connection, transaction
from django.db.models.signals import post_migrate

CATALOGUERS = "Cataloguers"
MAY = ["change_photo"]  # edit descriptions, answer pairs, copy, undo, and see the jobs


class ArchiveSiteConfig(AppConfig):
    name = "archive_site"

    def ready(self) -> None:
        # Django sends the signal only for apps with models, which this one has not.
        plugin = apps.get_app_config("ndd_app")
        post_migrate.connect(create_group, sender=plugin)
        if settings.CELERY_BROKER_URL.startswith("pgmq"):
            post_migrate.connect(install_queue, sender=plugin)


@transaction.atomic
def create_group(sender: AppConfig, **_: Any) -> None:
    """The group of those who review and copy. Made once: what an administrator changes in it stays so."""
    from django.contrib.auth.management import create_permissions
    from django.contrib.auth.models import Group, Permission

    group, is_new = Group.objects.get_or_create(name=CATALOGUERS)
    if is_new:
        create_permissions(sender, verbosity=0)  # Django's own receiver comes after this one
        group.permissions.set(Permission.objects.filter(content_type__app_label=sender.label, codename__in=MAY))


def install_queue(**_: Any) -> None:
    """The tables and functions of pgmq, in plain SQL, so that the database carries the messages too."""
    import pgmq

    with connection.cursor() as cursor:
        cursor.execute("select to_regnamespace('pgmq') is null")
        if cursor.fetchone()[0]:
            pgmq.install_pgmq_from_sql(conn=cursor.connection)
