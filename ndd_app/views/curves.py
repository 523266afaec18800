"""Training curves as plots that need no script, polylines in an SVG of WIDTH × HEIGHT, and as a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 640, 220
FIRST_COLUMNS = ("step", "epoch", "loss", "retrieval")  # PostgreSQL keeps no order of names
LAST = len(FIRST_COLUMNS)

Curve = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Plot:
    """points: for the polyline's attribute; lowest, highest: what stands at the ends of the upright axis."""

    points: str
    first_step: int
    last_step: int
    lowest: float
    highest: float
    last: float
    best: float
    width: int = WIDTH
    height: int = HEIGHT


@dataclass(frozen=True)
class Table:
    """A row has None for what was not told at its step."""

    names: tuple[str, ...]
    rows: list[list[Any]]


def plot_loss(curve: Curve) -> Plot | None:
    """None for a curve that has no losses, or a single one."""
    losses = _by_step(curve, "loss")
    values = list(losses.values())
    return _plot(losses, min(values), max(values), best=min(values)) if len(losses) > 1 else None


def plot_retrieval(curve: Curve) -> Plot | None:
    """Of shares, from 0 to 1. None where it was not measured twice."""
    shares = _by_step(curve, "retrieval")
    return _plot(shares, 0.0, 1.0, best=max(shares.values())) if len(shares) > 1 else None


def tabulate(curve: Curve) -> Table:
    """What was told of one step stands in one row."""
    rows: list[dict[str, Any]] = []
    for point in curve:
        if rows and "step" in point and rows[-1].get("step") == point["step"]:
            rows[-1] |= point
        else:
            rows.append(dict(point))
    told = dict.fromkeys(name for row in rows for name in row)
    names = tuple(sorted(told, key=lambda name: FIRST_COLUMNS.index(name) if name in FIRST_COLUMNS else LAST))
    return Table(names, [[_shortened(row.get(name)) for name in names] for row in rows])


def _shortened(value: Any) -> Any:
    return float(f"{value:.4g}") if isinstance(value, float) else value


def _by_step(curve: Curve, name: str) -> dict[int, float]:
    return {point["step"]: point[name] for point in curve if "step" in point and name in point}


def _plot(values: dict[int, float], lowest: float, highest: float, *, best: float) -> Plot:
    first, *_, last = values
    across, up = WIDTH / (last - first), HEIGHT / ((highest - lowest) or 1)
    points = " ".join(f"{(step - first) * across:.1f},{(highest - value) * up:.1f}" for step, value in values.items())
    return Plot(points, first, last, lowest, highest, values[last], best)
