"""The wheel that a host installs: all of ndd_app, nothing else, and no torch for a web process."""

import shutil
import subprocess
import sys
import tomllib
import zipfile
from email import message_from_bytes
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from django.conf import settings
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ndd_app.extras import MODULES

WEB_HOST = """
import importlib.abc, pathlib, sys, types

class Blocked(importlib.abc.MetaPathFinder):
    names = {"torch", "torchvision", "timm", "cv2", "numpy", "PIL", "safetensors", "tqdm", "archive_site", "tests"}

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ImportError(f"{name} is not for a web host")

sys.meta_path.insert(0, Blocked())
import django
from django.conf import settings

settings.configure(
    INSTALLED_APPS=["ndd_app", "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
                    "django.contrib.messages", "django.contrib.postgres", "django.contrib.sessions",
                    "django.contrib.staticfiles"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware",
                "django.contrib.auth.middleware.AuthenticationMiddleware",
                "django.contrib.messages.middleware.MessageMiddleware"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
                "OPTIONS": {"context_processors": ["django.template.context_processors.request",
                                                   "django.contrib.auth.context_processors.auth",
                                                   "django.contrib.messages.context_processors.messages"]}}],
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "none"}},
    STORAGES={"default": {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": "scans"}},
              "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}},
    ROOT_URLCONF="host_urls", LOGIN_URL="login", SECRET_KEY="x", STATIC_URL="static/", USE_TZ=True,
)
django.setup()
from django.urls import include, path

host_urls = types.ModuleType("host_urls")
host_urls.urlpatterns = [
    path("duplicates/", include("ndd_app.urls")),
    path("login/", lambda request: None, name="login"),
    path("records/<int:pk>/", lambda request, pk: None, name="record"),
]
sys.modules["host_urls"] = host_urls
import ndd_app
from django.contrib import admin
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.template.loader import get_template
from django.urls import reverse

home = pathlib.Path(ndd_app.__file__).parent
call_command("check", fail_level="WARNING")
admin.autodiscover()
assert reverse("ndd:jobs")
assert finders.find("ndd_app/ndd.css")
for template in (home / "templates").rglob("*.html"):
    get_template(str(template.relative_to(home / "templates")))
print(home)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy: setuptools leaves folders behind, and takes up what earlier builds left."""
    source = tmp_path_factory.mktemp("source")
    for name in ("ndd_app", "archive_site", "tests"):
        shutil.copytree(settings.BASE_DIR / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(settings.BASE_DIR / name, source)
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", "dist", "."]
    done = subprocess.run(build, cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    [file] = (source / "dist").iterdir()
    return file


def test_the_wheel_holds_ndd_app_and_nothing_else(wheel: Path):
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    files = (settings.BASE_DIR / "ndd_app").rglob("*")
    here = {str(f.relative_to(settings.BASE_DIR)) for f in files if f.is_file() and "__pycache__" not in f.parts}
    assert names == here


def test_its_requirements_are_ranges_and_torch_is_extra(wheel: Path):
    archive = zipfile.ZipFile(wheel)
    [file] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
    requirements = [Requirement(text) for text in message_from_bytes(archive.read(file)).get_all("Requires-Dist", [])]
    assert all({">=", "<"} == {part.operator for part in requirement.specifier} for requirement in requirements)
    always = {r.name for r in requirements if r.marker is None}
    assert always == {"celery", "Django", "edtf", "pgvector", "psycopg"}
    assert {"torch", "timm", "numpy"} <= {r.name for r in requirements if r.marker and "vision" in str(r.marker)}


def test_the_modules_of_vision_are_those_that_its_extra_installs():
    project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]
    extra = {canonicalize_name(Requirement(text).name) for text in project["optional-dependencies"]["vision"]}
    providers = packages_distributions()
    found = {name: extra & {canonicalize_name(provider) for provider in providers[name]} for name in MODULES}
    assert all(found.values())
    assert set().union(*found.values()) == extra


def test_a_web_host_needs_no_torch(wheel: Path, tmp_path: Path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    host = subprocess.run(
        [sys.executable, "-c", WEB_HOST],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "installed"), "CELERY_BROKER_URL": "memory://"},
        capture_output=True,
        text=True,
    )
    assert host.returncode == 0, host.stderr
    assert host.stdout.splitlines()[-1] == str(tmp_path / "installed" / "ndd_app")
