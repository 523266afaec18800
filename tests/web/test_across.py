"""Pairs across collections: what those see who may see both, and that nobody else learns of them."""

import io
import json

import pytest
from django.core.management import call_command
from django.urls import reverse

from ndd_app.description import DublinCoreAdapter
from ndd_app.exceptions import NotAllowed
from ndd_app.models import EMBEDDING_SIZE, Candidate, Embedding, Evidence, Photo, Registration
from ndd_app.pipeline.copying import copy_description, undo_copy
from tests.factories import (
    make_cataloguer,
    make_encoder,
    make_job,
    make_pair,
    make_photo,
    make_user,
    record_page,
)
from tests.web.conftest import logged_in
from tests.web.pomegranate import WORD, pages, reveals, text

# --- for those who may see both ---------------------------------------------------------------------------------------


def test_the_panel_names_the_partner_s_collection(staff, pair, described, hidden, bare):
    make_pair(described, bare)
    page = text(staff, record_page(described))
    assert page.count("In the collection") == 1
    assert f'<a href="{hidden.collection.get_absolute_url()}">{WORD} Papers</a>' in page
    assert 'In the collection <a href="/collections/album/">Album</a>' in text(staff, record_page(hidden))


def test_the_compare_page_names_both_collections(staff, pair, described, hidden, bare):
    page = text(staff, reverse("ndd:compare", args=[described.pk, hidden.pk]))
    assert page.count("In the collection") == 2
    assert "In the collection" not in text(staff, reverse("ndd:compare", args=[described.pk, bare.pk]))


def test_the_pair_is_in_the_queue_the_counts_and_the_groups_of_both(staff, pair, described, hidden):
    for collection in (described.collection, hidden.collection):
        assert "Review 1 open pair" in text(staff, collection.get_absolute_url())
        assert f"{WORD} tree" in text(staff, reverse("ndd:groups", args=[collection.slug]))
        start = staff.get(reverse("ndd:review", args=[collection.slug]))
        own, other = (described, hidden) if collection == described.collection else (hidden, described)
        assert start.url == reverse("ndd:compare", args=[own.pk, other.pk])
    assert text(staff, reverse("collections")).count("1 pair of possible duplicates") == 2


def test_a_queue_is_left_by_no_answer(staff, pair, described, hidden):
    fourth = make_pair(make_photo(hidden.collection), described, 0.8)
    start = reverse("ndd:review", args=[hidden.collection.slug])
    first = staff.get(start).url
    second = reverse("ndd:compare", args=[fourth.other(described).pk, described.pk])
    assert f'rel="next" href="{second}"' in text(staff, first)
    assert staff.post(f"{first}verdict/", {"answer": "no"}).url == second
    assert staff.post(f"{second}verdict/", {"answer": "no"}).url == start


def test_a_description_is_copied_across(staff, pair, described, hidden):
    hidden.place = "Mostar"
    hidden.save()
    address = reverse("ndd:copy", args=[hidden.pk, described.pk])
    staff.post(address, {"mode_place": "fill", "seen": staff.get(address).context["preview"].digest})
    described.refresh_from_db()
    assert described.place == "Mostar"


# --- for everybody else -----------------------------------------------------------------------------------------------


def test_no_page_knows_of_the_hidden_photo(ana, reader, boss, collection, all_that_can_be_known, hidden):
    boss_sees = [page for page in pages(collection, *all_that_can_be_known) if reveals(text(boss, page))]
    assert len(boss_sees) >= 7  # the same pages, for whom they show it
    for browser in (ana, reader):
        for page in pages(collection, *all_that_can_be_known):
            assert not reveals(text(browser, page)), page


def test_no_count_does(ana, collection, all_that_can_be_known, described):
    page = text(ana, collection.get_absolute_url())
    assert "Review" not in page
    assert 'class="badge"' not in page
    context = ana.get(collection.get_absolute_url()).context
    assert {str(label): number for _, label, number in context["filters"]}["With possible duplicates"] == 0
    assert "of possible duplicates" not in text(ana, reverse("collections"))
    assert "None was found." in text(ana, record_page(described))
    assert "less likely" not in text(ana, record_page(all_that_can_be_known[1]))
    assert "answered with no" not in text(ana, record_page(all_that_can_be_known[2]))
    groups = ana.get(reverse("ndd:groups", args=["album"]))
    assert groups.context["page"].paginator.count == 0
    assert "No pair of this collection is shown" in text(ana, reverse("ndd:review", args=["album"]))


