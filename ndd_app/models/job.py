"""Work for the workers. The row is the truth; a message to a worker is only a wake-up call."""

import os
import socket
import uuid
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.db import models, transaction
from django.db.models import Exists, ExpressionWrapper, F, Max, OuterRef, Q, Subquery
from django.db.models.functions import Greatest, Now
from django.urls import reverse

from ndd_app.exceptions import JobLost
from ndd_app.models.collection import Collection

HEARTBEAT_SECONDS = 2
STALE_SECONDS = 10
UNATTENDED_SECONDS = 60
MAX_ATTEMPTS = 3


class JobQuerySet(models.QuerySet["Job"]):
    def unfinished(self) -> "JobQuerySet":
        return self.filter(state__in=[Job.State.WAITING, Job.State.RUNNING])

    def finished(self) -> "JobQuerySet":
        return self.exclude(state__in=[Job.State.WAITING, Job.State.RUNNING])

    def claimable(self) -> "JobQuerySet":
        """Waiting jobs whose forerunner, if any, is done; oldest first."""
        ready = Q(after=None) | Q(after__state=Job.State.DONE)
        another_ingest = Job.objects.filter(
            collection=OuterRef("collection"), kind=Job.Kind.INGEST, state=Job.State.RUNNING
        )
        # Two ingests of one collection would not see each other's files.
        free = ~Q(kind=Job.Kind.INGEST) | ~Exists(another_ingest)
        return self.filter(ready, free, state=Job.State.WAITING).order_by("pk")

    def stale(self) -> "JobQuerySet":
        """Running jobs whose worker gave no sign of life for a while."""
        return self.filter(state=Job.State.RUNNING, heartbeat_at__lt=Now() - timedelta(seconds=STALE_SECONDS))

    def seconds_unattended(self) -> float | None:
        """How long some of these jobs could be taken and no worker gave a sign of life; None for less than a minute."""
        ready = Q(pk__in=self.claimable().values("pk")) | Q(pk__in=self.stale().values("pk"))
        seen = Job.objects.filter(heartbeat_at__isnull=False).order_by("-heartbeat_at").values("heartbeat_at")[:1]
        waited = ExpressionWrapper(Now() - Greatest("created_at", Subquery(seen)), models.DurationField())
        longest = self.filter(ready).aggregate(longest=Max(waited))["longest"]
        seconds = longest.total_seconds() if longest else 0
        return seconds if seconds > UNATTENDED_SECONDS else None

    def release_stale(self) -> None:
        """Give the jobs of dead workers back; one that took down several workers is failed instead."""
        self.stale().filter(attempts__lt=MAX_ATTEMPTS).update(state=Job.State.WAITING, claim=None)
        for job in self.stale().filter(attempts__gte=MAX_ATTEMPTS):
            with suppress(JobLost):  # another sweeper was faster
                job.fail(f"Its worker died {job.attempts} times. Look at the worker's log; was it out of memory?")


