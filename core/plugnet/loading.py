"""Building a network because a file says so: nothing is drawn, and what is allocated is counted.

A few hundred bytes can describe a layer of any size. So these count on the file's budget before
there is anything in memory: the arrays that an initializer is asked for, the gradient and the flat
arrays of each `Parameter`, and one sample at each place of the network. Memory from ``np.zeros`` or
``np.empty`` takes no room until it is written to: a layer that makes a `Parameter` of it, and fills
it afterwards, is bounded. Whatever else a layer allocates by its arguments it may count itself, by
`plugnet.files.budget.spend`.

Nor are first values drawn that the file replaces. Initializers give NaN instead, and if all of it
is found in the parameters, the network is as it would have been. If not, it is built again, with
all that there is to draw, once it is known that the file's arrays fit it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.errors import FileFormatError, PlugnetError, SpecError, counted, shorten, shown
from plugnet.files import budget
from plugnet.interfaces import Initializer, Layer
from plugnet.layers import names_of, walk
from plugnet.parameter import Parameters

DRAWN = 16  # bytes that drawing a number takes: in double precision, and once more while it is cast
MOST_WILDCARDS = 1000  # patterns with * or such in a file; each is compiled
MOST_MATCHES = 1_000_000  # of these patterns with parameters


class Draws:
    """What initializers are asked for while a network is built.

    Attributes:
        limit: what the file may take; what is asked for counts on it.
        are_made: whether anything is drawn; otherwise arrays are NaN.
    """

    def __init__(self, limit: budget.Budget, are_made: bool) -> None:
        self.limit, self.are_made = limit, are_made
        self._numbers = 0
        self._generators: dict[int, tuple[np.random.Generator, Any]] = {}  # and their first states

    @contextmanager
    def watched(self, layers: Sequence[Layer]) -> Iterator[None]:
        """Take the place of the initializers of ``layers``, and of all that they hold.

        Raises:
            ArgumentError: a layer stands in two places.
        """
        for attributes, name, initializer in _initializers(layers):
            attributes[name] = _Watched(initializer, self)
        try:
            with budget.loading(self.limit), np.errstate(all="ignore"):
                yield
        finally:  # of layers, too, that others have made meanwhile
            for attributes, name, initializer in _initializers(layers):
                if isinstance(initializer, _Watched):
                    attributes[name] = initializer.initializer

    def give(
        self, initializer: Initializer, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]
    ) -> Array:
        """Return an array of ``shape``, drawn by ``initializer`` or NaN."""
        size, what = math.prod(shape), f"An array of shape {shown(shape)}"
        budget.spend(size * dtype.itemsize, what)
        if self.are_made:
            budget.check(size * DRAWN, what)
            return initializer(shape, rng, dtype)
        self._numbers += size
        self._generators.setdefault(id(rng), (rng, rng.bit_generator.state))
        return np.full(shape, np.nan, dtype)

    def are_needed(self, parameters: Parameters, rngs: Iterable[np.random.Generator]) -> bool:
        """Tell whether the network differs from one for which all was drawn, in more than values.

        It does if a layer keeps anything drawn that is no parameter, or draws once more, in
        `initialize` or in training, from a generator that would have been elsewhere.

        Args:
            parameters: the network's.
            rngs: the generators that its layers keep.
        """
        arrays = [parameters.value, *(each.value for each in parameters.statistics)]
        found = sum(int(np.count_nonzero(np.isnan(array))) for array in arrays)
        has_moved = any(
            rng.bit_generator.state != first for rng, first in self._generators.values()
        )
        are_kept = any(id(rng) in self._generators for rng in rngs)
        return found != self._numbers or has_moved or are_kept


class _Watched(Initializer):
    """An initializer that gives what `Draws` lets it."""

    def __init__(self, initializer: Initializer, draws: Draws) -> None:
        self.initializer, self.draws = initializer, draws

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        return self.draws.give(self.initializer, shape, rng, dtype)

    def variance(self, shape: Shape) -> float | None:
        return self.initializer.variance(shape)


def _initializers(layers: Sequence[Layer]) -> list[tuple[dict[str, Any], str, Initializer]]:
    """Return where layers, and all that they hold, keep an initializer, and which."""
    return [
        (vars(layer), name, value)
        for layer in walk(dict(zip(names_of(layers), layers, strict=True))).values()
        for name, value in vars(layer).items()
        if isinstance(value, Initializer)
    ]


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


def cause(error: BaseException) -> BaseException:
    """Return the first of the errors that led to ``error``."""
    return error if error.__cause__ is None else cause(error.__cause__)


@contextmanager
def refused(path: str | os.PathLike[str]) -> Iterator[None]:
    """Raise FileFormatError for whatever else goes wrong because of what the file says."""
    try:
        yield
    except PlugnetError:
        raise
    except Exception as error:
        raise FileFormatError(
            f"{os.fspath(path)} describes a network that cannot be built "
            f"({type(error).__name__}: {shorten(str(error), 200)}). Use an intact copy.",
            path=os.fspath(path),
        ) from error


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
        count = array.size - int(np.count_nonzero(np.isfinite(array)))
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
