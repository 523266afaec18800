"""Photos of one collection against those of all others, with real encoders and real geometry."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from ndd_app.models import Candidate, Collection, Encoder, Evidence, Registration, Verdict
from ndd_app.pipeline import verification
from ndd_app.pipeline.across import lock_collections
from ndd_app.pipeline.embedding import embed_collection
from ndd_app.pipeline.encoders import fit_encoder
from ndd_app.pipeline.jobs import perform
from ndd_app.pipeline.matching import find_duplicates
from ndd_app.pipeline.review import record_verdict
from ndd_app.pipeline.serving import serve
from tests.factories import make_cataloguer, make_collection, make_job, make_pair, make_photo
from tests.pictures import captioned, cropped, draw_photo, faded, mirrored, negative, rotated

pytestmark = pytest.mark.django_db

SCENES = 10
FOUND = {("plate00.jpg", "print_turned.jpg"), ("plate01.jpg", "print_mirrored.jpg"), ("plate02.jpg", "print_same.jpg")}


@pytest.fixture
def plates(settings, tmp_path: Path) -> Collection:
    settings.NDD_BACKBONE, settings.NDD_WEIGHTS_DIR = "test_vit", tmp_path
    plates = make_collection("plates")
    for number in range(SCENES):
        make_photo(plates, f"plate{number:02}.jpg", pixels=draw_photo(number, 320, 240))
    embed_collection(plates)
    return plates


@pytest.fixture
def prints(plates) -> Collection:
    """Scenes of their own, and three of the plates: turned and faded, as a mirrored positive, the same pixels."""
    prints = make_collection("prints")
    for number in range(SCENES):
        make_photo(prints, f"print{number:02}.jpg", pixels=draw_photo(100 + number, 320, 240))
    scenes = [draw_photo(number, 320, 240) for number in range(3)]
    make_photo(prints, "print_turned.jpg", pixels=rotated(faded(scenes[0]), 3))
    make_photo(prints, "print_mirrored.jpg", pixels=negative(mirrored(scenes[1])))
    make_photo(prints, "print_same.jpg", pixels=scenes[2])
    embed_collection(prints)
    return prints


def shown() -> set[tuple[str, str]]:
    return set(Candidate.objects.shown().values_list("first__path", "second__path"))


def stored() -> set[tuple]:
    columns = ("first__path", "second__path", "relation")
    rows = Candidate.objects.values_list(*columns, "probability")
    return {(*row, round(probability, 4)) for *row, probability in rows}


@pytest.mark.parametrize("order", ["ab", "ba"])
def test_a_caption_on_all_photos_makes_no_pairs_across_collections(plates, order):
    """By the scenes they are strangers but for the first: whichever collection is matched last."""
    for slug, seeds in (("a", range(20, 30)), ("b", [20, *range(40, 50)])):
        collection = make_collection(slug)
        for seed in seeds:
            make_photo(collection, f"{slug}{seed}.jpg", pixels=captioned(faded(draw_photo(seed, 320, 240))))
        embed_collection(collection)
    for slug in order:
        find_duplicates(Collection.objects.get(slug=slug))
    assert shown() == {("a20.jpg", "b20.jpg")}


def test_a_new_collection_is_matched_with_all_that_are_there(plates, prints):
    find_duplicates(prints)
    assert shown() == FOUND
    mirror = Candidate.objects.get(second__path="print_mirrored.jpg", first__path="plate01.jpg")
    assert (mirror.relation, set(mirror.flags)) == ("same image", {"mirrored", "inverted"})
    same = Candidate.objects.get(second__path="print_same.jpg", first__path="plate02.jpg")
    assert set(same.evidence.values_list("detector", flat=True)) >= {"same pixels", "geometry", "classical"}
    ranks = ("rank_of_second", "rank_of_first")  # would tell of pairs that one may not see
    assert set(Candidate.objects.across(prints).values_list(*ranks)) == {(None, None)}
    assert set(Evidence.objects.filter(candidate=same).values_list(*ranks)) == {(None, None)}


def test_it_makes_no_difference_which_collection_comes_last_nor_how_often(plates, prints):
    find_duplicates(prints)
    find_duplicates(plates)
    both = stored()
    assert {row[:2] for row in both} >= FOUND
    find_duplicates(prints)
    assert stored() == both
    find_duplicates(plates)
    assert stored() == both


def test_nor_do_answers_about_a_third_collection(plates, prints):
    third = make_collection("third")
    for number in range(SCENES):
        make_photo(third, f"copy{number:02}.jpg", pixels=faded(draw_photo(number, 320, 240)))
    embed_collection(third)
    find_duplicates(third)
    ana = make_cataloguer()
    for pair in Candidate.objects.across(third).filter(probability__gt=0.9, probability__lt=0.9999):
        record_verdict(pair.first, pair.second, "no", ana)
    assert Verdict.objects.count() > 5
    find_duplicates(prints)
    with_prints = {row for row in stored() if row[:2] in FOUND}
    find_duplicates(plates)
    assert {row for row in stored() if row[:2] in FOUND} == with_prints


def test_the_result_counts_the_collections_own_pairs_only(plates, prints):
    assert find_duplicates(prints).shown == 0
    job = make_job(prints, "match")
    job.take()
    perform(job)
    job.refresh_from_db()
    assert (job.state, job.result["shown"]) == ("done", 0)
    assert Candidate.objects.across(prints).count() >= len(FOUND)
    assert job.result["pairs"] == Candidate.objects.within(prints).count()


def test_a_collection_with_encoders_of_its_own_is_embedded_by_the_site_encoders_too(plates, prints):
    own = fit_encoder("vlad", list(prints.photos.all()), prints)
    embed_collection(prints, [own])
    serve(own)
    late = make_photo(prints, "late.jpg", pixels=cropped(draw_photo(4, 320, 240), 0.8))
    embed_collection(prints)
    assert set(Encoder.objects.site()) <= {embedding.encoder for embedding in late.embeddings.all()}
    find_duplicates(prints)
    assert shown() == FOUND | {("plate04.jpg", "late.jpg")}


def test_answers_across_collections_are_respected_and_never_lost(plates, prints):
    find_duplicates(prints)
    ana = make_cataloguer()
    refused = Candidate.objects.get(second__path="print_turned.jpg", first__path="plate00.jpg")
    record_verdict(refused.first, refused.second, "no", ana)
    far = plates.photos.get(path="plate09.jpg"), prints.photos.get(path="print09.jpg")
    record_verdict(*far, "yes", ana)
    for collection in (prints, plates):
        find_duplicates(collection)
        assert ("plate00.jpg", "print_turned.jpg") not in shown()
        assert Candidate.objects.filter(first=far[0], second=far[1]).exists()
    assert Verdict.objects.count() == 2


def test_a_pair_of_one_record_is_none_across_collections_either(plates, prints):
    plates.photos.filter(path="plate00.jpg").update(record="R-1")
    prints.photos.filter(path="print_turned.jpg").update(record="R-1")
    find_duplicates(prints)
    assert shown() == FOUND - {("plate00.jpg", "print_turned.jpg")}


def test_a_pair_must_be_likely_enough_for_both_collections():
    one, other = make_collection("one", show_from=0.9), make_collection("two", show_from=0.9)
    make_pair(make_photo(one), make_photo(other, seed=9), 0.95)
    for strict, pairs in ((None, 1), (one, 0), (other, 0)):
        Collection.objects.update(show_from=0.9)
        Collection.objects.filter(pk=strict and strict.pk).update(show_from=0.96)
        assert Candidate.objects.shown().count() == pairs


def test_new_photos_cost_their_own_pairs_only(plates, prints, monkeypatch):
    find_duplicates(prints)
    before = set(Registration.objects.values_list("pk", flat=True))
    looked = []
    real = verification.verify
    monkeypatch.setattr(verification, "verify", lambda *pair: looked.append(pair) or real(*pair))
    find_duplicates(prints)
    assert looked == []
    new = make_photo(prints, "new.jpg", pixels=cropped(draw_photo(5, 320, 240), 0.8))
    embed_collection(prints)
    find_duplicates(prints)
    assert ("plate05.jpg", "new.jpg") in shown()
    pairs = Registration.objects.exclude(pk__in=before)
    assert pairs
    assert all(new in (pair.first, pair.second) for pair in pairs)


def test_what_another_matching_found_meanwhile_stays(plates, prints, monkeypatch):
    """Two collections are matched at once: whoever stores last knows nothing of the other's new pairs."""
    from ndd_app.pipeline import across

    real = across.worth_storing

    def while_another_matching_stores(photos, judged, answered):
        pairs = {(photos[a], photos[b]) for a, b in judged.fused.pairs}
        others = ((a, b) for a in plates.photos.all() for b in prints.photos.all() if (a, b) not in pairs)
        first, second = next(others)
        Candidate.objects.create(first=first, second=second, score=0, probability=0.5, relation="theirs")
        return real(photos, judged, answered)

    monkeypatch.setattr(across, "worth_storing", while_another_matching_stores)
    find_duplicates(prints)
    assert Candidate.objects.filter(relation="theirs").exists()
    assert shown() == FOUND


