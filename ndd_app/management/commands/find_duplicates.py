from argparse import ArgumentParser
from typing import Any

from django.template.defaultfilters import pluralize

from ndd_app.management.stage import StageCommand
from ndd_app.models import Candidate, Collection, Job
from ndd_app.text import percent


class Command(StageCommand):
    help = "Match every photo of a collection with all others of the archive; store the pairs that may be duplicates."
    kind = Job.Kind.MATCH

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        switch = parser.add_mutually_exclusive_group()
        switch.add_argument(
            "--switch", action="store_true", help="judge the newest encoders, and let those serve that proved better"
        )
        switch.add_argument("--encoder", type=int, help="let this encoder serve, whatever its receipt says")

    def parameters(self, options: dict[str, Any]) -> dict[str, Any]:
        chosen = {"encoder": options["encoder"]} if options["encoder"] is not None else {}
        return {"newest": options["switch"], **chosen}

    def check_arguments(self, collection: Collection, parameters: dict[str, Any]) -> None:
        from ndd_app.pipeline.jobs import encoder_for

        super().check_arguments(collection, parameters)
        if "encoder" in parameters:
            encoder_for(collection, parameters["encoder"])

    def report(self, job: Job) -> None:
        result = job.result
        photos, pairs = result["photos"], result["pairs"]
        for receipt in result.get("receipts", []):
            self.stdout.write(receipt)
        for encoder, address in result.get("waiting", {}).items():
            self.stdout.write(f"{encoder} waits for a person to let it serve, since pairs were answered: {address}")
        self.stdout.write(
            f"{job.collection.slug}: {photos} photo{pluralize(photos)} matched with {', '.join(result['encoders'])};"
            f" {pairs} pair{pluralize(pairs)} stored, {result['verified']} with matching points;"
            f" {result['shown']} shown, of which {result['expected_false']:.1f} are expected to be no duplicates"
            f" (from a chance of {percent(job.collection.show_from)})."
        )
        for note in result["notes"]:
            self.stdout.write(self.style.WARNING(note))
        across = Candidate.objects.across(job.collection)
        if more := across.count():
            shown = across.shown().count()
            self.stdout.write(f"{more} more pair{pluralize(more)} with photos of other collections; {shown} shown.")