def test_a_visible_pair_beside_hidden_ones_is_number_one_of_one(ana, collection, all_that_can_be_known):
    described, bare, *_ = all_that_can_be_known
    make_pair(described, bare, 0.9)
    place = ana.get(reverse("ndd:compare", args=[described.pk, bare.pk])).context["place"]
    assert (place.position, place.total, place.open, place.previous, place.next) == (1, 1, 1, None, None)


def test_a_hidden_partner_of_two_photos_explains_nothing(ana, boss, pair, described, hidden):
    other = make_photo(described.collection, seed=5)
    make_pair(other, hidden, 0.97)
    make_pair(described, other, 0.9)
    first, second = sorted([described, other], key=lambda photo: photo.pk)
    Registration.objects.create(first=first, second=second, recipe="test")
    for name in ("compare", "explain"):
        address = reverse(f"ndd:{name}", args=[described.pk, other.pk])
        assert f"Both are likely duplicates of “{WORD} tree”." in text(boss, address)
        assert "Both are likely" not in text(ana, address)


def test_the_hidden_photo_s_own_addresses_do_not_exist(ana, all_that_can_be_known, hidden):
    described, *_ = all_that_can_be_known
    for name in ("compare", "verdict", "copy"):
        for keys in ((described.pk, hidden.pk), (hidden.pk, described.pk)):
            assert ana.get(reverse(f"ndd:{name}", args=keys)).status_code in (404, 405), name
            assert ana.post(reverse(f"ndd:{name}", args=keys), {"answer": "yes"}).status_code in (404, 405), name
    for name in ("working_copy", "thumbnail", "master"):
        assert ana.get(reverse(f"ndd:{name}", args=[hidden.pk])).status_code == 404
    for name in ("groups", "review"):
        assert ana.get(reverse(f"ndd:{name}", args=["pomegranate"])).status_code == 404


def test_nothing_is_copied_from_or_to_what_one_may_not_see(all_that_can_be_known, hidden, cataloguer):
    described, *_ = all_that_can_be_known
    with pytest.raises(NotAllowed):
        copy_description(hidden, described, {"title": "replace"}, cataloguer)
    with pytest.raises(NotAllowed):
        copy_description(described, hidden, {"title": "replace"}, cataloguer)
    with pytest.raises(NotAllowed):
        copy_description(described, hidden, {"date": "fill"}, make_user("eva", is_staff=True))


def test_the_place_a_copy_came_from_is_not_told(ana, staff, all_that_can_be_known):
    bare = all_that_can_be_known[1]
    [line] = [row for row in text(ana, record_page(bare)).splitlines() if "copied from" in row]
    assert not reveals(line)
    assert "POMEGRANATE-1" in text(staff, record_page(bare))
    log = text(ana, reverse("ndd:copies"))
    assert "A record that you may not see" in log
    assert "POMEGRANATE-1" not in log


def test_the_hidden_record_is_neither_edited_nor_undone(ana, all_that_can_be_known, hidden):
    vera = make_cataloguer("vera3", is_staff=True)
    [copy] = copy_description(all_that_can_be_known[0], hidden, {"subjects": "fill"}, vera)
    for name in ("record", "record_edit"):
        assert ana.get(reverse(name, args=[hidden.pk])).status_code == 404
    assert ana.post(reverse("record_edit", args=[hidden.pk]), {"title": "x"}).status_code == 404
    assert ana.post(reverse("ndd:undo", args=[copy.pk])).status_code == 404
    assert ana.post(reverse("ndd:undo_batch", args=[copy.batch])).status_code == 404
    with pytest.raises(NotAllowed):
        undo_copy(copy, make_cataloguer("iva"))
    hidden.refresh_from_db()
    assert (hidden.title, hidden.subjects) == (f"{WORD} tree", ["river", "bridge"])


def test_the_admin_lists_pairs_answers_and_copies_to_those_who_may_see_the_photos(all_that_can_be_known, pair):
    nina = logged_in(make_user("nina", is_superuser=True, is_staff=True))
    models = ("candidate", "verdict", "metadatacopy")
    seen = [text(nina, reverse(f"admin:ndd_app_{name}_changelist")) for name in models]
    assert all(reveals(page) for page in seen)


class NoSecretsForAnybody(DublinCoreAdapter):
    def visible(self, user, photos):
        return photos.exclude(collection__slug="pomegranate")


