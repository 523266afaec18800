import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from ndd_app.models import Collection, Job
from tests.acceptance.site import write_photos
from tests.factories import make_collection, make_photo
from tests.pictures import draw_photo, jpeg

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    return write_photos(tmp_path / "scans", {f"{n}.jpg": jpeg(draw_photo(n)) for n in range(3)})


def run(*arguments: object, **how: object) -> tuple[str, str]:
    output, complaints = io.StringIO(), io.StringIO()
    call_command(*map(str, arguments), stdout=output, stderr=complaints, **how)
    return output.getvalue(), complaints.getvalue()


def test_ingest_here_and_now_leaves_a_finished_job(scans):
    output, _ = run("ingest_collection", "box-12", scans, title="Box 12")
    assert "3 photos added" in output
    assert Collection.objects.get().title == "Box 12"
    assert Job.objects.get(kind="ingest").state == Job.State.DONE


def test_what_there_is_one_of_is_counted_as_one(scans, tmp_path):
    run("ingest_collection", "box", scans)
    assert "3 photos embedded" in run("embed_collection", "box")[0]  # and the site encoder is fitted
    one = write_photos(tmp_path / "one", {"9.jpg": jpeg(draw_photo(9))})
    assert "1 photo added" in run("ingest_collection", "single", one)[0]
    assert "1 photo embedded" in run("embed_collection", "single")[0]
    matched, _ = run("find_duplicates", "single")
    assert "1 photo matched" in matched
    assert "0 pairs stored" in matched


def test_each_problem_is_one_line(scans):
    (scans / "broken.jpg").write_bytes(b"no picture")
    _, complaints = run("ingest_collection", "box", scans)
    [line] = complaints.strip().splitlines()
    assert line.startswith("broken.jpg: ")


def test_with_queue_the_work_is_left_to_the_workers(scans):
    output, _ = run("ingest_collection", "box", scans, "--queue")
    job = Job.objects.get()
    assert (job.state, job.kind) == (Job.State.WAITING, Job.Kind.INGEST)
    assert job.get_absolute_url() in output


def test_a_source_that_only_the_worker_has_may_be_queued(scans):
    _, complaints = run("ingest_collection", "box", scans / "elsewhere", "--queue")
    assert Job.objects.get().parameters["source"] == str(scans / "elsewhere")
    assert "elsewhere is not on this machine" in complaints
    with pytest.raises(CommandError, match="neither a folder, nor a ZIP"):  # what is here is looked at
        run("ingest_collection", "crate", scans / "1.jpg", "--queue")
    assert Collection.objects.get().slug == "box"


@pytest.mark.parametrize(
    ("slug", "source", "complaint"),
    [
        ("a b", "", "“a b”.* letters"),
        ("x" * 101, "", "at most 100"),
        ("box", "nowhere", "nothing at .*nowhere"),
        ("box", "1.jpg", r"1\.jpg is neither a folder, nor a ZIP"),
        ("box", "broken.zip", r"broken\.zip cannot be opened"),
        ("box", "other.csv", "“file”"),
        ("box", "texts", "no scan in texts"),
    ],
)
def test_wrong_arguments_are_explained_before_anything_is_made(scans, slug, source, complaint):
    write_photos(scans / "texts", {"read.me": b"no picture"})
    write_photos(scans, {"broken.zip": b"no ZIP", "other.csv": b"name,title\n1.jpg,Mill\n"})
    with pytest.raises(CommandError, match=complaint):
        run("ingest_collection", slug, scans / source)
    assert not Collection.objects.exists()


@pytest.mark.parametrize("source", ["bad", "bad/latin-1.csv"])
def test_an_ingest_that_could_read_nothing_is_an_error_after_its_report(scans, source):
    write_photos(scans / "bad", {"1.jpg": b"no picture", "latin-1.csv": "file,title\n1.jpg,Brücke\n".encode("latin-1")})
    output, complaints = io.StringIO(), io.StringIO()
    with pytest.raises(CommandError, match="Nothing could be read") as refused:
        call_command("ingest_collection", "box", str(scans / source), stdout=output, stderr=complaints)
    assert refused.value.returncode == 1
    assert "1 problem," in output.getvalue()
    assert len(complaints.getvalue().splitlines()) == 1


