"""All evidence of a pair as one probability, and the ranking that follows from it.

Matching points are judged by what is known of other collections (vision/calibration.py); pairs without any by how full
of duplicates this one is (vision/density.py); and photos with a common partner by what lies on both ways to it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ndd_app.models import Photo, Verdict
from ndd_app.pipeline.limits import FLOOR, VERIFIED
from ndd_app.pipeline.verification import registered, show_one_tone, told_by_points_alone
from ndd_app.vision.calibration import Probabilities, evidence_of, shipped_calibration
from ndd_app.vision.density import Density
from ndd_app.vision.neighbours import LAST_STRANGER, Fused, Indices, Scores
from ndd_app.vision.partners import A_STEP, Partners, either, weighed
from ndd_app.vision.recalibration import LEAST, MOST, Correction, correction_by, correction_by_scarcity
from ndd_app.vision.verification import Details

SURPRISE_WEIGHT = 0.05
"""Equal probabilities are put in order by the surprise."""
CERTAIN = 0.9999
ALIKE_FROM = 0.95
"""From this chance on the likelier image comes first: a copy’s print before other exposures of it."""
ODDS_OF_STRANGERS = 0.03
"""What the calibration gives, about, to strangers with matching points."""
UNLIKE = 0.5
"""Two duplicates of one photo may look unlike: a bad print, another side. So much that speaks against the pair …"""
FAR = 100
"""… and more where strangers as near as this are no rarity: more than one photo in so many, and than one at all."""
MOST_RARE = 10.0
"""Of the surprise, as far as it is counted in powers of ten: there is no archive of more photos."""

Settled = Mapping[tuple[int, int], str]
"""What people agree on: yes or no by the ids of both photos, low one first (review.settled_pairs)."""
Answers = dict[int, bool]
"""Whether people say yes, by the row of a pair on which they agree."""


@dataclass(frozen=True)
class Judged:
    """fused: the pairs and what the encoders say, with the ranking score in place of the surprise."""

    fused: Fused
    details: list[Details]
    probabilities: Probabilities

    def only(self, chosen: npt.NDArray[np.bool_]) -> "Judged":
        duplicate, same_image = self.probabilities.duplicate[chosen], self.probabilities.same_image[chosen]
        details = [found for found, kept in zip(self.details, chosen, strict=True) if kept]
        return Judged(self.fused.only(chosen), details, Probabilities(duplicate, same_image))


def judge(photos: Sequence[Photo], fused: Fused, settled: Settled) -> Judged:
    """The ranking score is the log10 of the odds that a pair is one image or two exposures of one scene, and more.

    From ALIKE_FROM on the likelier image comes first: all exposures of a plate match a print of one of them.
    """
    known = _Known.of(photos, fused, registered(photos, fused.pairs), settled)
    found = known.probabilities()
    duplicate: Scores = np.where(known.equal, CERTAIN, np.clip(found.duplicate, LEAST, MOST)).astype(np.float32)
    same_image: Scores = np.where(known.equal, CERTAIN, np.minimum(found.same_image, duplicate)).astype(np.float32)
    ranked_by = np.where(known.equal, CERTAIN, np.minimum(duplicate, ALIKE_FROM))
    scores = np.log10(ranked_by / (1 - ranked_by)) + same_image + SURPRISE_WEIGHT * np.clip(known.surprise, -3, 10)
    ranked = Fused(fused.pairs, scores.astype(np.float32), fused.similarity, fused.ranks)
    return Judged(ranked, known.details, Probabilities(duplicate, same_image))


def pairs_with_a_common_partner(photos: Sequence[Photo], judged: Judged, settled: Settled) -> Indices:
    """(m, 2): also pairs that no encoder proposes."""
    return _Known.of(photos, judged.fused, judged.details, settled).partners(judged.probabilities).pairs_in_common()


@dataclass(frozen=True)
class _Known:
    """Of each pair (m, 2): what the encoders say, what geometry found, and on what people agree."""

    photos: Sequence[Photo]
    fused: Fused
    details: list[Details]
    answers: Answers

    @classmethod
    def of(cls, photos: Sequence[Photo], fused: Fused, details: list[Details], settled: Settled) -> "_Known":
        return cls(photos, fused, details, _answers(photos, fused.pairs, settled))

    @property
    def pairs(self) -> Indices:
        return self.fused.pairs

    @property
    def is_across(self) -> bool:
        """The photos are of several collections."""
        return len({photo.collection_id for photo in self.photos}) > 1

    @cached_property
    def surprise(self) -> Scores:
        return np.nan_to_num(self.fused.scores, neginf=-3.0)

    @cached_property
    def bounded(self) -> Scores:
        """The surprise, as far as it counts without matching points."""
        return self.surprise if self.is_across else np.minimum(self.surprise, _most_surprise(self.fused.ranks))

    @cached_property
    def equal(self) -> npt.NDArray[np.bool_]:
        """Whether the pixels are, and show something: all black scans are equal."""
        photos = self.photos
        equal = np.array([photos[a].pixel_hash == photos[b].pixel_hash for a, b in self.pairs], bool)
        equal[equal] = ~show_one_tone(photos, self.pairs[equal])
        return equal

    @cached_property
    def mute(self) -> npt.NDArray[np.bool_]:
        """Pairs without matching points, though nothing else could tell.

        Only of pairs that are nearer than strangers usually come, since their scans are read.
        """
        mute = (self.surprise > 0) & ~self.matched
        mute[mute] = told_by_points_alone(self.photos, self.pairs[mute])
        return mute

    @cached_property
    def matched(self) -> npt.NDArray[np.bool_]:
        return np.array([bool(found) for found in self.details], bool)

    def probabilities(self) -> Probabilities:
        by_points = self._by_points()
        density = self._density(by_points)
        ratio = self._likelihood_ratio(by_points, density)
        own = self._own(by_points, density)
        if not self.is_across and (answers := self._telling_answers(own, ratio)):
            own = _corrected(own, correction_by(own.duplicate[[*answers]], np.array([*answers.values()], bool)))
        through = self._through(own, ratio)
        return Probabilities(either(own.duplicate, through.duplicate), either(own.same_image, through.same_image))

    def _by_points(self) -> Probabilities:
        """Across collections as they are: the pairs that are looked at there depend on which is matched last."""
        calibration = shipped_calibration()
        found = calibration.probabilities(evidence_of(self.surprise, self.details))
        if self.is_across:
            return found
        return _corrected(found, correction_by_scarcity(found.duplicate[self.matched], calibration.usual_share))

    def _density(self, by_points: Probabilities) -> Density:
        """Across collections the usual one, for the same reason."""
        if self.is_across:
            return Density()
        settled = self.partners(by_points).chances_through(self.pairs).duplicate >= A_STEP
        return Density.among(self.bounded[~self.matched & ~self.equal & ~self.mute & ~settled])

    def _own(self, by_points: Probabilities, density: Density) -> Probabilities:
        without_points = np.where(self.mute, 0, density.chances(self.bounded))
        duplicate: Scores = np.where(self.matched, by_points.duplicate, without_points)
        share = by_points.same_image / np.maximum(by_points.duplicate, np.float32(1e-6))
        return Probabilities(duplicate, np.asarray(duplicate * share, np.float32))

    def _through(self, own: Probabilities, ratio: Scores) -> Probabilities:
        return weighed(self.partners(own).chances_through(self.pairs), ratio)

    def _telling_answers(self, own: Probabilities, ratio: Scores) -> Answers:
        """Those that say how far a pair's own chance can be trusted.

        What a partner or equal pixels show is answered by these, and of unlisted pairs people answer only what is one.
        What the machine alone would show decides: the answers must not choose among themselves.
        """
        if not self.answers:
            return {}
        through = replace(self, answers={})._through(own, ratio)
        by_itself = (own.duplicate >= np.maximum(FLOOR, through.duplicate)) & ~self.equal
        return {row: answer for row, answer in self.answers.items() if by_itself[row]}

    def _likelihood_ratio(self, by_points: Probabilities, density: Density) -> Scores:
        """How much likelier each pair's own evidence is between two duplicates of one photo than between others.

        What speaks against the pair does so strongly only if it is hardly nearer than two photos drawn at random.
        """
        odds = by_points.duplicate / np.maximum(1 - by_points.duplicate, 1e-6)
        without_points = np.where(self.mute, 0, density.likelihood_ratio(self.surprise))
        ratio = np.where(self.matched, odds / ODDS_OF_STRANGERS, without_points)
        rarity = max(1, len(self.photos) / FAR) * 10.0 ** np.minimum(self.surprise, MOST_RARE)
        return np.asarray(np.maximum(ratio, np.minimum(rarity, UNLIKE)), np.float32)

    def partners(self, own: Probabilities) -> Partners:
        """By matching points; what people have settled, and files with equal pixels, are steps in any case."""
        duplicate, same_image = (np.where(self.matched, c, 0) for c in (own.duplicate, own.same_image))
        for row, is_yes in self.answers.items():
            same_image[row] = own.same_image[row] * (CERTAIN if is_yes else 0) / max(own.duplicate[row], 1e-6)
            duplicate[row] = CERTAIN if is_yes else 0
        duplicate[self.equal] = same_image[self.equal] = CERTAIN
        sizes = [(photo.width, photo.height) for photo in self.photos]
        return Partners.among(self.pairs, Probabilities(duplicate, same_image), self.details, sizes)


def _most_surprise(ranks: Indices) -> Scores:
    """(m,): what stands behind many others in every list, of which all but VERIFIED are strangers, is no surprise.

    Else all mounts of one sort come near to each other. ranks: (m, e, 2), as Fused has them.
    """
    best = np.where(ranks > 0, ranks, LAST_STRANGER).min(axis=(1, 2))
    return np.where(best > VERIFIED, -np.log10(np.maximum(best - VERIFIED, 1)), np.inf).astype(np.float32)


def _answers(photos: Sequence[Photo], pairs: Indices, settled: Settled) -> Answers:
    if not settled:
        return {}
    row_of = {(photos[a].pk, photos[b].pk): row for row, (a, b) in enumerate(pairs)}
    return {row_of[pair]: answer == Verdict.Answer.YES for pair, answer in settled.items() if pair in row_of}


def _corrected(found: Probabilities, correct: Correction) -> Probabilities:
    """What is a share of the first chance stays one."""
    duplicate = correct(found.duplicate)
    share = found.same_image / np.maximum(found.duplicate, np.float32(1e-6))
    return Probabilities(duplicate, np.asarray(duplicate * share, np.float32))
