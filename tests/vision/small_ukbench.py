"""A UKBench of five drawn objects, and the tables of three tiny networks on it."""

from pathlib import Path

from ndd_app.vision.plans import Plan
from ndd_app.vision.reproduction.photos import read_collection, read_ukbench
from ndd_app.vision.reproduction.reproduce import Reproduction
from ndd_app.vision.reproduction.runs import Network, Profile
from tests.pictures import cropped, draw_photo, faded, jpeg, rotated
from tests.vision.networks import random_weights, write_weights

PLAN = Plan(epochs=1, batch=12, rate=1e-4)
NETWORKS = (
    Network("test_resnet", is_vit=False, pretrained=True, side=64),
    Network("test_vit", is_vit=True, pretrained=True, side=64),
    Network("test_vit", is_vit=True, pretrained=False, side=64),
)
TINY = Profile("tiny", NETWORKS, PLAN, PLAN, folds=2, published=True)


def write_ukbench(folder: Path, objects: int = 5) -> Path:
    folder.mkdir()
    for number in range(objects):
        photo = draw_photo(number, 160, 120)
        for view, pixels in enumerate((photo, rotated(photo, 5), cropped(photo), faded(photo))):
            (folder / f"ukbench{4 * number + view:05}.jpg").write_bytes(jpeg(pixels))
    return folder


def small_reproduction(tmp_path: Path) -> Reproduction:
    for name in ("test_vit", "test_resnet"):
        write_weights(tmp_path, random_weights(name), name)
    ukbench = read_ukbench(write_ukbench(tmp_path / "ukbench"))
    (tmp_path / "pairs.csv").write_text("query,match\nukbench00000.jpg,ukbench00003.jpg\n")
    collection = read_collection(tmp_path / "ukbench", tmp_path / "pairs.csv")
    return Reproduction(TINY, (1, 2, 3), ukbench, collection, tmp_path / "out", tmp_path)


def silent(text: str) -> None:
    pass
