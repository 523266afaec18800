"""What a report of changes foretells, against what the pages show after the switch."""

import numpy as np
import pytest

from ndd_app.exceptions import NotEmbedded
from ndd_app.models import EMBEDDING_SIZE, Candidate, Collection, Embedding, Encoder, Job, Verdict
from ndd_app.pipeline import changes
from ndd_app.pipeline.changes import Pair, report_changes
from ndd_app.pipeline.jobs import perform
from ndd_app.pipeline.matching import find_duplicates
from ndd_app.pipeline.review import record_verdict
from ndd_app.pipeline.serving import switch
from tests.factories import make_cataloguer, make_collection, make_encoder, make_photo
from tests.pictures import draw_photo

pytestmark = pytest.mark.django_db

PHOTOS = 24
BOTH, OLD, NEW = (0, 1), (2, 3), (4, 5)
"""Photos that both encoders see near each other, only the one that serves, only the new one."""


@pytest.fixture
def album() -> Collection:
    """Served by the site's encoder, and matched."""
    album = make_collection(show_from=0.8)
    for number in range(PHOTOS):
        make_photo(album, f"{number:02}.jpg", pixels=draw_photo(number, 64, 48))
    embed(album, make_encoder(is_serving=True), BOTH, OLD)
    find_duplicates(album)
    return album


@pytest.fixture
def challenger(album) -> Encoder:
    return embed(album, make_encoder(album), BOTH, NEW)


def embed(album: Collection, encoder: Encoder, *near: Pair, photos: int = PHOTOS) -> Encoder:
    rows = np.random.default_rng(0).normal(size=(PHOTOS, EMBEDDING_SIZE))
    for one, other in near:
        rows[other] = rows[one] + 0.1 * rows[other]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    for photo, row in list(zip(album.photos.order_by("path"), rows, strict=True))[:photos]:
        Embedding.objects.create(encoder=encoder, photo=photo, vector=row)
    return encoder


def ids(album: Collection, pair: Pair) -> Pair:
    one, other = (album.photos.get(path=f"{number:02}.jpg").pk for number in pair)
    return one, other


def answer(album: Collection, pair: Pair, said: str) -> None:
    one, other = (album.photos.get(pk=pk) for pk in ids(album, pair))
    record_verdict(one, other, said, make_cataloguer(f"says {said} on {pair}"))


def shown(album: Collection) -> set[Pair]:
    return set(Candidate.objects.shown().within(album).order_by().values_list("first", "second"))


def test_gained_and_lost_are_what_the_switch_makes_of_the_pages(album, challenger):
    before = shown(album)
    found = report_changes(album, challenger)
    assert (found.gained, found.lost, found.missed) == ([ids(album, NEW)], [ids(album, OLD)], [])
    assert found.against == Encoder.objects.site().get().pk
    switch(album, challenger, by_hand=True)
    find_duplicates(album)
    assert shown(album) == (before | {*found.gained}) - {*found.lost}


def test_the_report_stores_nothing_but_itself(album, challenger):
    before, matched_at = shown(album), Collection.objects.get().matched_at
    report_changes(album, challenger)
    assert (shown(album), Collection.objects.get().matched_at) == (before, matched_at)
    assert Encoder.objects.serving(album) == [*Encoder.objects.site()]
    challenger.refresh_from_db()
    stored = challenger.receipt["changes"]
    assert stored.keys() == {"against", "written_at", "matched_at", "last_answer", "gained", "lost", "missed"}
    assert stored["gained"] == [[*ids(album, NEW)]]


def test_it_says_what_it_knew_of(album, challenger):
    answer(album, BOTH, "yes")
    known = Verdict.objects.get().pk
    report_changes(album, challenger)
    challenger.refresh_from_db()
    stored = challenger.receipt["changes"]
    assert stored["last_answer"] == known
    assert stored["matched_at"] == Collection.objects.get().matched_at.isoformat()


def test_confirmed_pairs_that_it_would_not_find_are_missed_and_not_lost(album, challenger):
    answer(album, OLD, "yes")
    answer(album, BOTH, "yes")
    found = report_changes(album, challenger)
    assert (found.lost, found.missed) == ([], [ids(album, OLD)])


def test_confirmed_pairs_vouch_for_none_of_their_group(album, challenger):
    group = [(2, 3), (3, 6), (2, 6)]
    for pair in group:
        answer(album, pair, "yes")
    assert report_changes(album, challenger).missed == [ids(album, pair) for pair in sorted(group)]


@pytest.mark.parametrize("said", ["no", "unsure"])
def test_answered_pairs_stay_on_the_pages_and_are_neither_gained_nor_lost(album, challenger, said):
    answer(album, OLD, said)
    answer(album, NEW, said)
    found = report_changes(album, challenger)
    assert (found.gained, found.lost, found.missed) == ([], [], [])


def test_a_pair_on_which_people_disagree_is_not_confirmed(album, challenger):
    answer(album, OLD, "yes")
    answer(album, OLD, "no")
    assert report_changes(album, challenger).missed == []


def test_a_long_list_keeps_the_likeliest(album, challenger, monkeypatch):
    monkeypatch.setattr(changes, "MOST_CHANGES", 1)
    album.show_from = 0.1
    album.save()
    found = report_changes(album, challenger)
    assert found.gained == [ids(album, NEW)]


def test_an_encoder_without_all_its_embeddings_is_not_reported_on(album):
    half = embed(album, make_encoder(album), NEW, photos=PHOTOS // 2)
    with pytest.raises(NotEmbedded):
        report_changes(album, half)


def test_a_job_reports_on_an_encoder_of_the_collection_and_on_no_other(album, challenger):
    job = Job.begin(album, Job.Kind.MATCH, {"preview": challenger.pk})
    perform(job)
    job.refresh_from_db()
    assert job.result == {"encoder": str(challenger), "report": challenger.get_absolute_url()}
    of_site = Job.begin(album, Job.Kind.MATCH, {"preview": Encoder.objects.site().get().pk})
    perform(of_site)
    of_site.refresh_from_db()
    assert of_site.state == "failed"
    assert Encoder.objects.site().get().receipt == {}
