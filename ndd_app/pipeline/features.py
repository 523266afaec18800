"""What is computed once per photo and kept in a folder: pooled features, keypoints. Any of it can be rebuilt."""

import errno
import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from django.core.exceptions import ImproperlyConfigured

from ndd_app.conf import conf
from ndd_app.exceptions import NddError, StorageUnavailable
from ndd_app.models import Photo
from ndd_app.pipeline.progress import Track, in_batches, untracked
from ndd_app.storage import read_bytes
from ndd_app.vision.encoders import Extractor, Features
from ndd_app.vision.images import Pixels, read_working_copy

BATCH = 64
READERS = 2


class CollectionPhotos:
    """Photos as the methods in vision/ see them: so many pictures, and their features by an extractor."""

    def __init__(
        self,
        photos: Sequence[Photo],
        track: Track = untracked,
        groups: Sequence[str | None] = (),
        rejected: Sequence[tuple[int, int]] = (),
    ) -> None:
        self.photos = photos
        self.track = track
        self.groups = groups or [None] * len(photos)
        self.rejected = rejected

    def __len__(self) -> int:
        return len(self.photos)

    def picture(self, number: int) -> Pixels:
        return read_pixels(self.photos[number])

    def features(self, extractor: Extractor) -> list[Features]:
        found = features_of(self.photos, extractor, self.track)
        return [features for _, features in found if not isinstance(features, NddError)]


def features_of(
    photos: Sequence[Photo], extractor: Extractor, track: Track = untracked
) -> Iterator[tuple[Photo, Features | NddError]]:
    """Each photo with its features, from the cache or computed and cached, or with the reason why it has none.

    In the order of `photos`. Raises the reason where the storage gives nothing of a whole batch.
    """
    folder = conf.cache_dir / "features" / _folder_name(extractor.recipe)
    step = f"Extracting features ({extractor.name})"
    with ThreadPoolExecutor(READERS) as pool:
        for batch in in_batches(track(photos, step, len(photos)), BATCH):
            cached = list(pool.map(lambda photo: _load(_file(folder, photo)), batch))
            missing = [photo for photo, features in zip(batch, cached, strict=True) if features is None]
            computed = iter(_extract(list(pool.map(_try_to_read, missing)), extractor))
            for photo, features in zip(batch, cached, strict=True):
                if features is not None:
                    yield photo, features
                    continue
                new = next(computed)
                if not isinstance(new, NddError):
                    _save(_file(folder, photo), new)
                yield photo, new


def features_of_one(photo: Photo, extractor: Extractor) -> Features:
    """From the cache or computed and cached; raises the reason why there are none."""
    file = _file(conf.cache_dir / "features" / _folder_name(extractor.recipe), photo)
    features = _load(file)
    if features is None:
        [features] = extractor.extract([read_pixels(photo)])
        _save(file, features)
    return features


def _extract(pictures: Sequence[Pixels | NddError], extractor: Extractor) -> Iterator[Features | NddError]:
    readable = [pixels for pixels in pictures if not isinstance(pixels, NddError)]
    lost = [reason for reason in pictures if isinstance(reason, StorageUnavailable)]
    if len(lost) == BATCH:
        raise lost[0]
    features = iter(extractor.extract(readable) if readable else [])
    return (pixels if isinstance(pixels, NddError) else next(features) for pixels in pictures)


def read_pixels(photo: Photo) -> Pixels:
    return read_working_copy(read_bytes(str(photo.working_copy.name)))


def _try_to_read(photo: Photo) -> Pixels | NddError:
    try:
        return read_pixels(photo)
    except NddError as error:
        return error


def _folder_name(recipe: str) -> str:
    return "".join(character if character.isalnum() or character in "-_." else "_" for character in recipe)


def _file(folder: Path, photo: Photo) -> Path:
    return folder / photo.pixel_hash[:2] / f"{photo.pixel_hash}.npy"


def _load(file: Path) -> Features | None:
    try:
        return np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError):  # absent, or cut short by a full disk: computed again
        return None


def _save(file: Path, features: Features) -> None:
    """Written aside and renamed: a reader never sees half a file. Without room they are computed again next time."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=file.parent, suffix=".part")
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return
        # No NddError: that would be taken for what is wrong with one photo.
        raise ImproperlyConfigured(
            f"NDD_CACHE_DIR names a folder that cannot be written into ({error}). Name one of this machine that the"
            " worker may write into; what lies in it may be lost at any time."
        ) from error
    try:
        with os.fdopen(handle, "wb") as part:
            np.save(part, features, allow_pickle=False)
        os.replace(name, file)
    except OSError:
        Path(name).unlink(missing_ok=True)
