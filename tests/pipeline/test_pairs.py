from itertools import combinations

import pytest
from django.utils import timezone

from ndd_app.description import DublinCoreAdapter
from ndd_app.models import Candidate, Photo
from ndd_app.pipeline.pairs import (
    SOME,
    common_partner,
    count_at_chance,
    count_pairs,
    count_shown,
    next_open_pair,
    place_in_queue,
    possible_duplicates,
)
from ndd_app.pipeline.review import record_verdict
from tests.factories import make_cataloguer, make_collection, make_pair, make_photo

pytestmark = pytest.mark.django_db


@pytest.fixture
def album():
    return make_collection(show_from=0.5, matched_at=timezone.now())


@pytest.fixture
def photos(album):
    return [make_photo(album) for _ in range(4)]


@pytest.fixture
def pairs(photos) -> list[Candidate]:
    """Shown pairs of the first photo with each of the others, likeliest first."""
    first, *others = photos
    return [make_pair(first, other, score) for other, score in zip(others, (0.9, 0.8, 0.7), strict=True)]


@pytest.fixture
def ana():
    return make_cataloguer("ana")


class ByFolder(DublinCoreAdapter):
    """A host that keeps all scans of a folder on one record."""

    def same_record(self, one: Photo, other: Photo) -> bool:
        return one.path.partition("/")[0] == other.path.partition("/")[0]


def test_however_many_pairs_a_host_has_put_on_one_record_the_next_one_is_found(settings, album, ana):
    settings.NDD_DESCRIPTION_ADAPTER = f"{__name__}.ByFolder"
    of_one_record = [make_photo(album, f"box/{number}.jpg") for number in range(8)]
    for one, other in combinations(of_one_record, 2):
        make_pair(one, other, 0.99)
    last = make_pair(of_one_record[0], make_photo(album, "other/1.jpg"), 0.6)
    assert len(Candidate.objects.all()) > SOME
    assert next_open_pair(album, ana) == last


def test_the_next_open_pair_begins_anew_at_the_end(album, pairs, ana):
    assert next_open_pair(album, ana) == pairs[0]
    assert next_open_pair(album, ana, pairs[0]) == pairs[1]
    assert next_open_pair(album, ana, pairs[2]) == pairs[0]


def test_what_one_person_is_unsure_about_is_left_to_the_others(album, pairs, ana):
    record_verdict(pairs[0].first, pairs[0].second, "unsure", ana)
    assert next_open_pair(album, ana) == pairs[1]
    assert next_open_pair(album, make_cataloguer("bojan")) == pairs[0]


def test_what_somebody_answered_is_open_to_nobody(album, pairs, ana):
    record_verdict(pairs[0].first, pairs[0].second, "yes", ana)
    assert next_open_pair(album, make_cataloguer("bojan")) == pairs[1]


def test_pairs_below_the_threshold_are_not_in_the_queue(album, photos, pairs, ana):
    weak = make_pair(photos[1], photos[2], 0.3)
    place = place_in_queue(album, weak, ana)
    assert (place.position, place.total, place.previous, place.next) == (None, 3, pairs[2], None)


def test_scans_that_were_put_on_one_record_are_skipped(album, photos, pairs, ana):
    for photo in photos[:2]:
        photo.record = "R-1"
        photo.save()
    assert next_open_pair(album, ana) == pairs[1]


def test_counts_leave_out_what_is_settled_as_no(album, photos, pairs, ana):
    record_verdict(pairs[0].first, pairs[0].second, "no", ana)
    assert count_shown(photos, ana) == {photos[0].pk: 2, photos[2].pk: 1, photos[3].pk: 1}
    assert count_pairs([album], ana) == {album.pk: 2}


def test_a_pair_that_people_confirmed_is_shown_however_unlikely_and_needs_no_review(album, photos, pairs, ana):
    weak = make_pair(photos[1], photos[2], 0.3)
    record_verdict(weak.first, weak.second, "yes", ana)
    place = place_in_queue(album, weak, ana)
    assert (place.position, place.total, place.open) == (4, 4, 3)
    assert (count_pairs([album], ana), count_shown(photos, ana)[photos[1].pk]) == ({album.pk: 4}, 2)
    record_verdict(weak.first, weak.second, "no", make_cataloguer("bojan"))
    assert count_pairs([album], ana) == {album.pk: 3}


def test_what_people_confirmed_is_shown_at_any_chance_and_not_expected_to_be_false(album, photos, pairs, ana):
    record_verdict(pairs[2].first, pairs[2].second, "yes", ana)
    shown, false = count_at_chance(album, 0.85)
    assert (shown, false) == (2, pytest.approx(0.1))


def test_partners_stand_best_first_by_what_is_known(photos, pairs, ana):
    make_pair(photos[1], photos[2], 0.3)
    record_verdict(photos[1], photos[3], "yes", ana)
    found = possible_duplicates(photos[1], ana)
    assert [pair.partner for pair in found.to_see] == [photos[0], photos[3]]
    assert [pair.partner for pair in found.less_likely] == [photos[2]]


def test_the_likeliest_common_partner_that_may_be_seen_is_named(album, photos, pairs):
    _, one, other, _ = photos
    assert common_partner(one, other, Photo.objects.all()) == photos[0]
    assert common_partner(one, other, Photo.objects.exclude(pk=photos[0].pk)) is None
    assert common_partner(photos[0], one, Photo.objects.all()) is None
