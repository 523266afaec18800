"""A collection may say that it has a likely duplicate and whom to ask, and nothing else, to whoever may not see it."""

import pytest
from django.urls import reverse

from tests.factories import make_collection, make_pair, make_photo, record_page
from tests.web.pomegranate import WORD, pages, reveals, text


@pytest.fixture
def announcing(hidden):
    hidden.collection.announces_matches = True
    hidden.collection.contact = "the head of the map room"
    hidden.collection.save()


SENTENCE = f"There is a likely duplicate in the collection {WORD} Papers. Ask the head of the map room."


def test_a_collection_may_announce_that_it_has_a_likely_duplicate(ana, pair, announcing, described, hidden):
    page = text(ana, record_page(described))
    assert page.count(SENTENCE) == 1
    rest = page.replace(SENTENCE, "")
    assert not reveals(rest)
    assert f"/{hidden.pk}/" not in rest
    assert "95 %" not in rest
    assert "None was found." not in rest


def test_and_says_nothing_of_unlikely_and_refused_pairs(ana, all_that_can_be_known, announcing, hidden):
    likely, _, refused, named = all_that_can_be_known
    unlikely = make_photo(likely.collection, seed=8)
    make_pair(unlikely, hidden, 0.4)
    told = [SENTENCE in text(ana, record_page(photo)) for photo in (likely, named, unlikely, refused)]
    assert told == [True, True, False, False]


def test_it_says_so_once_however_many_there_are(ana, pair, announcing, described, hidden):
    make_pair(described, make_photo(hidden.collection, "other.jpg", title=f"{WORD} seed"), 0.99)
    assert text(ana, record_page(described)).count(WORD) == 1


def test_whoever_may_see_the_pair_is_told_the_pair(staff, pair, announcing, described):
    page = text(staff, record_page(described))
    assert SENTENCE not in page
    assert f"{WORD} tree" in page


def test_announced_pairs_are_in_no_list_and_no_count_either(ana, collection, all_that_can_be_known, announcing):
    records = {record_page(photo) for photo in all_that_can_be_known}
    for page in pages(collection, *all_that_can_be_known):
        if page not in records:
            assert not reveals(text(ana, page)), page


def test_a_visitor_is_told_of_a_collection_that_is_not_public(client, collection, described, bare):
    depot = make_collection("depot", title="Depot", show_from=0.5, announces_matches=True, contact="depot@example.org")
    make_pair(described, make_photo(depot, "d.jpg", title="Depot photo"), 0.9)
    collection.is_public = True
    collection.save()
    page = text(client, record_page(described))
    assert "There is a likely duplicate in the collection Depot. Ask depot@example.org." in page
    assert "Depot photo" not in page


def test_the_setting_is_in_the_admin_and_wants_somebody_to_ask(boss, collection):
    address = reverse("admin:ndd_app_collection_change", args=[collection.pk])
    form = {"title": "Album", "slug": "album", "note": "", "show_from": "0.9", "announces_matches": "on"}
    assert "Say whom people can ask" in boss.post(address, form).content.decode()
    boss.post(address, form | {"contact": "Ana"})
    collection.refresh_from_db()
    assert (collection.announces_matches, collection.contact) == (True, "Ana")
