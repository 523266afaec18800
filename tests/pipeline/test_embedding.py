"""Embedding goes on without the photos whose working copies are gone or broken, and says which."""

import errno
from pathlib import Path

import pytest

from ndd_app.exceptions import BrokenWorkingCopy, DamagedEncoder, StorageUnavailable
from ndd_app.models import Collection, Encoder, Photo
from ndd_app.pipeline.embedding import embed_collection
from ndd_app.pipeline.encoders import fit_encoder, sample
from ndd_app.pipeline.features import CollectionPhotos
from ndd_app.pipeline.serving import embedded_encoders, is_embedded
from ndd_app.storage import photo_storage
from ndd_app.vision.classical import RootSift
from tests.factories import make_collection, make_photo

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def photos() -> list[Photo]:
    collection = make_collection()
    return [make_photo(collection, f"{seed}.jpg", seed=seed) for seed in range(5)]


def break_working_copy(photo: Photo) -> None:
    Path(photo_storage().path(photo.working_copy.name)).write_bytes(b"no picture")


def test_photos_that_cannot_be_read_are_left_out_with_a_note(photos):
    break_working_copy(photos[1])
    photo_storage().delete(photos[3].working_copy.name)
    encoder = fit_encoder("vlad", photos, None)
    assert embed_collection(Collection.objects.get(), [encoder]).embedded == {str(encoder): 3}
    assert set(encoder.embeddings.values_list("photo__path", flat=True)) == {"0.jpg", "2.jpg", "4.jpg"}
    result = embed_collection(Collection.objects.get(), [encoder, encoder])  # tried again, and told once
    assert [note.partition(": ")[0] for note in result.notes] == ["1.jpg", "3.jpg"]
    assert "cannot be decoded" in result.notes[0]


def test_an_encoder_that_cannot_be_loaded_stops_no_other(photos):
    damaged, whole = (fit_encoder("vlad", some, None) for some in (photos[:3], photos))
    Encoder.objects.filter(pk=damaged.pk).update(weights_checksum="0" * 64, family=Encoder.Family.DEEP)
    Encoder.objects.update(is_serving=True)
    collection = Collection.objects.get()
    result = embed_collection(collection)
    assert result.embedded == {str(whole): 5}
    assert "is not what was stored" in result.notes[0]
    assert "embeds nothing" in result.notes[0]
    with pytest.raises(DamagedEncoder):
        embed_collection(collection, [Encoder.objects.get(pk=damaged.pk)])
    whole.embeddings.all().delete()
    Encoder.objects.filter(pk=whole.pk).update(weights_checksum="1" * 64)
    with pytest.raises(DamagedEncoder):  # nothing is left to embed with
        embed_collection(collection)


def test_a_lost_scan_keeps_no_later_encoder_out_and_one_that_is_there_does(photos):
    collection = Collection.objects.get()
    present, later = (fit_encoder("vlad", photos, owner) for owner in (None, collection))
    Encoder.objects.filter(pk=present.pk).update(is_serving=True)
    embed_collection(collection, [present, later])
    later.embeddings.get(photo=photos[1]).delete()
    assert not is_embedded(collection, later)
    photo_storage().delete(photos[1].working_copy.name)
    assert is_embedded(collection, later)
    assert embedded_encoders(collection) == [later]


def test_without_room_for_the_cache_features_are_computed_each_time(photos, monkeypatch, settings):
    def no_room(**_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("ndd_app.pipeline.features.tempfile.mkstemp", no_room)
    assert len(CollectionPhotos(photos).features(RootSift())) == 5
    assert not list(settings.NDD_CACHE_DIR.rglob("*.npy"))


def test_methods_see_the_others_only(photos):
    break_working_copy(photos[1])
    readable = CollectionPhotos(photos)
    assert len(readable.features(RootSift())) == 4
    assert readable.picture(0).shape == (240, 320, 3)
    with pytest.raises(BrokenWorkingCopy):
        readable.picture(1)


def test_where_the_storage_gives_nothing_it_is_the_storage_that_fails(photos, monkeypatch):
    monkeypatch.setattr("ndd_app.pipeline.features.BATCH", 2)
    for photo in photos[:2]:
        break_working_copy(photo)  # a run of these is no reason to end
    for photo in photos[2:4]:
        photo_storage().delete(photo.working_copy.name)
    with pytest.raises(StorageUnavailable):
        CollectionPhotos(photos).features(RootSift())


def test_half_of_a_sample_is_for_photos_that_people_know(photos):
    every, ids = Photo.objects.all(), [photo.pk for photo in photos]
    for pk in ids:
        assert pk in {photo.pk for photo in sample(every, 2, {pk})}
    assert len(sample(every, 4, ids)) == 4
    by_chance = sample(every, 2)
    others = [pk for pk in ids if pk not in {photo.pk for photo in by_chance}]
    assert len({photo.pk for photo in sample(every, 2, others)} & {*others}) >= 1
    assert {photo.pk for photo in sample(every, 2, others)} & {photo.pk for photo in by_chance}


def test_an_encoder_is_fitted_on_each_picture_once(photos):
    Photo.objects.filter(pk__in=[photo.pk for photo in photos[1:4]]).update(pixel_hash="a placeholder's")
    every = Photo.objects.all()
    assert len(sample(every)) == 3
    assert photos[2] in sample(every, known={photos[2].pk})
