from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from typing import Any

from ndd_app.extras import require_vision
from ndd_app.management.export import ExportCommand
from ndd_app.models import Collection


class Command(ExportCommand):
    help = "Write every photo's nearest photos as CSV: the fused ranking, or that of one encoder."
    columns = ("photo", "neighbour", "rank", "score")

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--top", type=_count, default=50, help="neighbours of each photo (default: 50)")
        parser.add_argument("--encoder", type=int, help="the number of an encoder (see the page Encoders)")

    def rows(self, collection: Collection, options: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
        require_vision()
        from ndd_app.pipeline.ranking import fused_ranking, rank_with_encoder

        photos = list(collection.photos.order_by("pk"))
        top = options["top"]
        if options["encoder"] is not None:
            ranking = rank_with_encoder(collection, photos, options["encoder"], top)
        else:
            ranking = fused_ranking(collection, photos, top)
        for photo, neighbours, scores in zip(photos, ranking.neighbours, ranking.scores, strict=True):
            for rank, (neighbour, score) in enumerate(zip(neighbours, scores, strict=True), start=1):
                if neighbour >= 0 and rank <= top:
                    yield photo.path, photos[neighbour].path, rank, f"{score:.6f}"


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError(f"{text} is no number of neighbours; write 1 or more")
    return int(text)
