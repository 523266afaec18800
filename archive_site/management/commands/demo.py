import secrets
import socket
import time
from argparse import ArgumentParser
from contextlib import ExitStack
from pathlib import Path
from subprocess import Popen
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone
from django.utils.text import slugify

from archive_site import embedded
from archive_site.keys import own_secret
from archive_site.processes import WORKER, end_by_signals, running, uninterrupted, was_interrupted, web_server
from ndd_app.management.bars import JobBars
from ndd_app.models import Candidate, Collection, Encoder, Job

ADDRESS = ("127.0.0.1", 8000)
ACCOUNT = "archivist"
LOGS = settings.DATA_DIR / "logs"


class Command(BaseCommand):
    help = "Set everything up, ingest a sample or your own scans, and serve the archive with one worker beside it."
    requires_migrations_checks = False
    requires_system_checks: list[str] = []  # done below, where a complaint stops the database too

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--photos", type=Path, help="your own scans: a folder, a .zip, or a .csv with a column “file”"
        )
        parser.add_argument("--no-serve", action="store_true", help="end after the summary")

    def handle(self, *args: Any, **options: Any) -> None:
        end_by_signals()
        self.started_at = timezone.now()
        self.processes: dict[str, Popen[bytes]] = {}
        with ExitStack() as self.beside:
            self.beside.callback(stop_database)
            try:
                self.run(options["photos"], serving=not options["no_serve"])
            except BaseException as error:
                if not was_interrupted(error):
                    raise
                self.stdout.write("\nStopping …")
                raise CommandError("Stopped by hand. The next run goes on from here.", returncode=130) from None

    def run(self, photos: Path | None, serving: bool) -> None:
        self.prepare(serving)
        self.start("worker", WORKER)
        collection = self.ingest(photos)
        self.wait_for_jobs(collection)
        self.summarise(collection)
        failed = self.complain(collection)
        if serving:
            self.serve()
        else:
            self.stdout.write(f"\n{self.account()}")
        if failed:
            raise CommandError(f"Failed: {', '.join(map(str, failed))}. See {LOGS / 'worker.log'}")

    def prepare(self, serving: bool) -> None:
        self.check()
        if serving and _listens(ADDRESS):
            raise CommandError(f"Port {ADDRESS[1]} is in use. Stop what listens there, perhaps another demo.")
        call_command("migrate", verbosity=0)
        # Kept beside the data, so that every run can say it.
        self.password = own_secret(settings.DATA_DIR / "demo_password", lambda: secrets.token_urlsafe(9))
        people = get_user_model().objects
        if not people.filter(username=ACCOUNT).exists():
            people.create_superuser(ACCOUNT, password=self.password)
        elif not people.get(username=ACCOUNT).check_password(self.password):
            self.password = "as you have changed it"

    def start(self, name: str, command: list[str]) -> None:
        with uninterrupted():
            self.processes[name] = self.beside.enter_context(running(command, LOGS / f"{name}.log"))

    def require_alive(self) -> None:
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise CommandError(f"The {name} ended by itself. See {LOGS / name}.log")

    def ingest(self, photos: Path | None) -> Collection:
        if photos is None:
            from archive_site.sample import write_sample

            slug, title, source = "sample", "Sample collection", write_sample(settings.DATA_DIR / "sample")
        else:
            source = photos.expanduser().resolve()
            slug, title = slug_of(source.name), source.name
        call_command("ingest_collection", slug, source, title=title, stdout=self.stdout, stderr=self.stderr)
        return Collection.objects.get(slug=slug)

    def wait_for_jobs(self, collection: Collection) -> None:
        """Show what the worker does until nothing is left to do."""
        bars = JobBars()
        while jobs := list(collection.jobs.unfinished().order_by("pk")):
            self.require_alive()
            for job in jobs:
                if job.state == Job.State.RUNNING and job.step:
                    bars.show(job)
            time.sleep(0.3)
        bars.complete()

    def summarise(self, collection: Collection) -> None:
        done = collection.jobs.filter(state=Job.State.DONE)
        latest = {job.kind: job for job in done.order_by("pk")}
        notes = [note for job in latest.values() for note in job.result.get("notes", [])]
        this_run = done.filter(finished_at__gte=self.started_at).order_by("pk")
        seconds = [f"{job.get_kind_display().lower()} {job.seconds or 0:.1f}" for job in this_run]
        shown = Candidate.objects.shown().touching(collection)
        self.stdout.write(self.style.MIGRATE_HEADING(f"\n{collection.title}"))
        self.stdout.write(f"  photos       {collection.photos.count()}")
        self.stdout.write(f"  problems     {len(latest[Job.Kind.INGEST].result['problems'])}")
        for encoder in Encoder.objects.serving(collection):
            self.stdout.write(f"  encoder      {encoder.family}: {encoder}, fitted on {encoder.photo_count} photos")
        for note in dict.fromkeys(notes):
            self.stdout.write(f"  note         {note}")
        self.stdout.write(f"  pairs shown  {shown.count()}")
        self.stdout.write(f"  seconds      {', '.join(seconds)}")

    def complain(self, collection: Collection) -> list[Job]:
        """Say which jobs failed in this run; what failed in an earlier one was said then."""
        failed = list(collection.jobs.filter(state=Job.State.FAILED, finished_at__gte=self.started_at))
        for job in failed:
            self.stderr.write(self.style.ERROR(f"{job}: {job.error}"))
        return failed

    def account(self) -> str:
        return f"log in as {ACCOUNT}, password {self.password}"

    def serve(self) -> None:
        host, port = ADDRESS
        try:
            self.start("web", web_server(f"{host}:{port}"))
            while not _listens(ADDRESS):
                self.require_alive()
                time.sleep(0.1)
            self.stdout.write(f"\nhttp://{host}:{port}  {self.account()}   (Ctrl-C stops it)")
            while True:
                self.require_alive()
                time.sleep(1)
        except KeyboardInterrupt:  # here it is the way to end
            self.stdout.write("\nStopping …")


def slug_of(name: str) -> str:
    longest = Collection._meta.get_field("slug").max_length
    return slugify(name, allow_unicode=True)[:longest].strip("-_") or "photos"


def stop_database() -> None:
    connection.close_pool()
    if embedded.started_here:
        embedded.stop(settings.DATA_DIR / "postgres")


def _listens(address: tuple[str, int]) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(address) == 0
