"""A collection's newest encoders on their way into service: matched, judged, and switched on or shown to a person."""

from dataclasses import dataclass

from ndd_app.models import Collection, Encoder
from ndd_app.models.encoder import one_of_each_family
from ndd_app.pipeline.changes import report_changes
from ndd_app.pipeline.matching import MatchResult, find_duplicates
from ndd_app.pipeline.progress import Track, untracked
from ndd_app.pipeline.receipts import excuse_champions, write_receipts
from ndd_app.pipeline.serving import challengers, is_offered, ready_encoders, switches_by_hand


@dataclass(frozen=True)
class SwitchResult:
    """judged: encoders with a new receipt; waiting: those of them that a person may switch on."""

    match: MatchResult
    judged: tuple[Encoder, ...]
    waiting: tuple[Encoder, ...]


def switch_to_newest(collection: Collection, track: Track = untracked) -> SwitchResult:
    """Match by what may serve, write the receipts, and match by what they adopt.

    While people answer, report what would change instead.
    """
    excused, match = excuse_champions(collection), None
    if challengers(collection) and (collection.matched_at is None or _is_changing(collection)):
        # A receipt is about pairs that geometry has confirmed, and against the best that serves without any.
        match = find_duplicates(collection, switch=True, track=track)
    judged = [*excused, *write_receipts(collection, track)]
    if match is None or _is_changing(collection):
        match = find_duplicates(collection, switch=True, track=track)
    waiting = []
    if switches_by_hand(collection):
        waiting = one_of_each_family(encoder for encoder in judged if is_offered(encoder))
    for encoder in waiting:
        report_changes(collection, encoder, track)
    return SwitchResult(match, tuple(judged), tuple(waiting))


def _is_changing(collection: Collection) -> bool:
    return ready_encoders(collection) != Encoder.objects.serving(collection)
