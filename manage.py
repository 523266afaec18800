#!/usr/bin/env python
import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from environs import EnvError

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "archive_site.settings")
    if sys.argv[1:2] in (["stop_database"], ["reproduce_paper"]):  # need no database; with an address none is started
        os.environ.setdefault("DATABASE_URL", "postgresql:///unused")
    try:
        execute_from_command_line(sys.argv)
    except (ImproperlyConfigured, EnvError) as error:
        sys.exit(f"{error}\ndocs/settings.md explains every setting.")
    except KeyboardInterrupt:
        print("Stopped by hand.", file=sys.stderr)
        sys.exit(130)
