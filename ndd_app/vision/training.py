"""The one training loop of all methods: plan, schedule, checkpoints, and what to do when something goes wrong.

A method says what is to be learned (a `Lesson`), the plan how, the caller where to keep checkpoints and how to show
progress. All that is random follows from the seed, the epoch and the step, so that a checkpoint needs no random state
and a run that was killed goes on to the same weights.

Several processes, as `accelerate launch` starts them, share every batch. DistributedDataParallel averages their
gradients; a loss over the whole batch (NT-Xent) sees the others' embeddings through `gather`.
"""

import math
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import torch
import torch.distributed
from accelerate import PartialState
from timm.layers import convert_sync_batchnorm
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ndd_app.exceptions import OutOfMemory, TooFewPhotos, TrainingDiverged
from ndd_app.vision.lessons import Lesson, Objective
from ndd_app.vision.memory import is_out_of_memory
from ndd_app.vision.plans import OURS, Plan, make_optimiser, move_average
from ndd_app.vision.precision import computes_bfloat16
from ndd_app.vision.standing import Standing, resume_standing, save_standing, thin_curve

CHECKPOINT_SECONDS = 60.0
READERS = 8

Item = TypeVar("Item")


class Track(Protocol):
    """Progress belongs to the caller, who may count, show or stop the steps that pass through."""

    def __call__(self, items: Iterable[Item], step: str, total: int | None = None) -> Iterator[Item]: ...


def untracked(items: Iterable[Item], step: str, total: int | None = None) -> Iterator[Item]:
    return iter(items)


@dataclass(frozen=True)
class Training:
    """How to train, where to keep checkpoints (None: nowhere), and who is to be told of the progress.

    retrieval: measure before the first epoch and after each how well the network finds photos again.
    """

    plan: Plan = OURS
    folder: Path | None = None
    track: Track = untracked
    retrieval: bool = True


@dataclass(frozen=True)
class Trained:
    """What happened; the weights are in the lesson's network.

    curve: dicts of step, epoch, loss and lr, and between them, after whole epochs, of step, epoch and retrieval.
    """

    steps: int
    curve: list[dict[str, Any]]
    notes: tuple[str, ...]


Batch = tuple[int, int, Tensor, Tensor]
"""Its epoch, the photos of the epoch that are done after it, views and numbers."""


def train(lesson: Lesson, training: Training, seed: int) -> Trained:
    """Raises TooFewPhotos, TrainingDiverged, OutOfMemory or CheckpointFailed; the weights are then of no use."""
    try:
        run = _Run(lesson, training, seed)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise OutOfMemory(batch=training.plan.batch, why="not even for what a training begins with") from error
    devices = [run.place.device] if run.place.device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        while not run.go_on():
            run.halve_batch()
    return run.finish()


def gather(rows: Tensor) -> Tensor:
    """The rows of all processes, in their order, with gradients; without other processes, the rows."""
    return _Gather.apply(rows) if torch.distributed.is_initialized() else rows


class _Gather(torch.autograd.Function):
    """Every process computes the whole loss, so that a row's gradient is the sum of what they all have for it."""

    @staticmethod
    def forward(context: Any, rows: Tensor) -> Tensor:
        everybodys = [torch.empty_like(rows) for _ in range(torch.distributed.get_world_size())]
        torch.distributed.all_gather(everybodys, rows.contiguous())
        return torch.cat(everybodys)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        gradient = gradient.contiguous()
        torch.distributed.all_reduce(gradient)
        return gradient.chunk(torch.distributed.get_world_size())[torch.distributed.get_rank()]


