from collections.abc import Iterator
from typing import Any

from ndd_app.management.export import ExportCommand
from ndd_app.models import Candidate, Collection


class Command(ExportCommand):
    help = "Write the stored pairs of a collection as CSV, best first."
    columns = ("first", "second", "score", "probability", "relation", "shown")

    def rows(self, collection: Collection, options: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
        pairs = Candidate.objects.filter(first__collection=collection).order_by("-score", "first__path", "second__path")
        shown = set(Candidate.objects.shown().filter(first__collection=collection).values_list("pk", flat=True))
        columns = ("pk", "first__path", "second__path", "score", "probability", "relation")
        for pk, first, second, score, probability, relation in pairs.values_list(*columns):
            chance = "" if probability is None else f"{probability:.4f}"
            yield first, second, f"{score:.6f}", chance, relation, "yes" if pk in shown else "no"
