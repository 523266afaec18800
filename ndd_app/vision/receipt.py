"""The receipt of a collection encoder: what it gains on its own collection, measured without labels, and the decision.

The challenger is compared with the encoder that serves at present, by two kinds of questions that no training has seen:

G1, *rescans*: photos worn by a family of damages that is kept from every training are looked up in the collection;
right is the photo itself, or another one of its silver group.
G2, *pairs*: of a group that is near certain or that people have confirmed, and of which neither encoder was told, each
photo is to find another one.

The gain is the difference of the mean reciprocal ranks, with bounds by a paired bootstrap over silver groups; a photo
without any is a group of its own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ndd_app.vision.bench import Answers, Bench, Example, Figures, View, examples_of, figures_of
from ndd_app.vision.neighbours import Indices
from ndd_app.vision.retrieval import look_up_fused
from ndd_app.vision.tripwires import Tripwire, find_tripwires

FEWEST = 20
"""Rescans, and groups of pairs, below which nothing can be said."""
LEAST_GAIN = 0.005
"""The mean gain that one of the two must exceed."""
FUSED_LOSS = 0.002
"""So much recall@16 of the fused ranking may be lost: fewer than one query in 500."""
RECALL_AT = 16
DRAWS = 2_000
CONFIDENCE = 0.95
SEED = 0

Decision = Literal["adopt", "keep"]
Values = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Gain:
    """What the challenger finds better, on the mean; lower and upper: 95 % bounds, each one-sided."""

    mean: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Receipt:
    """See the module. words: the decision and its reasons, as sentences. Everything in it can be written as JSON.

    gains: by rescans and pairs, where there are enough of them. recall: @16 of challenger and present, each fused.
    """

    decision: Decision
    words: list[str]
    photos: int = 0
    rescans: int = 0
    pairs: int = 0
    gains: dict[str, Gain] = field(default_factory=dict)
    recall: dict[str, float] = field(default_factory=dict)
    tripwires: list[Tripwire] = field(default_factory=list)
    figures: list[Figures] = field(default_factory=list)
    better: list[Example] = field(default_factory=list)
    worse: list[Example] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def write_receipt(
    bench: Bench, challenger: View, present: View, classical: View | None = None, others: Sequence[View] = ()
) -> Receipt:
    """classical: what the challenger would be fused with. others: views that only their figures are wanted of."""
    rescans, pairs = bench.rescans(), bench.pairs()
    new, old, *rest = (
        Answers.of(view, bench) for view in (challenger, present, *([classical] if classical else []), *others)
    )
    gains = {}
    if len(rescans) >= FEWEST:
        gains["rescans"] = gain_of(new.rescans.reciprocal - old.rescans.reciprocal, rescans.units)
    if len(np.unique(pairs.units)) >= FEWEST:
        gains["pairs"] = gain_of(new.pairs.reciprocal - old.pairs.reciprocal, pairs.units)
    recall: dict[str, float] = {}
    if classical:
        both = {"challenger": challenger, "present": present}
        recall = {role: fused_recall(bench, view, classical) for role, view in both.items()}
    tripwires = find_tripwires(challenger.gallery, present.gallery)
    asked = {"rescans": len(rescans), "groups": len(np.unique(pairs.units))}
    alike = 1 == len(np.unique(bench.groups)) < len(bench.groups)
    decision, words = decide(gains, recall, tripwires, **asked, alike=alike)
    better, worse = examples_of(bench, new, old)
    return Receipt(
        decision,
        words,
        photos=len(bench.groups),
        rescans=len(rescans),
        pairs=len(pairs),
        gains=gains,
        recall=recall,
        tripwires=tripwires,
        figures=[figures_of(answers, bench) for answers in (new, old, *rest)],
        better=better,
        worse=worse,
    )


def gain_of(gains: Values, units: Indices, seed: int = SEED) -> Gain:
    """Paired bootstrap: gains (q,), one a question; units (q,): questions with one unit are drawn together."""
    _, unit = np.unique(units, return_inverse=True)
    sums, counts = np.bincount(unit, weights=gains), np.bincount(unit)
    drawn = np.random.default_rng(seed).multinomial(len(sums), np.full(len(sums), 1 / len(sums)), DRAWS)
    means = (drawn @ sums) / (drawn @ counts)
    lower, upper = np.quantile(means, [1 - CONFIDENCE, CONFIDENCE])
    return Gain(*(round(float(value), 4) for value in (sums.sum() / counts.sum(), lower, upper)))


def fused_recall(bench: Bench, view: View, classical: View) -> float:
    """recall@16 over all questions, by the view and the classical encoder together, before geometry."""
    pairs = bench.pairs()
    hits = [
        look_up_fused([(v.rescans, v.gallery) for v in (view, classical)], bench.groups, bench.rescans()),
        look_up_fused([(v.gallery[pairs.own], v.gallery) for v in (view, classical)], bench.groups, pairs),
    ]
    every = np.concatenate([found.hits(RECALL_AT) for found in hits])
    return round(float(every.mean()), 4) if len(every) else 0.0


def decide(
    gains: Mapping[str, Gain],
    recall: Mapping[str, float],
    tripwires: Sequence[Tripwire],
    *,
    rescans: int,
    groups: int,
    alike: bool = False,
) -> tuple[Decision, list[str]]:
    """Adopt only what loses on neither kind of questions, gains on one, trips no wire and does not harm the fusion.

    alike: all photos show one image.
    """
    if rescans < FEWEST or groups < FEWEST:
        return "keep", [f"Keep the present encoder: {_too_few(rescans, groups, alike)}"]
    measured = "; ".join(f"{kind} {_in_words(gain)}" for kind, gain in gains.items())
    against = [f"On {kind} it may lose: {_in_words(gain)}." for kind, gain in gains.items() if gain.lower < 0]
    if all(gain.mean <= LEAST_GAIN for gain in gains.values()):
        against.insert(0, f"No gain: {measured}.")
    against += [f"Tripwire “{wire.name}”: {wire.words}." for wire in tripwires if wire.tripped]
    if recall and recall["challenger"] < recall["present"] - FUSED_LOSS:
        against.append(
            f"Together with the classical encoder it finds less among the first {RECALL_AT}:"
            f" {recall['challenger']:.3f} instead of {recall['present']:.3f}."
        )
    if against:
        return "keep", ["Keep the present encoder.", *against]
    return "adopt", ["Adopt: it finds more on this collection, and loses nothing.", f"Gain: {measured}."]


def _too_few(rescans: int, groups: int, alike: bool) -> str:
    if alike:
        return "all photos show one image, which any encoder finds, so that nothing can be judged by them."
    if rescans < FEWEST:
        photos = "1 photo" if rescans == 1 else f"{rescans} photos"
        return f"{photos} can be judged by, and {FEWEST} are needed; with fewer, luck would decide."
    return (
        f"{groups} group{'' if groups == 1 else 's'} of near-certain duplicates can be judged by, and {FEWEST} are"
        " needed. Where a collection has few duplicates, nothing shows that an encoder finds them better."
    )


def _in_words(gain: Gain) -> str:
    return f"{gain.mean:+.3f} ({gain.lower:+.3f} to {gain.upper:+.3f})"
