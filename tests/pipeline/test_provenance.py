import pytest

from ndd_app.models import Photo
from ndd_app.pipeline.copying import Mode, copy_description, undo_copy
from ndd_app.pipeline.provenance import copied_fields, visible_copies
from tests.factories import make_cataloguer, make_collection, make_photo, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def album():
    return make_collection()


@pytest.fixture
def target(album):
    return make_photo(album)


def copy_title(album, target, title: str):
    source = make_photo(album, title=title)
    [copy] = copy_description(source, target, {"title": Mode.REPLACE}, make_cataloguer(title))
    return copy


def test_the_latest_copy_into_a_field_counts(album, target):
    copy_title(album, target, "Mill")
    later = copy_title(album, target, "Old mill")
    assert copied_fields(target, later.person) == [later]


def test_after_undoing_the_copy_before_it_counts_again(album, target):
    earlier, later = copy_title(album, target, "Mill"), copy_title(album, target, "Old mill")
    undo_copy(later, later.person)
    target.refresh_from_db()
    assert copied_fields(target, later.person) == [earlier]


def test_other_scans_of_the_record_share_its_provenance(album):
    target, sibling = make_photo(album, record="R-1"), make_photo(album, record="R-1", title="Mill")
    copy = copy_title(album, target, "Mill")
    assert copied_fields(sibling, copy.person) == [copy]


def test_visitors_see_copies_into_public_collections(album, target):
    from django.contrib.auth.models import AnonymousUser

    copy = copy_title(album, target, "Mill")
    assert list(visible_copies(AnonymousUser())) == []
    assert list(visible_copies(make_user("rok"))) == [copy]
    Photo.objects.filter(pk=target.pk).delete()
    assert list(visible_copies(make_user("eva"))) == []
    assert list(visible_copies(copy.person)) == [copy]
    assert list(visible_copies(make_user("mojca", "ndd_app.view_metadatacopy"))) == [copy]
