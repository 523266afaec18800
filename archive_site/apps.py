from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.db import connection
from django.db.models.signals import post_migrate


class ArchiveSiteConfig(AppConfig):
    name = "archive_site"

    def ready(self) -> None:
        if settings.CELERY_BROKER_URL.startswith("pgmq"):
            # Django sends the signal only for apps with models, which this one has not.
            post_migrate.connect(install_queue, sender=apps.get_app_config("ndd_app"))


def install_queue(**_: Any) -> None:
    """The tables and functions of pgmq, in plain SQL, so that the database carries the messages too."""
    import pgmq

    with connection.cursor() as cursor:
        cursor.execute("select to_regnamespace('pgmq') is null")
        if cursor.fetchone()[0]:
            pgmq.install_pgmq_from_sql(conn=cursor.connection)
