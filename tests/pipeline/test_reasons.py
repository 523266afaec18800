import pytest

from ndd_app.models import Registration
from ndd_app.pipeline import reasons
from ndd_app.pipeline.reasons import reason_of_ranks, reasons_for
from ndd_app.vision import grain
from tests.factories import make_collection, make_pair, make_photo

pytestmark = pytest.mark.django_db

DETAILS = {
    "inliers": 112,
    "matches": 130,
    "cells": 60,
    "share": 0.4,
    "coverage": [0.81, 0.52],
    "overlap": [1.0, 0.64],
    "correlation": 0.97,
    "rotation": -1.8,
    "mirrored": False,
    "inverted": False,
    "paper": 0.2,
    "points": [],
}


@pytest.fixture
def photos():
    album = make_collection()
    return make_photo(album), make_photo(album)


def register(photos, **details) -> Registration:
    return Registration.objects.create(first=photos[0], second=photos[1], recipe="r", details=details)


def test_matching_points_are_named_with_the_left_scan_first(photos):
    found = register(photos, **DETAILS)
    there, back = (" ".join(reasons_for(*pair, None, found)) for pair in (photos, photos[::-1]))
    assert (
        "112 matching points that span 81 % and 52 % of the scans, turned by 1.8°, aligned correlation 0.97." in there
    )
    assert "span 52 % and 81 % of the scans" in back
    assert "64 % of the left scan" in back


@pytest.mark.parametrize(
    ("likeness", "form", "words"),
    [
        (0.6, False, "the grain of the paper is the same"),
        (0.05, True, "the grain of the paper differs: perhaps two of one form"),
        (None, True, "little of what is on them matches: perhaps two of one form"),
        (0.2, False, ""),
    ],
)
def test_of_two_sheets_one_sentence_says_whether_they_are_one(photos, likeness, form, words):
    details = {"paper": 0.95, "grain": likeness, "form": form, "mark": words != ""}
    found = " ".join(reasons_for(*photos, None, register(photos, **DETAILS | details)))
    assert words in found
    assert found.count("sheets") == bool(words)
    assert "caption" not in found


def test_pages_judge_the_grain_as_geometry_does():
    assert (reasons.OTHER_GRAIN, reasons.SAME_GRAIN) == (grain.OTHER, grain.SAME)


def test_mirrored_negatives_are_called_so(photos):
    words = " ".join(reasons_for(*photos, None, register(photos, **DETAILS | {"mirrored": True, "inverted": True})))
    assert "mirrored, turned by" in words
    assert "One of them is a negative." in words


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (
            {"views": 18},
            "The points were found by looking at both scans from other sides, as a camera at a slant does.",
        ),
        (
            {"bent": True},
            "They lie on each other along a curve: a print that is not flat, or a thing seen from another side.",
        ),
    ],
    ids=["tilted", "bent"],
)
def test_what_is_unusual_about_the_points_is_said(photos, how, words):
    assert words not in reasons_for(*photos, None, register(photos, **DETAILS))
    Registration.objects.all().delete()
    assert words in reasons_for(*photos, None, register(photos, **DETAILS, **how))


def test_a_retouched_place_is_a_word_of_warning(photos):
    pair, words = make_pair(*photos), "perhaps a retouch"
    assert words not in " ".join(reasons_for(*photos, pair, None))
    pair.flags = ["retouched"]
    assert words in " ".join(reasons_for(*photos, pair, None))


def test_what_lies_exactly_alike_while_the_rest_differs_is_called_a_mark(photos):
    mark = DETAILS | {"coverage": [0.1, 0.08], "mark": True}
    assert "perhaps a caption, a stamp or a chart on both" in " ".join(
        reasons_for(*photos, None, register(photos, **mark))
    )


@pytest.mark.parametrize("other", [{"mark": False}, {"coverage": [0.6, 0.7]}])
def test_and_not_where_it_may_be_something_else(photos, other: dict):
    details = DETAILS | {"coverage": [0.1, 0.08], "mark": True} | other
    assert "perhaps a caption" not in " ".join(reasons_for(*photos, None, register(photos, **details)))


def test_failed_geometry_says_nothing_against_the_pair(photos):
    assert "That says nothing against the pair" in reasons_for(*photos, None, register(photos))[0]


def test_without_a_matching_there_are_no_reasons(photos):
    assert reasons_for(*photos, None, None) == []


def test_of_a_stored_pair_that_geometry_never_looked_at_it_is_said(photos):
    pair, words = make_pair(*photos), "Geometry did not look at these two."
    assert reasons_for(*photos, pair, None)[:2] == [words, "Only how alike they look as a whole speaks for this pair."]
    assert words not in reasons_for(*photos, pair, register(photos))


def test_ranks_are_a_reason_of_their_own(photos):
    pair = make_pair(*photos)
    assert reason_of_ranks(pair) == "One is the other's nearest photo in the collection."
    pair.rank_of_first = 1
    assert reason_of_ranks(pair) == "Each is the other's nearest photo in the collection."
    pair.rank_of_first = pair.rank_of_second = None
    assert reason_of_ranks(pair) == reason_of_ranks(None) == ""


def test_equal_files_are_a_reason(photos):
    pair = make_pair(*photos)
    photos[1].pixel_hash, photos[1].checksum = photos[0].pixel_hash, photos[0].checksum
    assert reasons_for(*photos, pair, None) == [
        "Both are the same file.",
        "Geometry did not look at these two.",
    ]


def test_a_common_partner_is_named_where_there_are_no_matching_points(photos):
    words = " ".join(
        reasons_for(*photos, None, register(photos), make_photo(photos[0].collection, title="The harbour"))
    )
    assert "Both are likely duplicates of “The harbour”." in words
    assert "alone" not in words


def test_two_sheets_of_which_little_matches_may_be_of_one_form(photos):
    words = "Both are written or printed sheets, and little of what is on them matches: perhaps two of one form."
    assert words not in reasons_for(*photos, None, register(photos, **DETAILS))
    Registration.objects.all().delete()
    assert words in reasons_for(*photos, None, register(photos, **DETAILS, form=True))