class _Run:
    def __init__(self, lesson: Lesson, training: Training, seed: int) -> None:
        self.lesson, self.plan, self.seed = lesson, training.plan, seed
        self.folder, self.track = training.folder, training.track
        self.place = PartialState(cpu=not torch.cuda.is_available())
        self.photos = len(self._order(0))
        several = self.place.num_processes
        if self.photos < several:
            raise TooFewPhotos(count=self.photos, minimum=several)
        self.standing = Standing(batch=max(several, min(self.plan.batch, self.photos) // several * several))
        objective = lesson.objective.to(self.place.device).train()
        if several > 1 and self.place.device.type == "cuda":
            objective = convert_sync_batchnorm(objective)
        self.objective: Objective = objective
        self.average: nn.Module | None = (
            deepcopy(objective.network).requires_grad_(False) if self.plan.average else None
        )
        self.optimiser = make_optimiser(objective, self.plan)
        if self.folder:
            self.standing = resume_standing(self.folder, self._key, self.standing, self._modules(), self.optimiser)
        self.shared = DistributedDataParallel(objective, find_unused_parameters=True) if several > 1 else objective
        self.saved_at = monotonic()

    def go_on(self) -> bool:
        """False when the memory does not suffice; by the return, what the failed step held is free again."""
        steps = self._steps_left()
        try:
            with closing(self._batches(steps)) as batches:
                for batch in self.track(batches, self.lesson.name, steps):
                    if not self.standing.curve and self._has_whole_epochs:
                        self._measure_retrieval()
                    self._take_step(batch)
                    if self._ends_epoch or not self._steps_left():
                        self._measure_retrieval()
                    if monotonic() - self.saved_at > CHECKPOINT_SECONDS:
                        self._save()
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            return False
        self._save()
        return True

    def halve_batch(self) -> None:
        """The epoch goes on with the photos that are left."""
        standing = self.standing
        if self.place.num_processes > 1:  # the others wait for the embeddings of this one
            raise OutOfMemory(batch=standing.batch, why="several processes cannot agree on fewer")
        if standing.batch < 2 * self.lesson.smallest_batch:
            raise OutOfMemory(batch=standing.batch, why="fewer would teach nothing")
        standing.notes.append(
            f"The memory did not suffice for {standing.batch} photos at once: from step {standing.step + 1} on it was "
            f"trained on {standing.batch // 2}."
        )
        standing.batch //= 2
        self.optimiser.zero_grad(set_to_none=True)
        if self.place.device.type == "cuda":
            torch.cuda.empty_cache()

    def finish(self) -> Trained:
        if self.average is not None:
            self.objective.network.load_state_dict(self.average.state_dict())
        self.objective.eval()
        return Trained(self.standing.step, thin_curve(self.standing.curve), tuple(self.standing.notes))

    # --- batches ----------------------------------------------------------------------------------------------------

    def _order(self, epoch: int) -> npt.NDArray[np.int64]:
        return self.lesson.order(np.random.default_rng([self.seed, epoch]))

    def _steps_left(self) -> int:
        standing = self.standing
        this_epoch = (self.photos - standing.position) // standing.batch
        left = this_epoch + (self.plan.epochs - standing.epoch - 1) * (self.photos // standing.batch)
        return max(0, left if self.plan.steps is None else min(left, self.plan.steps - standing.step))

    def _batches(self, count: int) -> Generator[Batch]:
        """From where the run stands; the next batch is drawn while the present one is learned from."""
        waiting: deque[tuple[int, int, npt.NDArray[np.int64], Iterator[npt.NDArray[np.uint8]]]] = deque()
        with ThreadPoolExecutor(READERS) as pool:
            for _, (epoch, position, numbers) in zip(range(count), self._places(), strict=False):
                mine = numbers[self.place.process_index :: self.place.num_processes]
                rngs = [np.random.default_rng([self.seed, epoch, number]) for number in mine]
                waiting.append((epoch, position, mine, pool.map(self.lesson.draw, map(int, mine), rngs)))
                if len(waiting) > 1:
                    yield self._as_batch(*waiting.popleft())
            while waiting:
                yield self._as_batch(*waiting.popleft())

    def _places(self) -> Iterator[tuple[int, int, npt.NDArray[np.int64]]]:
        size, start = self.standing.batch, self.standing.position
        for epoch in range(self.standing.epoch, self.plan.epochs):
            order = self._order(epoch)
            for position in range(start, self.photos - size + 1, size):
                yield epoch, position + size, order[position : position + size]
            start = 0

    def _as_batch(
        self, epoch: int, position: int, numbers: npt.NDArray[np.int64], views: Iterator[npt.NDArray[np.uint8]]
    ) -> Batch:
        device = self.place.device
        return epoch, position, torch.from_numpy(np.stack(list(views))).to(device), torch.from_numpy(numbers).to(device)

    # --- one step ---------------------------------------------------------------------------------------------------

    def _take_step(self, batch: Batch) -> None:
        epoch, position, views, numbers = batch
        standing, plan = self.standing, self.plan
        step = standing.step + 1
        rate = plan.rate_at(epoch + position / self.photos)
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group.get("lr_scale", 1)
        torch.manual_seed(_number(self.seed, step, self.place.process_index))
        self.optimiser.zero_grad(set_to_none=True)
        faster = plan.half_precision and computes_bfloat16(self.place.device)
        with torch.autocast(self.place.device.type, torch.bfloat16, enabled=faster):
            loss = self.shared(views, numbers)
        loss.backward()
        shown = self._mean_over_processes(loss.detach())
        gradient = float(nn.utils.clip_grad_norm_(self.objective.parameters(), plan.clip))
        if not (math.isfinite(shown) and math.isfinite(gradient)):
            raise TrainingDiverged(step=step, loss=shown, gradient=gradient)
        self.optimiser.step()
        if self.average is not None:
            move_average(self.average, self.objective.network, min(plan.average, step / (step + 10)))
        standing.step, standing.epoch, standing.position = step, epoch, position
        standing.curve.append({"step": step, "epoch": epoch + 1, "loss": round(shown, 6), "lr": rate})

    def _mean_over_processes(self, loss: Tensor) -> float:
        if self.place.num_processes > 1:
            torch.distributed.all_reduce(loss)
        return float(loss) / self.place.num_processes

    # --- retrieval --------------------------------------------------------------------------------------------------

    @property
    def _has_whole_epochs(self) -> bool:
        return self.plan.steps is None or self.plan.steps >= self.photos // self.standing.batch

    @property
    def _ends_epoch(self) -> bool:
        return self.photos - self.standing.position < self.standing.batch

    def _measure_retrieval(self) -> None:
        """Of the weights that count in the end. The other processes wait at their next common step."""
        standing = self.standing
        if self.lesson.retrieval is None or not self.place.is_main_process:
            return
        rate = self.lesson.retrieval(self.objective.network if self.average is None else self.average)
        if rate is not None:
            epoch = standing.epoch + 1 if standing.step else 0
            standing.curve.append({"step": standing.step, "epoch": epoch, "retrieval": rate})

    # --- checkpoints ------------------------------------------------------------------------------------------------

    @property
    def _key(self) -> str:
        """A checkpoint of another run is of no use to this one."""
        by = f"{self.place.num_processes} processes"
        return f"{self.lesson.name}, {self.photos} photos, {by}, seed {self.seed}, {replace(self.plan, steps=None)}"

    def _modules(self) -> dict[str, nn.Module]:
        return {"objective": self.objective} | ({"average": self.average} if self.average is not None else {})

    def _save(self) -> None:
        self.saved_at = monotonic()
        if self.folder and self.place.is_main_process:
            save_standing(self.folder, self._key, self.standing, self._modules(), self.optimiser)


def _number(*parts: int) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1)[0])
