from collections.abc import Callable
from itertools import combinations

import cv2
import numpy as np
import pytest
from django.db.models import Q

from benchmarks.sheets import draw_page
from ndd_app.exceptions import NotEmbedded, StorageUnavailable
from ndd_app.models import (
    EMBEDDING_SIZE,
    Candidate,
    Collection,
    Embedding,
    Encoder,
    Evidence,
    Fingerprint,
    Photo,
    Registration,
    Verdict,
)
from ndd_app.pipeline import matching, verification
from ndd_app.pipeline.candidates import without_partner
from ndd_app.pipeline.judgement import CERTAIN, _Known, judge
from ndd_app.pipeline.matching import find_duplicates, judge_with_geometry
from ndd_app.pipeline.progress import Track, untracked
from ndd_app.pipeline.ranking import fused_ranking
from ndd_app.pipeline.review import record_verdict, settled_pairs
from ndd_app.pipeline.serving import ready_encoders
from ndd_app.pipeline.verification import IN_ALL_VARIANTS, TILTED, told_by_points_alone
from ndd_app.signals import candidates_found
from ndd_app.vision.calibration import Probabilities
from ndd_app.vision.classical import describe_keypoints
from ndd_app.vision.geometry import Scan
from ndd_app.vision.neighbours import Fused
from ndd_app.vision.verification import verify
from tests.factories import make_cataloguer, make_collection, make_encoder, make_photo
from tests.pictures import draw_photo, faded

pytestmark = pytest.mark.django_db

PHOTOS = 24


@pytest.fixture
def collection() -> Collection:
    """Photos 0 and 1 are near each other for the serving encoder, all others are strangers."""
    collection = make_collection()
    for number in range(PHOTOS):
        make_photo(collection, f"{number:02}.jpg", pixels=draw_photo(number, 64, 48))
    embed(collection, make_encoder(is_serving=True), seed=0)
    return collection


def embed(collection: Collection, encoder: Encoder, seed: int, photos: int = PHOTOS) -> Encoder:
    rows = np.random.default_rng(seed).normal(size=(PHOTOS, EMBEDDING_SIZE))
    rows[1] = rows[0] + 0.1 * rows[1]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    for photo, row in list(zip(collection.photos.order_by("path"), rows, strict=True))[:photos]:
        Embedding.objects.create(encoder=encoder, photo=photo, vector=row)
    return encoder


def pair(collection: Collection) -> Candidate:
    return Candidate.objects.get(first__path="00.jpg", second__path="01.jpg")


def test_a_near_pair_is_shown_with_its_ranks_and_evidence(collection):
    result = find_duplicates(collection)
    found = pair(collection)
    assert (found.rank_of_second, found.rank_of_first) == (1, 1)
    assert list(Candidate.objects.shown()) == [found]
    assert (result.photos, result.shown) == (PHOTOS, 1)
    [evidence] = found.evidence.filter(detector=Evidence.Detector.CLASSICAL)
    assert evidence.score == pytest.approx(0.995, abs=0.01)


def test_an_encoder_that_sees_nothing_in_a_photo_is_no_evidence(collection):
    deep = embed(collection, make_encoder(family="deep", is_serving=True), seed=0)
    deep.embeddings.filter(photo__path="00.jpg").update(vector=np.zeros(EMBEDDING_SIZE))
    find_duplicates(collection)
    assert not pair(collection).evidence.filter(encoder=deep).exists()
    assert pair(collection).evidence.filter(detector=Evidence.Detector.CLASSICAL).exists()


def test_what_stands_behind_many_others_is_less_likely(collection):
    photos = list(collection.photos.order_by("pk"))
    pairs, ranks = np.array([[0, 1], [2, 3]]), np.array([[[1, 2]], [[19, 20]]])
    equally_near = Fused(pairs, np.array([1.5, 1.5], np.float32), np.full((2, 1), 0.8, np.float32), ranks)
    first, behind = judge(photos, equally_near, {}).probabilities.duplicate
    assert first > 0.5
    assert behind < 0.1


def test_matching_again_replaces_what_the_machine_guessed(collection):
    assert find_duplicates(collection) == find_duplicates(collection)
    assert Candidate.objects.filter(first__path="00.jpg", second__path="01.jpg").count() == 1


