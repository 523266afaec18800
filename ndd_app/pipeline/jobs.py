"""Do what a Job row says, with a beating heart, and write into it how far it is.

Each stage is imported when it is done: an ingest does not wait for torch to load.
"""

import errno
import logging
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path, PurePath
from time import monotonic
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import InterfaceError, OperationalError, connection
from django.db.models import Q

from ndd_app.conf import conf
from ndd_app.exceptions import DiskFull, JobLost, MemoryExhausted, NddError, StorageUnavailable, UnknownEncoder
from ndd_app.models import Collection, Encoder, Job
from ndd_app.models.job import HEARTBEAT_SECONDS
from ndd_app.pipeline.progress import Item, Pace, Track, untracked
from ndd_app.storage import copy_to, photo_storage, storage_errors_translated

logger = logging.getLogger(__name__)
REPORT_SECONDS = 0.5


def require_known_backbone() -> None:
    """Raises UnknownBackbone. Only where timm is loaded anyway: the web process cannot judge this setting."""
    if conf.backbone:
        from ndd_app.vision.weights import require_known

        require_known(conf.backbone)


def perform(job: Job, show: Track = untracked, should_stop: Callable[[], bool] = lambda: False) -> None:
    """Do a job that this process has taken. `show` shows the progress to whoever waits, beside the Job row.

    When `should_stop` says so the job is put back, to be gone on with by another process.
    """
    try:
        with _heartbeat(job):
            result = STAGES[job.kind](job, _tracked_by(job, show, should_stop))
        job.finish(result)
        _remove_upload(job)
    except JobLost:
        logger.warning("Job %s was taken over by another worker", job.pk)
    except _Stopped:
        job.release()
    except (NddError, ImproperlyConfigured) as error:
        _fail(job, str(error))
    except KeyboardInterrupt:
        _fail(job, "Stopped by hand. What was finished is kept; start it again to go on.")
        raise
    except Exception as error:
        logger.exception("Job %s failed", job.pk)
        _fail(job, _in_words(error))


def _in_words(error: Exception) -> str:
    detail = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")
    # The database says it in words alone, and may lie on the same disk.
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or "No space left on device" in str(error):
        return str(DiskFull(detail=detail))
    with suppress(ImportError):  # a broken installation is told as it is
        from ndd_app.vision.memory import is_out_of_memory

        if is_out_of_memory(error):
            return str(MemoryExhausted(detail=detail))
    return f"{detail}. Look at the worker's log."


def _fail(job: Job, error: str) -> None:
    with suppress(JobLost):
        job.fail(error)


class _Stopped(Exception):
    """The process was asked to stop."""


def _ingest(job: Job, track: Track) -> dict[str, Any]:
    """`parameters`: the path of a `source`, or the name of an `upload` in the storage."""
    from ndd_app.pipeline.ingest import ingest_source
    from ndd_app.pipeline.sources import open_source

    copy_masters = job.parameters.get("copy_masters", False)
    with _local_source(job.parameters) as path:
        source = open_source(path)
        return asdict(ingest_source(job.collection, source, copy_masters, track))


@contextmanager
def _local_source(parameters: dict[str, Any]) -> Iterator[Path]:
    if "upload" not in parameters:
        yield Path(parameters["source"])
        return
    with tempfile.TemporaryDirectory() as folder:
        local = Path(folder) / f"{PurePath(parameters['filename']).stem}.zip"  # whatever a browser has called it
        copy_to(parameters["upload"], local)
        yield local


def _remove_upload(job: Job) -> None:
    """The masters in it are kept one by one; it stays where there was a problem, and while the storage is away."""
    if "upload" in job.parameters and not job.result["problems"]:
        with suppress(StorageUnavailable), storage_errors_translated(job.parameters["upload"]):
            photo_storage().delete(job.parameters["upload"])


def _embed(job: Job, track: Track) -> dict[str, Any]:
    """`parameters`: with the `newest` encoders, or also with the `encoder` of that id; else with those that serve."""
    from ndd_app.pipeline.embedding import embed_collection
    from ndd_app.pipeline.serving import newest_encoders, serving_with

    encoders = newest_encoders(job.collection) if job.parameters.get("newest") else None
    if chosen := _encoder_of(job, "encoder"):
        encoders = serving_with(job.collection, chosen)
    result = embed_collection(job.collection, encoders, track)
    return asdict(result)


