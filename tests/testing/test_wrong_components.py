"""Components of the other kinds that are wrong on purpose: the kit must name the fault."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from tests.checks import names_faults

from plugnet.arrays import Array, Shape
from plugnet.interfaces import (
    Dataset,
    DataSplits,
    Initializer,
    LRPolicy,
    Regularizer,
)

# Initializers ------------------------------------------------------------------------------------


class Normal(Initializer):
    """Standard normal."""

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        return rng.normal(size=shape).astype(dtype)


class FanOut(Normal):
    """States the variance of a different rule."""

    def variance(self, shape: Shape) -> float:
        return 2 / shape[-1]


class TransposedShape(Normal):
    """Reverses the shape."""

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        return super().__call__(shape[::-1], rng, dtype)


class AlwaysDouble(Normal):
    """Ignores the dtype."""

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        return rng.normal(size=shape)


class IgnoresGenerator(Normal):
    """Ignores the generator, and always draws the same."""

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        return super().__call__(shape, np.random.default_rng(0), dtype)


class GlobalNormal(Normal):
    """Draws from NumPy's global generator."""

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        return np.random.normal(size=shape).astype(dtype)  # noqa: NPY002


class DrawsForNothing(Normal):
    """Draws a number, but always returns the same values."""

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        rng.random()
        values: Array = np.linspace(-1, 1, math.prod(shape), dtype=dtype).reshape(shape)
        return values


class Cosines(Initializer):
    """Right: draws nothing, and returns the cosines of a discrete transform."""

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        rows, columns = math.prod(shape[:-1]), shape[-1]
        angles = np.outer(np.arange(rows) + 0.5, np.arange(columns)) * np.pi / rows
        return np.cos(angles).reshape(shape).astype(dtype)


class SameArray(Normal):
    """Returns the array of the last call again."""

    _array = np.zeros((3, 2, 5, 4))

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        array: Array = self._array.ravel()[: int(np.prod(shape))].reshape(shape)
        return array.astype(dtype, copy=False)


# Policies ----------------------------------------------------------------------------------------


class Halving(LRPolicy):
    """0.1 / (iteration + 1)."""

    def __call__(self, iteration: int) -> float:
        return 0.1 / (iteration + 1)


class KeepsState(Halving):
    """Halves at every call."""

    def __init__(self) -> None:
        self._rate = 1.0

    def __call__(self, iteration: int) -> float:
        self._rate *= 0.5
        return self._rate


class Negative(Halving):
    """Falls below zero."""

    def __call__(self, iteration: int) -> float:
        return 0.1 - 0.001 * iteration


class ZeroDivision(Halving):
    """Does not count from 0."""

    def __call__(self, iteration: int) -> float:
        return 0.1 / iteration


# Regularizers ------------------------------------------------------------------------------------


class Ridge(Regularizer):
    """The sum of squares."""

    def penalty(self, value: Array) -> float:
        return float(np.vdot(value, value))

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        grad += scale * 2 * value


class HalfGradient(Ridge):
    """The gradient lacks a factor of 2."""

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        grad += scale * value


class ForgetsScale(Ridge):
    """Ignores the scale."""

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        super().add_gradient(value, grad, 1.0, scratch)


class ReadsScratch(Ridge):
    """Adds the contents of the scratch array too."""

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        scratch += scale * 2 * value
        grad += scratch


class Remembers(Ridge):
    """Keeps the last penalty."""

    def penalty(self, value: Array) -> float:
        self._last = super().penalty(value)
        return self._last


class MatricesOnly(Ridge):
    """Does not penalize kernels, which have four axes."""

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        if value.ndim < 4:
            super().add_gradient(value, grad, scale, scratch)


class Overwrites(Ridge):
    """Overwrites the gradient."""

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        grad[...] = scale * 2 * value


class Groups(Regularizer):
    """The norm of each parameter, which is not elementwise, but says that it is."""

    elementwise: ClassVar[bool] = True

    def penalty(self, value: Array) -> float:
        return float(np.linalg.norm(value))

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        grad += scale * value / max(float(np.linalg.norm(value)), 1e-9)