class Job(models.Model):
    class Kind(models.TextChoices):
        INGEST = "ingest", "Ingest"
        EMBED = "embed", "Embed"
        MATCH = "match", "Find duplicates"
        ADAPT = "adapt", "Adapt"

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        RUNNING = "running", "running"
        DONE = "done", "done"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"

    collection = models.ForeignKey(Collection, models.PROTECT, related_name="jobs")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    parameters = models.JSONField(default=dict)
    after = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="followers")
    state = models.CharField(max_length=20, choices=State.choices, default=State.WAITING, db_index=True)

    claim = models.UUIDField(null=True, editable=False)
    worker = models.CharField(max_length=200, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)

    step = models.CharField(max_length=200, blank=True, help_text="What is being done right now.")
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True, blank=True)
    step_ends_at = models.DateTimeField(null=True, blank=True, help_text="By the pace of the step, if it has one yet.")

    result = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    # All times are the database's: the clocks of several machines never agree.
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.collection.slug} (job {self.pk})"

    def get_absolute_url(self) -> str:
        return reverse("ndd:job", args=[self.pk])

    @property
    def seconds(self) -> float | None:
        """How long it has run: until its end, or the last sign of life. Not until now, which is another machine's."""
        end = self.finished_at or self.heartbeat_at
        return (end - self.started_at).total_seconds() if self.started_at and end else None

    @property
    def percent(self) -> int | None:
        return round(100 * self.done / self.total) if self.total else None

    @property
    def seconds_left(self) -> float | None:
        """Of the present step."""
        if self.state != self.State.RUNNING or self.step_ends_at is None or self.heartbeat_at is None:
            return None
        # Not now, which is another machine's: the database's time of a moment ago.
        return max(0.0, (self.step_ends_at - self.heartbeat_at).total_seconds())

    @classmethod
    def begin(cls, collection: Collection, kind: str, parameters: dict[str, Any]) -> "Job":
        """A job that this process does itself, at once."""
        job = cls.objects.create(collection=collection, kind=kind, parameters=parameters, **_taken_now(), attempts=1)
        job.refresh_from_db()
        return job

    # --- what a worker does with it; each is a conditional update, so that two workers never hold one job -----------

    def take(self) -> bool:
        """Claim the job for this process; False when another one was faster or it is not its turn yet."""
        mine = Job.objects.claimable().filter(pk=self.pk).values("pk")
        free = Job.objects.filter(pk__in=mine, state=Job.State.WAITING)
        taken = free.update(**_taken_now(), attempts=F("attempts") + 1)
        if taken:
            self.refresh_from_db()
        return bool(taken)

    def beat(self) -> None:
        self._update_mine(heartbeat_at=Now())

    def report(self, step: str, done: int, total: int | None, seconds_left: float | None = None) -> None:
        ends_at = None if seconds_left is None else Now() + timedelta(seconds=seconds_left)
        self._update_mine(step=step[:200], done=done, total=total, step_ends_at=ends_at, heartbeat_at=Now())

    def finish(self, result: dict[str, Any]) -> None:
        self._update_mine(state=Job.State.DONE, result=result, finished_at=Now(), claim=None)

    def release(self) -> None:
        """Put it back for another worker, without blame: this one was asked to stop."""
        self._update_mine(state=Job.State.WAITING, claim=None, attempts=F("attempts") - 1)

    @transaction.atomic
    def fail(self, error: str) -> None:
        """The jobs that were to follow are cancelled with it; `retry` brings all of them back."""
        self._update_mine(state=Job.State.FAILED, error=error, finished_at=Now(), claim=None)
        self._all_followers().filter(state=Job.State.WAITING).update(
            state=Job.State.CANCELLED, error=f"Job {self.pk} failed."
        )

    @transaction.atomic
    def cancel(self) -> bool:
        """Take a job that no worker has begun out of the queue, and what was to follow it."""
        by_hand = {"state": Job.State.CANCELLED, "finished_at": Now()}
        cancelled = Job.objects.filter(pk=self.pk, state=Job.State.WAITING).update(**by_hand)
        if cancelled:
            self._all_followers().filter(state=Job.State.WAITING).update(
                **by_hand, error=f"Job {self.pk} was cancelled."
            )
        return bool(cancelled)

    @transaction.atomic
    def retry(self) -> bool:
        """Put a failed job and what was to follow it back into the queue."""
        again = {"state": Job.State.WAITING, "error": "", "started_at": None, "finished_at": None, "attempts": 0}
        # No worker has kept it waiting until now.
        put_back = Job.objects.filter(pk=self.pk, state=Job.State.FAILED).update(**again, heartbeat_at=Now())
        if put_back:
            self._all_followers().filter(state=Job.State.CANCELLED).update(**again)
        return bool(put_back)

    def _all_followers(self) -> JobQuerySet:
        found: set[int] = set()
        newest = {self.pk}
        while newest:
            newest = set(Job.objects.filter(after__in=newest).values_list("pk", flat=True)) - found
            found |= newest
        return Job.objects.filter(pk__in=found)

    def _update_mine(self, **values: Any) -> None:
        """Write only while the job is still this process's own: a worker that slept too long must not interfere."""
        if not Job.objects.filter(pk=self.pk, claim=self.claim, state=Job.State.RUNNING).update(**values):
            raise JobLost(job=self.pk)
        self.refresh_from_db(fields=list(values))


def _taken_now() -> dict[str, Any]:
    worker = f"{socket.gethostname()}:{os.getpid()}"
    times = {"heartbeat_at": Now(), "started_at": Now(), "step_ends_at": None}
    return {"state": Job.State.RUNNING, "claim": uuid.uuid4(), "worker": worker, **times}
