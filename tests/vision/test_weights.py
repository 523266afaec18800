"""Where weights are looked for, with a hub that is a real HTTP server on the loopback."""

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from huggingface_hub import constants

from ndd_app.exceptions import WeightsUnavailable
from ndd_app.vision import weights
from ndd_app.vision.weights import find_weights
from tests.vision.networks import random_weights, write_weights

REPOSITORY = "models--timm--test_vit.r160_in1k"


@pytest.fixture(autouse=True)
def own_hub_cache(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    weights._hub_trouble.cache_clear()


@pytest.fixture
def online(monkeypatch):
    def use(address: str) -> None:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "ENDPOINT", address)
        template = address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)

    return use


@pytest.fixture
def hub(tmp_path: Path, online) -> Iterator[Path]:
    """The file that it offers for every network, if it is there."""
    offered = tmp_path / "offered.safetensors"

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(200 if offered.exists() else 404)
            self.send_header("ETag", '"one"')
            self.send_header("X-Repo-Commit", "c" * 40)
            self.send_header("Content-Length", str(offered.stat().st_size if offered.exists() else 0))
            self.end_headers()

        def do_GET(self) -> None:
            self.do_HEAD()
            self.wfile.write(offered.read_bytes())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    online(f"http://127.0.0.1:{server.server_port}")
    yield offered
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_folder_comes_first(tmp_path, hub):
    file = write_weights(tmp_path, random_weights())
    assert find_weights("test_vit", tmp_path).path == file


def test_then_the_local_hub_cache(tmp_path):
    snapshot = tmp_path / "hub" / REPOSITORY / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    (tmp_path / "hub" / REPOSITORY / "refs").mkdir()
    (tmp_path / "hub" / REPOSITORY / "refs" / "main").write_text("abc")
    write_weights(snapshot, random_weights()).rename(snapshot / "model.safetensors")
    found = find_weights("test_vit", None)
    assert found.path == snapshot / "model.safetensors"
    assert found.source == "timm/test_vit.r160_in1k in the local hub cache"


def test_then_the_hub_whose_file_stays_in_the_cache(tmp_path, hub):
    write_weights(tmp_path, random_weights()).rename(hub)
    downloaded = find_weights("test_vit", None)
    assert downloaded.path.read_bytes() == hub.read_bytes()
    assert "127.0.0.1" in downloaded.source
    assert find_weights("test_vit", None).source.endswith("in the local hub cache")


def test_a_hub_that_refuses(hub):
    with pytest.raises(WeightsUnavailable, match="HTTP 404"):
        find_weights("test_vit", None)


def test_offline_no_hub_is_asked(hub, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsUnavailable, match="HF_HUB_OFFLINE"):
        find_weights("test_vit", None)


def test_a_hub_that_cannot_be_reached(online):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    online(address)
    with pytest.raises(WeightsUnavailable, match="cannot be reached"):
        find_weights("test_vit", None)


def test_a_silent_hub_is_waited_for_once_and_not_long(online, monkeypatch):
    monkeypatch.setattr(weights, "PROBE_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        online(f"http://127.0.0.1:{silent.getsockname()[1]}")
        start = time.monotonic()
        for _ in range(3):
            with pytest.raises(WeightsUnavailable, match=r"did not answer|cannot be reached"):
                find_weights("test_vit", None)
        assert 0.4 < time.monotonic() - start < 1.0


def test_a_network_that_no_hub_offers():
    with pytest.raises(WeightsUnavailable, match=r"Put densenet264d\.safetensors into the folder"):
        find_weights("densenet264d", None)
