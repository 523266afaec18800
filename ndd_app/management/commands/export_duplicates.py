from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from ndd_app.management.export import ExportCommand
from ndd_app.models import Candidate, Collection
from ndd_app.models.candidate import CandidateQuerySet


class Command(ExportCommand):
    help = "Write the stored pairs of a collection as CSV, best first."
    columns: tuple[str, ...] = (
        "first",
        "second",
        "score",
        "probability",
        "probability_same_image",
        "relation",
        "flags",
        "shown",
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--across",
            action="store_true",
            help="the pairs with photos of other collections instead; a last column names the collection of the second",
        )

    def rows(self, collection: Collection, options: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
        if not options["across"]:
            return (row for row, _, _ in _rows(Candidate.objects.within(collection)))
        self.columns = (*self.columns, "collection")
        return _with_own_photo_first(collection, Candidate.objects.across(collection))


def _rows(pairs: CandidateQuerySet) -> Iterator[tuple[tuple[Any, ...], str, str]]:
    """A row of the table for each pair, and the collections of both photos."""
    shown = set(pairs.shown().values_list("pk", flat=True))
    ordered = pairs.order_by("-score", "first__path", "second__path").select_related(
        "first__collection", "second__collection"
    )
    for pair in ordered.iterator():
        chances = (f"{chance:.4f}" for chance in (pair.probability, pair.probability_same_image))
        said = pair.relation, " ".join(pair.flags), "yes" if pair.pk in shown else "no"
        row = pair.first.path, pair.second.path, f"{pair.score:.6f}", *chances, *said
        yield row, pair.first.collection.slug, pair.second.collection.slug


def _with_own_photo_first(collection: Collection, pairs: CandidateQuerySet) -> Iterator[tuple[Any, ...]]:
    for (first, second, *rest), slug, other_slug in _rows(pairs):
        yield (first, second, *rest, other_slug) if slug == collection.slug else (second, first, *rest, slug)
