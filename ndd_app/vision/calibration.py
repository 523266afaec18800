"""From evidence to probability: a model that never thinks less of a pair for stronger evidence.

It learns from priors.csv: the evidence, as numbers, of pairs whose truth is known (see benchmarks/priors.py).
Gradient-boosted trees with monotone constraints (scikit-learn) are fitted anew in a second or two, once in a process;
nothing is ever unpickled.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from ndd_app.vision.grain import OTHER, SAME
from ndd_app.vision.neighbours import Scores
from ndd_app.vision.sheets import A_SHEET

PRIORS = Path(__file__).with_name("priors.csv")
OF_DUPLICATES = (
    "surprise", "cells", "consistency", "share", "writing", "rest", "stains", "overlap", "looseness", "moved",
)  # fmt: skip
OF_SAME_IMAGE = ("cells", "share", "tone", "precision", "likeness")
"""Not what disagrees in one place: a label over a part makes no other exposure."""
EVIDENCE = (*OF_DUPLICATES, "tone", "precision", "likeness")
"""All of them: the more, the likelier. Those of geometry are 0 where it found nothing.

The more loosely two scans lie on each other, the less it says that the rest of them disagrees: an object has two sides.
Of sheets the rest is called stains: their grain, or what little there is, which agrees sooner than two pictures do.
"""
LOOSE = 0.002
"""Residual from which on the rest says nothing any more."""
INSIDE = 0.8
"""Share of a scan from which on it lies in the other: two frames or prints of one scene are seldom cut alike.

What is cut off lies in the whole, while a line of print that two sheets bear at different places lays little of either
on the other.
"""
FAR = 0.1
"""Of a scan's longer side, from which on it says no more how far a corner has moved.

A mark, or the furniture of a series of cards, has its place on every scan; a print or an object is seldom laid down
twice alike. Sheets of paper fill a scan, one as another.
"""
FEW_MARKS = (0.18, 0.25)
"""From where to where the marks of two sheets are too few to be one text.

Two written or printed sheets of which few marks match have a line or a letterhead in common, and another text.
"""
ONE_TEXT = (0.85, 0.97)
"""From where to where the rest of two sheets is so alike that they are one, whatever their grain.

A copy has a paper of its own, and of smooth paper a scanner sees its own noise.
"""
ONE_IMAGE = 1.5
"""All pairs of one image count as so many times all pairs of two exposures.

