import cv2
import numpy as np
import pytest

from benchmarks.sheets import draw_page
from ndd_app.models import (
    EMBEDDING_SIZE,
    Candidate,
    Collection,
    Embedding,
    Encoder,
    Evidence,
    Photo,
    Registration,
)
from ndd_app.pipeline import matching
from ndd_app.pipeline.judgement import CERTAIN, _Known, judge
from ndd_app.pipeline.matching import find_duplicates
from ndd_app.pipeline.review import record_verdict
from ndd_app.pipeline.verification import AS_THEY_ARE, IN_ALL_VARIANTS, TILTED, told_by_points_alone
from ndd_app.vision.calibration import Probabilities
from ndd_app.vision.classical import describe_keypoints
from ndd_app.vision.geometry import Scan
from ndd_app.vision.neighbours import Fused
from ndd_app.vision.verification import verify
from tests.factories import make_cataloguer, make_collection, make_encoder, make_photo
from tests.pictures import draw_photo, faded
from tests.pipeline.near_pair import embed, make_near_pair, pair

pytestmark = pytest.mark.django_db


@pytest.fixture
def collection() -> Collection:
    return make_near_pair()


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


def test_a_likely_pair_that_was_seen_at_a_slant_is_verified_through_its_views(collection):
    photo = draw_photo(2, 480, 360)
    slanted = np.asarray(cv2.resize(photo, (192, 360), interpolation=cv2.INTER_AREA), np.uint8)
    one, other = (make_photo(collection, name, pixels=pixels) for name, pixels in (("98", photo), ("99", slanted)))
    looks, noise = np.random.default_rng(9).normal(size=(2, EMBEDDING_SIZE))
    for each, vector in ((one, looks), (other, looks + 2 * noise)):
        Embedding.objects.create(encoder=Encoder.objects.get(), photo=each, vector=vector / np.linalg.norm(vector))
    find_duplicates(collection)
    assert Registration.objects.between(one, other).recipe == TILTED
    found = Candidate.objects.get(first=one, second=other)
    assert (found.relation, found.probability > 0.99) == ("same image", True)
    assert found.evidence.get(detector=Evidence.Detector.GEOMETRY).score > 100


def test_what_tilted_views_show_is_a_step_to_others_in_the_same_matching(collection):
    photo = draw_photo(1, 480, 360)
    slanted = np.asarray(cv2.resize(photo, (192, 360), interpolation=cv2.INTER_AREA), np.uint8)
    shown = {"97": photo, "98": slanted, "99": faded(slanted)}
    scans = [make_photo(collection, name, pixels=pixels) for name, pixels in shown.items()]
    vector = np.random.default_rng(9).normal(size=EMBEDDING_SIZE)
    for each, towards in zip(scans, (1, 1, -1), strict=True):
        row = towards * vector / np.linalg.norm(vector)
        Embedding.objects.create(encoder=Encoder.objects.get(), photo=each, vector=row)
    looks, pairs = [], []
    for _ in range(2):
        find_duplicates(collection)
        looks.append({(row.first_id, row.second_id): row.recipe for row in Registration.objects.all()})
        pairs.append(set(Candidate.objects.values_list("first", "second", "probability")))
    assert looks[0] == looks[1]
    assert pairs[0] == pairs[1]
    assert looks[0][scans[0].pk, scans[2].pk] != AS_THEY_ARE


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


@pytest.mark.parametrize("scan_of", [one_pixel, uniform])
def test_all_scans_of_one_tone_are_equal_and_no_pair(collection, scan_of):
    for name in ("98.jpg", "99.jpg"):
        make_photo(collection, name, pixels=scan_of(98))
    find_duplicates(collection)
    assert not Candidate.objects.filter(first__path="98.jpg", second__path="99.jpg").exists()


def test_two_colours_as_light_as_each_other_are_not_one_tone(collection):
    flag = np.full((300, 400, 3), (200, 60, 60), np.uint8)
    flag[:, 200:] = 60, 131, 60
    for name in ("98.jpg", "99.jpg"):
        make_photo(collection, name, pixels=flag)
    find_duplicates(collection)
    assert Candidate.objects.get(first__path="98.jpg", second__path="99.jpg").probability == pytest.approx(CERTAIN)


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
