"""All evidence of a pair as one probability, and the ranking that follows from it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ndd_app.models import Photo, Verdict
from ndd_app.pipeline.review import settled_pairs
from ndd_app.pipeline.verification import registered
from ndd_app.vision.calibration import Probabilities, evidence_of, shipped_calibration
from ndd_app.vision.neighbours import Fused, Indices, Scores
from ndd_app.vision.partners import Partners, either
from ndd_app.vision.recalibration import correction_by
from ndd_app.vision.verification import Details

SURPRISE_WEIGHT = 0.05
"""Equal probabilities are put in order by the surprise."""
CERTAIN = 0.9999

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


def judge(photos: Sequence[Photo], fused: Fused) -> Judged:
    """The ranking score is the log10 of the odds that a pair is one image or two exposures of one scene.

    Of pairs with like odds the likelier image comes first: all exposures of a plate match a print of one of them.
    """
    details = registered(photos, fused.pairs)
    surprise = np.nan_to_num(fused.scores, neginf=-3.0)
    found = shipped_calibration().probabilities(evidence_of(surprise, details))
    answers = _answers(photos, fused.pairs)
    found = _corrected_by_people(answers, found)
    found = _with_partners(photos, fused.pairs, details, answers, found)
    equal = _of_equal_pixels(photos, fused.pairs)
    duplicate: Scores = np.where(equal, CERTAIN, np.clip(found.duplicate, 1e-4, 0.999)).astype(np.float32)
    same_image: Scores = np.where(equal, CERTAIN, np.minimum(found.same_image, duplicate)).astype(np.float32)
    scores = np.log10(duplicate / (1 - duplicate)) + same_image + SURPRISE_WEIGHT * np.clip(surprise, -3, 10)
    ranked = Fused(fused.pairs, scores.astype(np.float32), fused.similarity, fused.ranks)
    return Judged(ranked, details, Probabilities(duplicate, same_image))


def pairs_with_a_common_partner(photos: Sequence[Photo], judged: Judged) -> Indices:
    """(m, 2): also pairs that no encoder proposes."""
    answers = _answers(photos, judged.fused.pairs)
    return _partners(photos, judged.fused.pairs, judged.details, answers, judged.probabilities).pairs_in_common()


def _with_partners(
    photos: Sequence[Photo], pairs: Indices, details: list[Details], answers: Answers, own: Probabilities
) -> Probabilities:
    through = _partners(photos, pairs, details, answers, own).chances_through(pairs)
    return Probabilities(either(own.duplicate, through.duplicate), either(own.same_image, through.same_image))


def _partners(
    photos: Sequence[Photo], pairs: Indices, details: list[Details], answers: Answers, own: Probabilities
) -> Partners:
    """What people have settled, and files with equal pixels, are steps whatever the machine thinks of them."""
    duplicate, same_image = own.duplicate.copy(), own.same_image.copy()
    for row, is_yes in answers.items():
        same_image[row] *= (CERTAIN if is_yes else 0) / max(duplicate[row], 1e-6)
        duplicate[row] = CERTAIN if is_yes else 0
    equal = _of_equal_pixels(photos, pairs)
    duplicate[equal] = same_image[equal] = CERTAIN
    sizes = [(photo.width, photo.height) for photo in photos]
    return Partners.among(pairs, Probabilities(duplicate, same_image), details, sizes)


def _of_equal_pixels(photos: Sequence[Photo], pairs: Indices) -> npt.NDArray[np.bool_]:
    return np.array([photos[a].pixel_hash == photos[b].pixel_hash for a, b in pairs], bool)


def _answers(photos: Sequence[Photo], pairs: Indices) -> Answers:
    row_of = {(photos[a].pk, photos[b].pk): row for row, (a, b) in enumerate(pairs)}
    settled = settled_pairs(photos).items()
    return {row_of[pair]: answer == Verdict.Answer.YES for pair, answer in settled if pair in row_of}


def _corrected_by_people(answers: Answers, found: Probabilities) -> Probabilities:
    """By all pairs among the photos on which people agree; what is a share of the first chance stays one."""
    if not answers:
        return found
    correct = correction_by(found.duplicate[list(answers)], np.array(list(answers.values())))
    duplicate = correct(found.duplicate)
    share = found.same_image / np.maximum(found.duplicate, np.float32(1e-6))
    return Probabilities(duplicate, np.asarray(duplicate * share, np.float32))
