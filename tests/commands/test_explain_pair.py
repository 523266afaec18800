import io
from itertools import combinations
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from benchmarks.sheets import draw_page
from ndd_app.models import Candidate, Collection, Job, Registration
from ndd_app.pipeline.embedding import embed_collection
from ndd_app.pipeline.matching import find_duplicates
from ndd_app.pipeline.review import record_verdict
from ndd_app.pipeline.verification import AS_THEY_ARE
from tests.factories import make_cataloguer, make_collection, make_photo
from tests.pictures import cropped, draw_photo, faded, mirrored, negative, rotated

pytestmark = pytest.mark.django_db


@pytest.fixture
def box(settings, tmp_path: Path) -> Collection:
    """Twelve scenes; of the first three there are rescans: turned and faded, cropped, a mirrored negative."""
    settings.NDD_BACKBONE, settings.NDD_WEIGHTS_DIR = "test_vit", tmp_path
    collection = make_collection("box")
    scenes = [draw_photo(seed, 320, 240) for seed in range(12)]
    for number, pixels in enumerate(scenes):
        make_photo(collection, f"{number:02}.jpg", pixels=pixels)
    make_photo(collection, "00_rescan.jpg", pixels=rotated(faded(scenes[0]), 3))
    make_photo(collection, "01_crop.jpg", pixels=cropped(scenes[1], 0.7))
    make_photo(collection, "02_plate.jpg", pixels=negative(mirrored(scenes[2])))
    embed_collection(collection)
    return collection


def pair(one: str, other: str) -> Candidate | None:
    first, second = sorted((one, other))
    found = Candidate.objects.filter(first__path=first, second__path=second)
    return found.first() or Candidate.objects.filter(first__path=second, second__path=first).first()


def explain(*arguments: str) -> str:
    output = io.StringIO()
    call_command("explain_pair", *arguments, stdout=output)
    return output.getvalue()


def test_rescans_crops_and_mirrored_negatives_are_found_with_relation_and_flags(box):
    result = find_duplicates(box)
    assert result.shown == 3
    found = {other: pair(one, other) for one, other in (("00.jpg", "00_rescan.jpg"), ("01.jpg", "01_crop.jpg"))}
    found["02_plate.jpg"] = pair("02.jpg", "02_plate.jpg")
    assert {name: (c.relation, c.flags) for name, c in found.items() if c} == {
        "00_rescan.jpg": ("same image", []),
        "01_crop.jpg": ("same image", ["crop"]),
        "02_plate.jpg": ("same image", ["mirrored", "inverted"]),
    }


def test_no_pair_is_verified_twice_and_photos_added_later_give_what_a_full_run_gives(box, monkeypatch):
    from ndd_app.pipeline import verification

    find_duplicates(box)
    make_photo(box, "03_crop.jpg", pixels=cropped(draw_photo(3, 320, 240), 0.8))
    embed_collection(box)
    looked = []
    real = verification.verify
    monkeypatch.setattr(verification, "verify", lambda *pair: looked.append(pair) or real(*pair))
    later = find_duplicates(box)
    new = len(looked)
    columns = ("first__path", "second__path", "probability", "relation", "rank_of_first")
    found = set(Candidate.objects.values_list(*columns))
    Registration.objects.all().delete()
    looked.clear()
    assert find_duplicates(box) == later
    assert new < len(looked) / 4
    assert set(Candidate.objects.values_list(*columns)) == found


def test_a_shown_pair_is_explained_from_the_lists_to_the_outcome(box):
    find_duplicates(box)
    words = explain("box", "00.jpg", "00_rescan.jpg")
    assert "rootsift vlad" in words
    assert "all together" in words
    assert "likely. Same image or other exposure: 99 % likely." in words
    assert "matching points that span" in words
    assert "Shown: its chance of" in words


def test_strangers_are_lost_and_the_step_is_named(box):
    find_duplicates(box)
    assert "Lost" in explain("box", "03.jpg", "04.jpg") or "does not reach" in explain("box", "03.jpg", "04.jpg")