def test_photos_that_a_host_deletes_meanwhile_are_left_out(plates, prints, monkeypatch):
    from ndd_app.pipeline import across

    real = across._of_equal_pixels

    def deleting(collection):
        found = real(collection)
        plates.photos.get(path="plate02.jpg").delete()
        return found

    monkeypatch.setattr(across, "_of_equal_pixels", deleting)
    find_duplicates(prints)
    assert shown() == FOUND - {("plate02.jpg", "print_same.jpg")}


def test_photos_that_a_host_deletes_at_the_last_moment_are_not_fingerprinted_again(plates, prints, monkeypatch):
    from ndd_app.pipeline import across

    real = across.candidates_of

    def deleting(photos, *judged):
        plates.photos.get(path="plate02.jpg").delete()
        return real(photos, *judged)

    monkeypatch.setattr(across, "candidates_of", deleting)
    find_duplicates(prints)
    connection.check_constraints()
    assert shown() == FOUND - {("plate02.jpg", "print_same.jpg")}


def test_a_scan_that_cannot_be_read_is_named_to_its_own_collection_only(plates, prints):
    prints.photos.filter(path="print_same.jpg").update(thumbnail="lost.jpg")
    plates.photos.filter(path="plate00.jpg").update(thumbnail="lost.jpg")
    assert [note.partition(":")[0] for note in find_duplicates(prints).notes] == ["print_same.jpg"]


