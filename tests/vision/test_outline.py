import cv2
import numpy as np
import pytest

from ndd_app.vision.augmentations import damage
from ndd_app.vision.outline import continuation
from tests.pictures import draw_photo

PHOTO = draw_photo(3, 320, 240)


def grey(pixels):
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)


def box(left: float, top: float, right: float, bottom: float):
    return np.float32([[left, top], [right, top], [right, bottom], [left, bottom]])


def test_a_scene_goes_on_beyond_the_edge_of_a_crop():
    assert continuation(grey(PHOTO), box(0.2, 0.15, 0.75, 0.6)) > 0.6


def test_a_mount_begins_anew():
    mounted = damage(PHOTO, [("mount", 1.0)], seed=2)
    margin, side = round(0.14 * 320), max(mounted.shape)
    edges = [margin, margin, margin + 320, margin + 240]
    assert continuation(grey(mounted), box(*(edge / side for edge in edges))) < 0.4


def test_outlines_beyond_the_scan_say_nothing():
    assert continuation(grey(PHOTO), box(-0.5, -0.5, 1.5, 1.5)) is None


def test_what_does_not_vary_does_not_go_on():
    assert continuation(np.full((240, 320), 200, np.uint8), box(0.2, 0.2, 0.6, 0.6)) == pytest.approx(0)
