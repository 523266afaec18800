"""Panel, compare, copy and undo on the record pages of a project that keeps its own records."""

from datetime import date
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.apps import apps
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import DataError, IntegrityError, connection
from django.db.migrations.loader import MigrationLoader
from django.template import RequestContext, Template
from django.test import Client
from django.utils import timezone
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from ndd_app.exceptions import WrongDescription
from ndd_app.models import EMBEDDING_SIZE, Candidate, Collection, Embedding, Encoder, MetadataCopy, Photo, Verdict
from ndd_app.pipeline.ingest import ingest_source
from ndd_app.pipeline.matching import find_duplicates
from ndd_app.pipeline.sources import open_source
from tests.host_site.museum.adapter import ItemAdapter
from tests.host_site.museum.models import Item, Maker
from tests.pictures import draw_photo, faded, jpeg

pytestmark = pytest.mark.django_db

MANIFEST = """file,record,story
jug.jpg,M-1,
jug again.jpg,M-1,
print.jpg,M-2,Found in the attic.
letter.jpg,M-3,
"""


@pytest.fixture
def items() -> dict[str, Item]:
    maker = Maker.objects.create(name="Ana Kovač")
    return {
        "jug": Item.objects.create(number="M-1", caption="Jug", keywords=["clay"], story="Bought in 1912."),
        "print": Item.objects.create(
            number="M-2", caption="A print of the jug", maker=maker, made="1910/1915", keywords=["print", "clay"]
        ),
        "letter": Item.objects.create(number="M-3", caption="A letter", on_display=False),
    }


@pytest.fixture
def scans(items: dict[str, Item], tmp_path: Path) -> dict[str, Photo]:
    """Ingested from a manifest that names each scan's item; the jug has two scans."""
    for seed, name in enumerate(["jug", "print", "letter"]):
        (tmp_path / f"{name}.jpg").write_bytes(jpeg(draw_photo(seed)))
    (tmp_path / "jug again.jpg").write_bytes(jpeg(faded(draw_photo(0))))
    (tmp_path / "scans.csv").write_text(MANIFEST)
    collection = Collection.objects.create(slug="depot", title="Depot", show_from=0.5, matched_at=timezone.now())
    assert ingest_source(collection, open_source(tmp_path / "scans.csv")).problems == []
    scans = {photo.path.removesuffix(".jpg"): photo for photo in collection.photos.all()}
    for one, other in [("jug", "print"), ("jug", "jug again"), ("jug", "letter")]:
        first, second = sorted([scans[one], scans[other]], key=lambda photo: photo.pk)
        Candidate.objects.create(first=first, second=second, score=0.9, probability=0.9)
    return scans


@pytest.fixture
def cataloguer(client: Client) -> Client:
    person = User.objects.create_user("mira")
    person.user_permissions.add(Permission.objects.get(codename="change_item"))
    client.force_login(person)
    return client


