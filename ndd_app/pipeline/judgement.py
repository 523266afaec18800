"""All evidence of a pair as one probability, and the ranking that follows from it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ndd_app.models import Photo, Verdict
from ndd_app.pipeline.review import settled_pairs
from ndd_app.pipeline.verification import registered
from ndd_app.vision.calibration import Probabilities, evidence_of, shipped_calibration
from ndd_app.vision.neighbours import Fused, Scores
from ndd_app.vision.recalibration import correction_by
from ndd_app.vision.verification import Details

SURPRISE_WEIGHT = 0.05
"""Equal probabilities are put in order by the surprise."""
CERTAIN = 0.9999


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


def judge(photos: Sequence[Photo], fused: Fused) -> Judged:
    """The ranking score is the log10 of the odds that a pair is one image or two exposures of one scene."""
    details = registered(photos, fused.pairs)
    surprise = np.nan_to_num(fused.scores, neginf=-3.0)
    found = shipped_calibration().probabilities(evidence_of(surprise, details))
    found = _corrected_by_people(photos, fused, found)
    equal = np.array([photos[a].pixel_hash == photos[b].pixel_hash for a, b in fused.pairs], bool)
    duplicate: Scores = np.where(equal, CERTAIN, np.clip(found.duplicate, 1e-4, 0.999)).astype(np.float32)
    same_image: Scores = np.where(equal, CERTAIN, np.minimum(found.same_image, duplicate)).astype(np.float32)
    scores = np.log10(duplicate / (1 - duplicate)) + SURPRISE_WEIGHT * np.clip(surprise, -3, 10)
    ranked = Fused(fused.pairs, scores.astype(np.float32), fused.similarity, fused.ranks)
    return Judged(ranked, details, Probabilities(duplicate, same_image))


def _corrected_by_people(photos: Sequence[Photo], fused: Fused, found: Probabilities) -> Probabilities:
    """By all pairs among the photos on which people agree; what is a share of the first chance stays one."""
    row_of = {(photos[a].pk, photos[b].pk): row for row, (a, b) in enumerate(fused.pairs)}
    settled = {pair: answer for pair, answer in settled_pairs(photos).items() if pair in row_of}
    if not settled:
        return found
    rows = [row_of[pair] for pair in settled]
    correct = correction_by(
        found.duplicate[rows], np.array([answer == Verdict.Answer.YES for answer in settled.values()])
    )
    duplicate = correct(found.duplicate)
    share = found.same_image / np.maximum(found.duplicate, np.float32(1e-6))
    return Probabilities(duplicate, np.asarray(duplicate * share, np.float32))
