"""Layers that are wrong on purpose, each in one way: the kit must name the fault."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from tests.checks import failures, names_faults
from tests.layers import OneAxis

from plugnet.arrays import Array, Shape
from plugnet.interfaces import Layer
from plugnet.parameter import Parameter, Statistic


class Right(OneAxis):
    """y = x W, for samples of one axis; the weight is square."""

    _weight: Parameter
    _x: Array

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        self._weight = Parameter(rng.normal(size=(*shape, *shape)).astype(dtype))

    def parameters(self) -> Mapping[str, Parameter]:
        return {"weight": self._weight}

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self._x = x
        y: Array = x @ self._weight.value
        return y

    def gradients(self, dy: Array) -> None:
        np.matmul(self._x.T, dy, out=self._weight.grad)

    def backward(self, dy: Array) -> Array:
        dx: Array = self._x * 0 + dy @ self._weight.value.T
        return dx


class WrongSign(Right):
    """The input gradient has the wrong sign."""

    def backward(self, dy: Array) -> Array:
        return -super().backward(dy)


class Transposed(Right):
    """The weight's gradient is transposed."""

    def gradients(self, dy: Array) -> None:
        np.matmul(dy.T, self._x, out=self._weight.grad)


class NotTransposed(Right):
    """The input gradient lacks a transposition."""

    def backward(self, dy: Array) -> Array:
        dx: Array = self._x * 0 + dy @ self._weight.value
        return dx


class FactorTwo(Right):
    """The weight's gradient is off by 2."""

    def gradients(self, dy: Array) -> None:
        super().gradients(dy)
        self._weight.grad *= 2


class DividedTwice(Right):
    """The weight's gradient is divided by N, which the loss has done already."""

    def gradients(self, dy: Array) -> None:
        super().gradients(dy)
        self._weight.grad /= len(dy)


class FirstRow(Right):
    """Only the first sample reaches the input gradient."""

    def backward(self, dy: Array) -> Array:
        dx = super().backward(dy)
        dx[1:] = 0
        return dx


class Accumulated(Right):
    """Gradients add up."""

    def gradients(self, dy: Array) -> None:
        self._weight.grad += self._x.T @ dy


class MutatedInput(Right):
    """Scales its input in place."""

    def forward(self, x: Array, training: bool = False) -> Array:
        x *= 2
        return super().forward(x, training)

    def backward(self, dy: Array) -> Array:
        return 2 * super().backward(dy)


class MutatedGradient(Right):
    """Changes dy in place."""

    def backward(self, dy: Array) -> Array:
        dx = super().backward(dy)
        dy *= 0.5
        return dx


class LostDtype(Right):
    """Always computes in double precision."""

    def forward(self, x: Array, training: bool = False) -> Array:
        return super().forward(x, training) * np.float64(1)


class WrongOutputShape(Right):
    """Declares a wrong output shape."""

    def output_shape(self, shape: Shape) -> Shape:
        (size,) = super().output_shape(shape)
        return (size + 1,)


class AnyShape(Right):
    """Accepts shapes for which forward fails."""

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def forward(self, x: Array, training: bool = False) -> Array:
        if x.ndim != 2:
            raise IndexError("too many axes")
        return super().forward(x, training)


class BareShapeError(Right):
    """Refuses a shape with a built-in error."""

    def output_shape(self, shape: Shape) -> Shape:
        (size,) = shape
        return (size,)


class StaleCache(Right):
    """Keeps the first input for all backward passes."""

    def forward(self, x: Array, training: bool = False) -> Array:
        y = super().forward(x, training=False)
        if training and "_x" not in vars(self):
            self._x = x
        return y


class KeptInInference(Right):
    """Keeps its input outside training too."""

    def forward(self, x: Array, training: bool = False) -> Array:
        return super().forward(x, training=True)


class SharedBuffer(Right):
    """Returns its buffer outside training."""

    _y: Array | None = None

    def forward(self, x: Array, training: bool = False) -> Array:
        y = super().forward(x, training)
        if self._y is None or self._y.shape != y.shape or self._y.dtype != y.dtype:
            self._y = np.empty_like(y)
        self._y[...] = y
        return self._y


class MixedSamples(Right):
    """Centers over the batch outside training too."""

    def forward(self, x: Array, training: bool = False) -> Array:
        return super().forward(x - x.mean(axis=0), training)

    def backward(self, dy: Array) -> Array:
        dx: Array = super().backward(dy)
        dx -= dx.mean(axis=0)
        return dx


class TrainsItself(Right):
    """Changes its weight in backward."""

    def gradients(self, dy: Array) -> None:
        super().gradients(dy)
        self._weight.value -= 1e-3


class UnseededWeight(Right):
    """Draws its weight from its own generator."""

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        super().initialize(shape, np.random.default_rng(), dtype)


class GlobalWeight(Right):
    """Draws its weight from NumPy's global generator."""

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        weight = np.random.rand(*shape, *shape)  # noqa: NPY002
        self._weight = Parameter(weight.astype(dtype))


class Undeclared(Right):
    """Does nothing outside training, and does not say so."""

    def forward(self, x: Array, training: bool = False) -> Array:
        return super().forward(x, training) if training else x.copy()


