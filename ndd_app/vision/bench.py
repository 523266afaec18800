"""What a receipt asks each encoder, the figures of its answers, and queries as examples."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ndd_app.vision.encoders import Embeddings
from ndd_app.vision.neighbours import Indices
from ndd_app.vision.rescans import DAMAGES, Severities
from ndd_app.vision.retrieval import OUTSIDE, Found, Questions, look_up

Chosen = npt.NDArray[np.bool_]

HITS_AT = (1, 50)
EXAMPLES = 4


@dataclass(frozen=True)
class View:
    """What one encoder sees. gallery: (n, d) all photos of the collection; rescans: (r, d); role: what it is here."""

    role: str
    name: str
    gallery: Embeddings
    rescans: Embeddings


@dataclass(frozen=True)
class Bench:
    """What is asked. groups: (n,) of each photo, joined by silver, confirmed and equal pairs; judged: (n,) whether it
    is in a group with a silver or confirmed pair, of which neither of the compared encoders was told.

    origins: (r,) which photo each rescan is of; severities: (r, len(DAMAGES)).
    """

    groups: Indices
    judged: Chosen
    origins: Indices
    severities: Severities

    def rescans(self) -> Questions:
        wanted = self.groups[self.origins]
        return Questions(wanted, np.full(len(wanted), OUTSIDE), wanted)

    def pairs(self) -> Questions:
        """Each photo that has a partner in its group, and may be asked about."""
        sizes = np.bincount(self.groups, minlength=len(self.groups))
        photos = np.flatnonzero(self.judged & (sizes[self.groups] > 1))
        return Questions(self.groups[photos], photos, self.groups[photos])


@dataclass(frozen=True)
class Answers:
    """One view's answers to both kinds of questions."""

    view: View
    rescans: Found
    pairs: Found

    @classmethod
    def of(cls, view: View, bench: Bench) -> "Answers":
        pairs = bench.pairs()
        return cls(
            view,
            look_up(view.rescans, view.gallery, bench.groups, bench.rescans()),
            look_up(view.gallery[pairs.own], view.gallery, bench.groups, pairs),
        )


@dataclass(frozen=True)
class Figures:
    """One encoder's: for rescans and pairs {"hit@1", "hit@50", "reciprocal rank"}; damages: hit@1 of each damage."""

    role: str
    name: str
    rescans: dict[str, float]
    pairs: dict[str, float]
    damages: dict[str, float]


@dataclass(frozen=True)
class Example:
    """photo: the number of the query, or of what it is a rescan of; before, after: the first photo of each list."""

    photo: int
    before: int
    after: int
    rank_before: int
    rank_after: int
    damages: dict[str, float]


def figures_of(answers: Answers, bench: Bench) -> Figures:
    hit = answers.rescans.hits(1)
    of_damage = [(name, bench.severities[:, column] > 0) for column, name in enumerate(DAMAGES)]
    damages = {name: round(float(hit[some].mean()), 4) for name, some in of_damage if some.any()}
    return Figures(answers.view.role, answers.view.name, _scores(answers.rescans), _scores(answers.pairs), damages)


def _scores(found: Found) -> dict[str, float]:
    """Empty where nothing was asked."""
    if not len(found.ranks):
        return {}
    scores = {f"hit@{within}": found.hits(within) for within in HITS_AT} | {"reciprocal rank": found.reciprocal}
    return {name: round(float(values.mean()), 4) for name, values in scores.items()}


def examples_of(bench: Bench, new: Answers, old: Answers) -> tuple[list[Example], list[Example]]:
    """Of all questions those whose first answer became right, or wrong; half of them pairs, where there are any."""
    every = [*_of_pairs(bench, new, old), *_of_rescans(bench, new, old)]
    better = [example for example in every if example.rank_after == 1 < example.rank_before]
    worse = [example for example in every if example.rank_before == 1 < example.rank_after]
    better.sort(key=lambda example: (-example.rank_before, example.photo))
    worse.sort(key=lambda example: (-example.rank_after, example.photo))
    return _half_and_half(better), _half_and_half(worse)


def _half_and_half(examples: Sequence[Example]) -> list[Example]:
    pairs = [example for example in examples if not example.damages]
    rescans = [example for example in examples if example.damages]
    some = pairs[: EXAMPLES // 2] + rescans[: EXAMPLES // 2]
    return [*some, *(example for example in examples if example not in some)][:EXAMPLES]


def _of_pairs(bench: Bench, new: Answers, old: Answers) -> list[Example]:
    photos = bench.pairs().own
    return _as_examples(photos, new.pairs, old.pairs, [{}] * len(photos))


def _of_rescans(bench: Bench, new: Answers, old: Answers) -> list[Example]:
    return _as_examples(bench.origins, new.rescans, old.rescans, [_strengths(row) for row in bench.severities])


def _as_examples(photos: Indices, new: Found, old: Found, damages: Sequence[dict[str, float]]) -> list[Example]:
    columns = [photos, old.first, new.first, old.ranks, new.ranks]
    every = zip(*(column.tolist() for column in columns), damages, strict=True)
    return [Example(*row) for row in every]


def _strengths(severities: Severities) -> dict[str, float]:
    named = zip(DAMAGES, severities.tolist(), strict=True)
    return {name: round(severity, 2) for name, severity in named if severity}