class Forms(HTMLParser):
    """The forms of a page as a browser would send them, by their action; a form without one goes to its page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.found.append((given.get("action", ""), {}))
        elif tag == "input" and "name" in given and (given.get("type") != "radio" or "checked" in given):
            self.found[-1][1][given["name"]] = given.get("value", "")


def send(client: Client, page: str, action: str, **changes: str):
    html = client.get(page).content.decode()
    fields = next(fields for target, fields in Forms(html).found if target == action)
    return client.post(action or page, fields | changes, follow=True)


def copy_print_to_jug(client: Client, scans: dict[str, Photo], **modes: str):
    chosen = "&".join(f"mode_{name}={mode}" for name, mode in modes.items())
    page = f"/same-picture/copy/{scans['print'].pk}/{scans['jug'].pk}/?chosen=1&{chosen}"
    *_, (action, fields) = Forms(client.get(page).content.decode()).found
    return client.post(action or page, fields, follow=True)


def test_the_panel_is_on_the_museums_own_page(cataloguer, scans):
    page = cataloguer.get("/items/M-1/")
    assertContains(page, "<header>Museum of Things</header>", html=True)
    assertContains(page, '<a href="/items/M-2/" title="M-2 A print of the jug">M-2 A print of the jug</a>', html=True)
    assertContains(page, f'href="/same-picture/compare/{scans["jug"].pk}/{scans["print"].pk}/')
    assertContains(page, "has maker and made in that this record lacks")


def test_the_museums_pages_bring_the_style_sheet_and_the_script_once(cataloguer, scans):
    page = cataloguer.get("/items/M-1/")  # two scans, each with its panel
    assertContains(page, "ndd_app/ndd.css", 1)
    assertContains(page, "ndd_app/ndd.js", 1)


def test_an_item_without_scans_has_a_page_too(cataloguer):
    Item.objects.create(number="M-4", caption="A lost jug")
    assertContains(cataloguer.get("/items/M-4/"), "A lost jug")


@pytest.mark.parametrize(
    "tag", ["possible_duplicates", "copied_fields", "running_jobs", "reliability", "waiting_encoders"]
)
@pytest.mark.parametrize("thing", ["scans.0", "None"])
def test_a_tag_shows_nothing_of_no_photo_and_no_collection(rf, tag, thing):
    template = Template(f"{{% load ndd %}}{{% {tag} {thing} %}}")
    request = rf.get("/")
    request.user = AnonymousUser()
    assert template.render(RequestContext(request, {"scans": Photo.objects.none()})).strip() == ""


def test_the_groups_name_the_museums_items(cataloguer, scans):
    page = cataloguer.get("/same-picture/groups/depot/")
    assertContains(page, "M-2 A print of the jug")
    assertNotContains(page, "A letter")


def test_the_matching_never_proposes_two_scans_of_one_record(scans):
    """Here both scans of the jug and the print are the very same picture."""
    encoder = Encoder.objects.create(family="deep", backbone="eye", is_serving=True, photo_count=4)
    for scan, vector in zip(scans.values(), np.eye(EMBEDDING_SIZE), strict=False):
        Embedding.objects.create(encoder=encoder, photo=scan, vector=vector)
    Photo.objects.exclude(pk=scans["letter"].pk).update(pixel_hash="the same")
    find_duplicates(Collection.objects.get())
    found = {frozenset(pair) for pair in Candidate.objects.values_list("first__path", "second__path")}
    assert {"jug.jpg", "print.jpg"} in found
    assert {"jug again.jpg", "print.jpg"} in found
    assert {"jug.jpg", "jug again.jpg"} not in found


def test_two_scans_of_one_record_are_not_in_the_panel(cataloguer, scans):
    """Even where the matching named them, because the museum joined two records afterwards."""
    assertNotContains(cataloguer.get("/items/M-1/"), f"/{scans['jug again'].pk}/?back=")


def test_a_manifest_describes_through_the_adapter(scans, items):
    items["print"].refresh_from_db()
    assert items["print"].story == "Found in the attic."


def test_a_scan_of_an_unknown_item_is_one_line_in_the_report(scans, items, tmp_path):
    (tmp_path / "lost.jpg").write_bytes(jpeg(draw_photo(7)))
    (tmp_path / "more.csv").write_text("file,record\nlost.jpg,M-99\n")
    [problem] = ingest_source(Collection.objects.get(), open_source(tmp_path / "more.csv")).problems
    assert "“M-99”" in problem.reason
    assert Photo.objects.get(path="lost.jpg").record == ""  # a corrected manifest sets it


def test_records_are_compared_by_the_museums_fields_in_its_frame(cataloguer, scans):
    page = cataloguer.get(f"/same-picture/compare/{scans['jug'].pk}/{scans['print'].pk}/")
    assertContains(page, "<header>Museum of Things</header>", html=True)
    assertContains(page, "Ana Kovač")
    assertContains(page, "Made in")
    assertNotContains(page, "Creator")
    assertNotContains(page, "Depot</a>")  # the museum has no pages of collections


def test_copying_writes_the_items(cataloguer, scans, items):
    page = copy_print_to_jug(cataloguer, scans, maker="fill", keywords="append", story="append")
    assertContains(page, 'Copied to <a href="/items/M-1/">M-1 Jug</a>: Maker, Keywords, Story.')
    items["jug"].refresh_from_db()
    assert items["jug"].maker == Maker.objects.get()
    assert items["jug"].keywords == ["clay", "print"]
    assert items["jug"].story == "Bought in 1912.\n\nFound in the attic."
    assert items["jug"].made == ""
    assert Verdict.objects.get().answer == "yes"


def test_undo_empties_the_foreign_key_again(cataloguer, scans, items):
    copy_print_to_jug(cataloguer, scans, maker="fill", made="fill")
    copy = MetadataCopy.objects.get(field="maker")
    page = send(cataloguer, "/items/M-1/", f"/same-picture/copies/{copy.pk}/undo/")
    assertRedirects(page, "/items/M-1/")
    items["jug"].refresh_from_db()
    assert (items["jug"].maker, items["jug"].made) == (None, "1910/1915")


def test_undo_keeps_what_the_museum_changed_since(cataloguer, scans, items):
    copy_print_to_jug(cataloguer, scans, maker="fill")
    items["jug"].maker = Maker.objects.create(name="Ivo Kovač")
    items["jug"].save()
    page = cataloguer.post(f"/same-picture/copies/{MetadataCopy.objects.get().pk}/undo/")
    assertContains(page, "<mark>“Ivo Kovač”</mark>", html=True, status_code=409)
    items["jug"].refresh_from_db()
    assert items["jug"].maker.name == "Ivo Kovač"


def test_a_no_takes_the_pair_from_the_panel(cataloguer, scans):
    pair = f"/same-picture/compare/{scans['jug'].pk}/{scans['print'].pk}/"
    send(cataloguer, pair, f"{pair}verdict/", answer="no")
    assertContains(cataloguer.get("/items/M-1/"), "1 pair answered with no")


def test_what_the_museum_hides_ndd_hides(client, scans):
    assertNotContains(client.get("/items/M-1/"), "A letter")
    assert client.get(f"/same-picture/compare/{scans['jug'].pk}/{scans['letter'].pk}/").status_code == 302
    assert client.get(f"/same-picture/photos/{scans['letter'].pk}/scan/").status_code == 404
    assert client.get(f"/same-picture/photos/{scans['jug'].pk}/scan/").getvalue().startswith(b"\xff\xd8")


def test_only_those_who_may_change_items_may_copy(client, scans):
    page = f"/same-picture/copy/{scans['print'].pk}/{scans['jug'].pk}/"
    assertRedirects(client.get(page), f"/login/?next={page}")
    client.force_login(User.objects.create_user("visitor"))
    assert client.post(page, {"mode_maker": "fill"}).status_code == 403


def test_the_museums_tables_stay_its_own():
    """ndd has tables of its own and nothing else; the museum's migrations know nothing of it, and none is missing."""
    assert all(model._meta.db_table.startswith("ndd_app_") for model in apps.get_app_config("ndd_app").get_models())
    of_museum = [m for (app, _), m in MigrationLoader(connection).disk_migrations.items() if app == "museum"]
    assert [migration.dependencies for migration in of_museum] == [[]]
    call_command("makemigrations", check=True, dry_run=True, stdout=StringIO())


