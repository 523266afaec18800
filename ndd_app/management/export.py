"""What the export commands have in common: rows of CSV, to a file or to standard output."""

import csv
from argparse import ArgumentParser
from collections.abc import Iterable
from itertools import chain, islice
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ndd_app.exceptions import NddError
from ndd_app.management.stage import find_collection
from ndd_app.models import Collection


class ExportCommand(BaseCommand):
    columns: tuple[str, ...]

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the collection")
        parser.add_argument("--output", type=Path, help="a file; standard output unless given")

    def rows(self, collection: Collection, options: dict[str, Any]) -> Iterable[tuple[Any, ...]]:
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            rows = iter(self.rows(find_collection(options["slug"]), options))
            # What stands in the way is said here, before the file of an earlier export is emptied.
            rows = chain(list(islice(rows, 1)), rows)
            if options["output"] is None:
                self.write(rows, self.stdout)
            else:
                with open(options["output"], "w", newline="", encoding="utf-8") as file:
                    self.write(rows, file)
        except NddError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            place = options["output"] or "Standard output"
            raise CommandError(f"{place} cannot be written: {error.strerror}.") from error

    def write(self, rows: Iterable[tuple[Any, ...]], file: Any) -> None:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(self.columns)
        table.writerows(rows)