def test_what_is_known_already_was_read(scans):
    run("ingest_collection", "box", scans)
    (scans / "broken.jpg").write_bytes(b"no picture")
    assert "3 known already" in run("ingest_collection", "box", scans)[0]


def test_a_title_for_a_collection_that_has_one_is_not_ignored_silently(scans):
    run("ingest_collection", "box", scans, title="Box 12")
    _, complaints = run("ingest_collection", "box", scans, title="Box 13")
    assert "keeps its title “Box 12”" in complaints
    assert Collection.objects.get().title == "Box 12"
    assert run("ingest_collection", "box", scans)[1] == ""


def test_embedding_an_empty_collection_or_matching_an_unembedded_one_says_what_to_do(scans):
    Collection.objects.create(slug="empty", title="Empty")
    with pytest.raises(CommandError, match="ingest_collection empty"):
        run("find_duplicates", "empty")
    run("ingest_collection", "box", scans)
    with pytest.raises(CommandError, match="embed_collection box"):
        run("find_duplicates", "box")


def test_a_failed_job_keeps_the_error_that_the_command_printed(scans):
    run("ingest_collection", "box", scans)
    with pytest.raises(CommandError, match="is embedded yet"):
        run("find_duplicates", "box")
    assert "is embedded yet" in Job.objects.get(kind="match", state=Job.State.FAILED).error


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        ("embed_collection empty", "has no photos"),
        ("find_duplicates empty", "has no photos"),
        ("adapt_collection empty", "has no photos"),
        ("find_duplicates box --encoder 999", "No encoder 999"),
        ("find_duplicates box --encoder 0", "No encoder 0"),
        ("adapt_collection box --method mumble", "'mumble'.*whiten"),
        ("adapt_collection box --groups nowhere.csv", "nowhere.csv cannot be read"),
        ("adapt_collection box --groups other.csv", "columns file,group"),
        ("adapt_collection box --groups unknown.csv", "9.jpg"),
    ],
)
@pytest.mark.parametrize("queued", [False, True])
def test_what_can_never_succeed_is_refused_before_a_job_is_made(tmp_path, monkeypatch, command, complaint, queued):
    make_collection("empty")
    make_photo(make_collection("box"))
    write_photos(tmp_path, {"other.csv": b"query,match\na,b\n", "unknown.csv": b"file,group\n9.jpg,a\n"})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError, match=complaint):
        run(*command.split(), *(["--queue"] if queued else []))
    assert not Job.objects.exists()


def test_an_empty_collection_whose_ingest_is_in_the_queue_may_be_worked_on_next(scans):
    run("ingest_collection", "box", scans, "--queue")
    run("embed_collection", "box", "--queue")
    assert [job.kind for job in Job.objects.order_by("pk")] == ["ingest", "embed"]


def test_a_log_gets_one_line_for_each_step(scans, capsys):
    run("ingest_collection", "box", scans)
    assert capsys.readouterr().err.splitlines() == ["Reading scans (3)"]


def test_a_cache_that_cannot_be_written_is_told_by_its_setting(scans, settings):
    run("ingest_collection", "box", scans)
    settings.NDD_CACHE_DIR = scans / "0.jpg" / "cache"
    with pytest.raises(CommandError, match=r"^NDD_CACHE_DIR .*0\.jpg/cache.* may write into"):
        run("embed_collection", "box")


def test_an_unknown_backbone_is_named_before_anything_is_embedded(scans, settings):
    run("ingest_collection", "box", scans)
    settings.NDD_BACKBONE = "vit_of_nowhere"
    with pytest.raises(CommandError, match=r"NDD_BACKBONE: .*vit_of_nowhere"):
        run("embed_collection", "box")
    assert not Job.objects.filter(kind="embed").exclude(state=Job.State.WAITING).exists()
