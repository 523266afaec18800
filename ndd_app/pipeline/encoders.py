"""Encoder rows: fitting one, storing its weights, loading it again; and the site encoders that serve everybody."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import version

import torch
from django.db import IntegrityError, transaction

from ndd_app.conf import conf
from ndd_app.exceptions import DamagedEncoder, TooFewPhotos, WeightsUnavailable
from ndd_app.models import Collection, Encoder, Photo
from ndd_app.pipeline.features import CollectionPhotos
from ndd_app.pipeline.progress import Track, untracked
from ndd_app.storage import read_bytes, save_bytes
from ndd_app.vision import encoders as vision
from ndd_app.vision.backbones import load_backbone
from ndd_app.vision.classical import RootSift
from ndd_app.vision.methods import METHODS

DEFAULT_METHODS = {Encoder.Family.DEEP: "whiten", Encoder.Family.CLASSICAL: "vlad"}
BACKBONE = {"cpu": "vit_small_patch14_reg4_dinov2", "cuda": "vit_large_patch14_reg4_dinov2"}
"""DINOv2 with registers (Oquab et al. 2023, Darcet et al. 2023), Apache-2.0: as large as the machine allows."""
SITE_SAMPLE = 5_000
SEED = 0


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
        raise DamagedEncoder(detail=f"the weights file of encoder {pk} is not the one that was stored")
    return vision.load_encoder(data, conf.weights_dir)


def fit_encoder(
    method: str, photos: Sequence[Photo], collection: Collection | None, track: Track = untracked
) -> Encoder:
    """Fit an encoder of the method's family on the photos and store it; it does not serve yet."""
    family = METHODS[method].family
    extractor = load_extractor(family)
    fitted = METHODS[method].fit(CollectionPhotos(photos, track), extractor, seed=SEED)
    metadata = {"method": method, "backbone": extractor.name}
    weights = vision.save_encoder(fitted.encoder, metadata)
    checksum = sha256(weights).hexdigest()
    return Encoder.objects.create(
        collection=collection,
        family=family,
        backbone=extractor.name,
        method=method,
        parameters=fitted.parameters,
        seed=SEED,
        recipe=extractor.recipe,
        preprocessing=getattr(extractor, "preprocessing", {}),
        versions={name: version(name) for name in ("torch", "timm", "numpy", "opencv-contrib-python")},
        photo_count=len(photos),
        photos_digest=sha256("".join(sorted(photo.checksum for photo in photos)).encode()).hexdigest(),
        curve=fitted.curve,
        notes="\n".join(fitted.notes),
        weights=save_bytes(f"encoders/{checksum}.safetensors", weights),
        weights_checksum=checksum,
    )


def ensure_site_encoders(track: Track = untracked) -> SiteEncoders:
    """The encoders that serve every collection; a family without one is fitted on a sample of the whole archive."""
    notes: list[str] = []
    serving = {encoder.family: encoder for encoder in Encoder.objects.site()}
    for family in Encoder.Family.values:
        if family not in serving:
            try:
                serve(fit_site_encoder(family, track))
            except (WeightsUnavailable, TooFewPhotos) as reason:
                notes.append(f"The {family} encoder does not serve. {reason}")
    return SiteEncoders(list(Encoder.objects.site()), tuple(notes))


def fit_site_encoder(family: str, track: Track = untracked) -> Encoder:
    return fit_encoder(DEFAULT_METHODS[Encoder.Family(family)], _sample_of_archive(), None, track)


def _sample_of_archive() -> list[Photo]:
    """Up to SITE_SAMPLE photos, the same ones for the same archive."""
    ids = list(Photo.objects.order_by("checksum", "pk").values_list("pk", flat=True))
    chosen = random.Random(SEED).sample(ids, min(SITE_SAMPLE, len(ids)))
    return list(Photo.objects.filter(pk__in=chosen).order_by("checksum", "pk"))


@transaction.atomic
def serve(encoder: Encoder) -> None:
    """Switch the encoder on, and its predecessor off, in one step."""
    same = Encoder.objects.filter(collection=encoder.collection, family=encoder.family)
    list(same.select_for_update().values_list("pk"))
    same.filter(is_serving=True).exclude(pk=encoder.pk).update(is_serving=False)
    try:
        with transaction.atomic():
            Encoder.objects.filter(pk=encoder.pk).update(is_serving=True)
    except IntegrityError:  # another worker fitted the same encoder at the same moment and was first: as good
        return
    encoder.is_serving = True
