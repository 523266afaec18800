from argparse import ArgumentParser
from typing import Any

from ndd_app.management.stage import StageCommand
from ndd_app.models import Job


class Command(StageCommand):
    help = "Fit encoders to a collection's own photos. They serve after embed_collection and find_duplicates --switch."
    kind = Job.Kind.ADAPT

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--method", help="one method; otherwise the default one of each family that serves")

    def parameters(self, options: dict[str, Any]) -> dict[str, Any]:
        return {"method": options["method"]}

    def report(self, job: Job) -> None:
        for encoder in job.result["encoders"]:
            self.stdout.write(f"Ready: {encoder}")
        for note in job.result["notes"]:
            self.stdout.write(self.style.WARNING(note))