def test_an_answered_pair_is_kept_however_far_apart_it_is(collection):
    one, other = collection.photos.filter(path__in=["05.jpg", "17.jpg"])
    record_verdict(one, other, "yes", make_cataloguer())
    find_duplicates(collection)
    assert Candidate.objects.filter(first=one, second=other).exists()


def test_a_far_pair_that_people_confirm_leaves_the_chances_of_all_others(collection):
    def chances() -> dict[tuple[int, int], float]:
        return {(c.first_id, c.second_id): c.probability for c in Candidate.objects.exclude(first=one)}

    one, other = collection.photos.filter(path__in=["05.jpg", "17.jpg"])
    find_duplicates(collection)
    before = chances()
    record_verdict(one, other, "yes", make_cataloguer())
    find_duplicates(collection)
    assert chances() == pytest.approx(before, abs=1e-3)


@pytest.mark.parametrize("answer", [True, False])
def test_which_answers_are_heard_does_not_depend_on_what_they_say(collection, answer: bool):
    """Three pairs of three photos, each likely by itself and through the third: the answers are not yet known then."""
    photos = list(collection.photos.order_by("pk"))[:3]
    pairs, flat = np.array([[0, 1], [0, 2], [1, 2]]), np.full(3, 0.75, np.float32)
    fused = Fused(pairs, np.ones(3, np.float32), np.ones((3, 1), np.float32), np.ones((3, 1, 2), np.int64))
    details = [{"homography": np.eye(3).ravel().tolist()}] * 3
    known = _Known(photos, fused, details, dict.fromkeys(range(3), answer))
    heard = known._telling_answers(Probabilities(flat, flat), np.ones(3, np.float32))
    assert heard == dict.fromkeys(range(3), answer)


def test_a_pair_settled_as_no_is_stored_and_not_shown(collection):
    find_duplicates(collection)
    record_verdict(pair(collection).first, pair(collection).second, "no", make_cataloguer())
    result = find_duplicates(collection)
    assert (result.shown, pair(collection) in Candidate.objects.shown()) == (0, False)
    assert Verdict.objects.count() == 1


def test_a_short_list_is_the_head_of_a_long_one(collection):
    find_duplicates(collection)
    photos = list(collection.photos.order_by("pk"))
    short, long = (fused_ranking(collection, photos, top) for top in (2, 20))
    assert short.neighbours.tolist() == long.neighbours[:, :2].tolist()
    assert short.scores == pytest.approx(long.scores[:, :2], abs=1e-6)


def test_a_refused_partner_is_none_nor_is_a_scan_of_the_same_record(collection):
    def lonely() -> set[str]:
        photos = list(collection.photos.order_by("pk"))
        used, settled = list(Encoder.objects.serving(collection)), settled_pairs(photos)
        judged = judge_with_geometry(photos, used, np.empty((0, 2), np.int64), settled, untracked)
        return {photos[number].path for number in without_partner(photos, judged, settled)} & {"00.jpg", "01.jpg"}

    assert not lonely()
    one, other = collection.photos.filter(path__in=["00.jpg", "01.jpg"])
    record_verdict(one, other, "no", make_cataloguer())
    assert lonely() == {"00.jpg", "01.jpg"}
    Verdict.objects.all().delete()
    assert not lonely()
    collection.photos.filter(pk__in=[one.pk, other.pk]).update(record="1907")
    assert lonely() == {"00.jpg", "01.jpg"}


def test_a_site_encoder_that_has_embedded_nothing_here_cannot_be_chosen(collection):
    with pytest.raises(NotEmbedded):
        find_duplicates(collection, encoder=make_encoder())


def test_a_likely_pair_that_was_seen_at_a_slant_is_verified_through_its_views(collection):
    photo = draw_photo(1, 480, 360)
    slanted = np.asarray(cv2.resize(photo, (192, 360), interpolation=cv2.INTER_AREA), np.uint8)
    one, other = (make_photo(collection, name, pixels=pixels) for name, pixels in (("98", photo), ("99", slanted)))
    vector = np.random.default_rng(9).normal(size=EMBEDDING_SIZE)
    for each in (one, other):
        Embedding.objects.create(encoder=Encoder.objects.get(), photo=each, vector=vector / np.linalg.norm(vector))
    find_duplicates(collection)
    assert Registration.objects.between(one, other).recipe == TILTED
    found = Candidate.objects.get(first=one, second=other)
    assert (found.relation, found.probability > 0.99) == ("same image", True)
    assert found.evidence.get(detector=Evidence.Detector.GEOMETRY).score > 100


