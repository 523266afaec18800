"""Geometry's evidence on the compare page."""

import pytest
from django.urls import reverse

from ndd_app.models import Registration
from ndd_app.views.overlay import convex_hull, inverse, overlay_of, project
from tests.factories import make_photo
from tests.pictures import draw_photo

IDENTITY = (1, 0, 0, 0, 1, 0, 0, 0, 1)
HALF_AND_SHIFTED = (0.5, 0, 0.25, 0, 0.5, 0.125, 0, 0, 1)
POINTS = [[0.1, 0.1, 0.3, 0.175], [0.9, 0.1, 0.7, 0.175], [0.5, 0.3, 0.5, 0.275], [0.5, 0.6, 0.5, 0.425]]
SIDES = {key: [0.5, 0.5] for key in ("coverage", "overlap", "outside", "agreement", "tone")}
NUMBERS = {"matches": 9, "inliers": 8, "cells": 7, "share": 0.5, "scale": 1, "rotation": 0, "residual": 0.001}
FOUND = {**NUMBERS, **SIDES, "mirrored": False, "inverted": False, "correlation": 0.9, "rest": None, "paper": 0.0}
WHOLE = [(0, 0), (320, 0), (320, 240), (0, 240)]


def register(one, other, homography=IDENTITY, **details) -> Registration:
    details = FOUND | {"homography": homography, "points": POINTS} | details
    return Registration.objects.create(first=one, second=other, recipe="test", details=details)


def laid(one, other):
    return overlay_of(one, other, Registration.objects.between(one, other))


def flat(points) -> list[float]:
    return [value for point in points for value in point]


def page(client, one, other) -> str:
    return client.get(reverse("ndd:compare", args=[one.pk, other.pk])).content.decode()


def test_equal_scans_lie_on_each_other(described, bare):
    register(described, bare)
    overlay = laid(described, bare)
    assert flat(overlay.first.quad) == flat(overlay.second.quad) == pytest.approx(flat(WHOLE))
    assert overlay.matrix3d == "matrix3d(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1)"


def test_each_scan_has_the_corners_of_the_other_one(described, bare):
    register(described, bare, HALF_AND_SHIFTED)
    overlay = laid(described, bare)
    assert flat(overlay.second.quad) == pytest.approx([80, 40, 240, 40, 240, 160, 80, 160])
    assert flat(overlay.first.quad) == pytest.approx([-160, -80, 480, -80, 480, 400, -160, 400])
    assert overlay.matrix3d == "matrix3d(2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0, -360, -180, 0, 1)"


def test_sides_may_be_swapped(described, bare):
    register(described, bare, HALF_AND_SHIFTED)
    overlay, swapped = laid(described, bare), laid(bare, described)
    assert (swapped.first, swapped.second) == (overlay.second, overlay.first)
    assert swapped.matrix3d == "matrix3d(0.5, 0, 0, 0, 0, 0.5, 0, 0, 0, 0, 1, 0, 180, 90, 0, 1)"


def test_places_count_in_longer_sides(collection, described):
    upright = make_photo(collection, pixels=draw_photo(2, 100, 200))
    register(described, upright)
    assert flat(laid(described, upright).first.quad) == pytest.approx([0, 0, 160, 0, 160, 320, 0, 320])


def test_the_inverse_leads_back():
    homography = (0.9, 0.1, 0.05, -0.2, 1.1, 0.3, 0.1, -0.05, 1)
    corners = [(0, 0), (1, 0), (1, 0.75), (0, 0.75)]
    assert flat(project(project(corners, homography), inverse(homography))) == pytest.approx(flat(corners))


def test_what_lies_behind_the_viewer_is_not_drawn():
    assert project([(0, 0), (1, 0)], (1, 0, 0, 0, 1, 0, -1.5, 0, 1)) == ()


def test_the_outline_has_no_inner_points():
    assert set(convex_hull([(0, 0), (4, 0), (4, 4), (0, 4), (2, 2), (2, 0)])) == {(0, 0), (4, 0), (4, 4), (0, 4)}


def test_the_page_draws_what_was_found(ana, described, bare):
    assert "<svg viewBox" not in page(ana, described, bare)
    row = register(described, bare, inverted=True)
    assert page(ana, described, bare).count('<svg viewBox="0 0 320 240"') == 2
    assert "tones inverted" in page(ana, bare, described)
    Registration.objects.filter(pk=row.pk).update(details={})
    assert "<svg viewBox" not in page(ana, described, bare)