def _adapt(job: Job, track: Track) -> dict[str, Any]:
    from ndd_app.pipeline.adaptation import adapt_collection

    method, groups, steps = (job.parameters.get(name) for name in ("method", "groups", "steps"))
    groups_file = Path(groups) if groups else None
    result = adapt_collection(job.collection, method, track, groups_file=groups_file, steps=steps)
    return {"encoders": [str(encoder) for encoder in result.encoders], "notes": result.notes}


def _match(job: Job, track: Track) -> dict[str, Any]:
    """`parameters`: by the `newest` encoders, by the `encoder` of that id, which serves then, or by those that serve.

    `preview`: the id of an encoder of its own; only report what would change if it served.
    """
    from ndd_app.pipeline.matching import find_duplicates

    if chosen := _encoder_of(job, "preview", with_site=False):
        return _preview(job.collection, chosen, track)
    if job.parameters.get("newest"):
        return _switch(job.collection, track)
    return asdict(find_duplicates(job.collection, track=track, encoder=_encoder_of(job, "encoder")))


def _switch(collection: Collection, track: Track) -> dict[str, Any]:
    from ndd_app.pipeline.switching import switch_to_newest

    result = switch_to_newest(collection, track)
    receipts = [f"{encoder}: {' '.join(encoder.receipt['words'])}" for encoder in result.judged]
    waiting = {str(encoder): encoder.get_absolute_url() for encoder in result.waiting}
    return {**asdict(result.match), "receipts": receipts, **({"waiting": waiting} if waiting else {})}


def _preview(collection: Collection, encoder: Encoder, track: Track) -> dict[str, Any]:
    from ndd_app.pipeline.changes import report_changes

    report_changes(collection, encoder, track)
    return {"encoder": str(encoder), "report": encoder.get_absolute_url()}


def _encoder_of(job: Job, name: str, with_site: bool = True) -> Encoder | None:
    pk = job.parameters.get(name)
    return None if pk is None else encoder_for(job.collection, pk, with_site)


def encoder_for(collection: Collection, pk: int, with_site: bool = True) -> Encoder:
    """One that may serve the collection; raises UnknownEncoder.

    A report is kept with the encoder: the site's, which serves every collection, has no place for one.
    """
    of_site = Q(collection=None, is_serving=True) if with_site else Q()
    able = Encoder.objects.filter(Q(collection=collection) | of_site)
    encoder = able.filter(pk=pk).first()
    if encoder is None:
        raise UnknownEncoder(encoder=pk, collection=collection.slug, known=", ".join(map(str, able)) or "none")
    return encoder


STAGES: dict[str, Callable[[Job, Track], dict[str, Any]]] = {
    Job.Kind.INGEST: _ingest,
    Job.Kind.EMBED: _embed,
    Job.Kind.ADAPT: _adapt,
    Job.Kind.MATCH: _match,
}


def _tracked_by(job: Job, show: Track, should_stop: Callable[[], bool]) -> Track:
    def track(items: Iterable[Item], step: str, total: int | None = None) -> Iterator[Item]:
        reported = 0.0
        done = 0
        job.report(step, 0, total)
        pace = Pace(monotonic())
        for item in show(items, step, total):
            if should_stop():
                raise _Stopped
            yield item
            done += 1
            now = monotonic()
            if now - reported > REPORT_SECONDS:
                # A job taken over by another worker ends here, before its next batch.
                job.report(step, done, total, pace.seconds_left(done, total, now))
                reported = monotonic()
        job.report(step, done, total)

    return track


@contextmanager
def _heartbeat(job: Job) -> Iterator[None]:
    stop = threading.Event()

    def beat() -> None:
        try:
            while not stop.wait(HEARTBEAT_SECONDS):
                try:
                    job.beat()
                except (OperationalError, InterfaceError):
                    connection.close()  # the database is away for a moment; the next beat connects anew
        except JobLost:
            pass  # the next progress report ends the work
        finally:
            connection.close()

    thread = threading.Thread(target=beat, name=f"heartbeat-{job.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
