"""Initializers with one fault each. `FORMULA` names those that keep the contract."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.interfaces import Initializer


class FansSwapped(Initializer):
    """Says 2 / fan_in, but draws with fan_out."""

    def variance(self, shape: Shape) -> float:
        return 2 / math.prod(shape[:-1])

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        std = math.sqrt(2 / (math.prod(shape[:-2]) * shape[-1]))
        return rng.normal(0, std, shape).astype(dtype)


class OutputsFirst(Initializer):
    """Takes the order of another framework, (outputs, inputs, height, width), for its fans."""

    # Lasagne/Lasagne#49, ml-explore/mlx#456
    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        fan_in = math.prod(shape[1:])
        return rng.normal(0, math.sqrt(2 / fan_in), shape).astype(dtype)


class KernelFans(Initializer):
    """Right for matrices; a kernel's height and width do not count."""

    def variance(self, shape: Shape) -> float:
        return 2 / math.prod(shape[:-1])

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        return rng.normal(0, math.sqrt(2 / shape[-2]), shape).astype(dtype)


class GlobalGenerator(Initializer):
    """Draws from NumPy's global generator."""

    # tensorflow/tensorflow#21432
    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        return (0.01 * np.random.standard_normal(shape)).astype(dtype)  # noqa: NPY002


class SeedsTheGlobal(Initializer):
    """Seeds NumPy's global generator, from which it draws nothing."""

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        np.random.seed(0)  # noqa: NPY002
        return rng.normal(0, 0.01, shape).astype(dtype)


class OwnSeed(Initializer):
    """Begins with the same seed in each call: all layers of a shape are equal."""

    # deel-ai/deel-lip#64
    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        return np.random.default_rng(0).normal(0, 0.01, shape).astype(dtype)


