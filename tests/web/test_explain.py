"""Why two photos are no pair, told by the web process from what the database holds."""

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from ndd_app.models import EMBEDDING_SIZE, Embedding, Fingerprint, Registration
from ndd_app.pipeline.review import record_verdict
from ndd_app.views.explain import CHOICES
from tests.factories import make_collection, make_encoder, make_pair, make_photo, record_page

PHOTOS = 26


@pytest.fixture
def photos(collection):
    """On a quarter of a circle: the photo at place n is the nth nearest of the first one."""
    encoder = make_encoder(is_serving=True)
    photos = [make_photo(collection, f"{n:02}.jpg", pixels=np.full((8, 8, 3), n, np.uint8)) for n in range(PHOTOS)]
    for number, photo in enumerate(photos):
        embed(photo, encoder, number)
    collection.matched_at = timezone.now()
    collection.save()
    return photos


def embed(photo, encoder, step: float) -> None:
    """Steps grow a little, so that no two are equally far away."""
    vector, angle = np.zeros(EMBEDDING_SIZE), np.radians(3 * step + 0.02 * step**2)
    vector[:2] = np.cos(angle), np.sin(angle)
    Embedding.objects.create(encoder=encoder, photo=photo, vector=vector)


def explain(client, one, other) -> str:
    response = client.get(reverse("ndd:explain", args=[one.pk, other.pk]))
    assert response.status_code == 200
    return response.content.decode()


def row(page: str, there: object, back: object) -> bool:
    return f'<td class="number">{there}</td><td class="number">{back}</td>' in page


def test_the_places_in_the_lists_of_the_fingerprints_are_told_too(ana, photos):
    first, other, between = photos[0], photos[9], photos[20]
    Fingerprint.objects.all().delete()
    for photo, ones in ((first, 0), (other, 2), (between, 1)):
        Fingerprint.objects.create(photo=photo, phash="1" * ones + "0" * (64 - ones), block_mean="0" * 256)
    page = explain(ana, first, other)
    assert "pHash" in page
    assert "block mean hash" in page
    assert row(page, 2, 2)
    assert row(page, 1, 1)
    Fingerprint.objects.filter(photo=other).delete()
    assert "pHash" not in explain(ana, first, other)


def test_the_step_at_which_a_pair_was_lost_is_named_with_its_ranks(ana, photos):
    first = photos[0]
    far = explain(ana, first, photos[25])
    assert "Lost among the neighbours: its best place in a list is 25, and the nearest 20 are looked at." in far
    assert row(far, 25, 25)
    middle = explain(ana, first, photos[12])
    assert "Lost before geometry: at place 12 it was not among the 8 nearest that are verified." in middle
    Registration.objects.create(first=first, second=photos[3], recipe="test")
    near = explain(ana, photos[3], first)
    assert "Lost at the end: without matching points its chance of less than 2 %" in near
    assert "No matching points were found." in near
    assert row(near, 5, 3)  # on the other side of it there are two that are nearer


def test_what_should_have_been_verified_and_was_not_says_so_or_names_the_scan_that_is_lost(ana, photos):
    assert "Not verified by the last matching, though it stands at place 3 now: match again." in (
        explain(ana, photos[0], photos[3])
    )
    photos[3].thumbnail.delete()
    assert "Lost before geometry: the stored scan of 03.jpg cannot be read." in explain(ana, photos[0], photos[3])


def test_a_photo_that_is_not_embedded_is_not_called_blank(ana, photos):
    photos[4].embeddings.all().delete()
    assert "Lost at the start: not every encoder has embedded 04.jpg." in explain(ana, photos[0], photos[4])


def test_a_blank_scan_is_lost_at_the_start(ana, photos):
    photos[4].embeddings.update(vector=np.zeros(EMBEDDING_SIZE))
    page = explain(ana, photos[0], photos[4])
    assert "Lost at the start: no encoder sees anything" in page
    assert row(page, "–", "–")
    assert row(explain(ana, photos[0], photos[5]), 4, 8)  # nor does it take a place


def test_shown_unlikely_and_refused_pairs_say_so(ana, cataloguer, photos):
    make_pair(photos[0], photos[1], 0.9)
    page = explain(ana, photos[0], photos[1])
    assert "Shown: its chance of 90 % reaches 50 %." in page
    assert "<h1>Why these two?</h1>" in page
    make_pair(photos[0], photos[2], 0.3)
    assert "Not shown: its chance of 30 % does not reach 50 %." in explain(ana, photos[0], photos[2])
    record_verdict(photos[0], photos[2], "yes", cataloguer)
    assert "Shown: people have answered yes." in explain(ana, photos[0], photos[2])
    record_verdict(photos[0], photos[1], "no", cataloguer)
    assert "Not shown: people have answered no." in explain(ana, photos[0], photos[1])


def test_the_fused_ranks_of_a_stored_pair_are_those_of_the_last_matching(ana, photos):
    pair = make_pair(photos[0], photos[1], 0.9)
    pair.rank_of_second, pair.rank_of_first = 3, 17
    pair.save()
    cells = '<th scope="row">all together</th><td class="number">–</td>'
    page = explain(ana, photos[0], photos[1])
    assert cells + '<td class="number">3</td><td class="number">17</td>' in page
    assert row(explain(ana, photos[1], photos[0]), 17, 3)
    assert "all together" not in explain(ana, photos[0], photos[5])


