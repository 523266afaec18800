from functools import lru_cache

import cv2
import numpy as np

from ndd_app.vision.classical import KEYPOINTS, RootSift, keypoints_of
from ndd_app.vision.geometry import Scan, match_keypoints, register
from ndd_app.vision.images import Pixels
from ndd_app.vision.tilts import APART, RATIO, VIEWS, Tilted, match_views
from ndd_app.vision.verification import FEWEST_CELLS_TILTED, verify, verify_tilted
from tests.pictures import captioned, draw_photo

PHOTO = draw_photo(1, 480, 360)


def slanted(pixels: Pixels, share: float = 0.4) -> Pixels:
    """As seen by a camera that stands to the left: so much of the width is left."""
    smooth = cv2.GaussianBlur(pixels, (0, 0), sigmaX=0.4 / share, sigmaY=0.1)
    return np.asarray(cv2.resize(smooth, None, fx=share, fy=1, interpolation=cv2.INTER_AREA), np.uint8)


@lru_cache
def photo_seen(views: int) -> Scan:
    return scan(PHOTO, views)


def scan(pixels: Pixels, views: int = VIEWS) -> Scan:
    [features] = (Tilted() if views > 1 else RootSift()).extract([pixels])
    grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    return Scan(features, grey, pixels.shape[1], pixels.shape[0], views)


def test_keypoints_of_all_views_lie_in_the_photo_itself():
    [features] = Tilted().extract([PHOTO])
    assert KEYPOINTS < len(features) <= VIEWS * KEYPOINTS
    places = keypoints_of(features)
    for axis, side in (("x", 480), ("y", 360)):
        assert places[axis].min() > -2
        assert places[axis].max() < side + 2


def test_matches_are_mutual_and_clear_before_other_places_as_in_a_plain_loop():
    random = np.random.default_rng(3)
    ours, theirs = (random.random((count, 4)).astype(np.float32) for count in (60, 50))
    ours[:20] = theirs[10:30] + 0.02 * random.random((20, 4)).astype(np.float32)
    ours, theirs = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (ours, theirs))
    here, there = (np.round(random.random((count, 2)), 1).astype(np.float32) for count in (60, 50))
    nearness, expected = ours @ theirs.T, []
    for row, column in enumerate(nearness.argmax(axis=1)):
        elsewhere = np.linalg.norm(there - there[column], axis=1) > APART
        elsewhere_here = np.linalg.norm(here - here[row], axis=1) > APART
        rest = max(nearness[row, elsewhere].max(), nearness[elsewhere_here, column].max())
        if nearness[:, column].argmax() == row and 1 - nearness[row, column] < RATIO**2 * (1 - rest):
            expected.append([row, column])
    assert expected
    assert match_views(ours, theirs, here, there).tolist() == expected


def test_a_photo_seen_at_a_slant_matches_only_through_its_views():
    other = slanted(PHOTO)
    plain = verify(photo_seen(1), scan(other, views=1))
    found = verify_tilted(photo_seen(VIEWS), scan(other), plain)
    assert plain == {}
    assert found["cells"] > 100
    assert found["views"] == VIEWS
    corner = np.array(found["homography"]).reshape(3, 3) @ [1, 0.75, 1]
    assert np.allclose(corner[:2] / corner[2] * max(other.shape[:2]), [192, 360], atol=4)


def test_no_view_makes_strangers_with_one_caption_a_pair():
    one, other = (captioned(picture) for picture in (PHOTO, draw_photo(2, 480, 360)))
    known = verify(scan(one, views=1), scan(other, views=1))
    assert verify_tilted(scan(one), scan(other), known) == known
    assert verify_tilted(scan(one), scan(other), {}) == {}


def test_what_lies_where_the_views_find_a_mark_is_the_mark_and_what_lies_elsewhere_is_not():
    """A few accidental points within tolerance bend the homography: then a mark lies less exactly than it is."""
    one, other = (captioned(picture) for picture in (PHOTO, draw_photo(2, 480, 360)))
    loose = verify(scan(one, views=1), scan(other, views=1)) | {"mark": False, "residual": 0.003}
    found = verify_tilted(scan(one), scan(other), loose)
    assert (found["mark"], found["residual"] < 0.001) == (True, True)
    elsewhere = loose | {"points": [[x, y, there + 0.2, down] for x, y, there, down in loose["points"]], "cells": 5}
    assert verify_tilted(scan(one), scan(other), elsewhere) is elsewhere


def test_each_match_of_two_places_counts_once():
    first, second = photo_seen(VIEWS), scan(slanted(PHOTO, 0.5))
    pairs = match_keypoints(first, second)
    places = np.hstack([first.points[pairs[:, 0]], second.points[pairs[:, 1]]])
    assert len(np.unique((places / 0.008).astype(int), axis=0)) == len(pairs)
    found = register(first, second)
    assert found is not None
    assert found.inliers <= found.matches == len(pairs)


def test_matches_that_lie_apart_from_each_other_say_nothing():
    """As in two pictures of a series, of which each has the same furniture at another place."""
    strips = np.split(PHOTO, 4, axis=1)
    moved = np.hstack([strips[place] for place in (2, 0, 3, 1)])
    found = register(photo_seen(VIEWS), scan(moved))
    assert found is not None
    assert found.cells > FEWEST_CELLS_TILTED
    assert verify_tilted(photo_seen(VIEWS), scan(moved), {}) == {}


def test_strangers_and_sheets_keep_what_is_known():
    known = {"cells": 7, "mirrored": False, "inverted": False}
    assert verify_tilted(photo_seen(VIEWS), scan(draw_photo(2, 480, 360)), known) is known
    sheet = np.full((360, 480, 3), 240, np.uint8)
    for line in range(30, 340, 30):
        cv2.putText(sheet, f"received {line * 37} of the 3rd", (20, line), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (30, 30, 30))
    assert verify_tilted(scan(sheet), scan(slanted(sheet, 0.7)), known) is known
    assert register(scan(sheet), scan(slanted(sheet, 0.7)))
