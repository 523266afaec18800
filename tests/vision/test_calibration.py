from collections.abc import Callable

import cv2
import numpy as np
import pytest

from benchmarks.marks import mark
from benchmarks.sheets import draw_form, draw_page
from ndd_app.vision.augmentations import damage
from ndd_app.vision.calibration import (
    EVIDENCE,
    FAR,
    OF_DUPLICATES,
    Calibration,
    KnownPairs,
    evidence_of,
    shipped_calibration,
)
from ndd_app.vision.classical import describe_keypoints
from ndd_app.vision.geometry import Scan, register
from ndd_app.vision.grain import OTHER, SAME
from ndd_app.vision.images import Pixels
from ndd_app.vision.paper import draw_sheet, write_line
from ndd_app.vision.relations import flags_of, kind_of
from ndd_app.vision.verification import verify
from tests.pictures import captioned, cropped, draw_photo, faded, mirrored, negative, rotated

PHOTO = draw_photo(4, 480, 360)
RANGES = {
    "surprise": (-3, 4), "looseness": (-6, 0), "cells": (0, 7), "consistency": (0, 1),
    "share": (0, 6), "writing": (-1, 0), "rest": (-0.2, 1), "stains": (-0.2, 1), "overlap": (0, 0.8), "tone": (0, 1),
    "precision": (-4, 0), "likeness": (0, 1), "moved": (0, 0.1),
}  # fmt: skip
LOWEST, HIGHEST = zip(*(RANGES[name] for name in EVIDENCE), strict=True)
LETTERS = np.array([*"abcdefghijklmnoprstuvz  "])


def scan(pixels: Pixels) -> Scan:
    grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    return Scan(describe_keypoints(pixels), grey, pixels.shape[1], pixels.shape[0])


def probability(one: Pixels, other: Pixels, surprise: float) -> float:
    evidence = evidence_of(np.array([surprise], np.float32), [verify(scan(one), scan(other))])
    return float(shipped_calibration().probabilities(evidence).duplicate[0])


def draw_back(seed: int, written: bool = False) -> Pixels:
    """The back of a postcard: printed alike on all, with stains, and perhaps a letter, of its own."""
    random = np.random.default_rng(seed)
    sheet = draw_sheet((400, 640), (228, 218, 196), random, relief=7)
    write_line(sheet, "CARTE POSTALE", (320, 50), 40, (70, 60, 60))
    cv2.line(sheet, (320, 110), (320, 370), (70, 60, 60), 2, cv2.LINE_AA)
    for _ in range(40):
        at = int(random.integers(640)), int(random.integers(80, 400))
        cv2.circle(sheet, at, int(random.integers(2, 14)), (206, 192, 164), -1, cv2.LINE_AA)
    if written:
        for top in np.arange(110, 390, 36) + random.integers(0, 30):
            text = "".join(random.choice(LETTERS, int(random.integers(14, 22))))
            write_line(sheet, text, (160 + int(random.integers(-30, 20)), int(top)), 26, (60, 50, 80))
    return cv2.GaussianBlur(sheet, (0, 0), 0.7).astype(np.uint8)


def rescan(pixels: Pixels, seed: int) -> Pixels:
    return damage(pixels, [("fading", 0.3), ("rotation", 0.2), ("jpeg", 0.4)], seed)


def test_stronger_evidence_is_never_less_likely():
    random = np.random.default_rng(0)
    evidence = random.uniform(LOWEST, HIGHEST, (300, len(EVIDENCE))).astype(np.float32)
    usual = shipped_calibration().probabilities(evidence).duplicate
    for column in map(EVIDENCE.index, OF_DUPLICATES):
        stronger = evidence.copy()
        stronger[:, column] += random.uniform(0, 1, 300)
        assert (shipped_calibration().probabilities(stronger).duplicate >= usual - 1e-6).all()


