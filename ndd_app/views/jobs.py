"""What the workers are doing, what waits for what, and what failed."""

from collections.abc import Iterable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from ndd_app.models import Encoder, Job
from ndd_app.tasks import wake, worker_command
from ndd_app.views import access

LATEST = 100
"""Finished and failed jobs that the page lists, beside all others."""
LISTED = {"problems", "exact_copies", "notes", "encoder", "preview", "report", "waiting"}
LABELS = {
    "source": _("Read from"),
    "filename": _("Uploaded file"),
    "upload": _("Stored as"),
    "copy_masters": _("Masters copied into the storage"),
    "newest": _("With the newest encoders"),
    "method": _("Method"),
    "groups": _("Labels from"),
    "steps": _("Training ends after so many steps"),
    "added": _("Photos added"),
    "known": _("Photos known already"),
    "moved": _("Files found at another place"),
    "described": _("Photos described from the manifest"),
    "ignored": _("Files that are no images"),
    "embedded": _("Photos embedded"),
    "encoders": _("Encoders"),
    "photos": _("Photos matched"),
    "pairs": _("Pairs stored"),
    "verified": _("Pairs with matching points"),
    "shown": _("Pairs shown"),
    "expected_false": _("Shown pairs expected to be no duplicates"),
    "receipts": _("Receipts"),
}
UNFINISHED = {Job.State.WAITING, Job.State.RUNNING}


@access.login_required
@require_safe
def jobs(request: HttpRequest) -> HttpResponse:
    return render(request, "ndd_app/jobs.html", _latest(request))


@access.login_required
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """The part of the page that changes, asked for every other second."""
    return render(request, "ndd_app/jobs_live.html", _latest(request))


@access.login_required
@require_safe
def running(request: HttpRequest, slug: str) -> HttpResponse:
    """The line about a collection's unfinished jobs, for the pages that show it."""
    jobs = access.visible_jobs(request).filter(collection__slug=slug).unfinished().order_by("pk")
    return render(request, "ndd_app/running_jobs.html", {"jobs": list(jobs), "slug": slug, "was_running": True})


@access.login_required
@require_safe
def job(request: HttpRequest, pk: int) -> HttpResponse:
    job = get_object_or_404(access.visible_jobs(request).select_related("after__collection"), pk=pk)
    context = {
        "job": job,
        "encoder": _encoder_of(job),
        "facts": [(LABELS.get(name, name), _in_words(value)) for name, value in _facts(job)],
        "worker": _name_of_worker(job),
        "followers": job.followers.select_related("collection").order_by("pk"),
        "may_start": access.may_start_jobs(request),
    }
    if job.state in UNFINISHED:
        context |= _without_worker(request)
    return render(request, "ndd_app/job.html", context)


@access.starts_jobs
@require_POST
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    job = get_object_or_404(access.visible_jobs(request), pk=pk)
    if job.retry():
        wake(job)
        messages.success(request, _("The job is in the queue again, and with it what was to follow."))
    else:
        messages.error(request, _("Only a failed job can be tried again."))
    return redirect(access.safe_next(request) or "ndd:jobs")


@access.starts_jobs
@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    job = get_object_or_404(access.visible_jobs(request), pk=pk)
    if job.cancel():
        messages.success(request, _("The job is cancelled, and with it what was to follow."))
    else:
        messages.error(request, _("Only a job that no worker has begun can be cancelled."))
    return redirect(access.safe_next(request) or "ndd:jobs")


def _latest(request: HttpRequest) -> dict[str, object]:
    visible = access.visible_jobs(request)
    chains = chains_of([*visible.unfinished(), *visible.finished().order_by("-pk")[:LATEST]])
    unfinished = [chain for chain in chains if UNFINISHED & {job.state for job in chain}]
    finished = [chain for chain in chains if chain not in unfinished]
    may_start = access.may_start_jobs(request)
    return {"unfinished": unfinished, "finished": finished, "may_start": may_start, **_without_worker(request)}


def _without_worker(request: HttpRequest) -> dict[str, Any]:
    """How long jobs have waited for a worker, if it is long, and how to start one."""
    seconds = access.visible_jobs(request).seconds_unattended()
    return {"seconds_unattended": seconds, "worker_command": worker_command()}


def chains_of(jobs: Iterable[Job]) -> list[list[Job]]:
    """Jobs that follow each other, together and in order; the newest chain first."""
    chains: dict[int, list[Job]] = {}
    for job in sorted(jobs, key=lambda job: job.pk):
        chain = chains.get(job.after_id or 0, [])
        chain.append(job)
        chains[job.pk] = chain
    different = {id(chain): chain for chain in chains.values()}
    return sorted(different.values(), key=lambda chain: -chain[0].pk)


def _encoder_of(job: Job) -> Encoder | None:
    """The one that the job is about, if it was told one."""
    return Encoder.objects.filter(pk=job.parameters.get("preview") or job.parameters.get("encoder")).first()


def _facts(job: Job) -> list[tuple[str, Any]]:
    """What the job was told and what came out, without what the page shows in a list of its own."""
    facts = job.parameters | job.result
    names = sorted(facts, key=[*LABELS, *facts].index)  # the database keeps no order
    return [(name, facts[name]) for name in names if name not in LISTED and _says_something(facts[name])]


def _says_something(value: Any) -> bool:
    """What is off or empty does not; a count of none does."""
    return bool(value) or (value == 0 and value is not False)


def _name_of_worker(job: Job) -> str:
    machine, _colon, process = job.worker.rpartition(":")
    return gettext("process {process} on {machine}").format(process=process, machine=machine) if machine else ""


def _in_words(value: Any) -> str:
    if value is True:
        return gettext("yes")
    if isinstance(value, float):
        return f"{value:.1f}"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {entry}" for name, entry in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
