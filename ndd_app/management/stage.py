"""What the commands have in common that do one stage of a photo's life: here and now, or by the workers."""

from argparse import ArgumentParser
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError

from ndd_app.exceptions import NddError, NoPhotos, UnknownBackbone, UnknownCollection
from ndd_app.extras import require_vision
from ndd_app.models import Collection, Job


class StageCommand(BaseCommand):
    kind: ClassVar[Job.Kind]

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the collection")
        parser.add_argument("--queue", action="store_true", help="hand over to the workers and return at once")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if not options["queue"]:
                require_vision()
            collection, parameters = self.collection(options), self.parameters(options)
            self.check_arguments(collection, parameters)
        except NddError as error:
            raise CommandError(str(error)) from error
        if options["queue"]:
            self.hand_over(collection, parameters)
        else:
            self.do_here(collection, parameters)

    def collection(self, options: dict[str, Any]) -> Collection:
        return find_collection(options["slug"])

    def parameters(self, options: dict[str, Any]) -> dict[str, Any]:
        return {}

    def check_arguments(self, collection: Collection, parameters: dict[str, Any]) -> None:
        """Raises a kind of NddError for what can never succeed: no job is made that nobody could try again."""
        coming = collection.jobs.unfinished().filter(kind=Job.Kind.INGEST)
        if not (collection.photos.exists() or coming.exists()):
            raise NoPhotos(collection=collection.slug)

    def report(self, job: Job) -> None:
        """Print what the finished job has to say."""

    def hand_over(self, collection: Collection, parameters: dict[str, Any]) -> None:
        from ndd_app.tasks import enqueue

        [job] = enqueue(collection, [(self.kind, parameters)])
        self.stdout.write(f"Job {job.pk} is in the queue; its page is {job.get_absolute_url()}")

    def do_here(self, collection: Collection, parameters: dict[str, Any]) -> None:
        from ndd_app.management.bars import bar
        from ndd_app.pipeline.jobs import perform, require_known_backbone

        if self.kind in (Job.Kind.EMBED, Job.Kind.ADAPT):  # an ingest need not wait for timm
            try:
                require_known_backbone()
            except UnknownBackbone as error:
                raise CommandError(f"NDD_BACKBONE: {error}") from error
        job = Job.begin(collection, self.kind, parameters)
        try:
            perform(job, bar)
        except KeyboardInterrupt:
            job.refresh_from_db()
            raise CommandError(job.error, returncode=130) from None
        job.refresh_from_db()
        if job.state != Job.State.DONE:
            raise CommandError(job.error or f"Job {job.pk} was taken over by another worker.")
        self.report(job)


def find_collection(slug: str) -> Collection:
    collection = Collection.objects.filter(slug=slug).first()
    if collection is None:
        known = ", ".join(Collection.objects.values_list("slug", flat=True))
        advice = f"There are: {known}." if known else "Ingest one first: manage.py ingest_collection SLUG FOLDER"
        raise CommandError(str(UnknownCollection(slug=slug, known=advice)))
    return collection