def test_nor_for_administrators_from_whom_the_host_hides_it(settings, boss, all_that_can_be_known, pair):
    settings.NDD_DESCRIPTION_ADAPTER = "tests.web.test_across.NoSecretsForAnybody"
    for name in ("candidate", "verdict", "metadatacopy"):
        listed = text(boss, reverse(f"admin:ndd_app_{name}_changelist"))
        assert f"{WORD} tree" not in listed, name
        assert "POMEGRANATE-1" not in listed, name
        assert boss.get(reverse(f"admin:ndd_app_{name}_changelist")).context["cl"].result_count == 0, name
    change = reverse("admin:ndd_app_candidate_change", args=[pair.pk])
    assert boss.get(change).status_code == 302  # to the index: there is no such row
    listed = text(boss, reverse("admin:ndd_app_photo_changelist") + "?duplicates=yes")
    assert "0 photos" in listed


def test_the_admin_lists_hidden_photos_and_their_jobs_to_superusers_only(settings, boss, hidden):
    settings.NDD_DESCRIPTION_ADAPTER = "tests.web.test_across.NoSecretsForAnybody"
    job = make_job(hidden.collection, error="POMEGRANATE-1.jpg")
    eva = make_user("eva", "ndd_app.change_photo", "ndd_app.view_job", is_staff=True)
    change = [reverse(f"admin:ndd_app_{row._meta.model_name}_change", args=[row.pk]) for row in (hidden, job)]
    for person, sees in ((boss, 200), (logged_in(eva), 302)):
        assert [person.get(address).status_code for address in change] == [sees, sees]
        pages = [text(person, reverse(f"admin:ndd_app_{name}_changelist")) for name in ("photo", "job")]
        assert ["POMEGRANATE" in page.upper().replace("POMEGRANATE PAPERS", "") for page in pages] == [sees == 200] * 2


def test_the_catalogue_counts_and_lists_no_single_photo_that_may_not_be_seen(
    settings, ana, collection, described, bare
):
    settings.NDD_DESCRIPTION_ADAPTER = "tests.web.conftest.OnlyDescribed"
    assert "1 photo " in text(ana, reverse("collections"))
    page = text(ana, collection.get_absolute_url())
    assert "Old bridge" in page
    assert bare.path not in page
    assert record_page(bare) not in text(ana, record_page(described))


def test_the_choice_of_a_chance_counts_pairs_within_the_collection(boss, collection, all_that_can_be_known):
    page = text(boss, reverse("admin:ndd_app_collection_change", args=[collection.pk]))
    assert "90 %: 0 pairs" in page


def test_exports_hold_the_collection_s_own_pairs_unless_asked_for_others(collection, all_that_can_be_known, hidden):
    described, bare, *_ = all_that_can_be_known
    make_pair(described, bare, 0.9)

    def export(*options: str) -> str:
        output = io.StringIO()
        call_command("export_duplicates", *options, stdout=output)
        return output.getvalue()

    assert [line.split(",")[:2] for line in export("album").splitlines()[1:]] == [[described.path, bare.path]]
    assert export("pomegranate").splitlines()[1:] == []
    across = export("album", "--across").splitlines()
    assert across[0].endswith(",shown,collection")
    assert {tuple(line.split(",")[:2]) for line in across[1:]} == {
        (photo.path, "pomegranate.jpg") for photo in all_that_can_be_known[:3]
    }
    assert all(line.endswith(",pomegranate") for line in across[1:])
    assert all(line.startswith("pomegranate.jpg,") for line in export("pomegranate", "--across").splitlines()[1:])


def test_the_evaluation_s_json_knows_the_collection_only(tmp_path, all_that_can_be_known, collection):
    encoder = make_encoder(is_serving=True)
    for photo in Photo.objects.all():
        Embedding.objects.create(encoder=encoder, photo=photo, vector=[1, photo.pk / 1000, *[0] * (EMBEDDING_SIZE - 2)])
    (tmp_path / "groups.csv").write_text("".join(["file,group\n", *(f"{p.path},a\n" for p in collection.photos.all())]))
    output = io.StringIO()
    call_command("evaluate_collection", "album", "--groups", str(tmp_path / "groups.csv"), "--json", stdout=output)
    figures = json.loads(output.getvalue())
    assert figures["shown"]["judged"] == 0
    assert not reveals(output.getvalue())
    assert Evidence.objects.exists()
    assert Candidate.objects.shown().exists()
