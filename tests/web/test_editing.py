from django.urls import reverse

from ndd_app.models import Photo
from tests.factories import record_page


def opened(client, photo) -> dict[str, str]:
    """What a browser would send back from the form unchanged."""
    form = client.get(reverse("record_edit", args=[photo.pk])).context["form"]
    return {field.html_name: str(field.value() or "").replace("\n", "\r\n") for field in form}


def test_texts_that_nobody_touched_stay_as_they_are(ana, described):
    Photo.objects.filter(pk=described.pk).update(description="A bridge.\n\nOf stone.", notes="one\ntwo")
    ana.post(reverse("record_edit", args=[described.pk]), opened(ana, described) | {"title": "Stone bridge"})
    described.refresh_from_db()
    assert (described.title, described.description, described.notes) == (
        "Stone bridge",
        "A bridge.\n\nOf stone.",
        "one\ntwo",
    )


def test_an_entered_text_is_the_one_that_another_record_has(ana, described, bare):
    Photo.objects.filter(pk=described.pk).update(description="one\ntwo")
    ana.post(reverse("record_edit", args=[bare.pk]), opened(ana, bare) | {"description": "one\r\ntwo"})
    bare.refresh_from_db()
    assert bare.description == "one\ntwo"


def test_a_cataloguer_describes_a_record(ana, bare):
    entered = opened(ana, bare) | {"title": "Mill", "date": "191X", "subjects": "mills\r\nNovak, Jože\r\n"}
    response = ana.post(reverse("record_edit", args=[bare.pk]), entered)
    assert response.url == record_page(bare)
    bare.refresh_from_db()
    assert (bare.title, bare.date, bare.subjects) == ("Mill", "191X", ["mills", "Novak, Jože"])
    assert list(Photo.objects.matching("joze")) == [bare]


def test_a_date_that_is_none_is_refused_with_examples(ana, bare):
    response = ana.post(reverse("record_edit", args=[bare.pk]), opened(ana, bare) | {"date": "spring"})
    assert "1912-05" in response.content.decode()
    bare.refresh_from_db()
    assert bare.date == ""


def test_an_edit_of_somebody_else_is_shown_before_it_is_overwritten(ana, described):
    address = reverse("record_edit", args=[described.pk])
    entered = opened(ana, described) | {"title": "New bridge"}
    Photo.objects.filter(pk=described.pk).update(title="Stone bridge")
    response = ana.post(address, entered)
    page = response.content.decode()
    assert "Someone else changed this record" in page
    assert "Stone bridge" in page
    again = {field.html_name: field.value() or "" for field in response.context["form"]}
    assert ana.post(address, again).status_code == 302
    described.refresh_from_db()
    assert described.title == "New bridge"


def test_only_changed_fields_are_written(ana, described):
    ana.post(reverse("record_edit", args=[described.pk]), opened(ana, described) | {"place": "Bled"})
    described.refresh_from_db()
    assert (described.place, described.subjects) == ("Bled", ["river", "bridge"])


def test_an_identifier_is_unique_in_its_collection(ana, described, bare):
    Photo.objects.filter(pk=described.pk).update(identifier="A-1")
    response = ana.post(reverse("record_edit", args=[bare.pk]), opened(ana, bare) | {"identifier": "A-1"})
    assert response.status_code == 200
    assert response.context["form"].errors
