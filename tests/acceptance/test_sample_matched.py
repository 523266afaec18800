"""The sample, as an archive without weights matches it."""

import csv
from pathlib import Path

import pytest
from django.core.management import call_command

from archive_site.sample import write_sample
from ndd_app.models import Candidate

pytestmark = pytest.mark.django_db


def test_what_is_shown_is_of_one_scene_also_among_versos_under_one_stamp(settings, tmp_path: Path):
    settings.NDD_WEIGHTS_DIR = tmp_path / "none"
    manifest = write_sample(tmp_path / "sample")
    call_command("ingest_collection", "sample", manifest)
    for stage in ("adapt_collection", "embed_collection", "find_duplicates"):
        call_command(stage, "sample")

    with (tmp_path / "sample" / "groups.csv").open(encoding="utf-8", newline="") as rows:
        scene = {row["file"]: row["group"] for row in csv.DictReader(rows)}
    shown = {(pair.first.path, pair.second.path) for pair in Candidate.objects.shown()}
    of_one_scene = {pair for pair in shown if scene.get(pair[0], "") == scene.get(pair[1], "none")}
    assert not {pair for pair in shown - of_one_scene if any("verso" in path for path in pair)}
    assert ("box-03/NDD-0301_verso.jpg", "box-06/NDD-0652_verso.jpg") in shown
    assert len(of_one_scene) >= 0.98 * len(shown) >= 100
