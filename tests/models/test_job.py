from collections.abc import Iterator
from datetime import timedelta
from time import monotonic

import pytest
from celery import Celery, current_app
from django.utils import timezone

from ndd_app import tasks
from ndd_app.exceptions import JobLost
from ndd_app.models import Collection, Job
from ndd_app.models.job import MAX_ATTEMPTS, STALE_SECONDS

pytestmark = pytest.mark.django_db


@pytest.fixture
def collection() -> Collection:
    return Collection.objects.create(slug="box", title="Box")


def job(collection: Collection, after: Job | None = None) -> Job:
    return Job.objects.create(collection=collection, kind=Job.Kind.EMBED, after=after)


def let_its_worker_die(job: Job) -> None:
    long_ago = timezone.now() - timedelta(seconds=STALE_SECONDS + 1)
    Job.objects.filter(pk=job.pk).update(heartbeat_at=long_ago)
    Job.objects.all().release_stale()
    job.refresh_from_db()


def test_only_one_of_two_workers_takes_a_job(collection):
    one = job(collection)
    same = Job.objects.get(pk=one.pk)
    assert (one.take(), same.take()) == (True, False)


def test_a_job_waits_for_the_one_before(collection):
    first = job(collection)
    second = job(collection, after=first)
    assert not second.take()
    first.take()
    first.finish({})
    assert second.take()


def test_ingests_of_one_collection_are_done_one_after_the_other(collection):
    crate = Collection.objects.create(slug="crate", title="Crate")
    first, second, elsewhere = (
        Job.objects.create(collection=c, kind="ingest") for c in (collection, collection, crate)
    )
    assert (first.take(), second.take(), elsewhere.take()) == (True, False, True)
    first.finish({})
    assert second.take()


def test_a_job_that_is_tried_again_has_all_its_attempts(collection):
    deadly = job(collection)
    for _ in range(MAX_ATTEMPTS):
        deadly.take()
        let_its_worker_die(deadly)
    assert deadly.retry()
    assert deadly.take()
    let_its_worker_die(deadly)
    assert (deadly.state, deadly.attempts) == ("waiting", 1)


def test_the_sweeper_starts_what_waits_if_its_worker_has_nothing_to_do(collection, monkeypatch):
    sent, waiting = [], job(collection)
    monkeypatch.setattr(tasks, "_send", sent.append)
    tasks.sweep()
    monkeypatch.setattr(tasks._busy, "is_set", lambda: True)
    tasks.sweep()
    assert sent == [waiting.pk]


@pytest.mark.parametrize("queue", ["celery", "pictures"])
def test_the_command_that_starts_a_worker_names_a_queue_that_is_not_its_default(monkeypatch, queue):
    museum = Celery("museum", set_as_current=False)
    museum.conf.task_routes = {"ndd_app.tasks.*": {"queue": queue}}
    monkeypatch.setattr(tasks, "current_app", museum)
    more = " --queues pictures" if queue == "pictures" else ""
    assert tasks.worker_command() == f"celery -A museum worker --pool solo{more}"


@pytest.fixture
def broker_that_is_away(monkeypatch) -> Iterator[None]:
    monkeypatch.delenv("CELERY_BROKER_URL")  # of the tests; it goes before what an application says
    archive = current_app._get_current_object()
    Celery("museum", broker="amqp://127.0.0.1:1//;amqp://127.0.0.1:2//", set_as_current=False).set_current()
    monkeypatch.setattr(tasks, "_away_until", 0.0)
    yield
    archive.set_current()


@pytest.mark.usefixtures("broker_that_is_away")
def test_a_broker_that_is_away_keeps_nobody_waiting_and_is_asked_once(
    collection, django_capture_on_commit_callbacks, monkeypatch
):
    tried = []
    really = tasks._connect
    monkeypatch.setattr(tasks, "_connect", lambda connection: tried.append(connection) or really(connection))
    begun = monotonic()
    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(4):
            tasks.enqueue(collection, tasks.SERVE_FIRST)
    assert monotonic() - begun < 2
    assert len(tried) == 1
    assert Job.objects.filter(state="waiting").count() == 8


def test_the_job_of_a_dead_worker_is_taken_by_another(collection):
    lost = job(collection)
    lost.take()
    let_its_worker_die(lost)
    assert lost.state == Job.State.WAITING
    assert lost.take()


def test_a_living_worker_keeps_its_job(collection):
    mine = job(collection)
    mine.take()
    Job.objects.all().release_stale()
    mine.refresh_from_db()
    assert mine.state == Job.State.RUNNING


