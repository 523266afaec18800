"""A museum's own Django project, which knows nothing of archive_site, with ndd_app installed.

What the plugin asks of it: an app, an adapter, its urls, and PostgreSQL with pgvector.
"""

import os

from psycopg.conninfo import conninfo_to_dict

SECRET_KEY = "only for the tests"
ROOT_URLCONF = "tests.host_site.urls"
LOGIN_URL = "login"
USE_TZ = True
STATIC_URL = "static/"

INSTALLED_APPS = [
    "tests.host_site.museum",  # before ndd_app: its templates/ndd_app/base.html gives ndd's pages the museum's frame
    "ndd_app",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]
NDD_DESCRIPTION_ADAPTER = "tests.host_site.museum.adapter.ItemAdapter"

MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
_server = conninfo_to_dict(os.environ["DATABASE_URL"])
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "museum",
        **{name.upper(): str(_server[name]) for name in ("user", "password", "host", "port") if name in _server},
        "TEST": {"NAME": f"test_museum_{os.getpid()}"},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
