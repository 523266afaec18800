"""Whether the chances hold, on the page of groups and where an administrator chooses the chance."""

import re

import pytest
from django.urls import reverse
from django.utils.translation import override

from ndd_app.description import DublinCoreAdapter
from ndd_app.pipeline.reliability import FEWEST, Tenth
from ndd_app.pipeline.review import record_verdict
from ndd_app.views.reliability import LARGEST, SIDE, plot_reliability
from tests.factories import make_collection, make_pair, make_photo

PAGES = ("groups", "admin")


class OnlyTheFirst(DublinCoreAdapter):
    def visible(self, user, photos):
        return photos.filter(path="first.jpg")


@pytest.fixture
def settle(collection, cataloguer):
    """Let people settle so many pairs with a chance of 85 %, all but three of them with yes."""
    photos = [make_photo(collection, seed=1) for _ in range(8)]
    pairs = [(one, other) for one in photos for other in photos if one.pk < other.pk]

    def answer(number: int) -> None:
        for place, (one, other) in enumerate(pairs[:number]):
            make_pair(one, other, 0.85)
            record_verdict(one, other, "no" if place < 3 else "yes", cataloguer)

    return answer


def page(client, collection, name: str) -> str:
    groups, admin = reverse("ndd:groups", args=[collection.slug]), "admin:ndd_app_collection_change"
    return client.get(groups if name == "groups" else reverse(admin, args=[collection.pk])).content.decode()


@pytest.mark.parametrize("name", PAGES)
def test_few_settled_pairs_are_a_sentence_alone(boss, collection, settle, name):
    settle(FEWEST - 1)
    found = page(boss, collection, name)
    assert "People agree on 19 pairs so far. From 20 on, this page compares their answers with the chances." in found
    assert "people confirmed" not in found
    assert 'class="diagonal"' not in found


@pytest.mark.parametrize("name", PAGES)
def test_the_answers_stand_beside_the_chances(boss, collection, settle, name):
    settle(FEWEST)
    found = page(boss, collection, name)
    assert "Of 20 pairs with a chance between 80 and 90&nbsp;%, people confirmed 17." in found
    assert found.count("<circle") == 1


def test_the_plot_is_drawn_where_numbers_have_a_decimal_comma(boss, collection, settle):
    settle(FEWEST)
    with override("de"):
        found = page(boss, collection, "groups")
    drawn = re.findall(r'c[xy]="([^"]+)"', found)
    assert drawn
    assert all(map(float, drawn))


def test_pairs_with_photos_that_one_may_not_see_are_in_no_number(boss, collection, cataloguer, settings):
    photos = [make_photo(collection, path) for path in ("first.jpg", "second.jpg")]
    make_pair(*photos, 0.85)
    record_verdict(*photos, "yes", cataloguer)
    assert "agree on 1 pair " in page(boss, collection, "admin")
    settings.NDD_DESCRIPTION_ADAPTER = "tests.web.test_reliability.OnlyTheFirst"
    assert "agree on 0 pairs " in page(boss, collection, "admin")


def test_visitors_and_new_collections_are_shown_nothing_of_it(client, boss, settle, collection):
    settle(FEWEST)
    collection.is_public = True
    collection.save()
    assert "chances be trusted" not in page(client, collection, "groups")
    assert "chances be trusted" not in boss.get(reverse("admin:ndd_app_collection_add")).content.decode()
    make_photo(other := make_collection("other"))
    assert "agree on 0 pairs" in page(boss, other, "groups")


def test_points_lie_at_their_chance_and_share_and_their_area_is_the_number_of_pairs():
    few, many = plot_reliability([Tenth(2, 0.25, 10, 5), Tenth(9, 0.95, 40, 40)]).points
    assert (few.x, few.y, few.lower, few.upper) == (SIDE / 4, SIDE / 2, 20, 30)
    assert (many.x, many.y, many.high) == (0.95 * SIDE, 0, 0)
    assert (many.radius, few.radius) == (LARGEST, LARGEST / 2)
    assert few.low - few.y == pytest.approx(few.y - few.high)  # half of them: as far up as down
