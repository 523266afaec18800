from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations

import numpy as np
import pytest
from django.db import OperationalError, connection, transaction
from django.db.models import Q

from ndd_app.exceptions import NotEmbedded, StorageUnavailable
from ndd_app.models import (
    Candidate,
    Collection,
    Encoder,
    Evidence,
    Fingerprint,
    Registration,
    Verdict,
)
from ndd_app.pipeline import matching, verification
from ndd_app.pipeline.candidates import store_candidates, without_partner
from ndd_app.pipeline.matching import find_duplicates, judge_with_geometry
from ndd_app.pipeline.progress import Track, untracked
from ndd_app.pipeline.ranking import fused_ranking
from ndd_app.pipeline.review import record_verdict, settled_pairs
from ndd_app.pipeline.serving import ready_encoders
from ndd_app.signals import candidates_found
from tests.factories import make_cataloguer, make_encoder, make_photo
from tests.pipeline.near_pair import PHOTOS, embed, make_near_pair, pair

pytestmark = pytest.mark.django_db


@pytest.fixture
def collection() -> Collection:
    return make_near_pair()


def test_a_near_pair_is_shown_with_its_ranks_and_evidence(collection):
    result = find_duplicates(collection)
    found = pair(collection)
    assert (found.rank_of_second, found.rank_of_first) == (1, 1)
    assert list(Candidate.objects.shown()) == [found]
    assert (result.photos, result.shown) == (PHOTOS, 1)
    [evidence] = found.evidence.filter(detector=Evidence.Detector.CLASSICAL)
    assert evidence.score == pytest.approx(0.995, abs=0.01)


def test_matching_again_replaces_what_the_machine_guessed(collection):
    assert find_duplicates(collection) == find_duplicates(collection)
    assert Candidate.objects.filter(first__path="00.jpg", second__path="01.jpg").count() == 1


def test_an_answered_pair_is_kept_however_far_apart_it_is(collection):
    one, other = collection.photos.filter(path__in=["05.jpg", "17.jpg"])
    record_verdict(one, other, "yes", make_cataloguer())
    find_duplicates(collection)
    assert Candidate.objects.filter(first=one, second=other).exists()


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


@pytest.mark.django_db(transaction=True)
def test_while_pairs_are_stored_their_photos_stay_and_can_be_described(collection):
    one, other = collection.photos.filter(path__in=["00.jpg", "01.jpg"]).order_by("pk")

    def elsewhere(change: Callable[[], object]) -> object:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '200ms'")
                return change()
        finally:
            connection.close()

    with transaction.atomic(), ThreadPoolExecutor() as pool:
        assert store_candidates([Candidate(first=one, second=other, score=1, probability=1)], []) == 1
        with pytest.raises(OperationalError, match="lock timeout"):
            pool.submit(elsewhere, other.delete).result()
        titled = collection.photos.filter(pk=other.pk)
        assert pool.submit(elsewhere, lambda: titled.update(title="Bridge")).result() == 1
    assert Candidate.objects.get(second=other).second.title == "Bridge"


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
