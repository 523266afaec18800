import errno
import re
import sys
from time import sleep
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from ndd_app.exceptions import NddError
from ndd_app.models import Collection, Job
from ndd_app.pipeline import jobs
from ndd_app.receivers import find_duplicates_of_new_photos
from ndd_app.signals import collection_ingested
from ndd_app.storage import photo_storage, save_bytes
from tests.factories import make_collection, make_encoder, make_job, make_photo
from tests.pictures import draw_photo, jpeg, zip_of

pytestmark = pytest.mark.django_db(transaction=True)


class OutOfFilm(NddError):
    """There is no film.

    Load one.
    """


@pytest.fixture
def job() -> Job:
    return Job.begin(make_collection(), Job.Kind.EMBED, {})


def do(job: Job, stage, monkeypatch: pytest.MonkeyPatch, **how) -> Job:
    monkeypatch.setitem(jobs.STAGES, job.kind, stage)
    jobs.perform(job, **how)
    job.refresh_from_db()
    return job


def test_the_result_and_the_progress_are_kept(job, monkeypatch):
    def stage(job, track):
        return {"seen": list(track([1, 2, 3], "Counting", 3))}

    done = do(job, stage, monkeypatch)
    assert (done.state, done.result, done.step, done.done) == (Job.State.DONE, {"seen": [1, 2, 3]}, "Counting", 3)


def test_a_step_foretells_its_end_and_the_next_one_begins_without(job, monkeypatch):
    foretold = {}

    def stage(job, track):
        for step, seconds in [("Slow", 0.1), ("Fast", 0.0)]:
            for item in track(range(8), step, 8):
                sleep(seconds)
                foretold[step, item] = job.seconds_left
        return {}

    monkeypatch.setattr(jobs, "REPORT_SECONDS", 0.05)
    monkeypatch.setattr("ndd_app.pipeline.progress.FIRST_SECONDS", 0.2)
    do(job, stage, monkeypatch)
    assert foretold["Slow", 1] is None
    assert 0.1 < foretold["Slow", 6] < 1
    assert foretold["Fast", 0] is None


def test_an_error_of_ours_is_told_as_it_is_and_any_other_with_its_name(job, monkeypatch):
    def stage(job, track):
        raise OutOfFilm

    assert do(job, stage, monkeypatch).error == "There is no film. Load one."
    other = Job.begin(job.collection, Job.Kind.EMBED, {})
    assert "ZeroDivisionError" in do(other, lambda job, track: 1 / 0, monkeypatch).error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), r"A disk is full: .*Make room"),
        (OperationalError("could not extend file: No space left on device\nHINT: …"), r"A disk is full: .*Make room"),
        (MemoryError("Unable to allocate 8 GiB"), r"The memory of this machine does not suffice: .*8 GiB"),
    ],
)
def test_a_full_disk_and_a_full_memory_are_told_with_what_to_do(job, monkeypatch, error, words):
    def stage(job, track):
        raise error

    told = do(job, stage, monkeypatch).error
    assert re.match(words, told)
    assert "\n" not in told


def test_a_broken_installation_fails_the_job_and_not_the_worker(job, monkeypatch):
    def stage(job, track):
        monkeypatch.setitem(sys.modules, "ndd_app.vision.memory", None)  # it imports OpenCV too
        raise ImportError("libGL.so.1: cannot open shared object file")

    assert "libGL.so.1" in do(job, stage, monkeypatch).error


def test_a_process_that_is_asked_to_stop_puts_its_job_back_without_blame(job, monkeypatch):
    def stage(job, track):
        return {"seen": list(track([1, 2, 3], "Counting"))}

    released = do(job, stage, monkeypatch, should_stop=lambda: True)
    assert (released.state, released.attempts) == (Job.State.WAITING, 0)


def test_ctrl_c_fails_the_job_and_still_ends_the_command(job, monkeypatch):
    def stage(job, track):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        do(job, stage, monkeypatch)
    assert Job.objects.get(pk=job.pk).state == Job.State.FAILED


def test_and_the_command_says_in_one_line_that_it_was_stopped(job, monkeypatch):
    def stage(job, track):
        raise KeyboardInterrupt

    make_photo(job.collection)
    monkeypatch.setitem(jobs.STAGES, Job.Kind.MATCH, stage)
    with pytest.raises(CommandError, match=r"Stopped by hand\. What was finished is kept") as stopped:
        call_command("find_duplicates", job.collection.slug)
    assert stopped.value.returncode == 130


def test_a_job_that_another_worker_has_taken_is_left_to_it(job, monkeypatch):
    def stage(job, track):
        Job.objects.filter(pk=job.pk).update(claim=None, state=Job.State.WAITING)
        return {"too": "late"}

    assert do(job, stage, monkeypatch).result == {}


@pytest.mark.parametrize("filename", ["box.zip", "Box 1.2", "scans.cbz", "list.csv"])
@pytest.mark.parametrize(("more", "stays"), [({}, False), ({"b.jpg": b""}, True)])
def test_an_upload_is_removed_once_all_its_scans_are_kept(more, stays, filename):
    name = save_bytes("uploads/box.zip", zip_of({"a.jpg": jpeg(draw_photo(1))} | more))
    job = Job.begin(make_collection(), Job.Kind.INGEST, {"upload": name, "filename": filename})
    jobs.perform(job)
    job.refresh_from_db()
    assert (job.state, job.result["added"], photo_storage().exists(name)) == ("done", 1, stays)


def test_the_heart_goes_on_after_the_database_was_away(job, monkeypatch):
    beats = iter([OperationalError("gone"), None, None])

    def beat():
        if error := next(beats, None):
            raise error

    monkeypatch.setattr(jobs, "HEARTBEAT_SECONDS", 0.01)
    monkeypatch.setattr(job, "beat", beat)
    do(job, lambda job, track: sleep(0.2) or {}, monkeypatch)
    assert next(beats, "all beaten") == "all beaten"


def kinds_queued() -> list[str]:
    return list(Job.objects.order_by("pk").values_list("kind", flat=True))


def ingested(collection: Collection) -> list[str]:
    before = len(kinds_queued())
    find_duplicates_of_new_photos(collection)
    return kinds_queued()[before:]


def test_new_photos_are_matched_first_and_adapted_to_afterwards():
    collection = make_collection()
    make_photo(collection)
    collection_ingested.send(sender=Collection, collection=collection, result=SimpleNamespace())
    assert kinds_queued() == ["embed", "match", "adapt", "embed", "match"]


def test_nothing_is_queued_twice_for_the_same_photos_and_nothing_for_none():
    collection = make_collection()
    assert ingested(collection) == []
    make_photo(collection)
    assert ingested(collection) != []
    assert ingested(collection) == []


def test_photos_added_later_use_the_encoders_that_are_there():
    collection = make_collection()
    make_photo(collection)
    make_encoder(collection=collection)
    assert ingested(collection) == ["embed", "match"]


def test_after_a_failed_matching_the_next_ingest_tries_again():
    collection = make_collection()
    make_photo(collection)
    ingested(collection)
    embedding = Job.objects.earliest("pk")
    embedding.take()
    embedding.fail("disk full")
    assert ingested(collection) != []


def test_what_only_previewed_an_encoder_has_matched_nothing():
    collection = make_collection()
    make_photo(collection)
    make_encoder(collection)
    make_job(collection, "match", state="failed")
    make_job(collection, "match", state="done", parameters={"preview": 1})
    assert ingested(collection) == ["embed", "match"]
