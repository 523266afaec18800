import re
from html import unescape

from django.urls import reverse

from ndd_app.models import MetadataCopy, Photo, Verdict
from tests.factories import make_photo, record_page


def address(source, target) -> str:
    return reverse("ndd:copy", args=[source.pk, target.pk])


def agreed(response, **changed: str) -> dict[str, str]:
    """What the button under the preview sends."""
    preview = response.context["preview"]
    modes = {f"mode_{change.field.name}": change.mode.value for change in preview.changes}
    return {"seen": preview.digest} | modes | changed


def copy_all(client, source, target) -> MetadataCopy:
    client.post(address(source, target), agreed(client.get(address(source, target))))
    return MetadataCopy.objects.order_by("pk").last()


def test_what_the_target_lacks_is_proposed(ana, described, bare):
    preview = ana.get(address(described, bare)).context["preview"]
    assert [(c.field.name, c.mode, c.after) for c in preview.effective] == [
        ("title", "fill", "Old bridge"), ("date", "fill", "1912"), ("subjects", "fill", ["river", "bridge"])
    ]  # fmt: skip


def test_only_what_makes_sense_is_offered(ana, collection, described):
    target = make_photo(collection, title="Bridge", subjects=["bridge"])
    choices = ana.get(address(described, target)).context["choices"]
    assert {c.comparison.field.name: [mode for mode, _ in c.options] for c in choices} == {
        "title": ["", "replace"], "date": ["", "fill"], "subjects": ["", "replace", "append"]
    }  # fmt: skip


def test_a_long_value_that_both_have_is_folded(ana, collection):
    rights = "Reproduction only with the consent of the family. " * 5
    one, other = (make_photo(collection, title=title, rights=rights) for title in ("Mill", "Bridge"))
    page = ana.get(address(one, other)).content.decode()
    assert page.count(rights) == 1
    assert "<summary>Reproduction only" in page


def test_a_choice_is_previewed(ana, collection, described):
    target = make_photo(collection, title="Bridge", subjects=["bridge"])
    chosen = {"chosen": "1", "mode_title": "replace", "mode_subjects": "append", "mode_date": ""}
    preview = ana.get(address(described, target), chosen).context["preview"]
    assert [change.after for change in preview.effective] == ["Old bridge", ["bridge", "river"]]


def test_choosing_nothing_changes_nothing(ana, described, bare):
    response = ana.get(address(described, bare), {"chosen": "1"})
    assert response.context["preview"].effective == ()
    assert "Nothing would change." in response.content.decode()


def test_copying_describes_the_target_and_records_the_yes(ana, described, bare):
    response = ana.post(address(described, bare), agreed(ana.get(address(described, bare))), follow=True)
    bare.refresh_from_db()
    assert (bare.title, bare.date, bare.subjects) == ("Old bridge", "1912", ["river", "bridge"])
    assert Verdict.objects.get().answer == "yes"
    assert "Title, Date, Subjects" in response.content.decode()


def test_copying_leads_back_to_the_comparison_as_it_was(ana, described, bare):
    came_from = f"{reverse('ndd:compare', args=[bare.pk, described.pk])}?back={bare.pk}"
    page = ana.get(came_from).content.decode()
    link = unescape(re.search(rf'href="({address(described, bare)}[^"]*)"', page)[1])
    response = ana.get(link)
    assert response.context["next"] == came_from
    assert ana.post(address(described, bare), agreed(response, next=came_from)).url == came_from
    assert "elsewhere" not in ana.get(f"{address(described, bare)}?next=https://elsewhere.test/").content.decode()


def test_what_nobody_has_seen_is_not_copied_and_nobody_is_led_away(ana, described, bare):
    assert ana.post(address(described, bare), {"mode_title": "fill"}).status_code == 409
    assert not MetadataCopy.objects.exists()
    sent = agreed(ana.get(address(described, bare)), next="https://elsewhere.test/")
    assert ana.post(address(described, bare), sent).url == reverse("ndd:compare", args=[described.pk, bare.pk])


def test_a_change_after_the_preview_is_not_trampled(ana, described, bare):
    seen = agreed(ana.get(address(described, bare)))
    Photo.objects.filter(pk=bare.pk).update(title="Mill")
    response = ana.post(address(described, bare), seen)
    assert response.status_code == 409
    assert "was changed after the preview was made. Look at the new preview" in response.content.decode()
    bare.refresh_from_db()
    assert (bare.title, bare.date) == ("Mill", "")
    assert ana.post(address(described, bare), agreed(response)).status_code == 302
    bare.refresh_from_db()
    assert (bare.title, bare.date) == ("Mill", "1912")


