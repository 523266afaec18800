"""Where a backbone's weights come from, and whether they are whole. Safetensors only; nothing is ever unpickled."""

import hashlib
import time
from dataclasses import dataclass
from functools import lru_cache
from http.client import HTTPException
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import safetensors.torch
from huggingface_hub import constants, hf_hub_download, hf_hub_url, try_to_load_from_cache
from safetensors import SafetensorError
from timm.models import get_pretrained_cfg, is_model
from torch import Tensor

from ndd_app.exceptions import UnknownBackbone, WeightsUnavailable, WrongWeights

PROBE_SECONDS = 3
PROBE_AGAIN_AFTER_SECONDS = 300
HUB_FILE = "model.safetensors"


@dataclass(frozen=True)
class WeightsFile:
    path: Path
    source: str

    @property
    def digest(self) -> str:
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def read(self, name: str) -> dict[str, Tensor]:
        try:
            return safetensors.torch.load_file(self.path)
        except (SafetensorError, OSError) as error:
            raise WrongWeights(file=self.path.name, name=name, detail=f"the file is damaged ({error})") from error


def require_known(name: str) -> None:
    if ":" in name or not is_model(name):
        raise UnknownBackbone(name=name)


def find_weights(name: str, weights_dir: Path | None) -> WeightsFile:
    """First the folder of weights, then the local hub cache, then the hub, if it answers within PROBE_SECONDS."""
    repository = _hub_repository(name)
    if weights_dir and (path := weights_dir / f"{name}.safetensors").is_file():
        return WeightsFile(path, f"{path.name} in NDD_WEIGHTS_DIR")
    if not repository:
        raise WeightsUnavailable(name=name, detail="no hub offers any")
    cached = try_to_load_from_cache(repository, HUB_FILE)
    if isinstance(cached, str):
        return WeightsFile(Path(cached), f"{repository} in the local hub cache")
    if constants.HF_HUB_OFFLINE:
        raise WeightsUnavailable(name=name, detail="HF_HUB_OFFLINE forbids asking the hub")
    period = int(time.monotonic() / PROBE_AGAIN_AFTER_SECONDS)
    if trouble := _hub_trouble(hf_hub_url(repository, HUB_FILE), period):
        raise WeightsUnavailable(name=name, detail=trouble)
    return WeightsFile(_download(name, repository), f"{repository} from {constants.ENDPOINT}")


def _hub_repository(name: str) -> str:
    # timm would take a name such as "hf-hub:…" to the network by itself.
    require_known(name)
    return str(getattr(get_pretrained_cfg(name), "hf_hub_id", None) or "")


@lru_cache(maxsize=8)
def _hub_trouble(url: str, _period: int) -> str:
    """What keeps the hub from giving this file, or nothing. Remembered for a period, so that it is waited for once."""
    answer: SimpleQueue[str] = SimpleQueue()
    # In a thread of its own, because no time limit of a socket covers a name server that never answers.
    Thread(target=lambda: answer.put(_ask(url)), daemon=True).start()
    try:
        return answer.get(timeout=PROBE_SECONDS)
    except Empty:
        return f"{constants.ENDPOINT} did not answer within {PROBE_SECONDS} seconds"


def _ask(url: str) -> str:
    try:
        with urlopen(Request(url, method="HEAD"), timeout=PROBE_SECONDS):
            return ""
    except HTTPError as error:
        return f"{constants.ENDPOINT} refused them (HTTP {error.code})"
    except (OSError, ValueError, HTTPException) as error:
        return f"{constants.ENDPOINT} cannot be reached ({error})"


def _download(name: str, repository: str) -> Path:
    try:
        return Path(hf_hub_download(repository, HUB_FILE, etag_timeout=PROBE_SECONDS))
    except Exception as error:  # whatever the hub's client meets on the way: the weights are not here
        raise WeightsUnavailable(name=name, detail=f"downloading them failed ({error})") from error
