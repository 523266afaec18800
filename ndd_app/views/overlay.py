"""What geometry found of two photos, as the compare page draws it: on both scans, and one scan laid on the other.

Plain Python, since the web process loads no numpy.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ndd_app.models import Photo, Registration

Point = tuple[float, float]
Matrix = tuple[float, ...]
"""Nine numbers, row by row."""

LAID_SIDE = 720
"""The longer side of both scans where one lies on the other, in CSS pixels: a perspective does not scale with a box."""


@dataclass(frozen=True)
class Side:
    """One scan with its matching points, their outline, and the corners of the other scan, in pixels of the photo.

    quad: empty where the other scan's far edge would lie behind the viewer.
    """

    photo: Photo
    points: tuple[Point, ...]
    outline: tuple[Point, ...]
    quad: tuple[Point, ...]

    # Ready for the page, where numbers would be written as the reader's language has them.

    @property
    def dots(self) -> str:
        return " ".join(f"M{x:.1f} {y:.1f}h0" for x, y in self.points)

    @property
    def outline_path(self) -> str:
        return _path(self.outline)

    @property
    def quad_path(self) -> str:
        return _path(self.quad)

    @property
    def laid_size(self) -> str:
        return f"width: {self._laid * self.photo.width:.2f}px; height: {self._laid * self.photo.height:.2f}px"

    @property
    def laid_common(self) -> str:
        """Where the other scan lies: only there can a difference be seen."""
        corners = ", ".join(f"{self._laid * x:.2f}px {self._laid * y:.2f}px" for x, y in self.quad)
        return f"--common: polygon({corners})" if corners else ""

    @property
    def _laid(self) -> float:
        return LAID_SIDE / max(self.photo.width, self.photo.height)


@dataclass(frozen=True)
class Overlay:
    """matrix3d: lays the second side on the first one, both LAID_SIDE long."""

    first: Side
    second: Side
    matrix3d: str
    mirrored: bool
    inverted: bool

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.first, self.second


def overlay_of(one: Photo, other: Photo, row: Registration | None) -> Overlay | None:
    """With `one` on the left; None where geometry found nothing, or did not look."""
    if not row or not row.details:
        return None
    details = row.as_seen_from(one)
    stored = tuple(details["homography"])
    there, back = (stored, inverse(stored)) if row.first_id == one.pk else (inverse(stored), stored)
    return Overlay(
        first=_side(one, other, back, [(x, y) for x, y, _, _ in details["points"]]),
        second=_side(other, one, there, [(x, y) for _, _, x, y in details["points"]]),
        matrix3d=_matrix3d(back),
        mirrored=details["mirrored"],
        inverted=details["inverted"],
    )


def inverse(matrix: Matrix) -> Matrix:
    a, b, c, d, e, f, g, h, i = matrix
    adjugate = (e * i - f * h, c * h - b * i, b * f - c * e, f * g - d * i, a * i - c * g, c * d - a * f,
                d * h - e * g, b * g - a * h, a * e - b * d)  # fmt: skip
    determinant = a * adjugate[0] + b * adjugate[3] + c * adjugate[6]
    return tuple(value / determinant for value in adjugate)


def project(points: Iterable[Point], matrix: Matrix) -> tuple[Point, ...]:
    """Empty if a point has no place before the viewer."""
    a, b, c, d, e, f, g, h, i = matrix
    projected = [(a * x + b * y + c, d * x + e * y + f, g * x + h * y + i) for x, y in points]
    if any(depth < 1e-3 for _, _, depth in projected):
        return ()
    return tuple((x / depth, y / depth) for x, y, depth in projected)


def convex_hull(points: Iterable[Point]) -> tuple[Point, ...]:
    """Andrew's monotone chain."""
    ordered = sorted(set(points))
    return tuple(ordered) if len(ordered) < 3 else (*_half_hull(ordered), *_half_hull(ordered[::-1]))


def _half_hull(ordered: Sequence[Point]) -> list[Point]:
    """Without its last point, which begins the other half."""
    hull: list[Point] = []
    for x, y in ordered:
        while len(hull) > 1:
            (x0, y0), (x1, y1) = hull[-2:]
            if (x1 - x0) * (y - y0) > (y1 - y0) * (x - x0):
                break
            hull.pop()
        hull.append((x, y))
    return hull[:-1]


def _side(photo: Photo, other: Photo, onto_photo: Matrix, places: Iterable[Point]) -> Side:
    longer = max(photo.width, photo.height)
    points = tuple((x * longer, y * longer) for x, y in places)
    quad = tuple((x * longer, y * longer) for x, y in project(_corners(other), onto_photo))
    return Side(photo, points, convex_hull(points), quad)


def _corners(photo: Photo) -> list[Point]:
    longer = max(photo.width, photo.height)
    across, down = photo.width / longer, photo.height / longer
    return [(0, 0), (across, 0), (across, down), (0, down)]


def _matrix3d(matrix: Matrix) -> str:
    """The homography in CSS pixels; CSS writes columns, and has a third dimension."""
    a, b, c, d, e, f, g, h, i = matrix
    g, h, c, f = g / LAID_SIDE, h / LAID_SIDE, c * LAID_SIDE, f * LAID_SIDE
    columns = (a, d, 0, g, b, e, 0, h, 0, 0, 1, 0, c, f, 0, i)
    return f"matrix3d({', '.join(f'{value:.8g}' for value in columns)})"


def _path(corners: Sequence[Point]) -> str:
    return f"M{' L'.join(f'{x:.1f} {y:.1f}' for x, y in corners)} Z" if corners else ""
