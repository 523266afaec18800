from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection

from archive_site import embedded


class Command(BaseCommand):
    help = "Stop the embedded PostgreSQL server, if it runs."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        connection.close_pool()
        stopped = embedded.stop(settings.DATA_DIR / "postgres")
        self.stdout.write("Stopped." if stopped else "No embedded server was running.")
