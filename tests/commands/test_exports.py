import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from ndd_app.models import EMBEDDING_SIZE, Candidate, Collection, Embedding, Encoder, Fingerprint, Photo
from ndd_app.pipeline.review import record_verdict
from tests.factories import make_cataloguer

pytestmark = pytest.mark.django_db


@pytest.fixture
def collection() -> Collection:
    """Four photos, of which the first two and the last two are near each other."""
    collection = Collection.objects.create(slug="box", title="Box", show_from=0.5, matched_at=timezone.now())
    encoder = Encoder.objects.create(
        collection=collection, family="deep", backbone="tiny", method="whiten", photo_count=4, is_serving=True
    )
    for number, angle in enumerate([0.0, 0.1, 2.0, 2.1]):
        photo = Photo.objects.create(
            collection=collection, path=f"{number}.jpg", checksum=str(number), size=1, width=1, height=1
        )
        vector = np.zeros(EMBEDDING_SIZE)
        vector[:2] = np.cos(angle), np.sin(angle)
        Embedding.objects.create(encoder=encoder, photo=photo, vector=vector)
        Fingerprint.objects.create(photo=photo, phash="01" * 32, block_mean="0011" * 64)
    first, second, third, _ = collection.photos.order_by("path")
    Candidate.objects.create(first=first, second=second, score=0.9, probability=0.9, rank_of_second=1, rank_of_first=1)
    Candidate.objects.create(first=first, second=third, score=0.2, probability=0.2)
    return collection


def run(*arguments: object) -> str:
    output = io.StringIO()
    call_command(*map(str, arguments), stdout=output)
    return output.getvalue()


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_neighbours_of_one_encoder_are_in_the_order_of_their_cosines(collection):
    encoder = Encoder.objects.get()
    found = [row for row in rows(run("export_neighbours", "box", "--encoder", encoder.pk)) if row["photo"] == "0.jpg"]
    assert [row["neighbour"] for row in found] == ["1.jpg", "2.jpg", "3.jpg"]
    assert float(found[0]["score"]) == pytest.approx(np.cos(0.1), abs=1e-3)


def test_top_limits_the_list(collection):
    found = rows(run("export_neighbours", "box", "--top", 1))
    assert {(row["photo"], row["neighbour"]) for row in found} >= {("0.jpg", "1.jpg"), ("3.jpg", "2.jpg")}
    assert len(found) == 4


def test_duplicates_say_which_are_shown(collection):
    found = rows(run("export_duplicates", "box"))
    assert [(row["first"], row["second"], row["shown"]) for row in found] == [
        ("0.jpg", "1.jpg", "yes"),
        ("0.jpg", "2.jpg", "no"),
    ]


def test_a_pair_that_people_confirmed_is_shown(collection):
    first, _, third, _ = collection.photos.order_by("path")
    record_verdict(first, third, "yes", make_cataloguer())
    assert [row["shown"] for row in rows(run("export_duplicates", "box"))] == ["yes", "yes"]


def test_an_export_can_go_into_a_file(collection, tmp_path: Path):
    run("export_duplicates", "box", "--output", tmp_path / "pairs.csv")
    assert len(rows((tmp_path / "pairs.csv").read_text())) == 2


def test_an_export_that_fails_leaves_the_earlier_file_alone(collection, tmp_path: Path):
    (tmp_path / "old.csv").write_text("photo,neighbour\n")
    Embedding.objects.all().delete()
    with pytest.raises(CommandError, match="embed_collection box"):
        run("export_neighbours", "box", "--output", tmp_path / "old.csv")
    assert (tmp_path / "old.csv").read_text() == "photo,neighbour\n"


@pytest.mark.parametrize("top", ["-1", "0", "many"])
def test_a_list_has_at_least_one_neighbour(collection, top: str):
    with pytest.raises(CommandError, match=f"{top} is no number of neighbours"):
        run("export_neighbours", "box", f"--top={top}")


def test_evaluation_by_groups(collection, tmp_path: Path):
    groups = tmp_path / "groups.csv"
    groups.write_text("file,group\n0.jpg,a\n1.jpg,a\n2.jpg,b\n3.jpg,b\n")
    first, _, third, _ = collection.photos.order_by("path")
    record_verdict(first, third, "yes", make_cataloguer())  # a slip; it is the machine that is evaluated
    figures = json.loads(run("evaluate_collection", "box", "--groups", groups, "--json"))
    assert [ranking["map_without_query"] for ranking in figures["rankings"]] == [1.0, 1.0]
    assert (figures["shown"]["precision"], figures["shown"]["recall"]) == (1.0, 0.5)


def test_what_cannot_be_computed_is_null_in_json_and_a_dash_for_people(collection, tmp_path: Path):
    Candidate.objects.all().delete()
    (tmp_path / "groups.csv").write_text("file,group\n0.jpg,a\n1.jpg,b\n")
    figures = json.loads(run("evaluate_collection", "box", "--groups", tmp_path / "groups.csv", "--json"))
    assert figures["shown"]["precision"] is None
    assert figures["rankings"][0]["map_without_query"] is None
    assert "precision –, recall –" in run("evaluate_collection", "box", "--groups", tmp_path / "groups.csv")


def test_evaluation_by_a_partial_annotation_is_readable(collection, tmp_path: Path):
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("query,match\n0.jpg,1.jpg\n")
    table = run("evaluate_collection", "box", "--pairs", pairs)
    assert "hit@1" in table
    assert "1 query" in table


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("file,group\nnot-there.jpg,a\n", "not-there.jpg"),
        ("photo,cluster\n", "file,group"),
        ("file,group\n0.jpg,a\n1.jpg\n2.jpg,\n", "a cell is missing in 2 of its 3 rows"),
        (b"\xff\xfe\x00", "UTF-8"),
    ],
)
def test_a_wrong_annotation_is_explained(collection, tmp_path: Path, content, complaint):
    file = tmp_path / "groups.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(CommandError, match=complaint):
        run("evaluate_collection", "box", "--groups", file)


def test_an_unknown_collection_is_answered_with_those_there_are(collection):
    with pytest.raises(CommandError, match=r"no collection bax.*box"):
        run("export_duplicates", "bax")


@pytest.mark.parametrize("number", [0, 999])
def test_an_encoder_that_has_not_embedded_the_collection_is_named(collection, number: int):
    with pytest.raises(CommandError, match=rf"No encoder {number}.*tiny whiten"):
        run("export_neighbours", "box", "--encoder", number)
