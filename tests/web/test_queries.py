"""More photos, pairs and jobs must not mean more questions to the database."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ndd_app.pipeline.copying import copy_description
from ndd_app.pipeline.review import record_verdict
from ndd_app.tasks import enqueue
from tests.factories import make_collection, make_encoder, make_pair, make_photo, record_page
from tests.web.receipts import example, stored_receipt


def count_queries(client, address: str) -> int:
    client.get(address)  # what is only asked once, such as the content types, is asked here
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code in (200, 302)
    return len(queries)


def add_photos(collection, person, partner) -> None:
    for _ in range(3):
        photo = make_photo(collection)
        make_pair(photo, partner, detectors=("classical", "phash"))
        record_verdict(photo, partner, "unsure", person)


@pytest.mark.parametrize(
    ("page", "at_most"), [("collections", 8), ("collection", 16), ("record", 12), ("compare", 16), ("admin", 12)]
)
def test_pages_of_photos(boss, cataloguer, collection, described, page, at_most):
    add_photos(collection, cataloguer, described)
    other = make_photo(collection, seed=99)
    make_pair(described, other)
    address = {
        "collections": reverse("collections"),
        "collection": collection.get_absolute_url(),
        "record": record_page(described),
        "compare": reverse("ndd:compare", args=[described.pk, other.pk]),
        "admin": reverse("admin:ndd_app_photo_changelist"),
    }[page]
    few = count_queries(boss, address)
    add_photos(collection, cataloguer, described)
    assert count_queries(boss, address) == few
    assert few <= at_most


@pytest.mark.parametrize("page", ["record", "groups", "compare", "review"])
def test_pairs_across_collections(boss, collection, described, page):
    def add(slug: str) -> None:
        """A new collection with two partners of the described photo."""
        other = make_collection(slug, show_from=0.5, announces_matches=True, contact="Ana")
        for seed in range(2):
            make_pair(described, make_photo(other, f"{slug}{seed}.jpg", seed=seed), 0.9)

    partner = make_photo(collection, seed=99)
    make_pair(described, partner)
    add("few")
    address = {
        "record": record_page(described),
        "groups": reverse("ndd:groups", args=[collection.slug]),
        "compare": reverse("ndd:compare", args=[described.pk, partner.pk]),
        "review": reverse("ndd:review", args=[collection.slug]),
    }[page]
    few = count_queries(boss, address)
    add("more")
    assert count_queries(boss, address) == few


def test_the_list_of_collections(ana, cataloguer, collection, described):
    few = count_queries(ana, reverse("collections"))
    for slug in ("few", "more"):
        enqueue(make_photo(make_collection(slug, is_public=True)).collection, [("embed", {})])
    assert count_queries(ana, reverse("collections")) == few


def test_pages_of_the_work(ana, cataloguer, collection, described):
    addresses = [reverse(f"ndd:{name}") for name in ("copies", "jobs", "encoders")]

    def work(slug: str) -> None:
        album = make_collection(slug)
        make_encoder(album, is_serving=True)
        enqueue(album, [("embed", {}), ("match", {})])
        for field in ("title", "date"):
            copy_description(described, make_photo(album), {field: "fill"}, cataloguer)

    work("few")
    few = [count_queries(ana, address) for address in addresses]
    work("more")
    work("many")
    assert [count_queries(ana, address) for address in addresses] == few


def test_the_page_of_an_encoder(boss, collection, described):
    partner = make_photo(collection)

    def ask(number: int) -> int:
        examples = [example(described, partner, described)] * number
        changes = {"against": None, "gained": [[described.pk, partner.pk]] * number}
        encoder = make_encoder(collection, receipt=stored_receipt(better=examples, worse=examples, changes=changes))
        return count_queries(boss, encoder.get_absolute_url())

    few = ask(1)
    assert ask(6) == few
    assert few <= 22
