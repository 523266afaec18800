"""A setting that makes no sense stops the start, with its name and what to do."""

import os
import subprocess
import sys

import psycopg
import pytest
from celery import Celery
from django.conf import settings as django_settings
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from archive_site import embedded
from archive_site.keys import own_secret
from ndd_app.conf import Conf
from ndd_app.description import DescriptionAdapter, DublinCoreAdapter
from ndd_app.storage import photo_storage

AT_START = {
    "CELERY_BROKER_URL": ("reddis://localhost", "Did you mean redis?"),
    "DATABASE_URL": ("nonsense", "postgresql://user:password@host:5432/database"),
    "DEBUG": ("perhaps", "Not a valid boolean"),
    "LOG_LEVEL": ("loud", "Not a valid log level"),
    "NDD_MAX_MEGAPIXELS": ("abc", "Not a valid integer"),
    "NDD_S3_ADDRESSING_STYLE": ("sideways", "path, virtual"),
    "NDD_STORAGE": ("tape", "STORAGES has: default, staticfiles"),
    "NDD_WEIGHTS_DIR": ("/no/such/folder", "HINT: Create the folder"),
    "TIME_ZONE": ("Mars", "write a name such as Europe/Ljubljana"),
}


@pytest.fixture(scope="module")
def starts() -> dict[str, tuple[int, str]]:
    """How `manage.py check` ended, and what it said, with one wrong variable each; all run at once."""
    command = [sys.executable, "manage.py", "check"]
    running = {
        name: subprocess.Popen(
            command,
            cwd=django_settings.BASE_DIR,
            env={**os.environ, name: value},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name, (value, _) in AT_START.items()
    }
    said = {name: process.communicate()[1] for name, process in running.items()}
    return {name: (process.returncode, said[name]) for name, process in running.items()}


@pytest.mark.parametrize("name", AT_START)
def test_a_bad_variable_stops_the_start(name: str, starts: dict[str, tuple[int, str]]):
    returncode, said = starts[name]
    assert returncode == 1
    assert name in said
    assert AT_START[name][1] in said
    assert "Traceback" not in said


def test_a_name_without_a_scheme_is_no_broker():
    environment = os.environ | {"CELERY_BROKER_URL": "redis"}
    run = subprocess.run([sys.executable, "-c", "import archive_site.settings"], env=environment, capture_output=True)
    assert b"CELERY_BROKER_URL is no address of a broker (it has no ://)" in run.stderr


def test_a_secret_is_made_once_and_for_its_owner_alone(tmp_path):
    file = tmp_path / "data" / "secret_key"
    assert own_secret(file, lambda: "first") == own_secret(file, lambda: "second") == "first"
    assert file.stat().st_mode & 0o777 == 0o600


def test_an_empty_secret_of_an_interrupted_start_is_made_anew(tmp_path):
    (tmp_path / "secret_key").touch()
    assert own_secret(tmp_path / "secret_key", lambda: "key") == "key"
    assert [file.name for file in tmp_path.iterdir()] == ["secret_key"]


def problems() -> str:
    return " ".join(f"{problem.msg} {problem.hint}" for problem in run_checks(tags=["ndd"]))


def test_a_sound_archive_has_nothing_to_complain_about():
    assert problems() == ""


@pytest.mark.parametrize(
    "path", ["archive.nothing.Here", "ndd_app.conf.Conf", "ndd_app.description.DescriptionAdapter"]
)
def test_an_adapter_must_be_one(settings, path: str):
    settings.NDD_DESCRIPTION_ADAPTER = path
    assert "NDD_DESCRIPTION_ADAPTER" in problems()
    assert "Name a subclass of ndd_app.description.DescriptionAdapter" in problems()


@pytest.mark.parametrize("name", ["NDD_MAX_MEGAPIXELS", "NDD_MAX_FILE_MEGABYTES"])
def test_limits_must_let_something_through(settings, name: str):
    setattr(settings, name, 0)
    assert f"{name} must be at least 1. Leave it out" in problems()


def test_the_weights_must_lie_in_a_folder(settings, tmp_path):
    settings.NDD_WEIGHTS_DIR = tmp_path / "none"
    assert "NDD_WEIGHTS_DIR is no folder" in problems()
    settings.NDD_WEIGHTS_DIR = str(tmp_path)
    assert problems() == ""


@pytest.mark.filterwarnings("ignore:Overriding setting DATABASES")
def test_another_database_is_refused(settings):
    settings.DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3"}}
    assert "ndd needs PostgreSQL, not django.db.backends.sqlite3" in problems()


@pytest.mark.parametrize("value", ["400", True, None])
def test_a_value_of_another_type_is_named(settings, value):
    settings.NDD_MAX_MEGAPIXELS = value
    with pytest.raises(ImproperlyConfigured, match="NDD_MAX_MEGAPIXELS must be int, not"):
        Conf.from_django()


def test_a_host_without_a_broker_is_told_so(monkeypatch):
    monkeypatch.delenv("CELERY_BROKER_URL")
    monkeypatch.setattr("ndd_app.checks.current_app", Celery("museum", set_as_current=False))
    assert "Set CELERY_BROKER_URL" in problems()


def test_an_unknown_storage_is_named(settings):
    settings.NDD_STORAGE = "tape"
    with pytest.raises(ImproperlyConfigured, match="NDD_STORAGE names no storage: 'tape'"):
        photo_storage()


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_the_server_has_ended_breaks_no_page(client):
    client.get("/")
    connection.close()  # it goes back to the pool
    others = "datname = current_database() and pid <> pg_backend_pid()"
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as server:
        server.execute(f"select pg_terminate_backend(pid) from pg_stat_activity where {others}")
    assert client.get("/").status_code == 200


def test_an_address_may_be_a_url_or_in_keyword_form():
    of_url = embedded.connection_parameters("postgresql://me:a%40b@db:5433/ndd?sslmode=require")
    of_words = embedded.connection_parameters("user=me password=a@b host=db port=5433 dbname=ndd sslmode=require")
    assert of_url == of_words


class Misspelt(DublinCoreAdapter):
    """Hides nothing: nobody asks for “visble”."""

    fields = (*DublinCoreAdapter.fields, DublinCoreAdapter.fields[0])

    def visble(self, user, photos):
        return photos.none()


class WithHelpers(DublinCoreAdapter):
    def visible(self, user, photos):
        return self.visible_to(user, photos)

    def visible_to(self, user, photos):
        return photos


class WithoutPages(DescriptionAdapter):
    fields = DublinCoreAdapter.fields

    def write(self, photo, values):
        raise NotImplementedError


def test_a_misspelt_setting_is_not_passed_over(settings):
    settings.NDD_DESCRIPTION_ADAPTOR = "archive.adapter.Adapter"
    settings.NDD_OF_THE_HOST = "its own affair"
    assert problems() == "NDD_DESCRIPTION_ADAPTOR is no setting of ndd. Did you mean NDD_DESCRIPTION_ADAPTER?"


def test_a_misspelt_method_and_a_doubled_field_are_named(settings):
    settings.NDD_DESCRIPTION_ADAPTER = "tests.test_settings.Misspelt"
    assert "has two fields named title" in problems()
    assert "has “visble”, which ndd never asks for: is “visible” meant" in problems()


def test_a_helper_may_be_named_like_a_method_that_is_given(settings):
    settings.NDD_DESCRIPTION_ADAPTER = "tests.test_settings.WithHelpers"
    assert problems() == ""


def test_what_an_adapter_lacks_is_named(settings):
    settings.NDD_DESCRIPTION_ADAPTER = "tests.test_settings.WithoutPages"
    settings.ROOT_URLCONF = "django.contrib.auth.urls"
    assert "tests.test_settings.WithoutPages does not give read." in problems()
    assert "does not give address, and no URL is named “record”." in problems()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("ROOT_URLCONF", "django.contrib.auth.urls", "The pages of ndd have no address."),
        ("LOGIN_URL", "/nowhere/", "LOGIN_URL leads nowhere: /nowhere/."),
        ("TEMPLATES", [{"BACKEND": "django.template.backends.django.DjangoTemplates"}], "context_processors.request"),
        ("STATIC_URL", None, "need STATIC_URL"),
        (
            "STORAGES",
            {"default": {"BACKEND": "django.core.files.storage.FileSystemStorage"}},
            "“default” has no folder",
        ),
    ],
)
def test_a_part_that_the_pages_need_is_named(settings, name: str, value: object, words: str):
    setattr(settings, name, value)
    assert words in problems()


def test_scans_do_not_lie_where_everybody_sees_them(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    assert "keeps scans below MEDIA_ROOT" in problems()
    settings.MEDIA_ROOT = tmp_path / "pictures"
    assert problems() == ""
