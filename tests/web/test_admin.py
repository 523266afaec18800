import pytest
from django.contrib import admin
from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from ndd_app.description import DescriptionAdapter, DublinCoreAdapter
from ndd_app.models import Candidate, Collection, Encoder, Job, Photo, Verdict
from ndd_app.pipeline.copying import copy_description
from ndd_app.pipeline.review import record_verdict
from tests.factories import make_cataloguer, make_collection, make_encoder, make_job, make_pair, make_photo, make_user
from tests.pictures import draw_photo, jpeg, zip_of
from tests.web.conftest import logged_in
from tests.web.pomegranate import reveals, text

OURS = [model for model in admin.site._registry if model._meta.app_label == "ndd_app"]


def url(model, name: str, *args: object) -> str:
    return reverse(f"admin:ndd_app_{model._meta.model_name}_{name}", args=args)


@pytest.fixture
def rows(collection, described, bare):
    """One row of everything."""
    make_pair(described, bare)
    make_encoder(collection)
    make_job(collection)
    copy_description(described, bare, {"title": "fill"}, make_cataloguer("bojan"))


@pytest.mark.parametrize("model", OURS)
def test_lists_and_rows_can_be_opened(boss, rows, model):
    assert boss.get(url(model, "changelist")).status_code == 200
    assert boss.get(url(model, "change", model.objects.first().pk)).status_code == 200


@pytest.mark.parametrize("model", [Collection, Photo])
def test_what_records_show_of_duplicates_has_its_style_in_the_admin_too(boss, rows, model):
    page = boss.get(url(model, "change", model.objects.first().pk)).content.decode()
    assert page.partition("</head>")[0].count("ndd_app/ndd.css") == page.count("ndd_app/ndd.css") == 1


@pytest.mark.parametrize("model", OURS)
def test_nothing_can_be_deleted(boss, rows, model):
    row = model.objects.first()
    page = boss.get(url(model, "changelist")).content.decode()
    assert "delete_selected" not in page
    assert boss.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403


def test_a_collection_that_never_held_a_photo_is_deleted_with_its_jobs(boss, collection):
    job = make_job(collection, state="failed")
    page = boss.post(url(Collection, "delete", collection.pk)).content.decode()
    assert str(job) in page
    boss.post(url(Collection, "delete", collection.pk), {"post": "yes"})
    assert not Collection.objects.exists()
    assert not Job.objects.exists()


