"""Checks of initializers."""

from __future__ import annotations

from typing import Final
from unittest.mock import patch

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.interfaces import Initializer
from plugnet.testing.comparison import identical
from plugnet.testing.report import CheckFailure, require
from plugnet.testing.target import Target, for_each

SHAPES: Final[tuple[Shape, ...]] = ((6, 4), (4, 6), (1, 1), (3, 2, 5, 4))
LARGE: Final[tuple[Shape, ...]] = ((300, 200), (3, 3, 50, 120))  # at least 54,000 values


def exercise(target: Target) -> list[Array]:
    """Draw arrays of several shapes."""
    return [_draw(one, shape) for one in target.build_all() for shape in SHAPES]


@for_each(Target.build_all)
def check_shape(initializer: Initializer) -> None:
    """The array has the requested shape, of a weight or a kernel."""
    for shape in SHAPES:
        found = np.shape(_draw(initializer, shape))
        require(found == shape, f"For the shape {shape} it returned an array of shape {found}.")


@for_each(Target.build_all)
def check_dtype(initializer: Initializer) -> None:
    """The array has the requested dtype."""
    for dtype in ("float32", "float64"):
        found = _draw(initializer, (6, 4), dtype).dtype
        require(found == dtype, f"For the dtype {dtype} it returned an array of {found}.")


@for_each(Target.build_all)
def check_values(initializer: Initializer) -> None:
    """The values are finite, in a new, writable, C-ordered array."""
    for shape in SHAPES:
        one, other = _draw(initializer, shape), _draw(initializer, shape)
        require(np.isfinite(one).all(), f"For the shape {shape} it returned NaN or infinity.")
        require(
            one.flags.writeable and one.flags.c_contiguous and not np.shares_memory(one, other),
            "Each call must return a new, writable, C-ordered array.",
        )


@for_each(Target.build_all)
def check_generator(initializer: Initializer) -> None:
    """All random numbers come from the generator that is passed in."""
    advice = "Draw from the rng that is passed in."
    rngs = [np.random.default_rng(seed) for seed in (1, 2)]
    with patch(
        "numpy.random.default_rng", side_effect=CheckFailure(f"It created a generator. {advice}")
    ):
        one, other = (initializer((6, 4), rng, np.dtype("float64")) for rng in rngs)
    require(
        not identical(one, other)
        or np.ptp(one) == 0
        or all(rng.random() == np.random.default_rng(i).random() for i, rng in enumerate(rngs, 1)),
        f"Two seeds gave the same values, although numbers were drawn. {advice}",
    )


@for_each(Target.build_all)
def check_variance(initializer: Initializer) -> None:
    """The variance of the values is within 5 % of the stated one."""
    for shape in LARGE:  # 5 % is at least eight standard errors
        stated = initializer.variance(shape)
        if stated is None:
            continue
        found = float(_draw(initializer, shape).var())
        require(
            abs(found - stated) <= 0.05 * stated,
            f"For the shape {shape} the values have the variance {found:.4g}, but variance() "
            f"returns {stated:.4g}.",
        )


def _draw(initializer: Initializer, shape: Shape, dtype: str = "float64", seed: int = 1) -> Array:
    return initializer(shape, np.random.default_rng(seed), np.dtype(dtype))
