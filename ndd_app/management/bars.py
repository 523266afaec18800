from collections.abc import Iterable, Iterator

from tqdm import tqdm

from ndd_app.pipeline.progress import Item


def bar(items: Iterable[Item], step: str, total: int | None = None) -> Iterator[Item]:
    """A progress bar on stderr, so that a command's output can be redirected."""
    return iter(tqdm(items, desc=step, total=total, unit=" photos", dynamic_ncols=True, mininterval=0.5))