def test_it_is_kept_while_a_job_may_bring_photos_and_by_those_who_may_not_delete(boss, collection):
    make_job(collection, "ingest", state="running")
    assert boss.post(url(Collection, "delete", collection.pk), {"post": "yes"}).status_code == 403
    Job.objects.update(state="done")
    eva = logged_in(make_user("eva", "ndd_app.change_collection", is_staff=True))
    assert eva.post(url(Collection, "delete", collection.pk), {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("model", [model for model in OURS if model not in (Collection, Photo)])
def test_history_can_neither_be_added_nor_changed(boss, rows, model):
    assert boss.get(url(model, "add")).status_code == 403
    assert boss.post(url(model, "change", model.objects.first().pk), {}).status_code == 403


def test_a_collection_is_created(boss):
    boss.post(url(Collection, "add"), {"title": "Glass plates", "slug": "plates", "note": "", "show_from": "0.9"})
    assert Collection.objects.get().slug == "plates"


def test_lists_leave_out_the_middle_of_what_is_long_and_round_numbers(boss, collection, bare):
    name = "Portraitofsomebody" * 20
    pair = make_pair(make_photo(collection, title=name), bare, 0.9876)
    make_job(collection, state="failed", error="The file cannot be read. " * 20)
    page = boss.get(url(Candidate, "changelist")).content.decode()
    assert name not in page
    assert '<td class="field-score">0.99</td><td class="field-chance">99 %</td>' in page
    record_verdict(pair.first, pair.second, "no", make_cataloguer(), note="not the same person " * 20)
    for model, words in ((Job, "The file cannot be read. "), (Verdict, "not the same person ")):
        page = boss.get(url(model, "changelist")).content.decode()
        assert 1 <= page.count(words.strip()) < 20
    assert "50 %" in boss.get(url(Collection, "changelist")).content.decode()


def test_jobs_are_searched(boss, collection):
    disk = make_job(collection, state="failed", error="The disk is full.")
    make_job(collection)
    assert [*boss.get(url(Job, "changelist"), {"q": "disk"}).context["cl"].queryset] == [disk]


def test_the_weights_of_an_encoder_are_no_link(boss):
    page = boss.get(url(Encoder, "change", make_encoder().pk)).content.decode()
    assert "encoders/none.safetensors" in page
    assert 'href="/encoders' not in page


def test_the_chance_is_chosen_by_what_it_would_show(boss, collection):
    photos = [make_photo(collection) for _ in range(3)]
    make_pair(photos[0], photos[1], 0.96)
    make_pair(photos[1], photos[2], 0.8)
    page = boss.get(url(Collection, "change", collection.pk)).content.decode()
    assert "95 %: 1 pair within the collection, about 0.0 of them false" in page
    assert "70 %: 2 pairs within the collection, about 0.2 of them false" in page


def test_the_choice_says_what_the_chance_is(boss, collection):
    words = (
        "How likely a pair must be to show one image, or two exposures of one scene. Pairs that people have confirmed"
    )
    for page in (url(Collection, "change", collection.pk), url(Collection, "add")):
        assert words in boss.get(page).content.decode()


def test_refused_pairs_are_in_no_choice(boss, collection):
    photos = [make_photo(collection) for _ in range(3)]
    make_pair(photos[0], photos[1], 0.96)
    make_pair(photos[1], photos[2], 0.97)
    record_verdict(photos[0], photos[1], "no", make_cataloguer())
    page = boss.get(url(Collection, "change", collection.pk)).content.decode()
    assert "95 %: 1 pair within the collection, about 0.0 of them false" in page


@pytest.mark.parametrize(
    ("action", "kinds"),
    [("adapt", ["adapt", "embed", "match"]), ("embed", ["embed"]), ("find_duplicates", ["embed", "match"])],
)
def test_actions_put_jobs_into_the_queue(boss, collection, bare, action, kinds):
    chosen = {"action": action, "_selected_action": [collection.pk]}
    page = boss.post(url(Collection, "changelist"), chosen, follow=True).content.decode()
    assert [job.kind for job in Job.objects.order_by("pk")] == kinds
    assert "In the queue" in page


@pytest.mark.parametrize("action", ["adapt", "embed", "find_duplicates"])
def test_of_an_empty_collection_nothing_can_be_begun(boss, collection, bare, action):
    empty = make_collection("empty", title="Empty box")
    chosen = {"action": action, "_selected_action": [collection.pk, empty.pk]}
    page = boss.post(url(Collection, "changelist"), chosen, follow=True).content.decode()
    assert "“Empty box” has no photos." in page
    assert {job.collection for job in Job.objects.all()} == {collection}


def test_a_collection_is_not_adapted_twice_at_once(boss, collection, bare):
    other = make_collection("depot")
    make_photo(other)
    running = make_job(collection, "adapt", state="running")
    chosen = {"action": "adapt", "_selected_action": [collection.pk, other.pk]}
    page = boss.post(url(Collection, "changelist"), chosen, follow=True).content.decode()
    assert "“Album” is being adapted already" in page
    assert running.get_absolute_url() in page
    assert [job.kind for job in other.jobs.order_by("pk")] == ["adapt", "embed", "match"]
    assert collection.jobs.get() == running
    running.fail("no room")
    boss.post(url(Collection, "changelist"), chosen)
    assert collection.jobs.unfinished().count() == 3


def test_actions_need_the_permission_to_change_collections(client, collection):
    client.force_login(make_user("looker", "ndd_app.view_collection", is_staff=True))
    client.post(url(Collection, "changelist"), {"action": "embed", "_selected_action": [collection.pk]})
    assert client.get(url(Collection, "upload", collection.pk)).status_code == 403
    assert not Job.objects.exists()


def test_the_zip_action_leads_to_the_upload(boss, collection):
    chosen = {"action": "upload_zip", "_selected_action": [collection.pk]}
    assert boss.post(url(Collection, "changelist"), chosen).url == url(Collection, "upload", collection.pk)


def test_an_uploaded_zip_is_stored_and_queued(boss, collection):
    data = zip_of({"a.jpg": jpeg(draw_photo(1))})
    file = SimpleUploadedFile("novak.zip", data, "application/zip")
    response = boss.post(url(Collection, "upload", collection.pk), {"file": file})
    assert response.url == reverse("ndd:jobs")
    job = Job.objects.get()
    assert (job.kind, job.collection, job.parameters["filename"]) == ("ingest", collection, "novak.zip")
    assert job.parameters["upload"].startswith("uploads/")
    with storages["default"].open(job.parameters["upload"]) as stored:
        assert stored.read() == data


def test_a_file_that_is_no_zip_is_refused(boss, collection):
    file = SimpleUploadedFile("novak.zip", b"not a ZIP", "application/zip")
    page = boss.post(url(Collection, "upload", collection.pk), {"file": file}).content.decode()
    assert "This is no ZIP file." in page
    assert not Job.objects.exists()


def test_photos_are_searched_and_filtered(boss, described, bare):
    make_pair(described, bare)

    def found(**asked: str) -> list[Photo]:
        return list(boss.get(url(Photo, "changelist"), asked).context["cl"].queryset)

    assert found(q="brídge") == [described]
    assert found(described="no") == [bare]
    assert found(described="yes") == [described]
    assert set(found(duplicates="yes")) == {described, bare}


def test_a_photo_shows_its_thumbnail_and_its_duplicates(boss, described, bare):
    make_pair(described, bare)
    page = boss.get(url(Photo, "change", bare.pk)).content.decode()
    assert reverse("ndd:thumbnail", args=[bare.pk]) in page
    assert "Possible duplicates" in page
    assert reverse("ndd:compare", args=[bare.pk, described.pk]) in page


def test_saving_a_photo_keeps_commas_in_subjects(boss, collection):
    photo = make_photo(collection, subjects=["Novak, Jože", "mills"])
    form = boss.get(url(Photo, "change", photo.pk)).context["adminform"].form
    entered = {field.html_name: field.value() or "" for field in form} | {"title": "Mill"}
    assert boss.post(url(Photo, "change", photo.pk), entered).status_code == 302
    photo.refresh_from_db()
    assert (photo.title, photo.subjects) == ("Mill", ["Novak, Jože", "mills"])
    assert list(Photo.objects.matching("mill")) == [photo]


def test_saving_a_photo_keeps_what_somebody_else_wrote_meanwhile(boss, bare):
    address = url(Photo, "change", bare.pk)
    form = boss.get(address).context["adminform"].form
    entered = {field.html_name: field.value() or "" for field in form} | {"title": "Mill"}
    Photo.objects.filter(pk=bare.pk).update(date="1912")
    page = boss.post(address, entered)
    assert "Someone else changed this record meanwhile" in page.content.decode()
    assert "In the record now: 1912" in page.content.decode()
    again = {field.html_name: field.value() or "" for field in page.context["adminform"].form} | {"date": "1912"}
    assert boss.post(address, again).status_code == 302
    bare.refresh_from_db()
    assert (bare.title, bare.date) == ("Mill", "1912")


def test_the_panel_of_a_photo_stands_behind_the_form_and_not_in_it(boss, bare):
    page = boss.get(url(Photo, "change", bare.pk)).content.decode()
    form = page[page.index('id="photo_form"') :]
    assert form.index("</form>") < form.index("Why are these two not a pair?")


def test_who_may_only_look_sees_the_description_and_nothing_of_the_form(described):
    eva = logged_in(make_user("eva", "ndd_app.view_photo", is_staff=True))
    page = eva.get(url(Photo, "change", described.pk)).content.decode()
    assert "Old bridge" in page
    assert "Seen" not in page
    assert 'name="_save"' not in page


def test_the_admin_names_no_collection_that_the_pages_hide(settings, boss, hidden, described):
    settings.NDD_DESCRIPTION_ADAPTER = "tests.web.test_across.NoSecretsForAnybody"
    make_pair(described, hidden)
    make_encoder(hidden.collection)
    make_job(hidden.collection)
    empty = make_collection("empty", title="Empty box")
    rights = [f"ndd_app.{right}_{model._meta.model_name}" for model in OURS for right in ("view", "change")]
    eva = logged_in(make_user("eva", *rights, is_staff=True))
    assert [model for model in OURS if reveals(text(eva, url(model, "changelist")))] == []
    assert eva.get(url(Collection, "upload", hidden.collection.pk)).status_code == 404
    assert {*eva.get(url(Collection, "changelist")).context["cl"].queryset} == {described.collection, empty}
    for model in (Collection, Photo, Encoder, Job):
        assert reveals(text(boss, url(model, "changelist")))


def test_nor_does_it_count_photos_that_may_not_be_seen(settings, boss, described, bare):
    settings.NDD_DESCRIPTION_ADAPTER = "tests.web.conftest.OnlyDescribed"
    eva = logged_in(make_user("eva", "ndd_app.view_collection", is_staff=True))
    told = ['<td class="field-photos">1</td>' in text(person, url(Collection, "changelist")) for person in (eva, boss)]
    assert told == [True, False]


class LostRecords(DublinCoreAdapter):
    """A host whose records are gone, or not there yet."""

    def title(self, photo):
        raise Photo.DoesNotExist

    address = title


def test_a_scan_without_a_record_of_the_host_is_listed(settings, boss, bare):
    settings.NDD_DESCRIPTION_ADAPTER = "tests.web.test_admin.LostRecords"
    assert "no record" in boss.get(url(Photo, "changelist")).content.decode()
    assert boss.get(url(Photo, "change", bare.pk)).status_code == 200


class OfTheHost(DescriptionAdapter):
    fields = DublinCoreAdapter.fields


def test_photos_are_not_filtered_by_descriptions_that_are_the_host_s(settings, boss, described):
    address = reverse("admin:ndd_app_photo_changelist")
    assert "not described" in boss.get(address).content.decode()
    settings.NDD_DESCRIPTION_ADAPTER = "tests.web.test_admin.OfTheHost"
    page = boss.get(address).content.decode()
    assert "not described" not in page
    assert described.path in page
