"""A collection's newest encoders on their way into service: matched, judged, and switched on or shown to a person."""

from dataclasses import dataclass

from ndd_app.models import Collection, Encoder
from ndd_app.pipeline.changes import report_changes
from ndd_app.pipeline.matching import MatchResult, find_duplicates
from ndd_app.pipeline.progress import Track, untracked
from ndd_app.pipeline.receipts import write_receipts
from ndd_app.pipeline.serving import embedded_encoders, is_offered, needs_receipt, newest_encoders, switches_by_hand


@dataclass(frozen=True)
class SwitchResult:
    """judged: encoders with a new receipt; waiting: those of them that a person may switch on."""

    match: MatchResult
    judged: tuple[Encoder, ...]
    waiting: tuple[Encoder, ...]


def switch_to_newest(collection: Collection, track: Track = untracked) -> SwitchResult:
    """Write the receipts, then match by what may serve; while people answer, report what would change instead."""
    if collection.matched_at is None and _judges_by_pairs(collection):
        find_duplicates(collection, track=track)  # a receipt is about pairs that geometry has confirmed
    judged = write_receipts(collection, track)
    match = find_duplicates(collection, switch=True, track=track)
    waiting = []
    if switches_by_hand(collection):
        waiting = [encoder for encoder in judged if is_offered(encoder)]
    for encoder in waiting:
        report_changes(collection, encoder, track)
    return SwitchResult(match, tuple(judged), tuple(waiting))


def _judges_by_pairs(collection: Collection) -> bool:
    present = {encoder.family: encoder for encoder in Encoder.objects.serving(collection)}
    newest = [encoder for encoder in newest_encoders(collection) if encoder in embedded_encoders(collection)]
    return any(needs_receipt(encoder, present.get(encoder.family)) for encoder in newest)
