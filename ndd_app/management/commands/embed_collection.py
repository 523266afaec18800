from argparse import ArgumentParser
from typing import Any

from django.template.defaultfilters import pluralize

from ndd_app.management.stage import StageCommand
from ndd_app.models import Job


class Command(StageCommand):
    help = "Embed the photos of a collection that are not embedded yet."
    kind = Job.Kind.EMBED

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--newest", action="store_true", help="with the newest encoders, not with the serving ones")

    def parameters(self, options: dict[str, Any]) -> dict[str, Any]:
        return {"newest": options["newest"]}

    def report(self, job: Job) -> None:
        for encoder, count in job.result["embedded"].items():
            self.stdout.write(f"{encoder}: {count} photo{pluralize(count)} embedded")
        for note in job.result["notes"]:
            self.stdout.write(self.style.WARNING(note))