def empty_frame(seed: int) -> np.ndarray:
    sheet = np.full((360, 480, 3), 205.0)
    cv2.rectangle(sheet, (24, 24), (456, 336), (150, 140, 120), 3)
    return np.clip(sheet + np.random.default_rng(seed).normal(0, 2, (360, 480, 1)), 0, 255).astype(np.uint8)


def blank(seed: int) -> np.ndarray:
    return np.clip(np.random.default_rng(seed).normal(215, 3, (360, 480, 3)), 0, 255).astype(np.uint8)


def one_pixel(seed: int) -> np.ndarray:
    return np.full((1, 1, 3), seed, np.uint8)


def uniform(seed: int) -> np.ndarray:
    return np.full((300, 400 + seed, 3), 200, np.uint8)


def written_sheet(seed: int) -> np.ndarray:
    return draw_page(16, seed)[:400]


@pytest.mark.parametrize("scan_of", [empty_frame, blank, one_pixel, uniform, written_sheet])
def test_scans_of_nothing_or_of_other_sheets_are_no_pair_however_near_they_are(collection, scan_of):
    vector = np.random.default_rng(9).normal(size=EMBEDDING_SIZE)
    for seed in (98, 99):
        photo = make_photo(collection, f"{seed}.jpg", pixels=scan_of(seed))
        Embedding.objects.create(encoder=Encoder.objects.get(), photo=photo, vector=vector / np.linalg.norm(vector))
    find_duplicates(collection)
    assert not Candidate.objects.filter(first__path="98.jpg", second__path="99.jpg").exists()
    assert list(Candidate.objects.shown()) == [pair(collection)]


def test_a_scan_is_read_once_to_know_whether_it_is_a_sheet():
    album = make_collection()
    photos = [make_photo(album, f"{seed}.jpg", pixels=written_sheet(seed)) for seed in (96, 97)]
    pairs = np.array([[0, 1]])
    assert told_by_points_alone(photos, pairs)
    for photo in photos:
        photo.thumbnail.delete(save=False)
    assert told_by_points_alone(photos, pairs)


def test_equal_pixels_are_a_pair_whatever_the_encoders_say(collection):
    twin = collection.photos.get(path="09.jpg")
    copy = make_photo(collection, "99.jpg", pixels=draw_photo(9, 64, 48))
    find_duplicates(collection)
    found = Candidate.objects.get(first=twin, second=copy)
    assert found.probability == pytest.approx(CERTAIN)
    assert (found.relation, found.flags) == ("same image", ["same file"])
    assert set(found.evidence.values_list("detector", flat=True)) >= {"same pixels", "same file"}


def test_scans_of_one_record_are_no_pair(collection):
    collection.photos.filter(path__in=["00.jpg", "01.jpg"]).update(record="42")
    find_duplicates(collection)
    assert not Candidate.objects.filter(first__path="00.jpg", second__path="01.jpg").exists()


def test_lost_fingerprints_are_taken_again(collection):
    Fingerprint.objects.all().delete()
    find_duplicates(collection)
    assert Fingerprint.objects.count() == PHOTOS


def test_photos_without_fingerprint_and_working_copy_are_left_to_the_encoders_with_a_note(collection):
    lost = collection.photos.filter(path__in=["00.jpg", "09.jpg"])
    Fingerprint.objects.all().delete()
    lost.update(working_copy="lost.jpg")
    result = find_duplicates(collection)
    assert [note.partition(": The stored file lost.jpg")[0] for note in result.notes] == ["00.jpg", "09.jpg"]
    assert Fingerprint.objects.count() == PHOTOS - 2
    assert not pair(collection).evidence.filter(detector=Evidence.Detector.PHASH).exists()
    assert not Candidate.objects.filter(first__path="00.jpg", second__path="09.jpg").exists()


def test_the_chance_from_which_pairs_are_shown_is_the_collections(collection):
    find_duplicates(collection)
    chance = pair(collection).probability
    for show_from, shown in ((chance - 0.001, 1), (chance + 0.001, 0)):
        Collection.objects.update(show_from=show_from)
        assert Candidate.objects.shown().count() == shown


