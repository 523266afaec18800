"""A training curve as a plot that needs no script: a polyline in an SVG of WIDTH × HEIGHT."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 640, 220


@dataclass(frozen=True)
class Plot:
    """points: for the polyline's attribute; the other fields are what stands at the ends of both axes."""

    points: str
    first_step: int
    last_step: int
    lowest: float
    highest: float
    last: float
    width: int = WIDTH
    height: int = HEIGHT


def plot_loss(curve: Sequence[dict[str, Any]]) -> Plot | None:
    """None for a curve that has no losses, or a single one."""
    steps = [(point["step"], point["loss"]) for point in curve if "step" in point and "loss" in point]
    if len(steps) < 2:
        return None
    losses = [loss for _, loss in steps]
    lowest, highest = min(losses), max(losses)
    first, last = steps[0][0], steps[-1][0]
    across, up = WIDTH / (last - first), HEIGHT / ((highest - lowest) or 1)
    points = " ".join(f"{(step - first) * across:.1f},{(highest - loss) * up:.1f}" for step, loss in steps)
    return Plot(points, first, last, lowest, highest, losses[-1])