def test_a_scan_that_is_lost_since_it_was_embedded_is_named_as_the_reason(box):
    box.photos.get(path="04.jpg").thumbnail.delete()
    assert [note.partition(":")[0] for note in find_duplicates(box).notes] == ["04.jpg"]
    words = explain("box", "03.jpg", "04.jpg")
    assert "Lost before geometry: the stored scan of 04.jpg cannot be read." in words


def test_to_look_changes_neither_what_is_said_the_second_time_nor_the_next_matching(box):
    find_duplicates(box)
    known = set(Registration.objects.values_list("first", "second", "recipe"))
    never = next(two for two in combinations(box.photos.all(), 2) if not Registration.objects.between(*two))
    names = [photo.path for photo in never]
    assert explain("box", *names) == explain("box", *names)
    assert set(Registration.objects.values_list("first", "second", "recipe")) == known


def test_the_reasons_are_those_of_this_very_look(box):
    find_duplicates(box)
    Registration.objects.all().delete()
    words = explain("box", "02.jpg", "02_plate.jpg")
    assert "One of them is a negative." in words
    assert not Registration.objects.exists()


def test_a_likely_pair_that_the_last_matching_has_not_stored_is_not_called_unlikely(box):
    find_duplicates(box)
    Candidate.objects.all().delete()
    assert "Looked at now, in all variants, it has a chance of 99 %: match again." in explain(
        "box", "02.jpg", "02_plate.jpg"
    )


def test_a_pair_that_matches_only_in_a_variant_that_no_matching_tries_is_for_people_to_keep(box):
    """Both photos have a partner: the command tries the variants of any pair."""
    find_duplicates(box)
    Candidate.objects.all().delete()
    Registration.objects.update(details={}, recipe=AS_THEY_ARE)
    words = explain("box", "02.jpg", "02_plate.jpg")
    assert "Lost in geometry" in words
    assert "answer “yes” when comparing the two" in words


def test_of_two_sheets_without_matching_points_it_says_what_would_tell(box):
    for seed in (96, 97):
        make_photo(box, f"{seed}.jpg", pixels=draw_page(16, seed)[:400])
    embed_collection(box)
    find_duplicates(box)
    hint = "matching points would tell"
    assert hint in explain("box", "96.jpg", "97.jpg")
    assert hint not in explain("box", "03.jpg", "04.jpg")
    assert hint not in explain("box", "00.jpg", "00_rescan.jpg")


def test_a_pair_that_people_refused_says_so(box):
    find_duplicates(box)
    found = pair("00.jpg", "00_rescan.jpg")
    assert found is not None
    record_verdict(found.first, found.second, "no", make_cataloguer())
    assert "Not shown: people have answered no." in explain("box", "00.jpg", "00_rescan.jpg")


def test_bad_names_are_refused(box):
    with pytest.raises(CommandError, match=r"no photo 77\.jpg"):
        explain("box", "00.jpg", "77.jpg")
    with pytest.raises(CommandError, match=r"00\.jpg” are one photo"):
        explain("box", "00.jpg", "00.jpg")


def test_nothing_embedded_says_what_to_do():
    collection = make_collection("new")
    make_photo(collection, "a.jpg")
    make_photo(collection, "b.jpg")
    with pytest.raises(CommandError, match="embed_collection new"):
        explain("new", "a.jpg", "b.jpg")
    assert not Job.objects.exists()


def test_a_pair_across_collections_is_explained_from_what_is_stored(box):
    other = make_collection("crate", title="Crate")
    make_photo(other, "copy.jpg", pixels=cropped(draw_photo(5, 320, 240), 0.8))
    make_photo(other, "stranger.jpg", pixels=draw_photo(77, 320, 240))
    embed_collection(other)
    assert "Not looked at yet" in explain("box", "05.jpg", "copy.jpg", "--in", "crate")
    find_duplicates(other)
    words = explain("box", "05.jpg", "copy.jpg", "--in", "crate")
    assert "matching points that span" in words
    assert "Shown: its chance of" in words
    lost = explain("crate", "stranger.jpg", "05.jpg", "--in", "box")
    assert "Lost" in lost or "does not reach" in lost
    with pytest.raises(CommandError, match=r"crate has no photo 05\.jpg"):
        explain("box", "05.jpg", "05.jpg", "--in", "crate")
