"""What would change on the pages if another encoder served: pairs gained, lost, and confirmed ones it would miss."""

from dataclasses import asdict, dataclass

from ndd_app.models import Candidate, Collection, Encoder, Verdict
from ndd_app.pipeline.candidates import as_pairs, fingerprints, worth_storing
from ndd_app.pipeline.matching import equal_or_alike, judge_with_geometry
from ndd_app.pipeline.progress import Track, untracked
from ndd_app.pipeline.ranking import embedded_by
from ndd_app.pipeline.review import settled_pairs
from ndd_app.pipeline.serving import note, serving_with

MOST = 500
"""Pairs of each kind that are kept, the likeliest first."""
Pairs = list[tuple[int, int]]


@dataclass(frozen=True)
class Changes:
    """Pairs of the ids of photos, low one first. against: the encoder that served when it was written.

    missed: confirmed pairs that the new encoder would not have found by itself. They stay on the pages all the same.
    """

    against: int | None
    gained: Pairs
    lost: Pairs
    missed: Pairs


def report_changes(collection: Collection, encoder: Encoder, track: Track = untracked) -> Changes:
    """Match by what would serve, store nothing of it but the report, in the encoder's receipt."""
    present = {other.family: other for other in Encoder.objects.serving(collection)}.get(encoder.family)
    answers = settled_pairs(list(collection.photos.all()))
    confirmed = {pair for pair, answer in answers.items() if answer == Verdict.Answer.YES}
    found = _found(collection, encoder, track)
    shown = {pair: chance for pair, chance in found.items() if chance >= collection.show_from}
    today = _shown_today(collection)
    changes = Changes(
        present.pk if present else None,
        gained=_likeliest({pair: shown[pair] for pair in shown.keys() - today.keys() - answers.keys()}),
        lost=_likeliest({pair: today[pair] for pair in today.keys() - shown.keys() - answers.keys()}),
        missed=sorted(confirmed - shown.keys())[:MOST],
    )
    note(encoder, changes=asdict(changes))
    return changes


def _found(collection: Collection, encoder: Encoder, track: Track) -> dict[tuple[int, int], float]:
    """The chance of each pair that would be stored, if nobody had answered yet which are looked at."""
    photos = list(collection.photos.order_by("pk"))
    used = embedded_by(collection, serving_with(collection, encoder))
    also = equal_or_alike(photos, fingerprints(photos))
    judged = worth_storing(photos, judge_with_geometry(photos, used, also, track), as_pairs([]))
    ids = [(photos[first].pk, photos[second].pk) for first, second in judged.fused.pairs]
    return dict(zip(ids, judged.probabilities.duplicate.tolist(), strict=True))


def _shown_today(collection: Collection) -> dict[tuple[int, int], float]:
    shown = Candidate.objects.shown().within(collection).order_by()
    rows = shown.values_list("first", "second", "probability")
    return {(first, second): chance or 0.0 for first, second, chance in rows}


def _likeliest(pairs: dict[tuple[int, int], float]) -> Pairs:
    return sorted(pairs, key=lambda pair: (-pairs[pair], pair))[:MOST]
