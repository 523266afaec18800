from argparse import ArgumentParser, Namespace
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ndd_app.conf import conf
from ndd_app.exceptions import NddError, VisionMissing
from ndd_app.extras import require_vision


class Command(BaseCommand):
    help = "Run the paper's experiments on UKBench and write its tables and figures. Needs no database."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        try:
            require_vision()
        except VisionMissing as error:  # even to list the options takes it
            parser.error(str(error))
        from ndd_app.vision.reproduction.__main__ import add_arguments

        add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        from ndd_app.management.bars import bar
        from ndd_app.vision.reproduction.__main__ import read_arguments, reproduce_and_show

        try:
            what = read_arguments(Namespace(**options), conf.weights_dir)
            reproduce_and_show(what, bar, self.stdout.write)
        except (NddError, ValueError) as error:
            raise CommandError(str(error)) from error
