"""Real workers, real brokers: nothing is lost when a process dies."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from tests.acceptance.site import Site, free_port, new_site, wait_until, write_photos
from tests.pictures import draw_photo, jpeg, rotated

PHOTOS = 150


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scenes and, of every third, a rotated rescan."""
    scenes = {f"{n:03}.jpg": draw_photo(n - n % 3 if n % 3 == 1 else n, 160, 120) for n in range(PHOTOS)}
    turned = {name: rotated(pixels, 3 * (int(name[:3]) % 3)) for name, pixels in scenes.items()}
    return write_photos(tmp_path_factory.mktemp("scans"), {name: jpeg(pixels) for name, pixels in turned.items()})


@pytest.fixture(scope="module")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A tiny network with random weights, so that both families of encoders work."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    save_file(timm.create_model("test_vit").state_dict(), folder / "test_vit.safetensors")
    return {"NDD_BACKBONE": "test_vit", "NDD_WEIGHTS_DIR": str(folder)}


def test_a_worker_killed_in_the_middle_loses_nothing(scans: Path, backbone: dict[str, str], tmp_path: Path) -> None:
    with (
        new_site(tmp_path / "undisturbed", **backbone) as undisturbed,
        new_site(tmp_path / "disturbed", **backbone) as disturbed,
    ):
        undisturbed.manage("ingest_collection", "box", scans, "--queue")
        with undisturbed.worker():
            undisturbed.wait_for_jobs()

        disturbed.manage("ingest_collection", "box", scans, "--queue")
        kill_a_worker_while(disturbed, "select count(*) as n from ndd_app_photo")
        kill_a_worker_while(disturbed, "select count(*) as n from ndd_app_embedding")
        with disturbed.worker():
            disturbed.wait_for_jobs()

        assert photos_of(disturbed) == photos_of(undisturbed)
        assert pairs_of(disturbed) == pairs_of(undisturbed) != []
        assert len(embeddings_of(disturbed)) == 5 * PHOTOS  # two of the site; whitened, adapted, classical of its own
        np.testing.assert_allclose(embeddings_of(disturbed), embeddings_of(undisturbed), atol=1e-3)


def kill_a_worker_while(site: Site, count: str) -> None:
    """Let a worker begin to fill a table, and kill it before it is through."""
    with site.worker() as worker:
        wait_until(lambda: site.rows(count)[0]["n"] > 0, 60, "the worker to begin", site.log)
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
    assert 0 < site.rows(count)[0]["n"] < PHOTOS, "killed too late to prove anything"


def photos_of(site: Site) -> list[dict]:
    return site.rows("select path, checksum, pixel_hash from ndd_app_photo order by path")


def pairs_of(site: Site) -> list[dict]:
    return site.rows(
        "select a.path as first, b.path as second, round(score::numeric, 3) as score from ndd_app_candidate c"
        " join ndd_app_photo a on a.id = first_id join ndd_app_photo b on b.id = second_id order by 1, 2"
    )


def embeddings_of(site: Site) -> np.ndarray:
    rows = site.rows(
        "select vector::text as vector from ndd_app_embedding e join ndd_app_photo p on p.id = photo_id"
        " join ndd_app_encoder n on n.id = encoder_id order by n.collection_id nulls first, family, method, path"
    )
    return np.array([np.fromstring(row["vector"].strip("[]"), sep=",") for row in rows])


def test_redis_carries_the_messages_too(scans: Path, tmp_path: Path) -> None:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    few = write_photos(tmp_path / "few", {f.name: f.read_bytes() for f in sorted(scans.iterdir())[:30]})
    with redis_server(tmp_path) as url, new_site(tmp_path / "site", CELERY_BROKER_URL=url) as site:
        site.manage("ingest_collection", "few", few, "--queue")
        with site.worker():
            site.wait_for_jobs()
        assert len(photos_of(site)) == 30


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)],
        stdout=subprocess.DEVNULL,
    )
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait()


def test_a_job_whose_message_was_lost_is_done_all_the_same(scans: Path, tmp_path: Path) -> None:
    with new_site(tmp_path / "site") as site:
        site.manage("ingest_collection", "box", scans, "--queue")
        purge = "from archive_site.celery import app; print(app.control.purge())"
        assert int(site.manage("shell", "-c", purge).stdout.split()[-1]) == 1
        with site.worker():
            wait_until(lambda: site.rows("select 1 from ndd_app_photo limit 1") != [], 30, "the sweeper", site.log)


def test_a_worker_with_an_unknown_backbone_says_so_and_ends(tmp_path: Path) -> None:
    with new_site(tmp_path, NDD_BACKBONE="vit_of_nowhere") as site, site.worker() as worker:
        assert worker.wait(60) != 0
        assert "NDD_BACKBONE" in site.log()
        assert "vit_of_nowhere" in site.log()
