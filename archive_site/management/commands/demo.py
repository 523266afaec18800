import secrets
import signal
import socket
import time
from argparse import ArgumentParser
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils.text import slugify
from tqdm import tqdm

from archive_site import embedded
from archive_site.processes import WORKER, running, web_server
from ndd_app.models import Candidate, Collection, Encoder, Job

ADDRESS = ("127.0.0.1", 8000)
ACCOUNT = "archivist"
LOGS = settings.DATA_DIR / "logs"


class Command(BaseCommand):
    help = "Set everything up, ingest a sample or your own scans, and serve the archive with one worker beside it."
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--photos", type=Path, help="a folder of your own scans instead of the sample")
        parser.add_argument("--no-serve", action="store_true", help="end after the summary")

    def handle(self, *args: Any, **options: Any) -> None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            self.prepare(serving=not options["no_serve"])
            with ExitStack() as beside:
                worker = beside.enter_context(running(WORKER, LOGS / "worker.log"))
                collection = self.ingest(options["photos"])
                self.wait_for_jobs(collection, worker)
                self.summarise(collection)
                if not options["no_serve"]:
                    self.serve(beside)
        except KeyboardInterrupt:
            self.stdout.write("\nStopping …")
        finally:
            connection.close_pool()
            if embedded.started_here:
                embedded.stop(settings.DATA_DIR / "postgres")

    def prepare(self, serving: bool) -> None:
        if serving:
            _require_free(ADDRESS)
        call_command("migrate", verbosity=0)
        self.password = self.create_account()

    def create_account(self) -> str:
        """The password is made up once and kept beside the data, so that every run can say it."""
        file = settings.DATA_DIR / "demo_password"
        if not file.exists():
            file.touch(mode=0o600)
            file.write_text(secrets.token_urlsafe(9))
        password = file.read_text()
        people = get_user_model().objects
        if not people.filter(username=ACCOUNT).exists():
            people.create_superuser(ACCOUNT, password=password)
        return password

    def ingest(self, photos: Path | None) -> Collection:
        if photos is None:
            from archive_site.sample import write_sample

            slug, title, source = "sample", "Sample collection", write_sample(settings.DATA_DIR / "sample")
        else:
            name = photos.expanduser().resolve().name
            slug, title, source = slugify(name, allow_unicode=True) or "photos", name, photos.expanduser()
        call_command("ingest_collection", slug, source, title=title, stdout=self.stdout, stderr=self.stderr)
        return Collection.objects.get(slug=slug)

    def wait_for_jobs(self, collection: Collection, worker: Any) -> None:
        """Show what the worker does, a bar for each step of each job."""
        bars: dict[tuple[int, str], tqdm] = {}
        while jobs := list(collection.jobs.unfinished().order_by("pk")):
            if worker.poll() is not None:
                raise CommandError(f"The worker ended by itself. See {LOGS / 'worker.log'}")
            for job in jobs:
                if job.state == Job.State.RUNNING and job.step:
                    _show(bars, job)
            time.sleep(0.3)
        for shown in bars.values():
            shown.update((shown.total or shown.n) - shown.n)
            shown.close()
        for job in collection.jobs.filter(state=Job.State.FAILED):
            self.stderr.write(self.style.ERROR(f"{job}: {job.error}"))

    def summarise(self, collection: Collection) -> None:
        jobs = list(collection.jobs.filter(state=Job.State.DONE).order_by("pk"))
        unreadable = next((len(j.result["problems"]) for j in reversed(jobs) if j.kind == Job.Kind.INGEST), 0)
        shown = Candidate.objects.shown().filter(first__collection=collection).count()
        self.stdout.write(self.style.MIGRATE_HEADING(f"\n{collection.title}"))
        self.stdout.write(f"  photos       {collection.photos.count()}")
        self.stdout.write(f"  unreadable   {unreadable}")
        for encoder in Encoder.objects.serving(collection):
            self.stdout.write(f"  encoder      {encoder.family}: {encoder}, fitted on {encoder.photo_count} photos")
        for note in dict.fromkeys(note for job in jobs for note in job.result.get("notes", [])):
            self.stdout.write(f"  note         {note}")
        self.stdout.write(f"  pairs shown  {shown}")
        seconds = (f"{job.get_kind_display().lower()} {job.seconds:.1f}" for job in jobs)
        self.stdout.write(f"  seconds      {', '.join(seconds)}")

    def serve(self, beside: ExitStack) -> None:
        host, port = ADDRESS
        web = beside.enter_context(running(web_server(f"{host}:{port}"), LOGS / "web.log"))
        self.stdout.write(f"\nhttp://{host}:{port}  log in as {ACCOUNT}, password {self.password}   (Ctrl-C stops it)")
        if web.wait():
            raise CommandError(f"The web server ended by itself. See {LOGS / 'web.log'}")


def _show(bars: dict[tuple[int, str], tqdm], job: Job) -> None:
    key = (job.pk, job.step)
    if key not in bars:
        for earlier in bars.values():
            earlier.update((earlier.total or earlier.n) - earlier.n)
            earlier.close()
        bars[key] = tqdm(total=job.total, desc=f"{job.get_kind_display()}: {job.step}", unit=" photos")
    bars[key].update(job.done - bars[key].n)


def _require_free(address: tuple[str, int]) -> None:
    with socket.socket() as probe:
        if probe.connect_ex(address) == 0:
            raise CommandError(f"Port {address[1]} is in use. Stop what listens there, or another demo, and try again.")
