"""Checks of initializers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.interfaces import Initializer
from plugnet.testing.arrays import same
from plugnet.testing.report import require
from plugnet.testing.subject import Subject

SHAPES: Final[tuple[Shape, ...]] = ((6, 4), (4, 6), (1, 1), (3, 2, 5, 4))
LARGE: Final[tuple[Shape, ...]] = ((300, 200), (3, 3, 50, 120))  # 54,000 values and more


def exercise(subject: Subject) -> list[Array]:
    """Draw arrays of several shapes."""
    return [_draw(one, shape) for one in _built(subject) for shape in SHAPES]


def check_shape(subject: Subject) -> None:
    """The array has the shape that was asked for, of a weight or a kernel."""
    for initializer in _built(subject):
        for shape in SHAPES:
            found = np.shape(_draw(initializer, shape))
            require(found == shape, f"For the shape {shape} it gave an array of shape {found}.")


def check_dtype(subject: Subject) -> None:
    """The array has the dtype that was asked for."""
    for initializer in _built(subject):
        for dtype in ("float32", "float64"):
            found = _draw(initializer, (6, 4), dtype).dtype
            require(found == dtype, f"Asked for {dtype}, it gave an array of {found}.")


def check_values(subject: Subject) -> None:
    """The values are finite, in a new array that can be written to."""
    for initializer in _built(subject):
        for shape in SHAPES:
            one, other = _draw(initializer, shape), _draw(initializer, shape)
            require(np.isfinite(one).all(), f"For the shape {shape} it gave NaN or infinity.")
            require(
                one.flags.writeable and one.flags.c_contiguous and not np.shares_memory(one, other),
                "Each call must give a new C-ordered array that can be written to.",
            )


def check_generator(subject: Subject) -> None:
    """The values are drawn from the generator: another seed gives others, unless all are equal."""
    for initializer in _built(subject):
        one, other = (_draw(initializer, (6, 4), seed=seed) for seed in (1, 2))
        require(
            not same(one, other) or np.ptp(one) == 0,
            "Two seeds gave the same values: draw them from the rng that is passed in.",
        )


def check_variance(subject: Subject) -> None:
    """The values' variance is the stated one, within 5 %: eight standard errors, or more."""
    for initializer in _built(subject):
        for shape in LARGE:
            stated = initializer.variance(shape)
            if stated is None:
                continue
            found = float(_draw(initializer, shape).var())
            require(
                abs(found - stated) <= 0.05 * stated,
                f"For the shape {shape} the values have the variance {found:.4g}, but variance() "
                f"says {stated:.4g}.",
            )


def _built(subject: Subject) -> Iterator[Initializer]:
    return (subject.build(example) for example in subject.usable)


def _draw(initializer: Initializer, shape: Shape, dtype: str = "float64", seed: int = 1) -> Array:
    return initializer(shape, np.random.default_rng(seed), np.dtype(dtype))


CHECKS: Final = (check_shape, check_dtype, check_values, check_generator, check_variance)
