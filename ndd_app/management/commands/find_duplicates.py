from argparse import ArgumentParser
from typing import Any

from ndd_app.management.stage import StageCommand
from ndd_app.models import Candidate, Job


class Command(StageCommand):
    help = "Match every photo of a collection with all others of the archive; store the pairs that may be duplicates."
    kind = Job.Kind.MATCH

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--switch", action="store_true", help="match with the newest encoders and let them serve")

    def parameters(self, options: dict[str, Any]) -> dict[str, Any]:
        return {"newest": options["switch"]}

    def report(self, job: Job) -> None:
        result = job.result
        self.stdout.write(
            f"{job.collection.slug}: {result['photos']} photos matched with {', '.join(result['encoders'])};"
            f" {result['pairs']} pairs stored, {result['verified']} with matching points;"
            f" {result['shown']} shown, of which {result['expected_false']:.1f} are expected to be none"
            f" (from a chance of {job.collection.show_from:.0%})."
        )
        across = Candidate.objects.across(job.collection)
        if across.exists():
            self.stdout.write(
                f"{across.count()} more pairs with photos of other collections; {across.shown().count()} shown."
            )
