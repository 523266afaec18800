"""Encoder rows: fitting one, storing its weights, loading it again; and the site encoders that serve everybody."""

import random
import shutil
from collections.abc import Container, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

import torch
from django.db import IntegrityError, transaction

from ndd_app.conf import conf
from ndd_app.exceptions import DamagedEncoder, TooFewPhotos, UnknownBackbone, WeightsUnavailable, WrongWeights
from ndd_app.models import Collection, Encoder, Photo
from ndd_app.models.photo import PhotoQuerySet
from ndd_app.pipeline.features import CollectionPhotos
from ndd_app.pipeline.limits import FITTED_ON
from ndd_app.pipeline.progress import Track, untracked
from ndd_app.storage import read_bytes, save_bytes
from ndd_app.vision import encoder_files
from ndd_app.vision import encoders as vision
from ndd_app.vision.backbones import load_backbone
from ndd_app.vision.classical import RootSift
from ndd_app.vision.methods import METHODS, Fitted
from ndd_app.vision.methods.fitting import NOTHING, Told
from ndd_app.vision.plans import OURS, Plan
from ndd_app.vision.training import Training

SITE_METHODS = {Encoder.Family.DEEP: "whiten", Encoder.Family.CLASSICAL: "vlad"}
BACKBONE = {"cpu": "vit_small_patch14_reg4_dinov2", "cuda": "vit_large_patch14_reg4_dinov2"}
"""DINOv2 with registers (Oquab et al. 2023, Darcet et al. 2023), Apache-2.0: as large as the machine allows."""
SEED = 0
UNUSABLE = (WeightsUnavailable, WrongWeights, UnknownBackbone, TooFewPhotos)
"""Reasons for which a family does not serve, while the other one goes on alone."""


@dataclass(frozen=True)
class SiteEncoders:
    encoders: list[Encoder]
    notes: tuple[str, ...]
    """Why a family does not serve, in words."""


def load_extractor(family: str) -> vision.Extractor:
    """The family's extractor as the settings want it; raises WeightsUnavailable for a backbone without weights."""
    if family == Encoder.Family.CLASSICAL:
        return RootSift()
    return load_backbone(conf.backbone or BACKBONE["cuda" if torch.cuda.is_available() else "cpu"], conf.weights_dir)


def load_encoder(encoder: Encoder) -> vision.Encoder:
    return _load_encoder(encoder.weights.name, encoder.weights_checksum, encoder.pk)


@lru_cache(maxsize=4)
def _load_encoder(weights: str, checksum: str, pk: int) -> vision.Encoder:
    data = read_bytes(weights)
    if sha256(data).hexdigest() != checksum:
        raise DamagedEncoder(detail=f"that of encoder {pk} is not what was stored")
    return encoder_files.load_encoder(data, conf.weights_dir)


def fit_encoder(
    method: str,
    photos: Sequence[Photo],
    collection: Collection | None,
    track: Track = untracked,
    told: Told = NOTHING,
    plan: Plan = OURS,
) -> Encoder:
    """Fit an encoder of the method's family on the photos and store it; it does not serve yet.

    `told`: for methods that learn from what people say. A fitting that was killed goes on.
    """
    family = METHODS[method].family
    extractor = load_extractor(family)
    folder = _checkpoints(method, extractor, photos, told)
    fitted = fit_to_photos(method, photos, extractor, folder, track, told, plan)
    metadata = {"method": method, "backbone": extractor.name}
    weights = encoder_files.save_encoder(fitted.encoder, metadata)
    checksum = sha256(weights).hexdigest()
    encoder = Encoder.objects.create(
        collection=collection,
        family=family,
        backbone=extractor.name,
        method=method,
        parameters=fitted.parameters,
        seed=SEED,
        recipe=fitted.encoder.extractor.recipe,
        preprocessing=getattr(extractor, "preprocessing", {}),
        versions={name: version(name) for name in ("torch", "timm", "numpy", "opencv-contrib-python")},
        photo_count=len(photos),
        photos_digest=digest_photos(photos),
        labelled=[mark(photo) for photo, group in zip(photos, told.groups, strict=False) if group is not None],
        curve=fitted.curve,
        notes="\n".join(fitted.notes),
        weights=save_bytes(f"encoders/{checksum}.safetensors", weights),
        weights_checksum=checksum,
    )
    shutil.rmtree(folder, ignore_errors=True)
    return encoder