def test_the_expected_number_of_false_pairs_is_what_the_chances_leave_open(collection):
    result = find_duplicates(collection)
    assert result.expected_false == pytest.approx(1 - pair(collection).probability, abs=1e-5)


@pytest.mark.parametrize(("seen", "notes"), [(17, 1), (18, 0)])
def test_encoders_that_have_seen_too_few_of_the_photos_are_named(collection, seen, notes):
    embed(collection, make_encoder(collection, photo_count=seen), seed=1)
    assert find_duplicates(collection).notes == ()  # it does not serve yet
    assert len(find_duplicates(collection, switch=True).notes) == notes
    make_encoder(collection, photo_count=PHOTOS)  # the next one waits for its embeddings
    assert find_duplicates(collection).notes == ()


def test_a_switch_lets_the_collections_own_encoder_serve(collection):
    own = embed(collection, make_encoder(collection), seed=1)
    find_duplicates(collection)
    assert Encoder.objects.serving(collection) != [own]
    find_duplicates(collection, switch=True)
    assert Encoder.objects.serving(collection) == [own]
    assert pair(collection).evidence.filter(encoder=own).exists()


def test_an_encoder_that_is_not_embedded_to_the_end_is_not_switched_on(collection):
    site = Encoder.objects.get()
    embed(collection, make_encoder(collection), seed=1, photos=PHOTOS - 1)
    assert ready_encoders(collection) == [site]
    find_duplicates(collection, switch=True)
    assert Encoder.objects.serving(collection) == [site]


def test_answers_correct_the_chances_of_the_other_pairs(collection):
    encoder = Encoder.objects.get()
    for one, other in ((2, 3), (4, 5)):
        vector = encoder.embeddings.get(photo__path=f"{one:02}.jpg").vector
        encoder.embeddings.filter(photo__path=f"{other:02}.jpg").update(vector=vector)
    find_duplicates(collection)
    before, photos, ana = pair(collection).probability, list(collection.photos.order_by("path")), make_cataloguer()
    for one, other in ((2, 3), (4, 5)):
        record_verdict(photos[one], photos[other], "no", ana)
    find_duplicates(collection)
    assert pair(collection).probability < before


def photos_with_one_between(collection: Collection):
    """Photo 3 is as near to photo 2 as to photo 4, which are strangers to each other."""
    encoder = Encoder.objects.get()
    two, three, four = collection.photos.filter(path__in=["02.jpg", "03.jpg", "04.jpg"]).order_by("path")
    vectors = [np.array(encoder.embeddings.get(photo=photo).vector) for photo in (two, four)]
    between = sum(vectors) / np.linalg.norm(sum(vectors))
    encoder.embeddings.filter(photo=three).update(vector=between)
    return two, three, four


def match_by_points(one: Photo, other: Photo):
    """As if geometry had found the one on the other, next to exactly."""
    pixels = draw_photo(0, 480, 360)
    scans = [
        Scan(describe_keypoints(p), cv2.cvtColor(p, cv2.COLOR_RGB2GRAY), 480, 360) for p in (pixels, faded(pixels))
    ]
    Registration.objects.create(first=one, second=other, recipe=IN_ALL_VARIANTS, details=verify(*scans))


def test_a_common_partner_makes_a_pair_of_two_strangers_only_by_matching_points(collection):
    two, three, four = photos_with_one_between(collection)
    find_duplicates(collection)
    assert not Candidate.objects.shown().filter(first=two, second=four).exists()
    Registration.objects.all().delete()
    match_by_points(two, three)
    match_by_points(three, four)
    find_duplicates(collection)
    found = Candidate.objects.get(first=two, second=four)
    assert min(found.probability, found.probability_same_image) > 0.5
    assert found.relation == "same image"


def test_a_pair_that_only_a_common_partner_proposes_stays_when_nothing_else_is_in_doubt(collection, monkeypatch):
    monkeypatch.setattr(matching, "DOUBTFUL", 1.0)
    encoder, photos = Encoder.objects.get(), list(collection.photos.order_by("path"))
    one, between, other = photos[2:5]
    aside, middle, elsewhere = np.linalg.qr(np.random.default_rng(1).normal(size=(EMBEDDING_SIZE, 3)))[0].T
    looks = {one: middle + 1.5 * aside, between: middle, other: middle - 1.5 * aside, photos[1]: elsewhere}
    for photo, vector in looks.items():
        encoder.embeddings.filter(photo=photo).update(vector=vector / np.linalg.norm(vector))
    for two in ((one, between), (between, other), (one, other)):
        match_by_points(*two)
    find_duplicates(collection)
    assert Candidate.objects.get(first=one, second=other).rank_of_second == 2


