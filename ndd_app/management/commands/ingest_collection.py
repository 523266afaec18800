from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.template.defaultfilters import pluralize

from ndd_app.exceptions import NddError
from ndd_app.management.stage import StageCommand
from ndd_app.models import Collection, Job


class Command(StageCommand):
    help = "Read a folder, a ZIP or a CSV manifest into a collection. Read again, it adds only what is new."
    kind = Job.Kind.INGEST

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("source", type=Path, help="a folder, a .zip, or a .csv with a column “file”")
        parser.add_argument("--title", help="of a new collection; made of its slug unless given")
        parser.add_argument("--copy", action="store_true", help="copy the masters of a folder into the storage")

    def collection(self, options: dict[str, Any]) -> Collection:
        """Made only for a source that can be opened: what a typo made would stay. The worker's is not seen."""
        slug, source = options["slug"], options["source"]
        if options["queue"] and not source.exists():
            self.stderr.write(f"{source.resolve()} is not on this machine: the worker looks for it on its own.")
        else:
            require_source(source)
        title = options["title"] or slug.replace("-", " ").replace("_", " ").capitalize()
        try:
            Collection(slug=slug, title=title).clean_fields()
        except ValidationError as error:
            reason = " ".join(error.messages)
            raise CommandError(f"No collection can be called “{slug}”, “{title}”: {reason}") from error
        collection = Collection.objects.get_or_create(slug=slug, defaults={"title": title})[0]
        if options["title"] and collection.title != title:
            self.stderr.write(f"The collection keeps its title “{collection.title}”, which is changed in the admin.")
        return collection

    def parameters(self, options: dict[str, Any]) -> dict[str, Any]:
        return {"source": str(options["source"].resolve()), "copy_masters": options["copy"]}

    def check_arguments(self, collection: Collection, parameters: dict[str, Any]) -> None:
        """The source was opened, if it is here, before the collection was made."""

    def report(self, job: Job) -> None:
        result = job.result
        added, ignored, problems = result["added"], result["ignored"], len(result["problems"])
        for problem in result["problems"]:
            self.stderr.write(self.style.WARNING("{file}: {reason} {advice}".format(**problem)))
        for photo, earlier in result["exact_copies"]:
            self.stdout.write(f"{photo} is an exact copy of {earlier}")
        self.stdout.write(
            f"{job.collection.slug}: {added} photo{pluralize(added)} added, {result['known']} known already"
            f" ({result['moved']} moved), {result['described']} described from the manifest,"
            f" {problems} problem{pluralize(problems)}, {ignored} other file{pluralize(ignored)} ignored."
        )
        if problems and not (added or result["known"]):
            raise CommandError("Nothing could be read. See to the problems told above, then ingest again.")


def require_source(path: Path) -> None:
    from ndd_app.pipeline.sources import open_source

    try:
        open_source(path)
    except NddError as error:
        raise CommandError(str(error)) from error