def test_the_command_says_how_many_pairs_lie_across_collections(plates, prints, capsys):
    call_command("find_duplicates", "prints")
    assert re.search(r"\n\d+ more pairs with photos of other collections; 3 shown\.", capsys.readouterr().out)


def test_alone_in_the_archive_there_is_nothing_to_compare(plates):
    find_duplicates(plates)
    assert not Candidate.objects.across(plates).exists()


@pytest.mark.django_db(transaction=True)
def test_two_matchings_wait_for_each_other_and_never_in_a_circle():
    make_collection("one"), make_collection("two")
    order: list[str] = []
    holds = threading.Event()

    def another():
        try:
            holds.wait(5)
            with transaction.atomic():
                lock_collections()
                order.append("second")
        finally:
            connection.close()

    thread = threading.Thread(target=another)
    thread.start()
    with transaction.atomic():
        lock_collections()
        holds.set()
        thread.join(0.3)
        assert thread.is_alive()
        Collection.objects.filter(slug="two").update(note="seen")
        order.append("first")
    thread.join(5)
    assert order == ["first", "second"]


@pytest.mark.django_db(transaction=True)
def test_two_collections_can_be_matched_at_the_same_moment(plates, prints):
    both_are_ready = threading.Barrier(2)

    def match(collection: Collection) -> int:
        both_are_ready.wait(10)
        try:
            return find_duplicates(collection).photos
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(match, (plates, prints))) == [SCENES, SCENES + 3]
    assert shown() == FOUND
