"""Who may see and change what: visitors, readers, cataloguers."""

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from pytest_django.asserts import assertRedirects

from ndd_app.description import DublinCoreAdapter
from ndd_app.exceptions import NotAllowed
from ndd_app.models import MetadataCopy, Verdict
from ndd_app.pipeline.copying import copy_description
from ndd_app.pipeline.review import record_verdict
from tests.factories import make_collection, make_encoder, make_job, make_pair, make_photo, make_user, record_page


@pytest.fixture
def addresses(collection, described, bare):
    make_pair(described, bare)
    pair = [described.pk, bare.pk]
    return {
        "collection": reverse("collection", args=["album"]),
        "record": reverse("record", args=[bare.pk]),
        "compare": reverse("ndd:compare", args=pair),
        "review": reverse("ndd:review", args=["album"]),
        "working_copy": reverse("ndd:working_copy", args=[bare.pk]),
        "thumbnail": reverse("ndd:thumbnail", args=[bare.pk]),
        "master": reverse("ndd:master", args=[bare.pk]),
        "edit": reverse("record_edit", args=[bare.pk]),
        "copy": reverse("ndd:copy", args=pair),
        "verdict": reverse("ndd:verdict", args=pair),
        "pk": str(bare.pk),
    }


SEEING = ["collection", "record", "compare", "review", "working_copy", "thumbnail", "master"]
FILES = SEEING[-3:]


@pytest.mark.parametrize("name", SEEING)
def test_what_is_not_public_does_not_exist_for_visitors(client, addresses, name):
    """Pages lead to the login, also those that are not there: a link from a colleague works, and nothing is told."""
    response = client.get(addresses[name])
    if name in FILES:
        assert response.status_code == 404
        return
    assertRedirects(response, f"{reverse('login')}?next={addresses[name]}", fetch_redirect_response=False)
    nowhere = addresses[name].replace("album", "nowhere").replace(f"/{addresses['pk']}/", "/999999/")
    assert client.get(nowhere).status_code == 302


def test_people_change_their_own_password(client, db):
    make_user("eva", password="old plates 1912")
    client.login(username="eva", password="old plates 1912")
    entered = {"old_password": "old plates 1912", "new_password1": "12345", "new_password2": "12345"}
    assert "too short" in client.post(reverse("password"), entered).content.decode()
    better = entered | dict.fromkeys(("new_password1", "new_password2"), "a box of plates")
    assert "Your password is changed." in client.post(reverse("password"), better, follow=True).content.decode()
    assert client.login(username="eva", password="a box of plates")


@pytest.mark.parametrize("name", SEEING)
def test_what_is_public_can_be_seen_by_all(client, collection, addresses, name):
    collection.is_public = True
    collection.save()
    response = client.get(addresses[name])
    assert response.status_code in (200, 302)
    assert b"".join(response) or response.status_code == 302  # read to the end, so that the file is closed


def test_visitors_learn_no_names_and_no_notes(client, reader, cataloguer, collection, addresses, described, bare):
    collection.is_public = True
    collection.save()
    record_verdict(described, bare, "yes", cataloguer, note="Frau Meier says so")
    copy_description(described, bare, {"date": "fill"}, cataloguer)
    for name in ("record", "compare"):
        seen, known = (browser.get(addresses[name]).content.decode() for browser in (client, reader))
        assert "Yes, duplicates</strong>" in seen
        assert "copied from" in seen
        assert "ana, " in known
        assert not any(word in seen for word in ("ana, ", "by ana", "Frau Meier"))
    assert "Frau Meier" in known


def test_a_page_that_is_not_there_leads_visitors_to_the_login(client, addresses):
    page = client.get("/nowhere/").content.decode()
    assert f"{reverse('login')}?next=/nowhere/" in page


@pytest.mark.parametrize("name", ["edit", "copy"])
def test_changing_begins_with_logging_in(client, collection, addresses, name):
    collection.is_public = True
    collection.save()
    response = client.get(addresses[name])
    assert response.url == f"{reverse('login')}?next={addresses[name]}"


