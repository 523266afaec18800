from importlib import import_module
from types import ModuleType

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection

from ndd_app.description import adapter
from ndd_app.exceptions import AlreadyUndone, ChangedSincePreview, EditedSince, NotAllowed, NothingToCopy, RecordGone
from ndd_app.models import Collection, MetadataCopy, Photo, Verdict
from ndd_app.pipeline.copying import Mode, copy_description, preview_copy, undo_copy
from ndd_app.pipeline.review import agreed_answer
from ndd_app.signals import metadata_copied, verdict_recorded

pytestmark = pytest.mark.django_db


@pytest.fixture
def source() -> Photo:
    return photo(
        "source.jpg", title="Old bridge", date="1912", subjects=["bridge", "river"], notes="Seen from the mill."
    )


@pytest.fixture
def target() -> Photo:
    return photo("target.jpg", title="Bridge", subjects=["river", "mill"], notes="Torn corner.")


@pytest.fixture
def cataloguer() -> User:
    user = User.objects.create_user("ana")
    user.user_permissions.add(Permission.objects.get(codename="change_photo"))
    return user


def photo(path: str, **description: object) -> Photo:
    collection, _ = Collection.objects.get_or_create(slug="box", defaults={"title": "Box"})
    about = {"checksum": path, "size": 1, "width": 1, "height": 1, "pixel_hash": path}
    return Photo.objects.create(collection=collection, path=path, **about, **description)


def migration(name: str) -> ModuleType:
    return import_module(f"ndd_app.migrations.{name}")


def now(photo: Photo) -> Photo:
    return Photo.objects.get(pk=photo.pk)


def test_fill_leaves_what_is_there(source, target, cataloguer):
    copies = copy_description(source, target, {"title": Mode.FILL, "date": Mode.FILL}, cataloguer)
    assert [copy.field for copy in copies] == ["date"]
    assert (now(target).title, now(target).date) == ("Bridge", "1912")


def test_replace_and_append(source, target, cataloguer):
    modes = {"title": Mode.REPLACE, "subjects": Mode.APPEND, "notes": Mode.APPEND}
    copy_description(source, target, modes, cataloguer)
    assert now(target).title == "Old bridge"
    assert now(target).subjects == ["river", "mill", "bridge"]
    assert now(target).notes == "Torn corner.\n\nSeen from the mill."


def test_lines_end_alike_however_they_were_entered():
    value = adapter().clean(adapter().field("notes"), "one\r\ntwo\rthree")
    assert value == "one\ntwo\nthree"


def test_appending_twice_adds_nothing(source, target, cataloguer):
    copy_description(source, target, {"notes": Mode.APPEND}, cataloguer)
    with pytest.raises(NothingToCopy):
        copy_description(source, now(target), {"notes": Mode.APPEND}, cataloguer)


def test_an_absent_field_is_never_copied_over_a_present_one(source, target, cataloguer):
    Photo.objects.filter(pk=target.pk).update(place="Mostar")
    assert preview_copy(source, now(target), {"place": Mode.REPLACE}).changes == ()


def test_copying_records_the_yes_and_where_each_value_came_from(source, target, cataloguer):
    [copy] = copy_description(source, target, {"date": Mode.FILL}, cataloguer)
    assert (copy.before, copy.after, copy.person_name) == ("", "1912", "ana")
    assert copy.verdict.answer == Verdict.Answer.YES
    assert agreed_answer(Verdict.objects.between(source, target)) == "yes"