def test_an_image_is_never_likelier_than_image_or_exposure():
    random = np.random.default_rng(1)
    evidence = random.uniform(LOWEST, HIGHEST, (300, len(EVIDENCE))).astype(np.float32)
    found = shipped_calibration().probabilities(evidence)
    assert (found.same_image <= found.duplicate).all()


def test_no_pairs_have_no_probabilities():
    assert len(shipped_calibration().probabilities(evidence_of(np.zeros(0, np.float32), [])).duplicate) == 0


def test_without_matching_points_nothing_makes_one_image_likely():
    surprise = np.linspace(-3, 8, 12, dtype=np.float32)
    found = shipped_calibration().probabilities(evidence_of(surprise, [{} for _ in surprise]))
    assert (found.same_image < 0.1 * found.duplicate).all()


def test_a_rescan_is_likely():
    assert probability(PHOTO, rescan(PHOTO, 1), surprise=1.5) > 0.95


@pytest.mark.parametrize("written", [False, True])
@pytest.mark.parametrize("surprise", [1.0, 4.0])
def test_two_backs_printed_alike_are_not_shown(written: bool, surprise: float):
    assert probability(draw_back(1, written), rescan(draw_back(2, written), 3), surprise) < 0.9


@pytest.mark.parametrize("written", [False, True])
def test_two_scans_of_one_back_are_shown(written: bool):
    assert probability(draw_back(1, written), rescan(draw_back(1, written), 3), surprise=2) > 0.9


@pytest.mark.parametrize(
    ("draw", "kinds"),
    [(draw_form, (16, 17, 18)), (draw_page, (19, 31))],
    ids=["forms of one print, filled in", "pages of one hand"],
)
def test_sheets_that_differ_only_in_their_writing_are_told_apart(draw: Callable[[int, int], Pixels], kinds: list[int]):
    for kind in kinds:
        sheet, other = draw(kind, 501), draw(kind, 502)
        assert probability(sheet, rescan(other, 1), surprise=2) < 0.9
        assert probability(sheet, rescan(sheet, 1), surprise=2) > 0.9


@pytest.mark.parametrize("surprise", [0.5, 2.0])
def test_photos_with_one_caption_are_not_shown(surprise: float):
    other = draw_photo(5, 480, 360)
    assert verify(scan(captioned(PHOTO)), scan(captioned(other))), "the captions match"
    assert probability(captioned(PHOTO), captioned(other), surprise) < 0.9
    assert probability(captioned(PHOTO), captioned(rescan(PHOTO, 1)), surprise) > 0.9


@pytest.mark.parametrize("kind", ["card", "web page"])
def test_photos_on_one_printed_page_are_not_shown(kind: str):
    one, other = mark(PHOTO, kind, 50), mark(draw_photo(5, 480, 360), kind, 50)
    assert verify(scan(one), scan(other)), "the page matches"
    assert probability(one, other, surprise=2) < 0.9
    assert probability(one, mark(rescan(PHOTO, 1), kind, 50), surprise=2) > 0.9


def test_what_matches_at_different_places_is_less_likely():
    details = verify(scan(captioned(PHOTO)), scan(captioned(draw_photo(5, 480, 360))))
    evidence = evidence_of(np.array([2.0, 2.0], np.float32), [details, {**details, "overlap": [0.3, 0.3]}])
    there, elsewhere = shipped_calibration().probabilities(evidence).duplicate
    assert elsewhere < there


def test_it_counts_how_far_a_photo_has_moved_and_not_how_far_a_sheet():
    details = verify(scan(PHOTO), scan(faded(PHOTO)))
    moved = [{**details, "moved": 0.02, "paper": 0.2}, {**details, "moved": 0.3, "paper": 0.2}]
    evidence = evidence_of(np.zeros(3, np.float32), [*moved, {**moved[0], "paper": 0.95}])
    assert evidence[:, EVIDENCE.index("moved")] == pytest.approx([0.02, FAR, FAR])