def test_whoever_was_logged_out_while_answering_comes_back_to_the_pair(client, addresses):
    asked = {"Referer": f"http://testserver{addresses['compare']}"}
    response = client.post(addresses["verdict"], {"answer": "no"}, headers=asked)
    assert response.url.endswith(f"?next=http%3A//testserver{addresses['compare']}")


@pytest.mark.parametrize("name", ["edit", "copy"])
def test_readers_may_not_change_anything(reader, addresses, name):
    assert reader.get(addresses[name]).status_code == 403
    assert reader.post(addresses[name], {"title": "x"}).status_code == 403


def test_readers_may_not_answer(reader, client, addresses):
    assert reader.post(addresses["verdict"], {"answer": "yes"}).status_code == 403
    assert client.post(addresses["verdict"], {"answer": "yes"}).status_code == 302
    assert not Verdict.objects.exists()


def test_readers_are_offered_nothing_they_may_not_do(reader, addresses):
    page = reader.get(addresses["compare"]).content.decode()
    assert 'name="answer"' not in page
    assert addresses["copy"] not in page
    assert addresses["edit"] not in reader.get(addresses["record"]).content.decode()


def test_readers_may_not_undo(ana, reader, addresses, described, bare):
    ana.post(addresses["verdict"], {"answer": "yes"})
    copy = MetadataCopy.objects.create(
        batch="00000000-0000-0000-0000-000000000001", source=described, target=bare, verdict=Verdict.objects.get(),
        field="title", field_label="Title", mode="fill", before="", after="", person_name="ana",
    )  # fmt: skip
    assert reader.post(reverse("ndd:undo", args=[copy.pk])).status_code == 403
    assert reader.post(reverse("ndd:undo_batch", args=[copy.batch])).status_code == 403
    copy.refresh_from_db()
    assert copy.undone_at is None


@pytest.mark.parametrize("name", ["ndd:copies", "ndd:jobs", "ndd:live_jobs", "ndd:encoders"])
def test_pages_about_the_work_are_for_people_who_are_logged_in(client, reader, db, name):
    assert client.get(reverse(name)).status_code == 302
    assert reader.get(reverse(name)).status_code == 200


def test_so_is_an_encoder(client, reader, db):
    encoder = make_encoder()
    assert client.get(encoder.get_absolute_url()).status_code == 302
    assert reader.get(encoder.get_absolute_url()).status_code == 200


def test_jobs_are_for_those_who_edit_photos_or_start_jobs(client, reader, ana, boss, collection, bare):
    job = make_job(collection, state="failed", error="No room in the attic.")
    pages = [reverse("ndd:jobs"), reverse("ndd:running_jobs", args=["album"]), reverse("collection", args=["album"])]
    assert client.get(job.get_absolute_url()).status_code == 302
    assert reader.get(job.get_absolute_url()).status_code == 404
    assert not any(job.get_absolute_url() in reader.get(page).content.decode() for page in pages)
    for browser in (ana, boss):
        assert "No room in the attic." in browser.get(job.get_absolute_url()).content.decode()
        assert job.get_absolute_url() in browser.get(reverse("ndd:jobs")).content.decode()


def test_the_jobs_of_a_collection_without_photos_are_for_those_who_start_jobs(ana, boss, collection):
    job = make_job(collection)
    assert ana.get(job.get_absolute_url()).status_code == 404
    assert boss.get(job.get_absolute_url()).status_code == 200


class DepotOnly(DublinCoreAdapter):
    """A host that shows people one of its collections."""

    def visible(self, user, photos):
        return photos.filter(collection__slug="depot")


def test_jobs_of_collections_that_the_host_hides_do_not_exist(settings, ana, boss, collection, bare):
    settings.NDD_DESCRIPTION_ADAPTER = "tests.web.test_access.DepotOnly"
    depot = make_collection("depot")
    make_photo(depot)
    shown, hidden = make_job(depot), make_job(collection, state="failed")
    for browser in (ana, boss):
        assert browser.get(shown.get_absolute_url()).status_code == 200
        assert browser.get(hidden.get_absolute_url()).status_code == 404
    assert boss.post(reverse("ndd:retry", args=[hidden.pk])).status_code == 404