How often an archive rescans a print and how often it keeps two exposures is not known; but copies wear in more ways
than are drawn here, while two exposures differ in the same ones.
"""
UNSURE = 0.5
"""Standard deviation of the surprise of pairs with matching points: so much it moves when encoders are fitted anew to
half as many photos more (measured in the mix of docs/figures.md, with its company and without it)."""
STEPS = np.linspace(-1.5, 1.5, 7, dtype=np.float32)

Rows = npt.NDArray[np.float32]


def evidence_of(surprise: Scores, details: Sequence[Mapping[str, Any]]) -> Rows:
    """(m, len(EVIDENCE)) from the surprise of each pair and what geometry says of it (verification.Details)."""
    rows = np.zeros((len(surprise), len(EVIDENCE)), np.float32)
    rows[:, 0] = np.clip(surprise, -3, 4)
    for row, found in zip(rows, details, strict=True):
        if found:
            row[1:] = _evidence_of_geometry(found)
    return rows


def _evidence_of_geometry(found: Mapping[str, Any]) -> tuple[float, ...]:
    covered = min(1.0, *(c / max(o, 0.01) for c, o in zip(found["coverage"], found["overlap"], strict=True)))
    paper, agreement = float(np.interp(found["paper"], A_SHEET, (0, 1))), min(found["agreement"])
    unknown = agreement if covered > 0.5 else 0.0
    of_picture, of_sheet = (unknown if rest is None else rest for rest in (found["rest"], _rest_of_sheet(found)))
    rest = (1 - paper) * of_picture + paper * of_sheet
    moved = min(FAR, found["moved"])
    return (
        np.log2(found["cells"]),
        covered * agreement + (1 - covered) * max(rest, 0.0),
        np.log2(1 + 100 * found["share"]),
        -paper * float(np.interp(found["share"], FEW_MARKS, (1, 0))),
        1 - (1 - paper) * _contradiction(found["rest"]),
        1 - paper * _contradiction(_rest_of_sheet(found)),
        min(INSIDE, max(found["overlap"])),
        min(0.0, np.log2(max(found["residual"], 1e-5) / LOOSE)),
        moved + paper * (FAR - moved),
        min(found["tone"]),
        -np.log2(1 + 1000 * found["residual"]),
        1.0 if found["likeness"] is None else found["likeness"],
    )


def _rest_of_sheet(found: Mapping[str, Any]) -> float | None:
    rest, grain = found["rest"], found["grain"]
    if grain is None:
        return rest
    by_text = 0.0 if rest is None else float(np.interp(rest, ONE_TEXT, (0, 1)))
    return max(by_text, float(np.interp(grain, (OTHER, SAME), (0, 1))))


def _contradiction(rest: float | None) -> float:
    return 0.0 if rest is None else 1 - rest


@dataclass(frozen=True)
class KnownPairs:
    """evidence (m, len(EVIDENCE)); duplicate and same_image (m,): the truth; weight (m,): 0 for one image alone."""

    evidence: Rows
    duplicate: npt.NDArray[np.bool_]
    same_image: npt.NDArray[np.bool_]
    weight: Scores

    @classmethod
    def read(cls, file: Path = PRIORS) -> Self:
        with file.open(newline="", encoding="utf-8") as lines:
            table = list(csv.DictReader(lines))
        evidence = np.array([[row[name] for name in EVIDENCE] for row in table], np.float32)
        duplicate, same_image = (np.array([row[n] == "1" for row in table]) for n in ("duplicate", "same_image"))
        return cls(evidence, duplicate, same_image, np.array([row["weight"] for row in table], np.float32))


@dataclass(frozen=True)
class Probabilities:
    """same_image ≤ duplicate, both (m,): of one image, and of one image or another exposure of the same scene."""

    duplicate: Scores
    same_image: Scores


@dataclass(frozen=True)
class Calibration:
    """usual_share: of duplicates among pairs with matching points, where it has learned."""

    usual_share: float
    of_duplicates: HistGradientBoostingClassifier
    of_same_image: HistGradientBoostingClassifier

    @classmethod
    def fit(cls, known: KnownPairs) -> Self:
        found = (known.evidence[:, EVIDENCE.index("cells")] > 0) & (known.weight > 0)
        chosen = known.duplicate
        images = known.same_image[chosen]
        balance = np.where(images, ONE_IMAGE / max(images.sum(), 1), 1 / max((~images).sum(), 1)) * len(images)
        return cls(
            float(np.average(known.duplicate[found], weights=known.weight[found])),
            _boosted(_only(OF_DUPLICATES, known.evidence[found]), known.duplicate[found], known.weight[found]),
            _boosted(_only(OF_SAME_IMAGE, known.evidence[chosen]), images, balance.astype(np.float32)),
        )

    def probabilities(self, evidence: Rows) -> Probabilities:
        """Without matching points the chance of a duplicate says nothing: see vision/density.py."""
        if not len(evidence):
            return Probabilities(np.zeros(0, np.float32), np.zeros(0, np.float32))
        with threadpool_limits(1):
            duplicate = self._mean_around(_only(OF_DUPLICATES, evidence))
            same_image = duplicate * self.of_same_image.predict_proba(_only(OF_SAME_IMAGE, evidence))[:, 1]
        return Probabilities(duplicate.astype(np.float32), same_image.astype(np.float32))

    def _mean_around(self, evidence: Rows) -> Scores:
        """Trees rise in steps: the mean over what the surprise, the first column of evidence, may as well be."""
        weights = np.exp(-(STEPS**2) / 2)
        mean = np.zeros(len(evidence), np.float32)
        for step, weight in zip(STEPS, weights / weights.sum(), strict=True):
            moved = evidence.copy()
            moved[:, 0] += step * UNSURE
            mean += weight * self.of_duplicates.predict_proba(moved)[:, 1].astype(np.float32)
        return mean


@lru_cache(maxsize=1)
def shipped_calibration() -> Calibration:
    return Calibration.fit(KnownPairs.read())


def _only(names: Sequence[str], evidence: Rows) -> Rows:
    return evidence[:, [EVIDENCE.index(name) for name in names]]


def _boosted(evidence: Rows, truth: npt.NDArray[np.bool_], weight: Scores) -> HistGradientBoostingClassifier:
    trees = HistGradientBoostingClassifier(
        max_iter=60,
        learning_rate=0.15,
        max_leaf_nodes=8,
        min_samples_leaf=40,
        l2_regularization=1.0,
        monotonic_cst=[1] * evidence.shape[1],
        early_stopping=False,
        random_state=0,
    )
    with threadpool_limits(1):  # on a busy machine threads that wait for each other take minutes
        return trees.fit(evidence, truth, sample_weight=weight)
