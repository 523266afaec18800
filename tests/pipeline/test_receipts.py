"""Encoders of a collection of fifty scenes, each scanned twice, are judged before they serve."""

from pathlib import Path

import pytest
import torch
from django.core.files.base import ContentFile

from ndd_app.exceptions import JobLost
from ndd_app.models import Collection, Encoder, Photo
from ndd_app.pipeline import adaptation, encoders
from ndd_app.pipeline.adaptation import adapt_collection
from ndd_app.pipeline.embedding import embed_collection
from ndd_app.pipeline.encoders import fit_encoder, mark
from ndd_app.pipeline.receipts import Judging, excuse_champions, write_receipts
from ndd_app.pipeline.review import record_verdict
from ndd_app.pipeline.serving import note, ready_encoders, serve, switch
from ndd_app.pipeline.switching import switch_to_newest
from ndd_app.storage import photo_storage, read_bytes
from ndd_app.vision.methods.fitting import Told
from tests.factories import make_cataloguer, make_collection, make_photo
from tests.pictures import cropped, draw_photo, faded
from tests.vision.networks import random_weights, write_weights

pytestmark = pytest.mark.django_db

SCENES = 50
FEW = 16  # enough to see what is judged, too few to decide by
VERDICT = 3  # a scene that people have answered


@pytest.fixture(autouse=True)
def tiny_backbone(settings, tmp_path: Path) -> None:
    write_weights(tmp_path, random_weights())
    settings.NDD_WEIGHTS_DIR, settings.NDD_BACKBONE = tmp_path, "test_vit"


def fill(collection: Collection, scenes: int = SCENES) -> list[Photo]:
    pixels = [draw_photo(seed, 240, 180) for seed in range(scenes)]
    every = [*pixels, *(cropped(faded(picture), 0.9) for picture in pixels)]
    return [make_photo(collection, f"{number:03}.jpg", pixels=picture) for number, picture in enumerate(every)]


def fit(collection: Collection | None, photos: list[Photo], method: str = "whiten", called: str = "") -> Encoder:
    encoder = fit_encoder(method, photos, collection)
    Encoder.objects.filter(pk=encoder.pk).update(method=called or method)
    encoder.refresh_from_db()
    return encoder


@pytest.fixture
def album() -> Collection:
    return served(SCENES)


@pytest.fixture
def few() -> Collection:
    return served(FEW)


def served(scenes: int) -> Collection:
    """By a deep encoder that has seen three photos only, and by a classical one."""
    album = make_collection()
    photos = fill(album, scenes)
    for encoder in (fit(None, photos[:3]), fit(None, photos, "vlad")):
        serve(encoder)
    embed_collection(album)
    return album


def challenge(album: Collection, photos: list[Photo], called: str = "simclr") -> Encoder:
    challenger = fit(album, photos, called=called)
    embed_collection(album, [challenger])
    return challenger


def all_of(album: Collection) -> list[Photo]:
    return list(album.photos.order_by("pk"))


def site(family: str) -> Encoder:
    return Encoder.objects.site().get(family=family)


def test_a_better_encoder_is_adopted_and_serves(album):
    challenger = challenge(album, all_of(album))
    result = switch_to_newest(album)
    assert result.judged == (challenger,)
    challenger.refresh_from_db()
    assert challenger.receipt["decision"] == "adopt", challenger.receipt["words"]
    assert challenger.is_serving
    assert challenger.receipt["replaced"] == site("deep").pk
    assert [figures["role"] for figures in challenger.receipt["figures"]] == [
        "challenger", "present", "classical", "hashing",
    ]  # fmt: skip
    assert challenger.receipt["rescans"] == 2 * SCENES
    photos = {*album.photos.values_list("pk", flat=True)}
    examples = challenger.receipt["better"]
    assert examples
    assert all({example["photo"], example["before"], example["after"]} <= photos for example in examples)


def test_a_harmful_one_is_refused_and_never_serves_by_itself(album):
    better = challenge(album, all_of(album), called="whiten")
    switch(album, better)
    harmful = challenge(album, all_of(album)[:4])
    switch_to_newest(album)
    harmful.refresh_from_db()
    assert harmful.receipt["decision"] == "keep"
    assert harmful.receipt["gains"]["rescans"]["upper"] < 0
    assert not harmful.is_serving
    assert better in Encoder.objects.serving(album)
    assert "site" in [figures["role"] for figures in harmful.receipt["figures"]]


def test_whitening_needs_no_receipt_until_a_trained_encoder_serves(few):
    whitened = challenge(few, all_of(few)[:5], called="whiten")
    excuse_champions(few)
    whitened.refresh_from_db()
    assert whitened.receipt["decision"] == "adopt"
    assert "No receipt is needed" in whitened.receipt["words"][0]
    assert whitened in ready_encoders(few)
    switch(few, challenge(few, all_of(few)))
    note(whitened, decision=None, words=None)
    assert whitened not in ready_encoders(few)


def test_a_receipt_is_written_once_for_the_same_photos_and_pairs(few, monkeypatch):
    challenger = challenge(few, all_of(few))
    write_receipts(few)
    monkeypatch.setattr(Judging, "receipt", None)
    write_receipts(few)
    make_photo(few, pixels=draw_photo(99, 240, 180))
    embed_collection(few, [*Encoder.objects.site(), challenger])
    with pytest.raises(TypeError):
        write_receipts(few)


