import pytest
from django.urls import reverse

from ndd_app.description import DublinCoreAdapter
from tests.factories import make_collection, make_job, make_pair, make_photo, record_page


def texts(response) -> str:
    return response.content.decode()


def test_anonymous_visitors_see_public_collections_only(client, collection):
    make_collection("open", title="Open plates", is_public=True)
    page = texts(client.get(reverse("collections")))
    assert "Open plates" in page
    assert "Album" not in page


def test_collections_stand_in_the_order_of_their_titles(ana, collection):
    for title in ("Zoo", "Mills", "Bridges"):
        make_collection(title.lower(), title=title)
    listed = ana.get(reverse("collections")).context["collections"]
    assert [collection.title for collection in listed] == ["Album", "Bridges", "Mills", "Zoo"]


def test_collections_say_how_much_is_described_and_found(ana, collection, described, bare):
    make_pair(described, bare)
    page = texts(ana.get(reverse("collections")))
    assert "2 photos" in page
    assert "1 described" in page
    assert "1 pair of possible duplicates" in page


def test_no_collection_yet_says_what_to_do(boss):
    page = texts(boss.get(reverse("collections")))
    assert reverse("admin:ndd_app_collection_add") in page
    assert "ingest_collection" in page


def test_an_empty_collection_says_what_to_do(boss, collection):
    page = texts(boss.get(collection.get_absolute_url()))
    assert reverse("admin:ndd_app_collection_upload", args=[collection.pk]) in page
    assert "manage.py ingest_collection album FOLDER" in page


def test_the_grid_shows_lazy_thumbnails_and_counts_of_duplicates(ana, collection, described, bare):
    make_pair(described, bare)
    page = texts(ana.get(collection.get_absolute_url()))
    assert page.count('loading="lazy"') == 2
    assert page.count('class="badge"') == 2
    assert "Old bridge" in page
    assert bare.path in page


def test_names_of_scans_that_differ_at_their_ends_look_different(ana, collection):
    name = "Stereoscopic views of the building of the railway bridge, plate"
    for number in (41, 42):
        make_photo(collection, title=f"{name} {number}")
    page = texts(ana.get(collection.get_absolute_url()))
    assert ">Stereoscopic views of…ilway bridge, plate 41<" in page
    assert f'title="{name} 42"' in page


def test_search_finds_words_without_their_accents(ana, collection):
    make_photo(collection, title="Žaga v Škofji Loki")
    make_photo(collection, title="Mill")
    page = texts(ana.get(collection.get_absolute_url(), {"q": "skofji zaga"}))
    assert "Žaga v Škofji Loki" in page
    assert "Mill" not in page


def test_a_search_without_result_offers_a_way_back(ana, collection, bare):
    page = texts(ana.get(collection.get_absolute_url(), {"q": "zeppelin"}))
    assert "Nothing matches “zeppelin”" in page
    assert "Show all photos" in page


@pytest.mark.parametrize(("show", "seen"), [("described", "Old bridge"), ("undescribed", "plain.jpg")])
def test_filters(ana, collection, described, show, seen):
    make_photo(collection, "plain.jpg")
    found = ana.get(collection.get_absolute_url(), {"show": show}).context["page"]
    assert [str(photo) for photo in found] == [seen]


def test_duplicates_filter_leaves_out_pairs_settled_as_no(ana, collection, described, bare):
    make_pair(described, bare)
    address = collection.get_absolute_url()
    assert len(ana.get(address, {"show": "duplicates"}).context["page"]) == 2
    ana.post(reverse("ndd:verdict", args=[described.pk, bare.pk]), {"answer": "no"})
    assert len(ana.get(address, {"show": "duplicates"}).context["page"]) == 0


def test_filter_counts_follow_the_search(ana, collection, described, bare):
    filters = ana.get(collection.get_absolute_url(), {"q": "bridge"}).context["filters"]
    assert {name: number for name, _, number in filters} == {
        "": 1, "described": 1, "undescribed": 0, "duplicates": 0
    }  # fmt: skip


def test_an_unknown_filter_or_page_shows_everything(ana, collection, bare):
    response = ana.get(collection.get_absolute_url(), {"show": "nonsense", "page": "999"})
    assert list(response.context["page"]) == [bare]


def test_a_running_job_stands_on_the_page_of_its_collection(ana, collection, bare):
    make_job(collection, "embed", state="running", step="Extracting features", done=3, total=4)
    page = texts(ana.get(collection.get_absolute_url()))
    assert "Extracting features" in page
    assert "75 %" in page


def test_the_record_page_is_quiet_about_absent_fields(ana, described):
    page = texts(ana.get(record_page(described)))
    assert "river" in page
    assert "Absent: Creator, Place, Description, Rights, Source, Notes." in page


def test_facts_of_the_file_stand_above_the_duplicates(ana, described):
    page = texts(ana.get(record_page(described)))
    assert page.index(reverse("ndd:master", args=[described.pk])) < page.index("Possible duplicates")


def test_the_record_page_leads_to_its_neighbours(ana, described, bare):
    assert reverse("record", args=[bare.pk]) in texts(ana.get(record_page(described)))
    assert reverse("record", args=[described.pk]) in texts(ana.get(record_page(bare)))


def test_who_opens_a_record_of_a_search_stays_within_it(ana, collection, described, bare):
    other = make_photo(collection, title="New bridge")
    address = collection.get_absolute_url()
    assert f"{record_page(described)}?q=bridge&amp;show=described" in texts(
        ana.get(address, {"q": "bridge", "show": "described"})
    )
    page = texts(ana.get(record_page(described), {"q": "bridge", "show": "described"}))
    assert f'rel="next" href="{record_page(other)}?q=bridge&amp;show=described"' in page
    assert f"{address}?q=bridge&amp;show=described&amp;page=1" in page
    edit = reverse("record_edit", args=[described.pk]) + "?q=bridge&show=described"
    form = ana.get(edit).context["form"]
    entered = {field.html_name: field.value() or "" for field in form} | {"subjects": ""}
    assert ana.post(edit, entered).url == record_page(described) + "?q=bridge&show=described"


def test_a_record_leads_back_to_the_page_of_the_grid_that_it_stands_on(monkeypatch, ana, collection, described, bare):
    monkeypatch.setattr("archive_site.views.PER_PAGE", 1)
    assert f"{collection.get_absolute_url()}?page=2" in texts(ana.get(record_page(bare)))


def test_any_search_is_answered(ana, collection, bare):
    for words in ("\0", "'", '"', "!!", "a" * 5000, "NOT", "(", "%"):
        assert ana.get(collection.get_absolute_url(), {"q": words}).status_code == 200


def test_names_are_escaped(ana, collection):
    photo = make_photo(collection, "<b>.jpg", title="<script>alert(1)</script>", subjects=["<i>"])
    for address in (record_page(photo), collection.get_absolute_url()):
        page = texts(ana.get(address))
        assert "<script>alert" not in page
        assert "&lt;script&gt;" in page


class Broken(DublinCoreAdapter):
    """A host whose own code fails."""

    def visible(self, user, photos):
        raise RuntimeError


def test_a_page_that_breaks_says_so_plainly(settings, ana, collection):
    settings.NDD_DESCRIPTION_ADAPTER = "tests.web.test_catalogue.Broken"
    ana.raise_request_exception = False
    response = ana.get(collection.get_absolute_url())
    assert response.status_code == 500
    assert "Something went wrong" in texts(response)
