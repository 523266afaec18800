import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from ndd_app.models import Candidate, Verdict
from ndd_app.pipeline.reliability import Tenth, tenths_of
from ndd_app.pipeline.review import record_verdict
from tests.factories import make_cataloguer, make_collection, make_pair, make_photo

pytestmark = pytest.mark.django_db


@pytest.fixture
def album():
    return make_collection(is_public=True, matched_at=timezone.now())


@pytest.fixture
def ana():
    return make_cataloguer("ana")


@pytest.fixture
def answer(album, ana):
    """Make a pair with this chance, and let Ana answer."""

    def make(chance: float, given: str = "") -> Candidate:
        pair = make_pair(make_photo(album, seed=1), make_photo(album, seed=2), chance)
        if given:
            record_verdict(pair.first, pair.second, given, ana)
        return pair

    return make


def numbers(album, person) -> list[tuple[int, int, int]]:
    return [(tenth.number, tenth.pairs, tenth.confirmed) for tenth in tenths_of(album, person)]


def test_settled_pairs_are_counted_by_tenths_of_their_chance(album, ana, answer):
    for chance, given in ((0.81, "yes"), (0.85, "no"), (0.89, "yes"), (0.3, "no"), (1.0, "yes")):
        answer(chance, given)
    answer(0.85, "unsure")
    answer(0.85)
    assert numbers(album, ana) == [(3, 1, 0), (8, 3, 2), (9, 1, 1)]
    assert tenths_of(album, ana)[1].chance == pytest.approx(0.85)


def test_the_chance_before_the_first_answer_counts_and_the_answer_after_the_last(album, ana, answer):
    pair = answer(0.65, "yes")
    Candidate.objects.filter(pk=pair.pk).update(probability=0.98)  # matched again, corrected by the answer
    record_verdict(pair.first, pair.second, "no", ana)
    assert numbers(album, ana) == [(6, 1, 0)]


def test_a_pair_that_a_person_named_first_had_no_chance(album, ana):
    one, other = make_photo(album, seed=1), make_photo(album, seed=2)
    record_verdict(one, other, "yes", ana)
    make_pair(one, other, 0.9)
    record_verdict(one, other, "yes", ana)
    assert numbers(album, ana) == []


def test_pairs_on_which_people_differ_are_not_settled(album, ana, answer):
    pair = answer(0.8, "yes")
    record_verdict(pair.first, pair.second, "no", make_cataloguer("bojan"))
    assert numbers(album, ana) == []


def test_pairs_with_photos_that_are_gone_are_left_out(album, ana, answer):
    answer(0.8, "yes").first.delete()
    assert Verdict.objects.count() == 1
    assert numbers(album, ana) == []


def test_pairs_across_collections_count_for_those_who_see_both(album, ana, answer):
    secret = make_collection("secret")
    pair = make_pair(make_photo(album), make_photo(secret), 0.8)
    record_verdict(pair.first, pair.second, "yes", ana)
    answer(0.8, "yes")
    assert numbers(album, ana) == [(8, 2, 2)]
    assert numbers(secret, ana) == [(8, 1, 1)]
    assert numbers(album, AnonymousUser()) == [(8, 1, 1)]
    assert numbers(secret, AnonymousUser()) == []


def test_the_interval_of_a_share_is_wilsons():
    low, high = Tenth(9, 0.95, 10, 9).interval
    assert (low, high) == (pytest.approx(0.5958, abs=1e-4), pytest.approx(0.9821, abs=1e-4))
    assert Tenth(9, 0.95, 5, 5).interval[1] == 1
    assert Tenth(0, 0.05, 5, 0).interval[0] == 0
