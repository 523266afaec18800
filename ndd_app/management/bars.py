"""Progress on stderr, so that a command's output can be redirected: bars on a terminal, a line a step in a log."""

import sys
from collections.abc import Iterable, Iterator

from tqdm import tqdm

from ndd_app.models import Job
from ndd_app.pipeline.progress import Item


def bar(items: Iterable[Item], step: str, total: int | None = None) -> Iterator[Item]:
    """Show how far this process is with its own work."""
    return iter(_bar(step, total, items))


class JobBars:
    """Show how far the workers are: one bar after the other, for each step of each job."""

    def __init__(self) -> None:
        self._shown: tuple[int, str] | None = None
        self._bar: tqdm | None = None

    def show(self, job: Job) -> None:
        if self._shown != (job.pk, job.step):
            self.complete()
            self._shown = job.pk, job.step
            self._bar = _bar(f"{job.get_kind_display()}: {job.step}", job.total, done=job.done)
        if self._bar is not None:
            self._bar.update(job.done - self._bar.n)

    def complete(self) -> None:
        """The last step is done; its last photos were counted after the last look at the job."""
        if self._bar is not None:
            self._bar.update((self._bar.total or self._bar.n) - self._bar.n)
            self._bar.close()


def _bar(step: str, total: int | None, items: Iterable[Item] | None = None, done: int = 0) -> tqdm:
    """done: before anybody looked, so that it has no say in the pace."""
    if not sys.stderr.isatty():
        print(step, "" if total is None else f"({total})", file=sys.stderr, flush=True)
    return tqdm(items, desc=step, total=total, initial=done, unit="", dynamic_ncols=True, mininterval=0.5, disable=None)
