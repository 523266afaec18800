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
