"""Components of the other kinds that are wrong on purpose: the kit must name the fault."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from tests.checks import names_faults

from plugnet.arrays import Array, Shape
from plugnet.interfaces import (
    Batch,
    Dataset,
    DataSplits,
    Initializer,
    LRPolicy,
    Regularizer,
    Rows,
)
from plugnet.schema import Schema

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
        return DataSplits(Batch(data[:4], label[:4]), Batch(data[4:], label[4:]))

    def changed(self, **train: Any) -> DataSplits:
        """Return the samples with other fields of the training part, or other fields of both."""
        splits = Four.load(self)
        of_part = {name: train.pop(name) for name in ("x", "y", "weights") if name in train}
        return replace(splits, train=splits.train._replace(**of_part), **train)


class Table(Four):
    """Right: names, weights, missing values, no test part, and rows with an id, by column."""

    def load(self) -> DataSplits:
        return self.changed(
            x=np.array([[1, np.nan], [2, 3], [4, 5]]),
            y=np.array(["cat", "dog", "cat"]),
            weights=np.array([0, 1, 2.5]),
            test=None,
            classes=("dog", "cat", "cow"),
            columns=("weight", "height"),
            targets=("animal",),
            dropped=("id",),
            missing="mean",
        )

    def rows(self, schema: Schema) -> Iterator[Rows]:
        for start in (0, 2):
            x = {name: np.ones(2) for name in schema.columns}
            yield Rows(x, None, range(start, start + 2), [start + 1, start + 2], {"id": ["a", "b"]})


class Targets(Four):
    """Right: real targets."""

    def load(self) -> DataSplits:
        return self.changed(y=np.ones((4, 2)), test=None, targets=("a", "b"))


class MismatchedRows(Four):
    """Has one label too few."""

    def load(self) -> DataSplits:
        return self.changed(y=np.array([0, 1, 0]))


class EmptyTest(Four):
    """Has a test part without samples."""

    def load(self) -> DataSplits:
        splits = super().load()
        return replace(splits, test=Batch(splits.train.x[:0], splits.train.y[:0]))


class UnknownClass(Four):
    """Has a label that its classes lack."""

    def load(self) -> DataSplits:
        return self.changed(y=np.array([0, 1, 2, 1]), classes=(0, 1))


class ClassTwice(Four):
    """Lists a class twice."""

    def load(self) -> DataSplits:
        return self.changed(classes=(0, 1, 1))


class NumPyClasses(Four):
    """Lists classes that are not Python's own numbers."""

    def load(self) -> DataSplits:
        return self.changed(classes=tuple(np.arange(2)))


class NegativeIds(Four):
    """Has a negative label, but lists no classes."""

    def load(self) -> DataSplits:
        return self.changed(y=np.array([-1, 1, -1, 1]))


class UnlistedNames(Four):
    """Has strings for labels, but lists no classes."""

    def load(self) -> DataSplits:
        return self.changed(y=np.array(["a", "b", "a", "b"]), test=None)


class NamesAndNumbers(Four):
    """Has strings for labels in one part and numbers in the other."""

    def load(self) -> DataSplits:
        return self.changed(y=np.array(["a", "b", "a", "b"]), classes=("a", "b", 0, 1))


class FlatTargets(Four):
    """Has real targets of the shape of class ids."""

    def load(self) -> DataSplits:
        return self.changed(y=np.linspace(0, 1, 4), test=None)


class OneHot(Four):
    """Has one-hot rows in place of labels."""

    def load(self) -> DataSplits:
        return self.changed(y=np.eye(4, dtype=int), test=None)


class ClassesOfTargets(Four):
    """Lists classes beside real targets."""

    def load(self) -> DataSplits:
        return self.changed(y=np.ones((4, 1)), test=None, classes=(0, 1))


class NegativeWeights(Four):
    """Has a weight below 0."""

    def load(self) -> DataSplits:
        return self.changed(weights=np.array([1.0, 1, -1, 1]))


class WeightPerOutput(Four):
    """Has two weights per sample."""

    def load(self) -> DataSplits:
        return self.changed(weights=np.ones((4, 2)))


class UnnamedColumn(Four):
    """Has one name for two columns."""

    def load(self) -> DataSplits:
        return self.changed(columns=("a",))


class SameName(Four):
    """Has a column that is called like the labels."""

    def load(self) -> DataSplits:
        return self.changed(columns=("a", "b"), targets=("b",))


class Missing(Four):
    """Has NaN, but does not say what stands for it."""

    def load(self) -> DataSplits:
        return self.changed(x=np.full((4, 2), np.nan))


class MissingByMedian(Four):
    """Names a rule for missing values that does not exist."""

    def load(self) -> DataSplits:
        return self.changed(missing="median")


class Infinite(Four):
    """Has an infinite value where only NaN may stay."""

    def load(self) -> DataSplits:
        return self.changed(x=np.full((4, 2), np.inf), missing=0.0)


class OtherShape(Four):
    """Has test samples of another shape."""

    def load(self) -> DataSplits:
        return self.changed(test=Batch(np.ones((2, 3)), np.array([0, 1])))


class Texts(Four):
    """Has strings for data."""

    def load(self) -> DataSplits:
        return self.changed(x=np.array([["a", "b"]] * 4))


class SameNumbers(Four):
    """Begins to number the rows anew in each block."""

    def rows(self, schema: Schema) -> Iterator[Rows]:
        for _ in range(2):
            yield Rows(np.ones((2, 2)), None, range(2))


class LinesTooFew(Four):
    """Has fewer line numbers than rows."""

    def rows(self, schema: Schema) -> Iterator[Rows]:
        yield Rows(np.ones((2, 2)), None, range(2), [1])


class RowsOfOtherShape(Four):
    """Gives new rows more features than those to train on."""

    def rows(self, schema: Schema) -> Iterator[Rows]:
        yield Rows(np.ones((2, 3)), None, range(2))


class NoRows(Four):
    """Has no rows to be asked about."""

    def rows(self, schema: Schema) -> Iterator[Rows]:
        yield from ()


class Shuffled(Four):
    """Shuffles with its own generator."""

    def load(self) -> DataSplits:
        data = np.full((4, 2), np.random.default_rng().random())
        return self.changed(x=data)


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
        Table: set(),
        Targets: set(),
        MismatchedRows: {"samples", "rows"},
        EmptyTest: {"samples"},
        UnknownClass: {"labels"},
        ClassTwice: {"labels"},
        NumPyClasses: {"labels"},
        NegativeIds: {"labels"},
        UnlistedNames: {"labels"},
        NamesAndNumbers: {"labels"},
        FlatTargets: {"labels"},
        OneHot: {"labels"},
        ClassesOfTargets: {"labels"},
        NegativeWeights: {"weights"},
        WeightPerOutput: {"weights"},
        UnnamedColumn: {"columns"},
        SameName: {"columns"},
        Missing: {"data"},
        MissingByMedian: {"data"},
        Infinite: {"data"},
        OtherShape: {"data", "rows"},
        Texts: {"data"},
        SameNumbers: {"rows"},
        LinesTooFew: {"rows"},
        RowsOfOtherShape: {"rows"},
        NoRows: {"rows"},
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