def test_the_group_cataloguers_may_edit(client, addresses):
    person = make_user("vida")
    person.groups.add(Group.objects.get(name="Cataloguers"))
    client.force_login(person)
    for name in ("edit", "copy"):
        assert client.get(addresses[name]).status_code == 200


class AlbumOnly(DublinCoreAdapter):
    """A host where everybody who is logged in describes one collection."""

    def may_edit(self, user, photo):
        return user.is_authenticated and photo.collection.slug == "album"


def test_who_may_edit_one_photo_of_a_pair_answers_and_copies_to_that_one_only(settings, reader, described):
    settings.NDD_DESCRIPTION_ADAPTER = "tests.web.test_access.AlbumOnly"
    theirs = make_photo(make_collection("depot"), "theirs.jpg", seed=9, place="Bled")
    here, there = (reverse("ndd:copy", args=[a.pk, b.pk]) for a, b in ((theirs, described), (described, theirs)))
    page = reader.get(reverse("ndd:compare", args=[described.pk, theirs.pk])).content.decode()
    assert (here in page, there in page) == (True, False)
    assert [reader.get(address).status_code for address in (here, there)] == [200, 403]
    assert there not in reader.get(here).content.decode()
    assert reader.post(reverse("ndd:verdict", args=[theirs.pk, described.pk]), {"answer": "yes"}).status_code == 302
    with pytest.raises(NotAllowed):
        copy_description(described, theirs, {"title": "fill"}, User.objects.get(username="rok"))


def test_only_people_who_start_jobs_may_try_one_again(client, ana, boss, collection):
    job = make_job(collection, state="failed")
    address = reverse("ndd:retry", args=[job.pk])
    assert client.post(address).status_code == 302
    assert ana.post(address).status_code == 403
    job.refresh_from_db()
    assert job.state == "failed"
    boss.post(address)
    job.refresh_from_db()
    assert job.state == "waiting"


@pytest.mark.parametrize("name", ["ndd:verdict", "ndd:undo", "ndd:retry"])
def test_what_changes_something_is_no_link(boss, collection, described, bare, name):
    job = make_job(collection, state="failed")
    keys = [described.pk, bare.pk] if name == "ndd:verdict" else [job.pk]
    assert boss.get(reverse(name, args=keys)).status_code == 405


def test_forms_are_protected_against_other_sites(cataloguer, addresses):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(cataloguer)
    for name in ("verdict", "copy", "edit"):
        response = browser.post(addresses[name], {"answer": "no"})
        assert response.status_code == 403
        assert "Nothing was saved." in response.content.decode()


def test_a_photo_is_not_compared_with_itself(ana, bare):
    assert ana.get(reverse("ndd:compare", args=[bare.pk, bare.pk])).status_code == 404


def test_partners_one_may_not_see_are_not_mentioned(client, collection, described):
    secret = make_photo(make_collection("secret"), title="Secret bridge", seed=9)
    collection.is_public = True
    collection.save()
    make_pair(described, secret)
    assert "Secret bridge" not in client.get(record_page(described)).content.decode()


def test_ranks_are_told_to_those_who_see_the_whole_collection(settings, ana, described, bare):
    """The second place tells that there is a first."""
    seen = make_photo(described.collection, title="Ferry")
    make_pair(described, seen)
    names = [("compare", "Rank →"), ("compare", "the other's nearest"), ("explain", "all together")]
    pages = [
        (record_page(described), "Rank 1 here"),
        *((reverse(f"ndd:{name}", args=[described.pk, seen.pk]), words) for name, words in names),
    ]
    pages.append((pages[-1][0], "the other's nearest"))

    def told() -> list[bool]:
        return [words in ana.get(page).content.decode().replace("&#x27;", "'") for page, words in pages]

    assert told() == [True] * 5
    settings.NDD_DESCRIPTION_ADAPTER = "tests.web.conftest.OnlyDescribed"
    assert told() == [False] * 5
