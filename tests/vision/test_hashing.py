from collections.abc import Callable

import numpy as np
import pytest

from ndd_app.vision.hashing import block_mean_hash, phash
from ndd_app.vision.images import Pixels, decode, resize_to_fit
from tests import pictures

HASHES = [(phash, 64), (block_mean_hash, 256)]
PHOTO = pictures.draw_photo(1)


def distance(one: str, other: str) -> float:
    return sum(a != b for a, b in zip(one, other, strict=True)) / len(one)


@pytest.mark.parametrize(("hash", "size"), HASHES)
def test_length_and_alphabet(hash: Callable[[Pixels], str], size: int) -> None:
    assert len(hash(PHOTO)) == size
    assert set(hash(PHOTO)) == {"0", "1"}


@pytest.mark.parametrize(("hash", "_size"), HASHES)
def test_a_copy_is_near_and_a_stranger_far(hash: Callable[[Pixels], str], _size: int) -> None:
    copy = decode(pictures.jpeg(resize_to_fit(pictures.faded(PHOTO), 200), quality=60)).pixels
    strangers = [distance(hash(PHOTO), hash(pictures.draw_photo(seed))) for seed in range(2, 12)]
    assert distance(hash(PHOTO), hash(copy)) < 0.1
    assert min(strangers) > 0.25


@pytest.mark.parametrize(("hash", "size"), HASHES)
def test_smallest_picture(hash: Callable[[Pixels], str], size: int) -> None:
    assert len(hash(np.zeros((1, 1, 3), np.uint8))) == size