class HeldGenerator(Initializer):
    """Goes on with a generator of its own: what it draws depends on earlier calls."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self._rng = np.random.default_rng(seed)

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        return self._rng.normal(0, 0.01, shape).astype(dtype)


class HeldSeed(Initializer):
    """Draws a seed from its first generator and keeps it for ever."""

    def __init__(self) -> None:
        self._seed: int | None = None

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        if self._seed is None:
            self._seed = int(rng.integers(2**31))
        return np.random.default_rng(self._seed).normal(0, 0.01, shape).astype(dtype)


class DoublePrecision(Initializer):
    """Returns float64 whatever is asked for."""

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        return rng.normal(0, 0.01, shape)


class SinglePrecision(Initializer):
    """Returns float32 whatever is asked for."""

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        return rng.normal(0, 0.01, shape).astype(np.float32)


class FortranOrder(Initializer):
    """Draws the transposed shape and returns a view: not C-ordered."""

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        return rng.normal(0, 0.01, shape[::-1]).astype(dtype).T


class WrongShape(Initializer):
    """Returns (outputs, inputs): a square matrix hides it."""

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        return rng.normal(0, 0.01, shape[::-1]).astype(dtype)


class NoRoot(Initializer):
    """Takes the variance for the standard deviation."""

    def variance(self, shape: Shape) -> float:
        return 2 / math.prod(shape[:-1])

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        return rng.normal(0, self.variance(shape), shape).astype(dtype)


class Truncated(Initializer):
    """Cuts the tails at 2 standard deviations and says nothing of the lost variance."""

    # mrTsjolder in tensorflow/tensorflow#18706
    def variance(self, shape: Shape) -> float:
        return 2 / math.prod(shape[:-1])

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        std = math.sqrt(self.variance(shape))
        drawn = rng.normal(0, 1, (20, *shape))
        first = np.argmax(np.abs(drawn) < 2, axis=0)
        kept: Array = np.take_along_axis(drawn, first[np.newaxis], axis=0)[0]
        weight: Array = (std * kept).astype(dtype)
        return weight


class HalfOfTheRange(Initializer):
    """Uniform from 0 to its limit, not from minus the limit: all weights are positive."""

    def variance(self, shape: Shape) -> float:
        return 2 / math.prod(shape[:-1])

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        return rng.uniform(0, math.sqrt(3 * self.variance(shape)), shape).astype(dtype)


class SquareOnly(Initializer):
    """An orthogonal matrix that is square whatever shape is asked for."""

    # mila-iqia/blocks#346
    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        square: Array = np.linalg.qr(rng.normal(size=(shape[-1], shape[-1])))[0].astype(dtype)
        return square


class WideFails(Initializer):
    """An orthogonal matrix that has rows enough only if there are more inputs than outputs."""

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        rows = math.prod(shape[:-1])
        q = np.linalg.qr(rng.normal(size=(rows, shape[-1])))[0]
        return q.astype(dtype).reshape(shape)


class OfPositives(Initializer):
    """An orthogonal matrix of numbers from 0 to 1: its first column is nearly constant."""

    # tensorflow/tensorflow#10719
    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q = np.linalg.qr(rng.random((max(rows, columns), min(rows, columns))))[0]
        return np.ascontiguousarray(q if rows >= columns else q.T, dtype).reshape(shape)


class OneColumn(Initializer):
    """Draws one neuron and repeats it as a read-only view: all neurons stay equal."""

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        return np.broadcast_to(rng.normal(0, 0.01, (*shape[:-1], 1)).astype(dtype), shape)


class Cached(Initializer):
    """Keeps what it has drawn for a shape, and returns the same array again."""

    def __init__(self) -> None:
        self._held: dict[Any, Array] = {}

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        if (shape, dtype) not in self._held:
            self._held[shape, dtype] = rng.normal(0, 0.01, shape).astype(dtype)
        return self._held[shape, dtype]


class ShrinksByCall(Initializer):
    """Draws smaller numbers in each call, as if it knew the depth of the layer."""

    def __init__(self) -> None:
        self._calls = 0

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        self._calls += 1
        return rng.normal(0, 0.1 / self._calls, shape).astype(dtype)


class OneInput(Initializer):
    """Divides by fan_in - 1: a single input is a division by zero."""

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        std = math.sqrt(2 / (math.prod(shape[:-1]) - 1))
        return rng.normal(0, std, shape).astype(dtype)


class ConstantOfObjects(Initializer):
    """Fills with a Python number, so that NumPy chooses the dtype: whole numbers."""

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        return np.full(shape, 0)


class AllZeros(Initializer):
    """np.empty, taken for zeros: what lies in the memory, mostly zeros."""

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        return np.empty(shape, dtype)


#: Its fans are no part of the contract if it names no variance.
FORMULA = {"OutputsFirst", "OfPositives"}


COMPONENTS: list[tuple[str, Callable[[], Any]]] = [
    ("FansSwapped", FansSwapped),
    ("OutputsFirst", OutputsFirst),
    ("KernelFans", KernelFans),
    ("GlobalGenerator", GlobalGenerator),
    ("SeedsTheGlobal", SeedsTheGlobal),
    ("OwnSeed", OwnSeed),
    ("HeldGenerator", HeldGenerator),
    ("HeldSeed", HeldSeed),
    ("DoublePrecision", DoublePrecision),
    ("SinglePrecision", SinglePrecision),
    ("FortranOrder", FortranOrder),
    ("WrongShape", WrongShape),
    ("NoRoot", NoRoot),
    ("Truncated", Truncated),
    ("HalfOfTheRange", HalfOfTheRange),
    ("SquareOnly", SquareOnly),
    ("WideFails", WideFails),
    ("OfPositives", OfPositives),
    ("OneColumn", OneColumn),
    ("Cached", Cached),
    ("ShrinksByCall", ShrinksByCall),
    ("OneInput", OneInput),
    ("ConstantOfObjects", ConstantOfObjects),
    ("AllZeros", AllZeros),
]