class DeclaredForNothing(Right):
    """Says that it differs in training, but does not."""

    differs_in_training = True


class NoScale(Right):
    """Has an input scale of 0."""

    def input_scale(self) -> float:
        return 0.0


class NegativeFlops(Right):
    """Has a negative number of operations."""

    def flops(self, shape: Shape) -> int:
        return -1


class NoEmptyBatch(Right):
    """Fails for an empty batch."""

    def forward(self, x: Array, training: bool = False) -> Array:
        x.max()
        return super().forward(x, training)


class Chatty(Right):
    """Prints."""

    def forward(self, x: Array, training: bool = False) -> Array:
        print("forward")
        return super().forward(x, training)


class Warns(Right):
    """Divides by zero in between."""

    def forward(self, x: Array, training: bool = False) -> Array:
        1 / (x * 0)
        return super().forward(x, training)


class NoneBefore(Right):
    """Raises no CallOrderError if backward comes first."""

    _kept: Array | None = None

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self._kept = x
        return super().forward(x, training)

    def backward(self, dy: Array) -> Array:
        dx: Array = 0 * self._kept + super().backward(dy)  # type: ignore[operator]
        return dx


class ColumnOrder(Right):
    """Returns its outputs in column order."""

    def forward(self, x: Array, training: bool = False) -> Array:
        return np.asfortranarray(super().forward(x, training))


class BadName(Right):
    """Gives its parameter a name that a path cannot contain."""

    def parameters(self) -> Mapping[str, Parameter]:
        return {"my weight": self._weight}


class LeftOut(Right):
    """Does not return a parameter."""

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        super().initialize(shape, rng, dtype)
        self._bias = Parameter(np.ones(shape, dtype))

    def forward(self, x: Array, training: bool = False) -> Array:
        return super().forward(x, training) + self._bias.value


class OtherEachTime(Right):
    """Makes new parameters at every call of parameters()."""

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        super().initialize(shape, rng, dtype)
        self._spare = np.zeros(shape, dtype)

    def parameters(self) -> Mapping[str, Parameter]:
        spare = Parameter(self._spare.copy(), trainable=False)
        return {**super().parameters(), "spare": spare}


class CountsCalls(Right):
    """Counts batches in a constructor argument."""

    def __init__(self, batches: int = 0) -> None:
        self.batches = batches

    def forward(self, x: Array, training: bool = False) -> Array:
        self.batches += training
        return super().forward(x, training)


class SetsMultiplier(Right):
    """Changes its learning-rate multiplier in training."""

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self._weight.lr_mult = 0.5
        return super().forward(x, training)


class StopsDecay(Right):
    """Changes its decay multiplier in the backward pass."""

    def gradients(self, dy: Array) -> None:
        super().gradients(dy)
        self._weight.decay_mult = 0.0


class PreparesAnew(Right):
    """Resets itself whenever it is prepared."""

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        self._weight.value = np.full_like(self._weight.value, 0.5)


class GrowingArgument(Right):
    """Keeps its last batch in a constructor argument."""

    def __init__(self, batches: list[list[float]] | None = None) -> None:
        self.batches = batches or []

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self.batches[:] = x.tolist()
        return super().forward(x, training)


class NeedsPrepare(Right):
    """Gives different outputs without prepare."""

    _factor = 1

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        self._factor = 2

    def forward(self, x: Array, training: bool = False) -> Array:
        return super().forward(x, training) * (self._factor if training else 2)

    def gradients(self, dy: Array) -> None:
        super().gradients(dy)
        self._weight.grad *= self._factor

    def backward(self, dy: Array) -> Array:
        return super().backward(dy) * self._factor


