"""Rows with real files behind them, as short as tests like them."""

from hashlib import sha256
from typing import Any

from django.contrib.auth.models import Permission, User

from ndd_app.description import adapter
from ndd_app.models import Candidate, Collection, Encoder, Evidence, Job, Photo
from ndd_app.storage import save_bytes
from ndd_app.vision.images import Pixels, pixel_hash, thumbnail, working_copy
from tests.pictures import draw_photo, jpeg


def make_collection(slug: str = "album", **values: Any) -> Collection:
    return Collection.objects.create(slug=slug, **{"title": slug.capitalize()} | values)


def make_photo(
    collection: Collection, path: str = "", *, seed: int | None = None, pixels: Pixels | None = None, **values: Any
) -> Photo:
    """A photo with stored master, working copy and thumbnail; drawn from `seed` unless `pixels` are given."""
    number = collection.photos.count() + 1
    path = path or f"scan{number:03}.jpg"
    pixels = draw_photo(number if seed is None else seed) if pixels is None else pixels
    master = jpeg(pixels)
    height, width = pixels.shape[:2]
    return Photo.objects.create(
        collection=collection,
        path=path,
        master_file=save_bytes(f"masters/{path}", master),
        checksum=sha256(master).hexdigest(),
        size=len(master),
        format="JPEG",
        width=width,
        height=height,
        pixel_hash=pixel_hash(pixels),
        working_copy=save_bytes(f"working/{path}", working_copy(pixels)),
        thumbnail=save_bytes(f"thumbnails/{path}", thumbnail(pixels)),
        **values,
    )


def record_page(photo: Photo) -> str:
    return adapter().address(photo)


def make_pair(one: Photo, other: Photo, score: float = 0.9, detectors: tuple[str, ...] = ("classical",)) -> Candidate:
    first, second = sorted([one, other], key=lambda photo: photo.pk)
    is_across = first.collection_id != second.collection_id
    ranks = {} if is_across else {"rank_of_second": 1, "rank_of_first": 2}
    pair = Candidate.objects.create(first=first, second=second, score=score, probability=score, **ranks)
    for detector in detectors:
        Evidence.objects.create(candidate=pair, detector=detector, score=score, **ranks)
    return pair


def make_encoder(collection: Collection | None = None, **values: Any) -> Encoder:
    return Encoder.objects.create(
        collection=collection,
        **{
            "family": "classical",
            "backbone": "rootsift",
            "method": "vlad",
            "recipe": "rootsift-600",
            "photo_count": 8,
            "photos_digest": "0" * 64,
            "weights": "encoders/none.safetensors",
            "weights_checksum": "0" * 64,
        }
        | values,
    )


def make_job(collection: Collection, kind: str = Job.Kind.EMBED, **values: Any) -> Job:
    return Job.objects.create(collection=collection, kind=kind, **values)


def make_user(name: str = "visitor", *permissions: str, **values: Any) -> User:
    """Without a `password` nobody can log in but by `force_login`; hashing one takes a third of a second."""
    user = User.objects.create_user(name, **values)
    codenames = [permission.removeprefix("ndd_app.") for permission in permissions]
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="ndd_app", codename__in=codenames))
    return user


def make_cataloguer(name: str = "ana", **values: Any) -> User:
    return make_user(name, "ndd_app.change_photo", **values)
