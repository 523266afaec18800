"""Do the chances hold? The chances of pairs against the truth, by tenths, and as a picture that needs no library."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from math import sqrt
from typing import Self

import numpy as np
from scipy.stats import binomtest

SIMULATIONS = 1_000
SEED = 1


def binomial_interval(found: int, of: int) -> tuple[float, float]:
    """Of a share, 95 %, exact (Clopper and Pearson 1934)."""
    if not of:
        return 0.0, 1.0
    interval = binomtest(found, of).proportion_ci(0.95, method="exact")
    return float(interval.low), float(interval.high)


@dataclass(frozen=True)
class FalsePairs:
    """Among the shown ones: as many as the chances promise, and as many as there are."""

    shown: int
    expected: float
    actual: int

    @property
    def interval(self) -> tuple[float, float]:
        low, high = binomial_interval(self.actual, self.shown)
        return low * self.shown, high * self.shown


@dataclass(frozen=True)
class Tenth:
    """Pairs whose chance lies in one tenth."""

    pairs: int
    chance: float
    true: int

    @property
    def share(self) -> float:
        return self.true / self.pairs


@dataclass(frozen=True)
class Forecasts:
    """chances (m,) of pairs to be duplicates; truths (m,): whether they are."""

    chances: np.ndarray
    truths: np.ndarray

    @classmethod
    def of(cls, pairs: Iterable[tuple[float, bool]]) -> Self:
        found = list(pairs)
        return cls(np.array([chance for chance, _ in found]), np.array([truth for _, truth in found], bool))

    @classmethod
    def pooled(cls, several: Sequence["Forecasts"]) -> Self:
        return cls(np.concatenate([f.chances for f in several]), np.concatenate([f.truths for f in several]))

    def __len__(self) -> int:
        return len(self.chances)

    def tenths(self) -> list[Tenth]:
        """Those that hold pairs, lowest first."""
        number = _tenth_of(self.chances)
        inside = [number == tenth for tenth in np.unique(number)]
        return [
            Tenth(int(some.sum()), float(self.chances[some].mean()), int(self.truths[some].sum())) for some in inside
        ]

    def calibration_error(self) -> float:
        """ECE: how far the mean chance of a tenth is from the share of true pairs, weighed by the number of pairs."""
        return float(_errors(self.chances, self.truths[None])[0])

    def error_by_luck(self) -> float:
        """The mean ECE of truths drawn from the chances: a perfectly calibrated model has that on as many pairs."""
        drawn = np.random.default_rng(SEED).random((SIMULATIONS, len(self))) < self.chances
        return float(_errors(self.chances, drawn).mean())


def _tenth_of(chances: np.ndarray) -> np.ndarray:
    return np.minimum((10 * chances).astype(int), 9)


def _errors(chances: np.ndarray, truths: np.ndarray) -> np.ndarray:
    """(s,) from truths (s, m)."""
    tenths = np.eye(10)[_tenth_of(chances)]
    return np.abs((truths - chances) @ tenths).sum(axis=1) / max(len(chances), 1)


# --- the picture ------------------------------------------------------------------------------------------------------

SIDE, LEFT, TOP = 300, 58, 22
LARGEST = 15
"""Radius of the point with the most pairs; its area stands for their number."""
STYLE = """
  .ground { fill: #fffefb; } text { fill: #4d473e; font: 12px system-ui, sans-serif; }
  .frame { fill: none; stroke: #d9d3c6; } .diagonal { stroke: #8a8376; stroke-dasharray: 5 4; }
  .whisker { stroke: #1b5a6b; stroke-width: 1.5; } circle { fill: #1b5a6b; fill-opacity: .7; }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #211f1c; } text { fill: #c9c2b5; } .frame { stroke: #4a463f; } .diagonal { stroke: #a8a194; }
    .whisker { stroke: #84c5d6; } circle { fill: #84c5d6; }
  }
"""


def draw_reliability(forecasts: Forecasts) -> str:
    """An SVG: the share of true pairs over their mean chance, tenth by tenth, with its 95 % binomial interval."""
    tenths = forecasts.tenths()
    most = max((tenth.pairs for tenth in tenths), default=1)
    error, by_luck = forecasts.calibration_error(), forecasts.error_by_luck()
    told = f"ECE {error:.3f}, {by_luck:.3f} by luck alone; {len(forecasts)} pairs"
    bottom, middle = TOP + SIDE, SIDE / 2
    marks = [_text(LEFT + at * SIDE, bottom + 18, f"{at:g}", "middle") for at in (0, 0.25, 0.5, 0.75, 1)]
    marks += [_text(LEFT - 8, bottom - at * SIDE + 4, f"{at:g}", "end") for at in (0, 0.25, 0.5, 0.75, 1)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + SIDE + 22}" height="{bottom + 66}" role="img">',
            f"<title>Reliability of the chances: {escape(told)}</title>",
            f"<style>{STYLE}</style>",
            '<rect class="ground" width="100%" height="100%" rx="6"/>',
            f'<rect class="frame" x="{LEFT}" y="{TOP}" width="{SIDE}" height="{SIDE}"/>',
            f'<path class="diagonal" d="M{LEFT} {bottom}L{LEFT + SIDE} {TOP}"/>',
            *marks,
            _text(LEFT + middle, bottom + 37, "mean chance of the pairs in a tenth", "middle"),
            _text(-TOP - middle, 16, "share of true pairs", "middle", turned=True),
            _text(LEFT + middle, bottom + 56, told, "middle"),
            *(_point(tenth, most) for tenth in tenths),
            "</svg>\n",
        ]
    )


def _point(tenth: Tenth, most: int) -> str:
    x, bottom = LEFT + tenth.chance * SIDE, TOP + SIDE
    y, low, high = (bottom - share * SIDE for share in (tenth.share, *binomial_interval(tenth.true, tenth.pairs)))
    radius = max(LARGEST * sqrt(tenth.pairs / most), 1.5)
    return (
        f"<g><title>{tenth.true} of {tenth.pairs} pairs with a mean chance of {tenth.chance:.2f} are true</title>"
        f'<path class="whisker" d="M{x:.1f} {low:.1f}V{high:.1f}"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"/></g>'
    )


def _text(x: float, y: float, words: str, anchor: str, *, turned: bool = False) -> str:
    turn = ' transform="rotate(-90)"' if turned else ""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{turn}>{escape(words)}</text>'
