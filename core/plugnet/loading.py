"""What building a network from a file may cost: its layers count what they allocate.

A few hundred bytes can describe a layer of any size. So, while a network is built because a file
says so, these count on the file's budget before there is anything in memory: what an initializer is
asked to draw, the gradient and the flat arrays of each `Parameter`, and one sample at each place of
the network. Memory from ``np.zeros`` or ``np.empty`` takes no room until it is written to: a layer
that makes a `Parameter` of it, and fills it afterwards, is bounded. Whatever else a layer allocates
by its arguments it may count itself, by `plugnet.files.budget.spend`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.errors import FileFormatError, SpecError, counted, shown
from plugnet.files import budget
from plugnet.interfaces import Initializer, Layer
from plugnet.layers import names_of, walk

DRAWN = 16  # bytes that drawing a number takes: in double precision, and once more while it is cast
MOST_WILDCARDS = 1000  # patterns with * or such in a file; each is compiled
MOST_MATCHES = 1_000_000  # of these patterns with parameters


@contextmanager
def counting(limit: budget.Budget, layers: Sequence[Layer]) -> Iterator[None]:
    """Let what layers and their initializers allocate count on ``limit`` meanwhile.

    Args:
        limit: what the file may take.
        layers: the network's, first to last.

    Raises:
        ArgumentError: a layer stands in two places.
    """
    held = [
        (vars(layer), name, value)
        for layer in walk(dict(zip(names_of(layers), layers, strict=True))).values()
        for name, value in vars(layer).items()
        if isinstance(value, Initializer)
    ]
    for attributes, name, value in held:
        attributes[name] = _Counted(value)
    try:
        with budget.loading(limit):
            yield
    finally:
        for attributes, name, value in held:
            attributes[name] = value


class _Counted(Initializer):
    """An initializer that counts what it is asked for."""

    def __init__(self, initializer: Initializer) -> None:
        self.initializer = initializer

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        size, what = math.prod(shape), f"Weights of shape {shape}"
        budget.check(size * DRAWN, what)
        budget.spend(size * dtype.itemsize, what)
        return self.initializer(shape, rng, dtype)

    def variance(self, shape: Shape) -> float | None:
        return self.initializer.variance(shape)


def check_patterns(patterns: Iterable[str], arrays: int) -> None:
    """Check that it does not take long to find the parameters that a file's patterns fit.

    Args:
        patterns: of the paths of parameters.
        arrays: how many arrays the file has.

    Raises:
        SpecError: there are too many.
    """
    wildcards = sum(not set("*?[").isdisjoint(pattern) for pattern in patterns)
    if wildcards > MOST_WILDCARDS or wildcards * arrays > MOST_MATCHES:
        raise SpecError(
            f"A file may have up to {MOST_WILDCARDS} patterns of parameters, and {MOST_MATCHES:,} "
            f"of them times arrays, but this one has {wildcards}, and {arrays} arrays. Use fewer: "
            "one may fit many parameters.",
            path="parameters",
        )


def own(
    arrays: Mapping[str, Array],
    state: Mapping[str, Array],
    path: str | os.PathLike[str],
    allow_nonfinite: bool,
) -> dict[str, Array]:
    """Return a network's own arrays among those of a file: all that have no / in their name.

    Args:
        arrays: the file's.
        state: the network's, by the same names.
        path: the file, for the errors.
        allow_nonfinite: whether they may be NaN or infinite.

    Raises:
        FileFormatError: a name, a shape or a dtype differs; nothing is ever converted.
    """
    found = {name: array for name, array in arrays.items() if name in state or "/" not in name}
    for name in sorted(found.keys() ^ state.keys()):
        whose = "network" if name in state else "file"
        raise _refused(path, f"only the {whose} has {shown(name)}")
    for name, array in found.items():
        wanted = state[name]
        if (array.shape, array.dtype) != (wanted.shape, wanted.dtype):
            raise _refused(
                path,
                f"{shown(name)} must be {wanted.dtype} of shape {wanted.shape}, but it is "
                f"{array.dtype} of shape {array.shape}",
            )
        count = array.size - np.count_nonzero(np.isfinite(array))
        if count and not allow_nonfinite:
            raise FileFormatError(
                f"{os.fspath(path)} holds no usable network: {counted(count, 'value')} of "
                f"{array.size} in '{name}' are NaN or infinite, as after a training that has "
                "diverged. Use a file from before; to look at this one, load it with "
                "allow_nonfinite=True.",
                path=os.fspath(path),
            )
    return found


def _refused(path: str | os.PathLike[str], reason: str) -> FileFormatError:
    return FileFormatError(
        f"{os.fspath(path)} does not hold the arrays of its own network: {reason}. Use an intact "
        "copy.",
        path=os.fspath(path),
    )
