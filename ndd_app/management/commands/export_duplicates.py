from collections.abc import Iterator
from typing import Any

from ndd_app.management.export import ExportCommand
from ndd_app.models import Candidate, Collection


class Command(ExportCommand):
    help = "Write the stored pairs of a collection as CSV, best first."
    columns = ("first", "second", "score", "probability", "probability_same_image", "relation", "flags", "shown")

    def rows(self, collection: Collection, options: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
        pairs = Candidate.objects.filter(first__collection=collection).order_by("-score", "first__path", "second__path")
        shown = set(Candidate.objects.shown().filter(first__collection=collection).values_list("pk", flat=True))
        columns = ("first__path", "second__path", "score", "probability", "probability_same_image", "relation", "flags")
        for pk, first, second, score, *chances, relation, flags in pairs.values_list("pk", *columns):
            written = ("" if chance is None else f"{chance:.4f}" for chance in chances)
            yield first, second, f"{score:.6f}", *written, relation, " ".join(flags), "yes" if pk in shown else "no"