def test_nothing_to_copy_is_said_with_advice(ana, described, bare):
    response = ana.post(address(described, bare), {"seen": ana.get(address(bare, described)).context["preview"].digest})
    assert "None of the chosen fields would change. Choose at least one" in response.content.decode()


def test_a_source_without_description_says_so(ana, described, bare):
    assert "The record to copy from has no description." in ana.get(address(bare, described)).content.decode()


def test_the_record_tells_where_its_values_came_from(ana, described, bare):
    copy_all(ana, described, bare)
    page = ana.get(record_page(bare)).content.decode()
    provenance = page[page.index("provenance") :]
    assert f'<a href="{record_page(described)}">{described.path}</a>' in provenance
    assert "by ana" in provenance


def test_an_edited_value_is_no_copy_any_more(ana, described, bare):
    copy_all(ana, described, bare)
    Photo.objects.filter(pk=bare.pk).update(title="Mill", date="1920", subjects=[])
    assert "provenance" not in ana.get(record_page(bare)).content.decode()


def test_the_log_lists_copies_and_undoes_them(ana, described, bare):
    copy = copy_all(ana, described, bare)
    assert reverse("ndd:undo", args=[copy.pk]) in ana.get(reverse("ndd:copies")).content.decode()
    page = ana.post(reverse("ndd:undo", args=[copy.pk]), follow=True).content.decode()
    assert "undone by ana" in page
    bare.refresh_from_db()
    assert (bare.subjects, bare.title) == ([], "Old bridge")


def test_undo_shows_a_later_edit_instead_of_trampling_it(ana, described, bare):
    copy = copy_all(ana, described, bare)
    Photo.objects.filter(pk=bare.pk).update(subjects=["mill"])
    response = ana.post(reverse("ndd:undo", args=[copy.pk]))
    assert response.status_code == 409
    assert "<mark>“mill”</mark>" in response.content.decode()
    bare.refresh_from_db()
    assert bare.subjects == ["mill"]


def test_a_whole_copy_is_undone_but_for_what_was_edited_since(ana, described, bare):
    batch = copy_all(ana, described, bare).batch
    assert "Undo all 3" in ana.get(reverse("ndd:copies")).content.decode()
    Photo.objects.filter(pk=bare.pk).update(date="1920")
    page = ana.post(reverse("ndd:undo_batch", args=[batch]), follow=True).content.decode()
    bare.refresh_from_db()
    assert (bare.title, bare.date, bare.subjects) == ("", "1920", [])
    assert f"The copy of Title, Subjects to {bare.path} is undone." in page
    assert "The field Date of" in page
    assert "from “1912” to “1920”" in page
    assert "Undo all" not in page


def test_the_log_tells_records_of_one_title_apart(ana, described, bare):
    copy_all(ana, described, bare)
    page = ana.get(reverse("ndd:copies")).content.decode()
    assert f'<span class="quiet">{described.path}</span>' in page
    assert f'<span class="quiet">{bare.path}</span>' in page


def test_undoing_twice_is_told(ana, described, bare):
    copy = copy_all(ana, described, bare)
    ana.post(reverse("ndd:undo", args=[copy.pk]))
    page = ana.post(reverse("ndd:undo", args=[copy.pk]), follow=True).content.decode()
    assert "already taken back by ana" in page


def test_undo_returns_to_pages_of_this_site_only(ana, described, bare):
    first, second = copy_all(ana, described, bare), MetadataCopy.objects.order_by("pk").first()
    inside = ana.post(reverse("ndd:undo", args=[first.pk]), {"next": record_page(bare)})
    outside = ana.post(reverse("ndd:undo", args=[second.pk]), {"next": "https://example.org/"})
    assert [inside.url, outside.url] == [record_page(bare), reverse("ndd:copies")]


def test_the_log_outlives_the_records(ana, described, bare):
    copy_all(ana, described, bare)
    name = bare.path
    bare.delete()
    page = ana.get(reverse("ndd:copies")).content.decode()
    assert name in page
    assert "gone" in page


def test_an_empty_log_says_how_it_fills(ana):
    assert "Nothing was copied yet." in ana.get(reverse("ndd:copies")).content.decode()
