"""Settings of the archive, all from the environment; docs/settings.md explains each.

A value that makes no sense stops the start with the variable's name (environs) or with a system check (ndd_app).
"""

import logging
import os
from pathlib import Path
from zoneinfo import available_timezones

from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key
from environs import Env, validate
from kombu import Connection
from psycopg.conninfo import make_conninfo

from archive_site import embedded
from archive_site.keys import own_secret

env = Env()
BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.str("NDD_DATA_DIR", str(BASE_DIR / "data"))).expanduser().resolve()

DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY", "") or own_secret(DATA_DIR / "secret_key", get_random_secret_key)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", [])

INSTALLED_APPS = [
    "archive_site",
    "ndd_app",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "archive_site.urls"
WSGI_APPLICATION = "archive_site.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "collections"
LOGOUT_REDIRECT_URL = "collections"
_RULES = ("UserAttributeSimilarity", "MinimumLength", "CommonPassword", "NumericPassword")
AUTH_PASSWORD_VALIDATORS = [{"NAME": f"django.contrib.auth.password_validation.{rule}Validator"} for rule in _RULES]

# --- database ---------------------------------------------------------------------------------------------------------

DATABASE_URL = env.str("DATABASE_URL", "")
if not DATABASE_URL:
    DATABASE_URL = embedded.start(DATA_DIR / "postgres", "ndd")
    embedded.inherit(DATABASE_URL)
try:
    _parts = embedded.connection_parameters(DATABASE_URL)
except Exception as error:
    raise ImproperlyConfigured(
        f"DATABASE_URL is no PostgreSQL address ({error}). Write postgresql://user:password@host:5432/database, "
        "or leave it out to use the embedded server."
    ) from error
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _parts.pop("dbname", "ndd"),
        "USER": _parts.pop("user", ""),
        "PASSWORD": _parts.pop("password", ""),
        "HOST": _parts.pop("host", ""),
        "PORT": _parts.pop("port", ""),
        # What is left (sslmode, options …) goes to libpq as it is.
        "OPTIONS": {**_parts, "pool": {"min_size": 0, "max_size": 8, "timeout": 10}},
        "CONN_HEALTH_CHECKS": True,  # else the pool hands out connections that a restart of the server has ended
        # Two test runs at once must not share a database.
        "TEST": {"NAME": f"test_ndd_{os.getpid()}"},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- files ------------------------------------------------------------------------------------------------------------

_S3_BUCKET = env.str("NDD_S3_BUCKET", "")
_LOCAL = {
    "BACKEND": "django.core.files.storage.FileSystemStorage",
    "OPTIONS": {"location": DATA_DIR / "files", "base_url": None},
}
_S3 = {
    "BACKEND": "storages.backends.s3.S3Storage",
    "OPTIONS": {
        "bucket_name": _S3_BUCKET,
        "endpoint_url": env.str("NDD_S3_ENDPOINT_URL", None),
        "region_name": env.str("NDD_S3_REGION", None),
        "addressing_style": env.str("NDD_S3_ADDRESSING_STYLE", "path", validate=validate.OneOf(["path", "virtual"])),
        "signature_version": "s3v4",
        "file_overwrite": False,
        "querystring_auth": True,
        "default_acl": None,
    },
}
STORAGES = {
    "default": _S3 if _S3_BUCKET else _LOCAL,
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # whitenoise warns where it lacks
WHITENOISE_USE_FINDERS = True  # serves the style sheet without collectstatic
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000

# --- workers ----------------------------------------------------------------------------------------------------------

CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", "") or "pgmq://localhost"
try:
    if "://" not in CELERY_BROKER_URL:
        raise ValueError("it has no ://")  # Celery would take it for the name of a RabbitMQ host
    Connection(CELERY_BROKER_URL).get_transport_cls()
except (KeyError, ValueError, ImportError) as error:
    raise ImproperlyConfigured(
        f"CELERY_BROKER_URL is no address of a broker ({error.args[0]}). Write redis://host:6379/0 or "
        "amqp://user:password@host:5672//, or leave it out to let the database carry the messages."
    ) from error
if CELERY_BROKER_URL.startswith("pgmq"):
    # The same PostgreSQL carries the messages. The transport wants the address in keyword form.
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "conn_string": make_conninfo(**embedded.connection_parameters(DATABASE_URL)),
        "init_extension": False,
        "visibility_timeout": 60,
        "wait_time_seconds": 0,
        "polling_interval": 0.2,
        "pool_size": 4,
    }
CELERY_TASK_IGNORE_RESULT = True  # the Job row is the truth
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = env.str("NDD_QUEUE", "ndd")

# --- ndd --------------------------------------------------------------------------------------------------------------
# Only what is set is passed on; ndd_app/conf.py has the defaults and the explanations.

NDD_CACHE_DIR = DATA_DIR / "cache"
for _name in ("NDD_BACKBONE", "NDD_WEIGHTS_DIR", "NDD_CACHE_DIR", "NDD_DESCRIPTION_ADAPTER", "NDD_STORAGE"):
    if _value := env.str(_name, ""):
        globals()[_name] = _value
for _name in ("NDD_MAX_MEGAPIXELS", "NDD_MAX_FILE_MEGABYTES"):
    if (_number := env.int(_name, None)) is not None:
        globals()[_name] = _number

# --- the rest ---------------------------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
_zones = validate.OneOf(available_timezones(), error="no time zone; write a name such as Europe/Ljubljana")
TIME_ZONE = env.str("TIME_ZONE", "UTC", validate=_zones)
USE_I18N = True
USE_TZ = True
X_FRAME_OPTIONS = "SAMEORIGIN"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.log_level("LOG_LEVEL", logging.WARNING)},
    "loggers": {"ndd_app": {"level": env.log_level("LOG_LEVEL", logging.INFO)}},
}
