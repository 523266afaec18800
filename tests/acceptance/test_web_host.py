"""A machine without the extra [vision]: its pages work, and what looks at photos says what to install."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ndd_app.extras import MODULES
from tests.acceptance.site import Site, new_site, wait_until, write_photos
from tests.pictures import draw_photo, jpeg

WITHOUT = f"""
from importlib.machinery import PathFinder

find = PathFinder.find_spec
PathFinder.find_spec = lambda name, *more: None if name.partition(".")[0] in {MODULES} else find(name, *more)
"""


COMMANDS = [
    "ingest_collection new {scans}",
    "embed_collection box",
    "adapt_collection box",
    "adapt_collection box --groups {scans}/groups.csv --queue",
    "find_duplicates box",
    "fit_site_encoders",
    "evaluate_collection box --groups {scans}/groups.csv",
    "explain_pair box 0.jpg 1.jpg",
    "export_neighbours box",
    "reproduce_paper --ukbench {scans} --output {scans}/out",
]
RUN_EACH = """
from django.core.management import CommandError, call_command

for command in {commands}:
    try:
        call_command(*command.split())
    except CommandError as error:
        print(error)
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with new_site(tmp_path) as site:
        yield site


@pytest.fixture
def web_host(site: Site) -> Site:
    """The same archive as it is seen from a machine without the extra."""
    folder = write_photos(site.folder / "without", {"sitecustomize.py": WITHOUT.encode()})
    return replace(site, environment=site.environment | {"PYTHONPATH": str(folder)})


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    return write_photos(tmp_path / "scans", {f"{n}.jpg": jpeg(draw_photo(n, 96, 72)) for n in range(3)})


def test_a_worker_without_vision_leaves_jobs_to_one_that_has_it(site, web_host, scans):
    web_host.manage("ingest_collection", "box", scans, "--queue")
    with web_host.worker():
        wait_until(lambda: "Job 1 is left" in web_host.log(), 60, "the worker to read its message", web_host.log)
        wait_until(lambda: "does no jobs of ndd_app" in web_host.log(), 10, "its first line", web_host.log)
        with site.worker():
            wait_until(lambda: site.rows("select 1 from ndd_app_photo") != [], 60, "a worker with vision", site.log)
    [job] = site.rows("select attempts, error from ndd_app_job where kind = 'ingest'")
    assert (job["attempts"], job["error"]) == (1, "")
    assert "ndd_app[vision]" in site.log()
    assert "Traceback" not in site.log()


def test_each_command_that_looks_at_photos_says_what_to_install_and_leaves_nothing(site, web_host, scans):
    site.manage("ingest_collection", "box", scans)
    before = site.rows("select count(*) from ndd_app_job")
    commands = [command.format(scans=scans) for command in COMMANDS]
    output = web_host.manage("shell", "-c", RUN_EACH.format(commands=commands)).stdout
    assert output.count('pip install "ndd_app[vision]"') == len(COMMANDS)
    assert site.rows("select slug from ndd_app_collection") == [{"slug": "box"}]
    assert site.rows("select count(*) from ndd_app_job") == before
    assert web_host.manage("export_duplicates", "box").stdout.startswith("first,second,")
