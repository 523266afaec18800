"""ndd_app is a plugin: a foreign project (tests/host_site) installs it and has everything on its own record pages."""

import os
import subprocess
import sys

from django.conf import settings


def test_a_foreign_project_runs_its_own_tests_with_ndd_installed():
    command = [sys.executable, "-m", "pytest", "tests/host_site", "--ds", "tests.host_site.settings", "--tb=short"]
    museum = subprocess.run(
        [*command, "-p", "no:cacheprovider"],
        cwd=settings.BASE_DIR,
        env=os.environ | {"DATABASE_URL": settings.DATABASE_URL},
        capture_output=True,
        text=True,
    )
    assert museum.returncode == 0, museum.stdout + museum.stderr
    assert " passed" in museum.stdout
