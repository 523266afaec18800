import os

from django.core.asgi import get_asgi_application
from django.core.management.base import BaseCommand

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "archive_site.settings")
application = get_asgi_application()
BaseCommand().check()  # a bad setting stops the server at its start, not a visitor later