def test_a_worker_that_slept_too_long_cannot_interfere(collection):
    sleeper = job(collection)
    sleeper.take()
    let_its_worker_die(Job.objects.get(pk=sleeper.pk))
    Job.objects.get(pk=sleeper.pk).take()
    with pytest.raises(JobLost):
        sleeper.finish({})
    assert Job.objects.get(pk=sleeper.pk).state == Job.State.RUNNING


def let_it_wait(job: Job) -> None:
    """As if it had been made ten minutes ago."""
    Job.objects.filter(pk=job.pk).update(created_at=timezone.now() - timedelta(minutes=10))


def test_a_job_that_no_worker_takes_is_unattended(collection):
    waiting = job(collection)
    assert Job.objects.all().seconds_unattended() is None
    let_it_wait(waiting)
    assert Job.objects.all().seconds_unattended() == pytest.approx(600, abs=5)
    assert Job.objects.exclude(pk=waiting.pk).seconds_unattended() is None


def test_none_is_unattended_that_waits_for_another_or_for_a_busy_worker(collection):
    first = job(collection)
    let_it_wait(job(collection, after=first))
    assert Job.objects.all().seconds_unattended() is None
    let_it_wait(job(collection))
    first.take()
    assert Job.objects.all().seconds_unattended() is None
    first.finish({})
    assert Job.objects.all().seconds_unattended() is None  # the worker is about to take the next one


def test_a_running_job_whose_worker_died_is_unattended(collection):
    lost = job(collection)
    lost.take()
    let_it_wait(lost)
    Job.objects.filter(pk=lost.pk).update(heartbeat_at=timezone.now() - timedelta(minutes=5))
    assert Job.objects.all().seconds_unattended() == pytest.approx(300, abs=5)


def test_a_job_that_is_tried_again_has_not_waited_before(collection):
    failed = job(collection)
    failed.take()
    failed.fail("no room")
    let_it_wait(failed)
    Job.objects.filter(pk=failed.pk).update(heartbeat_at=timezone.now() - timedelta(minutes=5))
    failed.retry()
    assert Job.objects.all().seconds_unattended() is None


def test_a_job_that_takes_down_every_worker_is_failed(collection):
    deadly = job(collection)
    for _ in range(MAX_ATTEMPTS):
        assert deadly.take()
        let_its_worker_die(deadly)
    assert deadly.state == Job.State.FAILED
    assert "memory" in deadly.error


def test_a_waiting_job_is_cancelled_with_what_was_to_follow_and_a_running_one_is_not(collection):
    first = job(collection)
    second = job(collection, after=first)
    assert first.cancel()
    assert not first.take()
    second.refresh_from_db()
    assert (second.state, second.error) == (Job.State.CANCELLED, f"Job {first.pk} was cancelled.")
    running = job(collection)
    running.take()
    assert not running.cancel()
    running.refresh_from_db()
    assert running.state == Job.State.RUNNING


def test_failing_cancels_what_was_to_follow_and_retry_brings_it_back(collection):
    first = job(collection)
    second = job(collection, after=first)
    third = job(collection, after=second)
    first.take()
    first.fail("no room")
    third.refresh_from_db()
    assert third.state == Job.State.CANCELLED
    assert first.retry()
    third.refresh_from_db()
    assert third.state == Job.State.WAITING
    assert Job.objects.get(pk=first.pk).take()


def test_progress_is_written_into_the_row(collection):
    mine = job(collection)
    mine.take()
    mine.report("Reading", 3, 12)
    assert Job.objects.get(pk=mine.pk).percent == 25


def test_the_row_tells_how_long_the_step_still_takes(collection):
    mine = job(collection)
    mine.take()
    mine.report("Reading", 3, 12, seconds_left=240.0)
    assert Job.objects.get(pk=mine.pk).seconds_left == pytest.approx(240)
    mine.report("Reading", 12, 12)
    assert Job.objects.get(pk=mine.pk).seconds_left is None


def test_how_long_a_job_has_run_is_told_by_the_database_alone(collection, monkeypatch):
    mine = job(collection)
    mine.take()
    monkeypatch.setattr(timezone, "now", lambda: mine.started_at - timedelta(hours=2))  # a web machine that is late
    assert Job.objects.get(pk=mine.pk).seconds == 0
    Job.objects.update(started_at=mine.started_at - timedelta(minutes=3))
    assert Job.objects.get(pk=mine.pk).seconds == pytest.approx(180)
    mine.finish({})
    assert Job.objects.get(pk=mine.pk).seconds == pytest.approx(180, abs=60)


def test_what_a_dead_worker_foretold_is_forgotten(collection):
    lost = job(collection)
    lost.take()
    lost.report("Reading", 3, 12, seconds_left=240.0)
    let_its_worker_die(lost)
    assert lost.seconds_left is None
    lost.take()
    assert lost.seconds_left is None