class PreparesOnce(Right):
    """Makes its buffer for the first batch shape only."""

    _y: Array | None = None

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        if self._y is None:
            self._y = np.zeros(batch_shape, dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        y = super().forward(x, training)
        if not training or self._y is None:
            return y
        self._y[: len(y)] = y
        return self._y if len(y) > len(self._y) else self._y[: len(y)] * (len(y) == len(self._y))


class Stashes(Right):
    """Returns in backward what gradients has computed."""

    def gradients(self, dy: Array) -> None:
        super().gradients(dy)
        self._dx = super().backward(dy)

    def backward(self, dy: Array) -> Array:
        return self._dx if "_dx" in vars(self) else super().backward(dy)


class HalfBackprop(Right):
    """Writes no gradients when dx is not used."""

    def backprop(self, dy: Array, inputs: bool) -> Array | None:
        return super().backprop(dy, inputs) if inputs else None


class StopsWhereFrozen(Right):
    """Returns a dx of 0 when its weight is frozen."""

    def backprop(self, dy: Array, inputs: bool) -> Array | None:
        dx = super().backprop(dy, inputs)
        return dx if dx is None or self._weight.trainable else 0 * dx


class StaleTranspose(Right):
    """Copies the weight at its first backward pass."""

    def backward(self, dy: Array) -> Array:
        if "_transposed" not in vars(self):
            self._transposed = self._weight.value.T.copy()
        dx: Array = 0 * self._x + dy @ self._transposed
        return dx


class WritesNothing(Right):
    """Writes no gradient."""

    def gradients(self, dy: Array) -> None:
        pass


class MovesMean(Right):
    """Updates its running mean in training, which only the trainer may do."""

    differs_in_training = True

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        super().initialize(shape, rng, dtype)
        self._mean = Statistic(np.ones(shape, dtype), momentum=0.9)

    def parameters(self) -> Mapping[str, Parameter]:
        return {**super().parameters(), "mean": self._mean}

    def forward(self, x: Array, training: bool = False) -> Array:
        if not training:
            return super().forward(x - self._mean.value)
        self.see(x.mean(axis=0))
        return super().forward(x, training)

    def see(self, mean: Array) -> None:
        self._mean.grad = mean
        self._mean.commit()


class WritesMean(MovesMean):
    """Right: writes the batch's mean to the statistic's grad."""

    def see(self, mean: Array) -> None:
        self._mean.grad = mean


class NoMean(MovesMean):
    """Never writes the batch's mean."""

    def see(self, mean: Array) -> None:
        pass


class MovedByInference(WritesMean):
    """Updates its mean outside training."""

    def forward(self, x: Array, training: bool = False) -> Array:
        y = super().forward(x, training)
        if not training and len(x):
            self._mean.value *= 0.9
            self._mean.value += 0.1 * x.mean(axis=0)
        return y


test_the_fault_is_named = names_faults(
    {
        Right: set(),
        WrongSign: {"input_gradient", "batch_of_one"},
        Transposed: {"parameter_gradients", "batch_of_one"},
        NotTransposed: {"input_gradient", "batch_of_one"},
        FactorTwo: {"parameter_gradients", "batch_of_one"},
        DividedTwice: {"parameter_gradients"},
        FirstRow: {"input_gradient"},
        Accumulated: {"gradients_overwritten"},
        MutatedInput: {"inputs_unchanged"},
        MutatedGradient: {"inputs_unchanged"},
        LostDtype: {"dtype"},
        WrongOutputShape: {"shapes"},
        AnyShape: {"shapes"},
        BareShapeError: {"shapes"},
        StaleCache: {"second_batch", "prepare", "many_samples"},
        KeptInInference: {"inference_changes_nothing"},
        SharedBuffer: {"inference_returns_new_array", "inference_changes_nothing"},
        NoneBefore: {"call_order"},
        ColumnOrder: {"c_order"},
        BadName: {"shapes"},
        LeftOut: {"parameters"},
        OtherEachTime: {"parameters"},
        CountsCalls: {"saved_stays"},
        SetsMultiplier: {"saved_stays"},
        StopsDecay: {"saved_stays"},
        PreparesAnew: {"saved_stays", "prepare", "new_values"},
        GrowingArgument: {"saved_stays", "copies"},
        NeedsPrepare: {"prepare"},
        PreparesOnce: {"prepare"},
        Stashes: {"backprop"},
        HalfBackprop: {"backprop"},
        StopsWhereFrozen: {"frozen"},
        StaleTranspose: {"new_values"},
        WritesNothing: {"parameter_gradients", "batch_of_one", "gradients_overwritten"},
        WritesMean: set(),
        MovesMean: {"saved_stays"},
        NoMean: {"statistics"},
        MovedByInference: {"inference_changes_nothing"},
        MixedSamples: {"samples_independent"},
        TrainsItself: {
            "saved_stays",
            "ties",
            "inference_changes_nothing",
            "second_batch",
            "prepare",
            "backprop",
            "frozen",
            "instances_independent",
        },
        UnseededWeight: {"same_seed"},
        GlobalWeight: {"global_state", "same_seed"},
        Undeclared: {"training_difference"},
        DeclaredForNothing: {"training_difference"},
        NoScale: {"input_scale"},
        NegativeFlops: {"flops"},
        NoEmptyBatch: {"empty_batch"},
        Chatty: {"quiet"},
        Warns: {"quiet"},
    }
)


class NearlyRight(Right):
    """Its gradients are off by a factor that prints as 1."""

    def backward(self, dy: Array) -> Array:
        return super().backward(dy) * (1 + 1e-4)


@pytest.mark.parametrize(
    ("layer", "check", "said", "unsaid"),
    [
        (WritesNothing, "gradients_overwritten", "writes nothing to weight.grad", "never add"),
        (Accumulated, "gradients_overwritten", "never add to it", "writes nothing"),
        (FactorTwo, "parameter_gradients", "Off by the factor 2.", "sign"),
        (WrongSign, "input_gradient", "The sign is wrong.", "factor"),
        (NearlyRight, "input_gradient", "central differences of forward give", "factor"),
        (LeftOut, "parameters", "Let parameters() return", "trainable"),
        (MovesMean, "saved_stays", "changes the value of mean", "argument"),
        (SetsMultiplier, "saved_stays", "changes the lr_mult of weight", "value of"),
    ],
)
def test_the_message_says_what_is_wrong(
    layer: type[Layer], check: str, said: str, unsaid: str
) -> None:
    reason = failures(layer)[check]
    assert said in reason
    assert unsaid not in reason