class Shrinks(Ridge):
    """Changes the weights themselves."""

    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        super().add_gradient(value, grad, scale, scratch)
        value *= 0.99


# Data sets ---------------------------------------------------------------------------------------


class Four(Dataset):
    """Four training samples and two test samples."""

    def load(self) -> DataSplits:
        data = np.linspace(0, 1, 12).reshape(6, 2).astype(np.float32)
        label = np.array([0, 1, 0, 1, 0, 1])
        return DataSplits(data[:4], label[:4], data[4:], label[4:])


class MismatchedRows(Four):
    """Has one label too few."""

    def load(self) -> DataSplits:
        samples = super().load()
        return DataSplits(samples.train.x, samples.train.y[:3], samples.test.x, samples.test.y)


class IdsFromOne(Four):
    """Names fewer classes than it has."""

    def load(self) -> DataSplits:
        s = super().load()
        return DataSplits(s.train.x, s.train.y + 1, s.test.x, s.test.y, ("a", "b"))


class Texts(Four):
    """Has strings for data."""

    def load(self) -> DataSplits:
        s = super().load()
        return DataSplits(s.train.x.astype("U"), s.train.y, s.test.x, s.test.y)


class Shuffled(Four):
    """Shuffles with its own generator."""

    def load(self) -> DataSplits:
        s = super().load()
        data = s.train.x * np.float32(np.random.default_rng().random())
        return DataSplits(data, s.train.y, s.test.x, s.test.y)


# All kinds ---------------------------------------------------------------------------------------


class NotKept(Halving):
    """Does not keep its argument."""

    def __init__(self, rate: float = 0.1) -> None:
        self._rate = rate


class KeptWrong(Halving):
    """Keeps a value different from its argument."""

    def __init__(self, rate: float) -> None:
        self.rate = 2 * rate

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"rate": 0.1}]


class KeptByHalves(Halving):
    """Keeps a value of another type, which differs when it is built again."""

    def __init__(self, name: str | tuple[str, ...] = "a") -> None:
        self.name = (*name, "b")


class Starred(Halving):
    """Takes any arguments."""

    def __init__(self, *args: float) -> None:
        pass


class NotJson(Halving):
    """Has an argument that JSON cannot hold."""

    def __init__(self, factor: object = 1j) -> None:
        self.factor = factor


class NeedsArguments(Halving):
    """Needs an argument, but has no examples."""

    def __init__(self, rate: float) -> None:
        self.rate = rate


class Undocumented(Halving):
    __doc__ = None


class SetsErrors(Halving):
    """Sets NumPy's error handling."""

    def __call__(self, iteration: int) -> float:
        np.seterr(over="raise" if np.geterr()["over"] == "warn" else "warn")
        return super().__call__(iteration)


test_the_fault_is_named = names_faults(
    {
        Normal: set(),
        FanOut: {"variance"},
        TransposedShape: {"shape"},
        AlwaysDouble: {"dtype"},
        IgnoresGenerator: {"generator"},
        DrawsForNothing: {"generator"},
        Cosines: set(),
        GlobalNormal: {"global_state", "same_seed"},
        SameArray: {"values"},
        Halving: set(),
        KeepsState: {"pure"},
        Negative: {"rate"},
        ZeroDivision: {"rate", "pure", "same_seed", "global_state", "quiet"},
        Ridge: set(),
        HalfGradient: {"gradient"},
        ForgetsScale: {"scale"},
        ReadsScratch: {"scratch"},
        Remembers: {"value_unchanged"},
        MatricesOnly: {"gradient"},
        Overwrites: {"adds"},
        Shrinks: {"value_unchanged"},
        Groups: {"elementwise"},
        Four: set(),
        MismatchedRows: {"samples"},
        IdsFromOne: {"labels"},
        Texts: {"data"},
        Shuffled: {"same_seed", "repeatable"},
        NotKept: {"arguments_kept"},
        KeptWrong: {"arguments_kept", "spec_round_trip", "copy"},
        KeptByHalves: {"spec_round_trip", "copy"},
        Starred: {"constructor"},
        NotJson: {"spec_round_trip"},
        NeedsArguments: {"examples"},
        Undocumented: {"documented"},
        SetsErrors: {"global_state"},
    }
)
