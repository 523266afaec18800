import json
import math
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import pluralize

from ndd_app.exceptions import NddError
from ndd_app.extras import require_vision
from ndd_app.management.stage import find_collection
from ndd_app.models import Collection


class Command(BaseCommand):
    help = "Compare the rankings and the shown pairs of a collection with what people say belongs together."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the collection")
        annotation = parser.add_mutually_exclusive_group(required=True)
        annotation.add_argument("--groups", type=Path, help="CSV file,group")
        annotation.add_argument("--pairs", type=Path, help="CSV query,match (a partial annotation)")
        parser.add_argument("--json", action="store_true", help="figures for programs, not for people")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            figures = self.evaluate(find_collection(options["slug"]), options)
        except NddError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(_without_nan(figures), indent=2, allow_nan=False))
        else:
            self.stdout.write(_table(figures))

    def evaluate(self, collection: Collection, options: dict[str, Any]) -> dict[str, Any]:
        require_vision()
        from ndd_app.pipeline.evaluation import evaluate_collection, read_groups, read_matches

        photos = list(collection.photos.order_by("pk"))
        read, file = (read_groups, options["groups"]) if options["groups"] else (read_matches, options["pairs"])
        evaluation = evaluate_collection(collection, photos, read(file, photos))
        shown = evaluation.shown
        return asdict(evaluation) | {
            "collection": collection.slug,
            "show_from": collection.show_from,
            "shown": asdict(shown) | {"precision": shown.precision, "recall": shown.recall},
        }


def _without_nan(figures: Any) -> Any:
    """JSON has no NaN: what cannot be computed (the precision of no pairs) is null."""
    if isinstance(figures, dict):
        return {name: _without_nan(value) for name, value in figures.items()}
    if isinstance(figures, list):
        return [_without_nan(value) for value in figures]
    return None if isinstance(figures, float) and math.isnan(figures) else figures


def _table(figures: dict[str, Any]) -> str:
    width = max(len(ranking["name"]) for ranking in figures["rankings"])
    rates = list(figures["rankings"][0]["hit_rates"])
    head = [f"mAP@{figures['k_with_query']} with query", f"mAP@{figures['k_without_query']} without"]
    queries = figures["queries"]
    lines = [f"{figures['collection']}: {queries} quer{pluralize(queries, 'y,ies')}", ""]
    lines.append(" ".join([" " * width, *head, *(f"hit@{k}" for k in rates)]))
    for ranking in figures["rankings"]:
        cells = [ranking["map_with_query"], ranking["map_without_query"]]
        row = [_share(value, 4).rjust(len(title)) for value, title in zip(cells, head, strict=True)]
        row += [_share(ranking["hit_rates"][k], 3).rjust(len(f"hit@{k}")) for k in rates]
        lines.append(" ".join([f"{ranking['name']:{width}}", *row]))
    shown = figures["shown"]
    precision, recall = _share(shown["precision"], 4), _share(shown["recall"], 4)
    return "\n".join([*lines, "", f"shown pairs: {shown['judged']}, precision {precision}, recall {recall}"])


def _share(value: float, digits: int) -> str:
    return "–" if math.isnan(value) else f"{value:.{digits}f}"
