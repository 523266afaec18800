"""Pages in a site that writes large numbers with separators: no address and no form may hold one."""

import re

import pytest
from django.urls import reverse

from ndd_app.models import Photo, Verdict
from tests.factories import make_pair, make_photo, record_page

IN_AN_ATTRIBUTE = re.compile(r'\b(?:href|value|width|height|id|aria-labelledby)="[^"]*\d,\d{3}[^"]*"')


@pytest.fixture
def two(settings, collection):
    settings.USE_THOUSAND_SEPARATOR = True
    photos = [make_photo(collection, pk=pk) for pk in (1234, 5678)]
    Photo.objects.update(width=4000, height=3000)
    make_pair(*photos)
    return photos


@pytest.mark.parametrize("page", ["collection", "record", "record_edit", "compare", "explain", "groups"])
def test_numbers_in_attributes_are_written_plainly(ana, collection, two, page):
    one, other = two
    address = {
        "collection": collection.get_absolute_url(),
        "record": record_page(one),
        "record_edit": reverse("record_edit", args=[one.pk]),
        "compare": reverse("ndd:compare", args=[one.pk, other.pk]) + f"?back={one.pk}",
        "explain": reverse("ndd:explain", args=[one.pk, other.pk]),
        "groups": reverse("ndd:groups", args=["album"]),
    }[page]
    assert IN_AN_ATTRIBUTE.findall(ana.get(address).content.decode()) == []


def test_a_group_of_photos_with_large_ids_is_confirmed(ana, two):
    page = ana.get(reverse("ndd:groups", args=["album"])).content.decode()
    members = re.findall(r'name="member" value="([^"]*)"', page)
    ana.post(reverse("ndd:confirm_group", args=["album"]), {"member": members})
    assert Verdict.objects.get().answer == "yes"
