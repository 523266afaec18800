"""What would change on the pages if another encoder served: pairs gained, lost, and confirmed ones it would miss."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from django.db.models import Max
from django.utils import timezone

from ndd_app.exceptions import NotEmbedded
from ndd_app.models import Candidate, Collection, Encoder, Photo, Verdict
from ndd_app.pipeline.candidates import as_pairs, fingerprints, worth_storing
from ndd_app.pipeline.judgement import Settled
from ndd_app.pipeline.limits import MOST_CHANGES
from ndd_app.pipeline.matching import answered_pairs, equal_or_alike, judge_with_geometry
from ndd_app.pipeline.progress import Track, untracked
from ndd_app.pipeline.ranking import embedded_by
from ndd_app.pipeline.review import settled_pairs
from ndd_app.pipeline.serving import is_embedded, note, serving_with
from ndd_app.vision.neighbours import Indices, unordered

Pair = tuple[int, int]
"""The ids of two photos, low one first."""


@dataclass(frozen=True)
class Changes:
    """Pairs that the pages would show and no longer show. against: what served when it was written.

    matched_at, last_answer: the last matching, and the id of the last answer, that it knows of. By these, and by no
    clock, is told whether it is outdated: those of several machines never agree.
    missed: confirmed pairs that the new encoder would not have found by itself. Like all pairs that people have
    answered they stay on the pages, and are neither gained nor lost.
    """

    against: int | None
    written_at: str
    matched_at: str | None
    last_answer: int | None
    gained: list[Pair]
    lost: list[Pair]
    missed: list[Pair]


def report_changes(collection: Collection, encoder: Encoder, track: Track = untracked) -> Changes:
    """Match by what would serve; store what geometry finds, and the report in the encoder's receipt: no candidate."""
    if not is_embedded(collection, encoder):
        raise NotEmbedded(collection=collection.slug)
    present = {other.family: other for other in Encoder.objects.serving(collection)}.get(encoder.family)
    matched_at = Collection.objects.values_list("matched_at", flat=True).get(pk=collection.pk)
    last_answer = Verdict.objects.touching(collection).aggregate(last=Max("pk"))["last"]
    photos = list(collection.photos.order_by("pk"))
    used = embedded_by(collection, serving_with(collection, encoder))
    answered, settled = answered_pairs(photos), settled_pairs(photos)
    today, then = _shown_today(collection), _shown_by(used, photos, answered, settled, collection.show_from, track)
    open_today, open_then = (shown.keys() - {*_ids(photos, answered)} for shown in (today, then))
    missed = {pair for pair, answer in settled.items() if answer == Verdict.Answer.YES}
    if missed:  # as if nobody had answered: what people name is looked at, and counts, whatever the encoders say
        missed -= _shown_by(used, photos, as_pairs([]), {}, collection.show_from, track).keys()
    changes = Changes(
        against=present.pk if present else None,
        written_at=timezone.now().isoformat(),
        matched_at=matched_at.isoformat() if matched_at else None,
        last_answer=last_answer,
        gained=_likeliest({pair: then[pair] for pair in open_then - open_today}),
        lost=_likeliest({pair: today[pair] for pair in open_today - open_then}),
        missed=sorted(missed)[:MOST_CHANGES],
    )
    note(encoder, changes=asdict(changes))
    return changes


def _shown_by(
    used: Sequence[Encoder],
    photos: Sequence[Photo],
    answered: Indices,
    settled: Settled,
    show_from: float,
    track: Track,
) -> dict[Pair, float]:
    """The chances of the pairs that would be shown after a matching by these encoders."""
    also = unordered([equal_or_alike(photos, fingerprints(photos)), answered])
    judged = worth_storing(photos, judge_with_geometry(photos, used, also, settled, track), answered)
    chances = zip(_ids(photos, judged.fused.pairs), judged.probabilities.duplicate.tolist(), strict=True)
    return {pair: chance for pair, chance in chances if chance >= show_from}


def _shown_today(collection: Collection) -> dict[Pair, float]:
    shown = Candidate.objects.shown().within(collection).order_by()
    rows = shown.values_list("first", "second", "probability")
    return {(first, second): chance for first, second, chance in rows}


def _ids(photos: Sequence[Photo], pairs: Indices) -> list[Pair]:
    return [(photos[first].pk, photos[second].pk) for first, second in pairs.tolist()]


def _likeliest(pairs: dict[Pair, float]) -> list[Pair]:
    return sorted(pairs, key=lambda pair: (-pairs[pair], pair))[:MOST_CHANGES]