def test_people_settle_what_a_common_partner_is_worth(collection):
    two, three, four = photos_with_one_between(collection)
    person = make_cataloguer()
    record_verdict(two, three, "yes", person)
    record_verdict(three, four, "yes", person)
    find_duplicates(collection)
    assert Candidate.objects.shown().filter(first=two, second=four).exists()
    record_verdict(three, four, "no", person)
    find_duplicates(collection)
    assert not Candidate.objects.shown().filter(first=two, second=four).exists()


def meanwhile(do: Callable[[], object]) -> Track:
    """Tracks a job during which something else happens, once."""
    todo = [do]

    def track(items, step, total=None):
        while todo:
            todo.pop()()
        yield from items

    return track


def test_a_photo_that_comes_while_others_are_matched_was_not_looked_at(collection):
    find_duplicates(collection, track=meanwhile(lambda: make_photo(collection, "late.jpg")))
    collection.refresh_from_db()
    assert collection.photos.get(path="late.jpg").ingested_at > collection.matched_at
    assert collection.photos.get(path="00.jpg").ingested_at < collection.matched_at


def test_of_a_photo_that_its_host_deletes_meanwhile_nothing_is_stored(collection):
    gone = collection.photos.get(path="01.jpg")
    result = find_duplicates(collection, track=meanwhile(gone.delete))
    assert result.pairs == Candidate.objects.count()
    assert not Candidate.objects.filter(second__path="01.jpg").exists()


def test_an_answer_that_is_given_meanwhile_keeps_its_pair(collection):
    far = collection.photos.filter(path__in=["00.jpg", "02.jpg"])
    find_duplicates(collection, track=meanwhile(lambda: record_verdict(*far, "unsure", make_cataloguer())))
    assert Candidate.objects.filter(first__path="00.jpg", second__path="02.jpg").exists()


def test_a_storage_that_gives_nothing_ends_the_matching_and_keeps_its_pairs(collection, monkeypatch):
    find_duplicates(collection)
    before = Candidate.objects.count()
    Registration.objects.all().delete()
    collection.photos.update(thumbnail="lost.jpg")
    monkeypatch.setattr(verification, "BATCH", 16)
    with pytest.raises(StorageUnavailable):
        find_duplicates(collection)
    assert Candidate.objects.count() == before


def test_of_many_scans_that_cannot_be_read_the_notes_name_some(collection, monkeypatch):
    monkeypatch.setattr(matching, "MOST_NAMED", 2)
    collection.photos.filter(path__lt="05.jpg").update(thumbnail="lost.jpg")
    *named, more = find_duplicates(collection).notes
    assert len(named) == 2
    assert more == "3 more photos could not be read."


def test_of_a_scan_that_cannot_be_read_now_nothing_is_kept(collection):
    lost = collection.photos.filter(path="01.jpg")
    name = lost.get().thumbnail.name
    lost.update(thumbnail="lost.jpg")
    [note] = find_duplicates(collection).notes
    assert "01.jpg: The stored file lost.jpg could not be read" in note
    assert Registration.objects.exists()
    of_it = Registration.objects.filter(Q(first__in=lost) | Q(second__in=lost))
    assert not of_it.exists()
    lost.update(thumbnail=name)
    assert not find_duplicates(collection).notes
    assert of_it.exists()


def test_what_an_earlier_recipe_found_does_not_outlive_the_next_matching(collection):
    find_duplicates(collection)
    known = set(Registration.objects.values_list("pk", flat=True))
    never = next(two for two in combinations(collection.photos.all(), 2) if not Registration.objects.between(*two))
    Registration.objects.create(first=never[0], second=never[1], recipe="geometry 1")
    find_duplicates(collection)
    assert set(Registration.objects.values_list("pk", flat=True)) == known


def test_what_was_found_is_announced(collection, django_capture_on_commit_callbacks):
    heard = []

    def hear(collection, result, **_):
        heard.append((collection.slug, result.shown))

    candidates_found.connect(hear)
    with django_capture_on_commit_callbacks(execute=True):
        find_duplicates(collection)
    assert heard == [(collection.slug, 1)]