def test_copying_is_all_or_nothing(source, target, cataloguer, monkeypatch):
    monkeypatch.setattr(MetadataCopy.objects, "bulk_create", lambda rows: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        copy_description(source, target, {"date": Mode.FILL}, cataloguer)
    assert now(target).date == ""
    assert not Verdict.objects.exists()


def test_what_changed_since_the_preview_is_shown_again_instead_of_copied(source, target, cataloguer):
    modes = {"title": Mode.REPLACE}
    seen = preview_copy(source, target, modes).digest
    Photo.objects.filter(pk=target.pk).update(title="Somebody was faster")
    with pytest.raises(ChangedSincePreview):
        copy_description(source, target, modes, cataloguer, seen)
    assert now(target).title == "Somebody was faster"


def test_undo_puts_the_old_value_back_once(source, target, cataloguer):
    [copy] = copy_description(source, target, {"title": Mode.REPLACE}, cataloguer)
    undo_copy(copy, cataloguer)
    assert now(target).title == "Bridge"
    with pytest.raises(AlreadyUndone, match="ana"):
        undo_copy(copy, cataloguer)


def test_undo_refuses_to_trample_a_later_edit(source, target, cataloguer):
    [copy] = copy_description(source, target, {"title": Mode.REPLACE}, cataloguer)
    Photo.objects.filter(pk=target.pk).update(title="Better by hand")
    with pytest.raises(EditedSince, match="Better by hand"):
        undo_copy(copy, cataloguer)
    assert now(target).title == "Better by hand"


def test_history_outlives_a_photo_that_the_host_deletes(source, target, cataloguer):
    [copy] = copy_description(source, target, {"title": Mode.REPLACE}, cataloguer)
    target.delete()
    copy.refresh_from_db()
    assert (copy.target, copy.target_name, copy.target_checksum) == (None, "target.jpg", "target.jpg")
    assert copy.verdict.second_name == "target.jpg"
    with pytest.raises(RecordGone):
        undo_copy(copy, cataloguer)


def test_only_cataloguers_copy(source, target):
    with pytest.raises(NotAllowed, match="visitor"):
        copy_description(source, target, {"date": Mode.FILL}, User.objects.create_user("visitor"))


def test_copied_fields_are_announced_after_the_commit(source, target, cataloguer, django_capture_on_commit_callbacks):
    heard: list[str] = []

    def hear(copies: list[MetadataCopy], **_: object) -> None:
        heard.extend(copy.field for copy in copies)

    metadata_copied.connect(hear)
    with django_capture_on_commit_callbacks(execute=True):
        copy_description(source, target, {"date": Mode.FILL}, cataloguer)
    assert heard == ["date"]


def test_answers_copies_and_undoing_are_announced(source, target, cataloguer, django_capture_on_commit_callbacks):
    heard = []

    def hear(verdict=None, copies=(), undone=None, **_):
        heard.append(verdict.answer if verdict else (copies[0].field, undone))

    verdict_recorded.connect(hear)
    metadata_copied.connect(hear)
    with django_capture_on_commit_callbacks(execute=True):
        undo_copy(copy_description(source, target, {"date": Mode.FILL}, cataloguer)[0], cataloguer)
    assert heard == ["yes", ("date", False), ("date", True)]


def test_copies_into_texts_whose_lines_end_otherwise_can_still_be_undone(target, cataloguer, monkeypatch):
    """As the site stored them before 0008_line_feeds: with the line ends of browsers."""
    copies = []
    for path in ("one.jpg", "two.jpg"):
        copies += copy_description(photo(path, notes=path), now(target), {"notes": Mode.APPEND}, cataloguer)
    for copy in copies:
        before, after = (text.replace("\n", "\r\n") for text in (copy.before, copy.after))
        MetadataCopy.objects.filter(pk=copy.pk).update(before=before, after=after)
    Photo.objects.filter(pk=target.pk).update(notes=copies[-1].after.replace("\n", "\r\n"))
    turn = migration("0008_line_feeds")
    monkeypatch.setattr(turn, "AT_ONCE", 1)
    turn.end_lines_alike(None, connection.schema_editor())
    assert now(target).notes == "Torn corner.\n\none.jpg\n\ntwo.jpg"
    for copy in reversed(copies):
        undo_copy(copy, cataloguer)
    assert now(target).notes == "Torn corner."


def test_copies_into_records_of_a_host_keep_the_line_ends_of_its_texts(target, cataloguer):
    [copy] = copy_description(photo("one.jpg", notes="one"), target, {"notes": Mode.REPLACE}, cataloguer)
    MetadataCopy.objects.filter(pk=copy.pk).update(after="one\r\ntwo")
    Photo.objects.filter(pk=target.pk).update(notes="")  # the host's own text is elsewhere
    migration("0008_line_feeds").end_lines_alike(None, connection.schema_editor())
    copy.refresh_from_db()
    assert copy.after == "one\r\ntwo"