def test_photos_that_came_after_the_matching_and_scans_of_one_record_say_so(ana, collection, photos):
    late = make_photo(collection, "late.jpg", seed=1)
    assert "Not looked at yet" in explain(ana, photos[0], late)
    for photo in photos[:2]:
        photo.record = "R-1"
        photo.save()
    assert "No pair: both are scans of one record." in explain(ana, *photos[:2])


def test_across_collections_the_lists_are_those_of_other_collections(ana, photos):
    encoder = photos[0].embeddings.get().encoder
    other = make_collection("other", matched_at=timezone.now())
    theirs = [make_photo(other, f"their{n}.jpg", seed=50 + n) for n in range(6)]
    for number, photo in enumerate(theirs):
        embed(photo, encoder, 0.5 + number)
    other.matched_at = timezone.now()
    other.save()
    page = explain(ana, photos[0], theirs[5])
    assert row(page, 6, 11)
    assert "its best place in a list is 6, and the nearest 4 are looked at" in page
    assert "Lost before geometry: in all lists taken together, others stood before it." in (
        explain(ana, photos[0], theirs[0])
    )


def test_photos_that_one_may_not_see_take_no_place(settings, ana, boss, photos):
    settings.NDD_DESCRIPTION_ADAPTER = "tests.web.pomegranate.NoSecrets"
    secret = make_photo(make_collection("pomegranate"), "secret.jpg", seed=70)
    other = make_photo(make_collection("other", matched_at=timezone.now()), "theirs.jpg", seed=71)
    embed(secret, photos[0].embeddings.get().encoder, 0.2)
    embed(other, photos[0].embeddings.get().encoder, 0.4)
    assert row(explain(boss, photos[0], other), 2, 2)
    assert row(explain(ana, photos[0], other), 1, 1)
    for keys in ((photos[0].pk, secret.pk), (secret.pk, photos[0].pk)):
        assert ana.get(reverse("ndd:explain", args=keys)).status_code == 404
    assert ana.get(reverse("ndd:explain_with", args=[secret.pk])).status_code == 404
    asked = ana.get(reverse("ndd:explain_with", args=[photos[0].pk]), {"other": "secret.jpg"})
    assert "No other photo that you may see is called “secret.jpg”." in asked.content.decode()


def test_more_photos_are_no_more_questions(ana, photos):
    with CaptureQueriesContext(connection) as queries:
        explain(ana, photos[0], photos[25])
    assert len(queries) < 20


@pytest.mark.parametrize(
    "name", ["07.jpg", "B-7", "b-7", " 07.JPG ", "/records/{pk}/", "https://archive.org/records/{pk}/"]
)
def test_the_other_photo_is_found_by_whatever_people_know_it_by(ana, photos, name):
    photos[7].identifier = "B-7"
    photos[7].save()
    asked = ana.get(reverse("ndd:explain_with", args=[photos[0].pk]), {"other": name.format(pk=photos[7].pk)})
    assert asked.url == reverse("ndd:explain", args=[photos[0].pk, photos[7].pk])


@pytest.mark.parametrize("name", ["", "00.jpg", "nothing", "\0", "/records/999999999999999999999/", "/records/"])
def test_what_is_no_other_photo_is_asked_for_again(ana, photos, name):
    asked = ana.get(reverse("ndd:explain_with", args=[photos[0].pk]), {"other": name})
    assert asked.status_code == 200
    assert 'name="other"' in asked.content.decode()


def test_of_several_with_one_name_a_person_chooses(ana, photos):
    other = make_photo(make_collection("other", title="Other box"), "07.jpg", seed=9)
    page = ana.get(reverse("ndd:explain_with", args=[photos[0].pk]), {"other": "07.jpg"}).content.decode()
    addresses = [reverse("ndd:explain", args=[photos[0].pk, photo.pk]) for photo in (photos[7], other)]
    assert page.index(addresses[0]) < page.index(addresses[1])
    assert "Other box" in page


def test_the_ways_to_the_page(ana, photos):
    assert reverse("ndd:explain_with", args=[photos[0].pk]) in ana.get(record_page(photos[0])).content.decode()
    address = reverse("ndd:explain", args=[photos[0].pk, photos[1].pk])
    compare = reverse("ndd:compare", args=[photos[0].pk, photos[1].pk])
    assert address in ana.get(compare).content.decode()
    make_pair(photos[0], photos[1])
    assert address in ana.get(compare).content.decode()


@pytest.mark.parametrize("name", ["http://[abc", "//[1912]/x"])
def test_what_looks_like_an_address_and_is_none_is_a_name_that_nobody_has(ana, photos, name):
    asked = ana.get(reverse("ndd:explain_with", args=[photos[0].pk]), {"other": name})
    assert f"No other photo that you may see is called “{name}”." in asked.content.decode()


def test_photos_of_the_same_collection_are_offered_first_however_many_bear_the_name(ana):
    for number in range(CHOICES):
        make_photo(make_collection(f"box-{number}"), "same.jpg", seed=number)
    last = make_collection("last")
    asking, own = (make_photo(last, path, seed=100 + n) for n, path in enumerate(("asking.jpg", "same.jpg")))
    asked = ana.get(reverse("ndd:explain_with", args=[asking.pk]), {"other": "same.jpg"})
    assert asked.context["found"][0] == own
    assert len(asked.context["found"]) == CHOICES
