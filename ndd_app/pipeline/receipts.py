"""Receipts of a collection's own encoders, written when they are embedded and before they serve (vision/receipt.py)."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from hashlib import sha256
from typing import Any

import numpy as np

from ndd_app.exceptions import JobLost, NddError
from ndd_app.models import Collection, Encoder, Photo, Verdict
from ndd_app.pipeline.candidates import as_pairs, fingerprints
from ndd_app.pipeline.embedding import embed_features, load_embeddings
from ndd_app.pipeline.encoders import digest_photos, load_encoder, mark, sample
from ndd_app.pipeline.features import features_of
from ndd_app.pipeline.progress import Track, untracked
from ndd_app.pipeline.review import settled_pairs
from ndd_app.pipeline.serving import ADOPT, challengers, embedded_encoders, needs_receipt, note
from ndd_app.pipeline.silver import silver_among
from ndd_app.vision.bench import Bench, View
from ndd_app.vision.encoders import Embeddings, Extractor, Features
from ndd_app.vision.neighbours import Indices, unordered
from ndd_app.vision.receipt import Receipt, write_receipt
from ndd_app.vision.rescans import DAMAGES, HashBits, OnRescans, Planned, hash_rows
from ndd_app.vision.silver import components

RESCANS = 1_000
"""Photos that are worn and looked up at most."""
VERSION = 1
OF_A_JUDGEMENT = {field.name for field in fields(Receipt)} - {"decision", "words"} | {"about", "present"}
"""What a judgement leaves in the receipt, besides."""
Deep, Classical = Encoder.Family.DEEP, Encoder.Family.CLASSICAL
NONE_NEEDED = (
    "No receipt is needed: it was made as the site's encoder was, only from the photos of this collection, and it takes"
    " the place of no trained encoder."
)
NOTHING_SERVES = "Keep: no other deep encoder serves this collection, so that there is nothing to compare it with."


def excuse_champions(collection: Collection) -> list[Encoder]:
    """Note which of the collection's encoders need no receipt to serve, unless they cannot be loaded; gives those.

    One that could not be loaded is tried again: perhaps it was the storage that failed.
    """
    present = {encoder.family: encoder for encoder in Encoder.objects.serving(collection)}
    receipts = [(encoder, encoder.receipt) for encoder in embedded_encoders(collection)]
    new = [encoder for encoder, receipt in receipts if receipt.get("decision") != ADOPT and "about" not in receipt]
    excused = [encoder for encoder in new if not needs_receipt(encoder, present.get(encoder.family))]
    for encoder in excused:
        try:
            load_encoder(encoder)
        except NddError as reason:
            note(encoder, decision="keep", words=[f"Keep the present encoder: the new one cannot be loaded. {reason}"])
        else:
            note(encoder, decision=ADOPT, words=[NONE_NEEDED])
    return excused


def write_receipts(collection: Collection, track: Track = untracked) -> list[Encoder]:
    """Judge the collection's newest encoders against those that serve; gives those. What is judged is not done again.

    Until one has a receipt that says “adopt” it does not begin to serve by itself.
    """
    present = {encoder.family: encoder for encoder in Encoder.objects.serving(collection)}
    judged = challengers(collection)
    for encoder in judged:
        if Deep in present:
            _judge(encoder, Judging(collection, encoder, present[Deep], present.get(Classical)), track)
        else:
            note(encoder, decision="keep", words=[NOTHING_SERVES])
    return judged


def _judge(encoder: Encoder, judging: "Judging", track: Track) -> None:
    about = judging.digest
    if encoder.receipt.get("about") == about:
        return
    try:
        receipt = judging.receipt(track)
    except JobLost:
        raise  # another worker judges it now, and writes the receipt
    except NddError as reason:  # the present encoder keeps serving; the next matching tries again
        words = [f"Keep the present encoder: the new one could not be judged. {reason}"]
        note(encoder, **dict.fromkeys(OF_A_JUDGEMENT), decision="keep", words=words)
        return
    ids = [photo.pk for photo in judging.photos]
    note(encoder, **_with_ids(receipt, ids), about=about, present=judging.present.pk)


def _with_ids(receipt: Receipt, ids: Sequence[int]) -> dict[str, Any]:
    """The examples name photos by their ids."""
    values = receipt.as_json()
    for kind in ("better", "worse"):
        values[kind] = [
            example | {name: ids[example[name]] for name in ("photo", "before", "after")} for example in values[kind]
        ]
    return values


@dataclass(frozen=True)
class Judging:
    """A challenger against the encoder that serves, on the collection's own photos."""

    collection: Collection
    challenger: Encoder
    present: Encoder
    classical: Encoder | None

    @cached_property
    def photos(self) -> list[Photo]:
        return list(self.collection.photos.order_by("pk"))

    @cached_property
    def codes(self) -> dict[str, Any]:
        return fingerprints(self.photos)

    @cached_property
    def silver(self) -> Indices:
        return silver_among(self.photos, [encoder for encoder in (self.present, self.classical) if encoder])

    @cached_property
    def digest(self) -> str:
        """Another one is another receipt."""
        ids = [photo.pk for photo in self.photos]
        encoders = [encoder and encoder.pk for encoder in (self.challenger, self.present, self.classical)]
        pairs = [(ids[one], ids[other]) for one, other in [*self.silver, *self._settled(Verdict.Answer.YES)]]
        what = f"{VERSION} {encoders} {digest_photos(self.photos)} {pairs}"
        return sha256(what.encode()).hexdigest()[:16]

    def receipt(self, track: Track) -> Receipt:
        asked, severities = self._asked(track)
        others = [self._view(role, encoder, asked, track) for role, encoder in self._others()]
        return write_receipt(
            self._bench(asked, severities),
            self._view("challenger", self.challenger, asked, track),
            self._view("present", self.present, asked, track),
            self._view("classical", self.classical, asked, track) if self.classical else None,
            [*others, self._hashing(asked, track)],
        )

    def _bench(self, asked: Sequence[Photo], severities: Sequence[Features]) -> Bench:
        number = {photo.pk: place for place, photo in enumerate(self.photos)}
        hashes = [photo.pixel_hash for photo in self.photos]
        answered = self._settled(Verdict.Answer.YES)
        labels = {*self.challenger.labelled, *self.present.labelled}
        taught = np.array([mark(photo) in labels for photo in self.photos], bool)
        joined = unordered([self.silver, answered, _equal(hashes)])
        groups = components(len(self.photos), joined)
        judged = np.isin(groups, groups[np.concatenate([self.silver, answered])])  # any encoder finds an equal file
        judged &= ~np.isin(groups, groups[taught])  # what either encoder was told proves nothing
        plan = np.array([*severities], np.float32).reshape(-1, len(DAMAGES))
        return Bench(groups, judged, np.array([number[photo.pk] for photo in asked], np.int64), plan)

    def _asked(self, track: Track) -> tuple[list[Photo], list[Features]]:
        """The photos that are looked up, and how their rescans are worn; those that cannot be read are left out."""
        known = [photo.pk for photo in self.photos]  # others may come meanwhile
        both = self.collection.photos.filter(pk__in=known, embeddings__encoder=self.challenger)
        chosen = sample(both.filter(pk__in=self.present.embeddings.values("photo")), RESCANS)
        found = [(p, f) for p, f in features_of(chosen, Planned(), track) if not isinstance(f, NddError)]
        return [photo for photo, _ in found], [features for _, features in found]

    def _view(self, role: str, encoder: Encoder, asked: Sequence[Photo], track: Track) -> View:
        loaded = load_encoder(encoder)
        rescans = embed_features(loaded, _seen(asked, loaded.extractor, track))
        return View(role, str(encoder), load_embeddings(self.photos, encoder), rescans)

    def _hashing(self, asked: Sequence[Photo], track: Track) -> View:
        rows = _seen(asked, HashBits(), track)
        bits = np.array([np.zeros(64) if row is None else row for row in rows], np.uint8).reshape(-1, 64)
        return View("hashing", "pHash", _as_hashes(self.codes["phash"]), _as_hashes(bits))

    def _others(self) -> list[tuple[str, Encoder]]:
        """The site's and the collection's whitened encoder, where they are not the ones that are compared."""
        compared = {self.challenger.pk, self.present.pk}
        site = Encoder.objects.site().filter(family=Deep)
        whitened = [e for e in embedded_encoders(self.collection) if e.family == Deep and e.method == "whiten"]
        named = [*(("site", encoder) for encoder in site), *(("whitened", encoder) for encoder in whitened[-1:])]
        return [(role, encoder) for role, encoder in named if encoder.pk not in compared]

    def _settled(self, answer: str) -> Indices:
        number = {photo.pk: place for place, photo in enumerate(self.photos)}
        pairs = [pair for pair, found in settled_pairs(self.photos).items() if found == answer]
        return as_pairs((number[one], number[other]) for one, other in pairs if {one, other} <= number.keys())


def _seen(asked: Sequence[Photo], extractor: Extractor, track: Track) -> list[Features | None]:
    found = features_of(asked, OnRescans(extractor), track)
    return [None if isinstance(features, NddError) else features for _, features in found]


def _as_hashes(bits: Features) -> Embeddings:
    return hash_rows(np.asarray(bits, np.uint8))


def _equal(hashes: Sequence[str]) -> Indices:
    """(m, 2): each photo with the first one of the same pixels."""
    first: dict[str, int] = {}
    pairs = ((first.setdefault(name, number), number) for number, name in enumerate(hashes))
    return as_pairs((one, other) for one, other in pairs if one != other)
