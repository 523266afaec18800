"""The environment that `make` builds, on a system whose Python lacks ensurepip (Debian without python3-venv)."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

# As Debian does: the environment's Python is there when the pip for it turns out to be missing.
WITHOUT_ENSUREPIP = f"""#!/bin/sh
case "$*" in
*"-m venv"*) for folder; do :; done; {sys.executable} -m venv --without-pip "$folder"; exit 1 ;;
esac
exec {sys.executable} "$@"
"""


@pytest.fixture
def python(tmp_path: Path) -> Path:
    (tmp_path / "python3").write_text(WITHOUT_ENSUREPIP)
    (tmp_path / "python3").chmod(0o755)
    return tmp_path / "python3"


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_a_missing_ensurepip_is_named_as_often_as_one_tries(python: Path, tmp_path: Path):
    installed = tmp_path / "venv" / "installed"
    command = ["make", f"VENV={tmp_path / 'venv'}", f"PYTHON3={python}", str(installed)]
    for _ in range(2):
        run = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, text=True)
        assert run.returncode == 2
        assert "install python3-venv and try again" in run.stdout
    assert not installed.exists()
