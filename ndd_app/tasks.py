"""The Celery side: messages that wake workers up, and the sweeper that makes up for lost ones.

Only ids travel. What is to be done, and whether it was done, stands in the Job rows.
"""

import logging
import threading
from collections.abc import Sequence
from time import monotonic
from typing import Any

from celery import current_app, shared_task
from celery.signals import worker_init, worker_ready, worker_shutting_down
from django.db import Error, connection, transaction

from ndd_app.exceptions import NddError, VisionMissing
from ndd_app.extras import require_vision
from ndd_app.models import Collection, Job

logger = logging.getLogger(__name__)
SWEEP_SECONDS = 2
AWAY_SECONDS = 5
"""So long no message is tried after one that could not be sent."""

Step = tuple[str, dict[str, Any]]

SERVE_FIRST: list[Step] = [(Job.Kind.EMBED, {}), (Job.Kind.MATCH, {})]
"""Pairs on the pages within minutes, with what serves already."""

THEN_ADAPT: list[Step] = [
    (Job.Kind.ADAPT, {}),
    (Job.Kind.EMBED, {"newest": True}),
    (Job.Kind.MATCH, {"newest": True}),
]
"""The last step switches the collection's own encoders on."""

_busy = threading.Event()
_stop = threading.Event()
_away_until = 0.0


@shared_task
def run_job(job_id: int) -> None:
    try:
        require_vision()
    except VisionMissing as error:  # a host's own worker: the sweeper of another one finds the job
        logger.warning("Job %s is left to another worker. %s", job_id, error)
        return
    job = Job.objects.filter(pk=job_id).first()
    if job is None or not job.take():
        return
    from ndd_app.pipeline.jobs import perform

    _busy.set()
    try:
        perform(job, should_stop=_stop.is_set)
    finally:
        _busy.clear()
    wake_followers(job)


@transaction.atomic
def enqueue(collection: Collection, steps: Sequence[Step]) -> list[Job]:
    """Put steps into the queue, each to start when the one before is done."""
    jobs: list[Job] = []
    for kind, parameters in steps:
        after = jobs[-1] if jobs else None
        jobs.append(Job.objects.create(collection=collection, kind=kind, parameters=parameters, after=after))
    wake(jobs[0])
    return jobs


def wake(job: Job) -> None:
    """Tell a worker, once the row is committed. No broker, no harm: the sweeper finds the job."""
    job_id = job.pk
    transaction.on_commit(lambda: _send(job_id))


def wake_followers(job: Job) -> None:
    for follower in Job.objects.claimable().filter(after=job):
        wake(follower)


def _send(job_id: int) -> None:
    """Whoever clicks waits for one try at most: a broker that is away is left alone for a while."""
    global _away_until
    if monotonic() < _away_until:
        return
    try:
        with current_app.producer_pool.acquire(block=True) as producer:
            if not current_app.conf.task_always_eager:
                _connect(producer.connection)
            run_job.apply_async([job_id], producer=producer, retry=False)
    except Exception as error:  # every broker raises errors of its own kinds
        _away_until = monotonic() + AWAY_SECONDS
        logger.warning("Job %s: no message could be sent (%s); a worker's sweeper will find it", job_id, error)


def _connect(connection: Any) -> None:
    """Try each of the broker's addresses once; sending would try them for seconds, `retry` or not."""
    connection.ensure_connection(max_retries=max(0, len(connection.alt) - 1))


def worker_command() -> str:
    """What starts a worker, of archive_site or of a host, for the queue into which the host sends jobs."""
    command = f"celery -A {current_app.main} worker --pool solo"
    queue = current_app.amqp.router.route({}, run_job.name)["queue"].name
    return command if queue == current_app.conf.task_default_queue else f"{command} --queues {queue}"


def sweep() -> None:
    """Take the jobs of dead workers back, and start what no message came for, if this worker has nothing to do."""
    Job.objects.release_stale()
    if not _busy.is_set() and (job := Job.objects.claimable().first()):
        _send(job.pk)


def _sweep_until_stopped() -> None:
    while not _stop.wait(SWEEP_SECONDS):
        try:
            sweep()
        except Error as error:  # the database is away for a moment
            logger.warning("The sweeper could not reach the database: %s", error)
        except Exception:
            logger.exception("The sweeper stumbled and goes on")
        finally:
            connection.close()


@worker_init.connect
def refuse_an_unknown_backbone(**_: Any) -> None:
    """The one setting that no system check can judge: the web process must not load timm."""
    from ndd_app.pipeline.jobs import require_known_backbone

    try:
        require_vision()
        require_known_backbone()
    except VisionMissing:  # told as soon as the worker is ready
        pass
    except NddError as error:
        raise SystemExit(f"NDD_BACKBONE: {error}") from error


@worker_ready.connect
def start_sweeper(**_: Any) -> None:
    """Not where nothing can be done: what it sent would come back to its own worker, again and again."""
    try:
        require_vision()
    except VisionMissing as error:
        logger.warning("This worker does no jobs of ndd_app. %s", error)
        return
    threading.Thread(target=_sweep_until_stopped, name="sweeper", daemon=True).start()


@worker_shutting_down.connect
def stop_sweeper(**_: Any) -> None:
    _stop.set()
