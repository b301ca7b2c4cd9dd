"""Central differences: what a gradient must be, computed from forward alone.

Everything is in float64. At a kink (such as relu at 0) there is no gradient to compare with; kinks
are found by comparing the two one-sided differences, and are left out. Where a gradient differs,
finer differences are tried, too: one that agrees with any of them is right.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from plugnet.arrays import Array
from plugnet.testing.report import fail, require

STEP: Final = 1e-5  # the error of the differences is about STEP^2 + 1e-16 / STEP
FINER: Final = (STEP, STEP / 10, STEP / 100)  # for steep functions, and beside a kink
ENTRIES: Final = 100  # of each array, compared one by one; random directions cover the others
DIRECTIONS: Final = 2
TINY: Final = 1e-6  # the step of one-sided differences
RELATIVE: Final = 1e-5
ABSOLUTE: Final = 1e-7  # relative to the largest entry
KINK: Final = 1e-2  # the least difference of one-sided slopes at a kink; on a curve it is STEP f''
MOST_KINKS: Final = 0.1  # the share of random places that may be at a kink

RESTRICTED: Final = "let examples() give them in an array, as [(arguments, array)]"

Function = Callable[[], float]


def compare_gradient(
    gradient: Array,
    function: Function,
    array: Array,
    name: str,
    *,
    entries: int = ENTRIES,
    kinks: float = MOST_KINKS,
    advice: str = "",
) -> None:
    """Check a gradient against central differences.

    Args:
        gradient: d function() / d array, as the component computes it.
        function: reads ``array`` when called.
        array: float64; changed temporarily.
        name: the name of the gradient in messages.
        entries: how many entries are compared one by one.
        kinks: the share of these that may be at a kink.
        advice: what to do if more are.

    Raises:
        CheckFailure: they differ.
    """
    require(
        np.shape(gradient) == array.shape,
        f"{name} must have the shape {array.shape}, but it has {np.shape(gradient)}.",
    )
    require(np.isfinite(gradient).all(), f"{name} must be finite, but it has NaN or infinity.")
    rng = np.random.default_rng(0)
    chosen = rng.permutation(array.size)[:entries]
    rough = len(chosen) - _compare_entries(gradient, function, array, name, chosen)
    require(
        rough <= kinks * len(chosen),
        f"forward is not smooth at {rough} of {len(chosen)} random places, so {name} cannot be "
        f"compared: it jumps, or gives different outputs for the same inputs. {advice}".rstrip(),
    )
    scale = float(np.abs(gradient).max(initial=1)) * np.sqrt(array.size)
    for _ in range(DIRECTIONS):
        direction: Array = np.asarray(rng.normal(size=array.shape))
        found = float(np.vdot(gradient, direction))
        slope = _nearest_slope(found, function, array, direction, scale)
        if slope is not None and not _close(found, slope, scale):
            fail(
                f"{name} is wrong: along a random direction the slope is {found:.6g}, but central "
                f"differences of forward give {slope:.6g}."
            )


def one_sided_slopes(
    function: Callable[[Array], Any], x: Array, direction: Array
) -> tuple[Any, Any]:
    """Return the least and the largest slope along a direction that a gradient may have at ``x``.

    The bounds are the slopes on both sides, which differ at a kink, with some slack: where the
    curvature is infinite, they still change as the step gets smaller. Where they grow without
    limit, as for x / |x| at 0, there is no bound.
    """
    middle = function(x)
    rise, fall, *nearer = (
        (function(x + step * direction) - middle) / step
        for step in (TINY, -TINY, TINY / 10, -TINY / 10)
    )
    slack = 1e-4 * (1 + abs(rise) + abs(fall))
    slack += 10 * np.maximum(abs(rise - nearer[0]), abs(fall - nearer[1]))
    slack = np.where(slack > 20 * (1 + abs(rise) + abs(fall)), np.inf, slack)
    return np.minimum(rise, fall) - slack, np.maximum(rise, fall) + slack


def _nearest_slope(
    found: float, function: Function, array: Array, direction: Array, scale: float
) -> float | None:
    """Return the slope along ``direction``, by a step at which it is ``found`` if there is one."""
    first = _slope(function, array, direction)
    if first is None or _close(found, first, scale):
        return first
    finer = (_slope(function, array, direction, step) for step in FINER[1:])
    return next((s for s in finer if s is not None and _close(found, s, scale)), first)


def _slope(function: Function, array: Array, direction: Array, step: float = STEP) -> float | None:
    """Return the derivative along ``direction``, or None at a kink; ``array`` is restored."""
    original = array.copy()
    middle = function()
    array += step * direction
    above = function()
    np.subtract(original, step * direction, out=array)
    below = function()
    array[...] = original
    slope = (above - below) / (2 * step)
    bend = abs(above - 2 * middle + below) / step
    require(
        np.isfinite(slope),
        "forward must be finite near ordinary inputs, but it is not. If it accepts only some "
        f"numbers, {RESTRICTED}.",
    )
    return None if bend > KINK * (1 + abs(slope)) else slope


def _compare_entries(
    gradient: Array, function: Function, array: Array, name: str, entries: Array
) -> int:
    """Check some entries of a gradient one by one; return how many are not at a kink."""
    slopes = {}
    scale = float(np.abs(gradient.flat[entries]).max(initial=0))
    for entry in map(int, entries):
        direction = np.zeros(array.shape)
        direction.flat[entry] = 1
        found = float(gradient.flat[entry])
        if (slope := _nearest_slope(found, function, array, direction, scale)) is not None:
            slopes[entry] = slope
    scale = max(map(abs, slopes.values()), default=0.0)
    wrong = [e for e, slope in slopes.items() if not _close(gradient.flat[e], slope, scale)]
    if wrong:
        worst = max(wrong, key=lambda entry: abs(gradient.flat[entry] - slopes[entry]))
        index = ", ".join(str(int(i)) for i in np.unravel_index(worst, gradient.shape))
        fail(
            f"{name}[{index}] is {gradient.flat[worst]:.6g}, but central differences of forward "
            f"give {slopes[worst]:.6g}; wrong at {len(wrong)} of {len(slopes)} places."
            + _factor(gradient, slopes, scale)
        )
    return len(slopes)


def _factor(gradient: Array, slopes: dict[int, float], scale: float) -> str:
    """Return a hint if all entries are off by the same factor."""
    ratios = [gradient.flat[e] / slope for e, slope in slopes.items() if abs(slope) > 1e-3 * scale]
    if not ratios or np.ptp(ratios) > 1e-3 * abs(ratios[0]):
        return ""
    factor = float(np.median(ratios))
    if abs(factor - 1) < 1e-3:  # beyond the tolerance, but the factor would be printed as 1
        return ""
    return " The sign is wrong." if abs(factor + 1) < 1e-3 else f" Off by the factor {factor:.4g}."


def _close(found: float, slope: float, scale: float) -> bool:
    bound = RELATIVE * max(abs(found), abs(slope)) + ABSOLUTE * max(1.0, scale)
    return bool(abs(found - slope) <= bound)
