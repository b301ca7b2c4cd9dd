"""Lines over the iterations, as a picture in SVG: a few kilobytes for any number of values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from plugnet.arrays import Array
from plugnet.html.markup import text

#: Of lines: with a contrast of at least 3 to white and to a notebook's dark grey.
COLORS = (BLUE, ORANGE) = ("#2f81c7", "#c8690f")

WIDTH, HEIGHT = 440, 230
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 30, 38  # the margins, in the picture's units
#: More values than this are drawn as means of stretches, in a band from the least to the greatest.
MOST = 400
STRETCHES = 160
#: Up to so many values have a mark each.
MARKS = 40
#: What is greater is drawn as this, and what is smaller than its inverse as 0.
GREATEST = 1e300


class Line(NamedTuple):
    """A line to draw.

    Attributes:
        name: for the legend.
        color: one of `COLORS`.
        x: ``(N,)``, the iterations, rising.
        y: ``(N,)``, the values; where they are not finite there is a gap.
    """

    name: str
    color: str
    x: Array
    y: Array


class _Axis(NamedTuple):
    """Values from ``low`` to ``high`` on pixels from ``start`` to ``end``."""

    low: float
    high: float
    start: float
    end: float

    def place(self, values: Any) -> Any:
        return self.start + (values - self.low) / (self.high - self.low) * (self.end - self.start)


def curve(name: str, lines: Sequence[Line], mark: int | None = None) -> str:
    """Return a picture of lines with axes, a legend and a description; "" if nothing is finite.

    Values that are all above 0, and of which one is 100 times another, are on a logarithmic scale.

    Args:
        name: of the values.
        lines: a few.
        mark: an iteration to mark, or None.
    """
    shown = [one for one in map(_cleaned, lines) if np.isfinite(one.y).any()]
    if not shown:
        return ""
    low = min(float(np.nanmin(one.y)) for one in shown)
    high = max(float(np.nanmax(one.y)) for one in shown)
    is_log = low > 0 and high > 100 * low
    y_axis = _y_axis(*(map(math.log10, (low, high)) if is_log else (low, high)))
    last = max(float(one.x[-1]) for one in shown)
    x_axis = _Axis(0, max(1.0, last), LEFT, WIDTH - RIGHT)
    parts = [*_grid(y_axis, is_log), *_scale(x_axis)]
    if mark is not None:
        parts.append(
            f'<path d="M{x_axis.place(mark):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="currentColor" '
            'stroke-dasharray="4 3" fill="none"/>'
        )
    for one in shown:
        parts += _drawn(one, x_axis, y_axis, is_log)
    parts += _legend(name, shown, is_log)
    said = text(f"{name}: {'; '.join(map(_described, shown))}", 400)
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img" aria-label="{said}" '
        f'font-family="sans-serif" font-size="12" fill="currentColor"><title>{said}</title>'
        f"{''.join(parts)}</svg>"
    )


def _cleaned(line: Line) -> Line:
    """Return a line whose values are NaN or of a magnitude that can be reckoned with."""
    y = np.asarray(line.y, float)
    y = np.where(np.isfinite(y), np.clip(y, -GREATEST, GREATEST), np.nan)
    return line._replace(y=np.where(np.abs(y) < 1 / GREATEST, 0.0, y))


def _described(line: Line) -> str:
    there = np.flatnonzero(np.isfinite(line.y))[[0, -1]]
    (first, last), (begin, end) = line.y[there].tolist(), line.x[there].tolist()
    return (
        f"{line.name} from {first:.4g} at iteration {begin:,} to {last:.4g} at {end:,}, "
        f"between {np.nanmin(line.y):.4g} and {np.nanmax(line.y):.4g}"
    )


def _y_axis(low: float, high: float) -> _Axis:
    """Return the axis of the values, with a little room; a constant is in the middle."""
    size = max(abs(low), abs(high))
    room = 0.04 * (high - low) if high - low > 1e-9 * size else 0.5 * size or 1.0
    return _Axis(low - room, high + room, HEIGHT - BOTTOM, TOP)


def _grid(axis: _Axis, is_log: bool) -> Iterator[str]:
    """Yield a line and a number for each round value, each number once."""
    seen = set()
    for value in _powers(axis) if is_log else _round_values(axis, 5):
        y, shown = axis.place(value), f"{10.0**value:.4g}" if is_log else f"{value:.4g}"
        if shown in seen:
            continue
        seen.add(shown)
        yield (
            f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="currentColor" '
            'stroke-opacity=".25" fill="none"/>'
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{shown}</text>'
        )


def _scale(axis: _Axis) -> Iterator[str]:
    """Yield the numbers of the iterations below, and what they are."""
    for value in _round_values(axis, 5):
        if value != int(value):
            continue
        x = axis.place(value)
        anchor = "end" if x > WIDTH - RIGHT - 20 else "middle"
        yield (
            f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 15}" text-anchor="{anchor}">'
            f"{int(value):,}</text>"
        )
    middle = (LEFT + WIDTH - RIGHT) / 2
    yield f'<text x="{middle}" y="{HEIGHT - 6}" text-anchor="middle">iteration</text>'


def _round_values(axis: _Axis, most: int) -> list[float]:
    """Return up to ``most`` + 1 round numbers in the range of an axis."""
    rough = (axis.high - axis.low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough)
    first = math.ceil(axis.low / step) * step
    values = (first + index * step for index in range(most + 1))
    return [0.0 if abs(value) < step / 1e6 else value for value in values if value <= axis.high]


def _powers(axis: _Axis) -> range:
    """Return exponents of ten in the range of an axis of logarithms, at most seven."""
    first, last = math.ceil(axis.low), math.floor(axis.high)
    return range(first, last + 1, max(1, math.ceil((last - first + 1) / 7)))


def _drawn(line: Line, x_axis: _Axis, y_axis: _Axis, is_log: bool) -> Iterator[str]:
    """Yield the band, the line and the marks of some values; NaN are gaps."""
    x, mean, color = line.x, line.y, line.color
    bands = [mean]
    if len(mean) > MOST:
        x, *bands = _stretches(x, mean)
    left = x_axis.place(x)
    middle, *band = (y_axis.place(np.log10(each) if is_log else each) for each in bands)
    for piece in _pieces(np.isfinite(middle)):
        here = list(zip(left[piece], middle[piece], strict=True))
        if band:
            least, greatest = (list(zip(left[piece], y[piece], strict=True)) for y in band)
            around = _points([*greatest, *reversed(least)])
            yield f'<polygon points="{around}" fill="{color}" fill-opacity=".25"/>'
        if len(here) > 1:
            yield (
                f'<polyline points="{_points(here)}" fill="none" stroke="{color}" '
                'stroke-width="2" stroke-linejoin="round"/>'
            )
        if len(here) == 1 or len(middle) <= MARKS:
            for a, b in here:
                yield f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.5" fill="{color}"/>'


def _points(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in places)


def _stretches(x: Array, y: Array) -> tuple[Array, Array, Array, Array]:
    """Return for each of ``STRETCHES`` the middle of ``x``; mean, least and greatest of ``y``."""
    starts = np.linspace(0, len(y), STRETCHES, endpoint=False).astype(int)
    ends = np.append(starts[1:], len(y))
    finite = np.isfinite(y)
    counts = np.add.reduceat(finite, starts, dtype=float)
    filled = np.where(finite, y, 0.0) / len(y)  # divided first, or a sum might overflow
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.add.reduceat(filled, starts) / (counts / len(y))
    least = np.minimum.reduceat(np.where(finite, y, np.inf), starts)
    greatest = np.maximum.reduceat(np.where(finite, y, -np.inf), starts)
    return (x[starts] + x[ends - 1]) / 2, mean, least, greatest


def _pieces(is_there: Array) -> Iterator[slice]:
    """Yield the stretches in which all is there."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], is_there.astype(int), [0]))))
    for start, stop in edges.reshape(-1, 2):
        yield slice(int(start), int(stop))


def _legend(name: str, lines: Sequence[Line], is_log: bool) -> Iterator[str]:
    """Yield the name of the values, and a sample of each line with its own, side by side."""
    shown = [text(each, 24) for each in (name, *(one.name for one in lines))]
    yield f'<text x="4" y="18" font-weight="bold">{shown[0]}</text>'
    x = float(max(LEFT, 20 + 7.2 * len(shown[0])))
    for one, said in zip(lines, shown[1:], strict=True):
        yield (
            f'<path d="M{x:.0f} 14h14" stroke="{one.color}" stroke-width="3"/>'
            f'<text x="{x + 19:.0f}" y="18">{said}</text>'
        )
        x += 34 + 6.6 * len(said)
    if is_log:
        yield f'<text x="{WIDTH - RIGHT}" y="18" text-anchor="end">log scale</text>'
