"""Rules of the house that a machine can watch: import directions, documentation, migrations."""

import re
from collections.abc import Iterator
from dataclasses import fields
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from importlinter.cli import lint_imports

from ndd_app.conf import Conf, setting_name

ROOT: Path = settings.BASE_DIR
FOLDERS = ("archive_site", "benchmarks", "docs", "ndd_app", "templates", "tests", ".ci")
DOCS = "\n".join(file.read_text() for file in (ROOT / "docs").glob("*.md"))
SETTINGS = [setting_name(field.name) for field in fields(Conf)]
VARIABLES = re.findall(r'env\.\w+\(\s*"([A-Z0-9_]+)"', (ROOT / "archive_site" / "settings.py").read_text())
COMMANDS = [file.stem for file in ROOT.glob("*/management/commands/*.py") if file.stem != "__init__"]


def project_files(*suffixes: str) -> Iterator[Path]:
    for file in [*ROOT.glob("*"), *(file for folder in FOLDERS for file in (ROOT / folder).rglob("*"))]:
        if file.is_file() and file.suffix in suffixes:
            yield file


def test_imports_run_one_way(capsys: pytest.CaptureFixture[str]):
    broken = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert not broken, capsys.readouterr().out


@pytest.mark.parametrize("name", sorted({*SETTINGS, *VARIABLES}))
def test_every_setting_is_documented(name: str):
    assert f"`{name}`" in DOCS


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented(name: str):
    assert re.search(rf"`(python )?(manage\.py )?{name}\b", DOCS)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_archive_reads_every_setting_from_the_environment(name: str):
    assert f'"{name}"' in (ROOT / "archive_site" / "settings.py").read_text()


@pytest.mark.django_db
def test_no_migration_is_missing():
    call_command("makemigrations", check=True, dry_run=True, stdout=StringIO())


def test_no_path_of_somebodys_machine_stands_in_a_file():
    somebodys = re.compile(r"(?<![\w.>}])/(?:work|root|home/\w+|Users/\w+)/")
    files = project_files(".py", ".md", ".toml", ".txt", ".html", ".css", ".js", ".csv", "")
    assert [str(file.relative_to(ROOT)) for file in files if somebodys.search(file.read_text())] == []