def test_of_sheets_the_grain_decides_and_stains_where_none_is_seen():
    details = verify(scan(PHOTO), scan(faded(PHOTO)))
    known = [(0.8, OTHER), (0.8, (OTHER + SAME) / 2), (0.8, SAME), (0.8, None), (None, OTHER), (None, None)]
    sheets = [{**details, "paper": 0.95, "rest": rest, "grain": grain} for rest, grain in known]
    evidence = evidence_of(np.zeros(7, np.float32), [*sheets, {**sheets[0], "paper": 0.2}])
    assert evidence[:, EVIDENCE.index("stains")] == pytest.approx([0, 0.5, 1, 0.8, 0, 1, 1])
    assert evidence[:, EVIDENCE.index("rest")] == pytest.approx([1, 1, 1, 1, 1, 1, 0.8])


def test_what_is_written_alike_is_one_sheet_also_on_another_paper():
    details = {**verify(scan(PHOTO), scan(faded(PHOTO))), "paper": 0.95, "grain": 0.0}
    sheets = [{**details, "rest": rest} for rest in (0.85, 0.91, 0.97)]
    stains = evidence_of(np.zeros(3, np.float32), sheets)[:, EVIDENCE.index("stains")]
    assert stains == pytest.approx([0, 0.5, 1])


def test_a_copy_with_a_label_on_it_is_one_image():
    labelled = PHOTO.copy()
    labelled[90:250, 60:270] = 235
    evidence = evidence_of(np.array([3.0], np.float32), [verify(scan(PHOTO), scan(labelled))])
    found = shipped_calibration().probabilities(evidence)
    assert found.same_image > 0.5 * found.duplicate > 0.4


def test_pairs_without_weight_teach_what_one_image_is_and_nothing_else():
    every = KnownPairs.read()
    weighted = every.weight > 0
    rows = (every.evidence, every.duplicate, every.same_image, every.weight)
    of_weighted = Calibration.fit(KnownPairs(*(some[weighted] for some in rows)))
    evidence = every.evidence[~weighted]
    there, without = shipped_calibration().probabilities(evidence), of_weighted.probabilities(evidence)
    assert len(evidence) > 300
    assert (there.duplicate == without.duplicate).all()
    assert there.same_image.mean() > without.same_image.mean() + 0.05


def test_a_crop_is_found_above_a_caption_that_lies_otherwise():
    """There are two ways to lay one on the other, and the caption matches better."""
    one, other = scan(captioned(PHOTO)), scan(captioned(cv2.resize(cropped(PHOTO, 0.6), (480, 360))))
    assert register(one, other).scale == pytest.approx(1, abs=0.01)
    assert verify(one, other)["scale"] == pytest.approx(1 / 0.6, abs=0.02)


@pytest.mark.parametrize(
    ("change", "flags"),
    [
        (faded, []),
        (lambda pixels: cropped(pixels, 0.7), ["crop"]),
        (lambda pixels: rotated(pixels, 7), []),
        (lambda pixels: np.rot90(pixels).copy(), ["turned"]),
        (lambda pixels: damage(pixels, [("mount", 1.0)], 2), []),
    ],
)
def test_flags_say_what_happened_to_the_scan(change, flags: list[str]):
    assert flags_of(verify(scan(PHOTO), scan(change(PHOTO)))) == flags


def test_mirrored_and_inverted_scans_are_flagged():
    from ndd_app.vision.geometry import VARIANTS

    assert flags_of(verify(scan(PHOTO), scan(negative(mirrored(PHOTO))), VARIANTS)) == ["mirrored", "inverted"]


def test_kinds_follow_the_probabilities_and_failed_geometry_claims_no_more_than_a_session():
    found = {"inliers": 100}
    assert kind_of(0.99, 0.9, found) == "same image"
    assert kind_of(0.99, 0.2, found) == "other exposure"
    assert kind_of(0.95, 0.2, {}) == "same session or subject"
    assert kind_of(0.95, 0.9, {}) == "same image"  # by a common partner
    assert kind_of(0.3, 0.1, found) == "look-alike"