def share_fitting(method: str, photos: Sequence[Photo], told: Told = NOTHING, plan: Plan = OURS) -> None:
    """What all processes but the first do when several train one encoder."""
    extractor = load_extractor(METHODS[method].family)
    folder = _checkpoints(method, extractor, photos, told)
    fit_to_photos(method, photos, extractor, folder, untracked, told, plan)


def fit_to_photos(
    method: str,
    photos: Sequence[Photo],
    extractor: vision.Extractor,
    folder: Path,
    track: Track,
    told: Told,
    plan: Plan,
) -> Fitted:
    seen = CollectionPhotos(photos, track, told.groups, told.rejected)
    return METHODS[method].fit(seen, extractor, seed=SEED, training=Training(plan, folder, track))


def mark(photo: Photo) -> str:
    """Names its picture in an encoder's row, also where the photo is ingested anew or has an equal copy."""
    return photo.pixel_hash[:16]


def digest_photos(photos: Sequence[Photo]) -> str:
    return sha256("".join(sorted(photo.checksum for photo in photos)).encode()).hexdigest()


def _checkpoints(method: str, extractor: vision.Extractor, photos: Sequence[Photo], told: Told) -> Path:
    """The same folder for the same training, so that another attempt at it goes on where the last one stopped."""
    what = f"{method} {extractor.recipe} {digest_photos(photos)} {told}"
    return conf.cache_dir / "training" / sha256(what.encode()).hexdigest()[:16]


def ensure_site_encoders(track: Track = untracked) -> SiteEncoders:
    """The encoders that serve every collection; a family without one is fitted on a sample of the whole archive."""
    notes: list[str] = []
    serving = {encoder.family: encoder for encoder in Encoder.objects.site()}
    for family in Encoder.Family.values:
        if family not in serving:
            try:
                _serve_unless_another_does(fit_site_encoder(family, track))
            except UNUSABLE as reason:
                notes.append(f"The {family} encoder does not serve. {reason}")
    return SiteEncoders(list(Encoder.objects.site()), tuple(notes))


def fit_site_encoder(family: str, track: Track = untracked) -> Encoder:
    return fit_encoder(SITE_METHODS[Encoder.Family(family)], sample(Photo.objects.all()), None, track)


def sample(photos: PhotoQuerySet, most: int = FITTED_ON, known: Container[int] = ()) -> list[Photo]:
    """Up to so many photos, each picture once, the same ones for the same archive.

    A placeholder that is there a thousand times is no thousand photos.

    known: ids of photos of which people have said where they belong; as many as half of the sample come first.
    """
    one_of: dict[str, int] = {}
    for picture, photo in photos.order_by("checksum", "pk").values_list("pixel_hash", "pk"):
        if picture not in one_of or photo in known:
            one_of[picture] = photo
    ids = [*one_of.values()]
    chosen = _drawn([photo for photo in ids if photo in known], most // 2)
    first = {*chosen}
    chosen += _drawn([photo for photo in ids if photo not in first], most - len(chosen))
    return list(Photo.objects.filter(pk__in=chosen).order_by("checksum", "pk"))


def _drawn(ids: Sequence[int], most: int) -> list[int]:
    return random.Random(SEED).sample(ids, min(most, len(ids)))


def _serve_unless_another_does(encoder: Encoder) -> None:
    """Another worker may have fitted the same one at the same moment; what it has embedded must stay in use."""
    with suppress(IntegrityError), transaction.atomic():
        Encoder.objects.filter(pk=encoder.pk).update(is_serving=True)