def test_no_pair_is_judged_that_people_have_refused(few):
    judging = judging_of(few)
    photos = judging.photos
    pairs = {tuple(pair) for pair in judging.silver.tolist()}
    assert pairs <= {(number, number + FEW) for number in range(FEW)}
    assert len(pairs) > FEW / 2
    groups = judging._bench(photos, []).pairs().units
    refused = int(groups[0])
    record_verdict(photos[refused], photos[refused + FEW], "no", make_cataloguer())
    after = judging_of(few)
    assert {*groups} - {*after._bench(photos, []).pairs().units} == {refused}
    assert after.digest != judging.digest


def test_what_people_have_confirmed_is_judged_even_where_geometry_sees_nothing(few):
    one, other = [*few.photos.order_by("pk")][:2]
    record_verdict(one, other, "yes", make_cataloguer())
    judging = judging_of(few)
    groups = judging._bench(judging.photos, []).groups
    assert groups[0] == groups[1]
    assert groups[0] in judging._bench(judging.photos, []).pairs().units
    assert (0, 1) not in {tuple(pair) for pair in judging.silver.tolist()}


def judging_of(album: Collection) -> Judging:
    challenger = album.encoders.first() or challenge(album, all_of(album))
    if not album.matched_at:
        switch_to_newest(album)
    return Judging(album, challenger, site("deep"), site("classical"))


def test_no_pair_is_judged_of_which_either_encoder_was_told_a_photo(few):
    photos = all_of(few)
    challenger = challenge(few, photos)
    switch_to_newest(few)
    judging = Judging(few, challenger, site("deep"), site("classical"))
    groups = judging._bench(photos, []).pairs().units
    one, other, *rest = dict.fromkeys(groups.tolist())
    told = [fit_encoder("auto", photos, few, told=told_of(photos, scene)) for scene in (one, other)]
    taught = Judging(few, *told, site("classical"))
    assert {*taught._bench(photos, []).pairs().units} == {*rest}


def told_of(photos: list[Photo], scene: int) -> Told:
    """A table of groups that names the first scan of one scene alone."""
    return Told(["a" if photo == photos[scene] else None for photo in photos])


def test_with_a_gpu_half_of_the_near_certain_pairs_teach_and_the_others_judge(few, monkeypatch):
    judging = judging_of(few)
    photos = judging.photos
    every = {*judging._bench(photos, []).pairs().units.tolist()}
    assert not adapt_collection(few, "auto").encoders[0].labelled
    monkeypatch.setattr(adaptation, "present_device", lambda: torch.device("cuda"))
    assert not adapt_collection(few, "whiten").encoders[0].labelled
    taught = adapt_collection(few, "auto").encoders[0]
    judged = {*Judging(few, taught, site("deep"), site("classical"))._bench(photos, []).pairs().units.tolist()}
    told = {scene for scene in every if {mark(photos[scene]), mark(photos[scene + FEW])} <= {*taught.labelled}}
    assert judged == every - told
    assert len(taught.labelled) == 2 * len(told) == taught.parameters["duplicates"]
    assert len(every) / 4 < len(told) < len(every) * 3 / 4


def test_after_the_first_verdict_a_person_switches(album):
    challenger = challenge(album, all_of(album))
    one, other = (album.photos.get(path=f"{number:03}.jpg") for number in (VERDICT, VERDICT + SCENES))
    record_verdict(one, other, "yes", make_cataloguer())
    result = switch_to_newest(album)
    assert result.waiting == (challenger,)
    assert challenger not in Encoder.objects.serving(album)
    challenger.refresh_from_db()
    changes = challenger.receipt["changes"]
    assert changes["against"] == site("deep").pk
    assert changes.keys() == {"against", "written_at", "matched_at", "last_answer", "gained", "lost", "missed"}


def test_what_a_person_has_set_aside_does_not_come_back(album):
    challenger = challenge(album, all_of(album))
    switch_to_newest(album)
    switch(album, site("deep"), by_hand=True)
    assert site("deep") in Encoder.objects.serving(album)
    switch_to_newest(album)
    assert site("deep") in Encoder.objects.serving(album)
    switch(album, challenger, by_hand=True)
    challenger.refresh_from_db()
    assert challenger in Encoder.objects.serving(album)
    assert "set_aside" not in challenger.receipt


def test_weights_out_of_reach_keep_the_present_encoder(few):
    challenger = challenge(few, all_of(few))
    write_receipts(few)
    photo_storage().delete(challenger.weights.name)
    encoders._load_encoder.cache_clear()
    few.photos.get(path="000.jpg").delete()  # what was judged has changed
    write_receipts(few)
    challenger.refresh_from_db()
    assert challenger.receipt.keys() == {"decision", "words"}
    assert challenger.receipt["decision"] == "keep"
    assert "could not be judged" in challenger.receipt["words"][0]


def test_a_worker_that_lost_its_job_writes_no_receipt(few):
    challenger = challenge(few, all_of(few))

    def track(items, step, total=None):
        raise JobLost(job=7)

    with pytest.raises(JobLost):
        write_receipts(few, track)
    challenger.refresh_from_db()
    assert "decision" not in challenger.receipt


def test_an_encoder_of_the_sites_own_method_that_could_not_be_loaded_is_tried_again(few):
    whitened = challenge(few, all_of(few), called="whiten")
    storage, name = photo_storage(), whitened.weights.name
    data = read_bytes(name)
    storage.delete(name)
    encoders._load_encoder.cache_clear()
    assert whitened in excuse_champions(few)
    assert Encoder.objects.get(pk=whitened.pk).receipt["decision"] == "keep"
    storage.save(name, ContentFile(data))
    excuse_champions(few)
    assert Encoder.objects.get(pk=whitened.pk).receipt["decision"] == "adopt"