# --- when the museum's own table changes ------------------------------------------------------------------------------


@pytest.fixture
def orphan(scans: dict[str, Photo], items: dict[str, Item], monkeypatch: pytest.MonkeyPatch) -> Photo:
    """A scan whose item the museum has deleted; its adapter shows it all the same."""
    monkeypatch.setattr(ItemAdapter, "visible", lambda _, user, photos: photos)
    items["print"].delete()
    return scans["print"]


def test_a_scan_without_an_item_takes_no_other_page_down(cataloguer, scans, orphan):
    assertContains(cataloguer.get("/items/M-1/"), "print.jpg")
    assertContains(cataloguer.get("/same-picture/groups/depot/"), "print.jpg")
    one, other = sorted([scans["jug"].pk, orphan.pk])
    for page in ("compare", "copy", "explain"):
        assertContains(cataloguer.get(f"/same-picture/{page}/{one}/{other}/"), "print.jpg")


@pytest.mark.parametrize(
    "refusal", [ValidationError("Too long."), DataError("value too long"), IntegrityError("a number is taken")]
)
def test_what_the_museum_s_table_refuses_is_said_and_nothing_is_stored(
    cataloguer, scans, items, monkeypatch: pytest.MonkeyPatch, refusal: Exception
):
    def refuse(*_: object) -> None:
        raise refusal

    monkeypatch.setattr(ItemAdapter, "write", refuse)
    page = copy_print_to_jug(cataloguer, scans, maker="fill")
    assertContains(page, "The archive cannot hold the description", status_code=409)
    assert not MetadataCopy.objects.exists()
    assert not Verdict.objects.exists()


def test_a_value_that_is_no_text_is_named_with_its_field(cataloguer, scans, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ItemAdapter, "read", lambda *_: {"caption": "Jug", "maker": "", "made": date(1912, 1, 1)})
    one, other = sorted([scans["jug"].pk, scans["print"].pk])
    with pytest.raises(WrongDescription, match=r"gives datetime.date\(1912, 1, 1\) for the field made, where text is"):
        cataloguer.get(f"/same-picture/compare/{one}/{other}/")
