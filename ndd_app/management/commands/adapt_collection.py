import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from ndd_app.exceptions import NddError
from ndd_app.extras import require_vision
from ndd_app.management.stage import StageCommand
from ndd_app.models import Collection, Job

METHODS = ("auto", "cosine", "mae", "simclr", "supervised", "triplet", "vlad", "whiten")
LEARN_FROM_LABELS = ("auto", "simclr", "supervised", "triplet")
TRAIN = ("auto", "mae", "simclr", "supervised", "triplet")
"""Named here too: nobody waits for torch to be told of them. `auto` trains where there is a GPU."""


class Command(StageCommand):
    help = (
        "Fit encoders to a collection's own photos. They can serve after embed_collection --newest and find_duplicates"
        " --switch."
    )
    kind = Job.Kind.ADAPT

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--method", choices=METHODS, help="one method; otherwise whiten, auto and vlad")
        parser.add_argument("--groups", type=Path, help="labels, as CSV file,group; otherwise confirmed pairs")
        parser.add_argument("--steps", type=int, help="end a training after so many steps")

    def parameters(self, options: dict[str, Any]) -> dict[str, Any]:
        method, groups, steps = options["method"], options["groups"], options["steps"]
        if steps is not None and steps < 1:
            raise CommandError("--steps must be at least 1.")
        if groups and method and method not in LEARN_FROM_LABELS:
            raise CommandError(f"{method} learns from no labels: --groups is for {', '.join(LEARN_FROM_LABELS)}.")
        if steps and method and method not in TRAIN:
            raise CommandError(f"{method} trains nothing: --steps is for {', '.join(TRAIN)}.")
        return {
            "method": method,
            "groups": str(groups.resolve()) if groups else None,
            "steps": steps,
        }

    def check_arguments(self, collection: Collection, parameters: dict[str, Any]) -> None:
        super().check_arguments(collection, parameters)
        if parameters["groups"]:
            require_vision()
            from ndd_app.pipeline.annotation import read_group_names

            read_group_names(Path(parameters["groups"]), list(collection.photos.all()))

    def do_here(self, collection: Collection, parameters: dict[str, Any]) -> None:
        """Under `accelerate launch` the first process has the job, and the others help it."""
        if os.environ.get("RANK", "0") == "0":
            super().do_here(collection, parameters)
        else:
            self.help_first_process(collection, parameters)

    def help_first_process(self, collection: Collection, parameters: dict[str, Any]) -> None:
        from ndd_app.pipeline.adaptation import share_adaptation

        groups = parameters["groups"]
        groups_file = Path(groups) if groups else None
        try:
            share_adaptation(collection, parameters["method"], groups_file=groups_file, steps=parameters["steps"])
        except NddError as error:
            raise CommandError(str(error)) from error

    def report(self, job: Job) -> None:
        for encoder in job.result["encoders"]:
            self.stdout.write(f"Ready: {encoder}")
        if job.result["encoders"]:
            slug = job.collection.slug
            self.stdout.write(f"Next: embed_collection {slug} --newest, then find_duplicates {slug} --switch")
        for note in job.result["notes"]:
            self.stdout.write(self.style.WARNING(note))
