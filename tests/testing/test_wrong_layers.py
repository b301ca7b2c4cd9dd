"""Layers that are wrong on purpose, each in one way: the kit must name the fault."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from plugnet.arrays import Array, Shape
from plugnet.errors import ShapeError
from plugnet.interfaces import Layer
from plugnet.parameter import Parameter
from plugnet.testing import check_component


class Right(Layer):
    """y = x W, for samples of one axis; the weight is square."""

    _weight: Parameter
    _x: Array | None = None

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 1:
            raise ShapeError("One axis, please.", expected=("features",), got=shape)
        return shape

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        self._weight = Parameter("weight", rng.normal(size=(*shape, *shape)).astype(dtype))

    def parameters(self) -> Sequence[Parameter]:
        return (self._weight,)

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self._x = x
        y: Array = x @ self._weight.value
        return y

    def gradients(self, dy: Array) -> None:
        np.matmul(self.kept(self._x).T, dy, out=self._weight.grad)

    def backward(self, dy: Array) -> Array:
        dx: Array = self.kept(self._x) * 0 + dy @ self._weight.value.T
        return dx


class WrongSign(Right):
    """The input gradient has the wrong sign."""

    def backward(self, dy: Array) -> Array:
        return -super().backward(dy)


class Transposed(Right):
    """The weight's gradient is transposed."""

    def gradients(self, dy: Array) -> None:
        np.matmul(dy.T, self.kept(self._x), out=self._weight.grad)


class NotTransposed(Right):
    """The input gradient misses a transposition."""

    def backward(self, dy: Array) -> Array:
        dx: Array = self.kept(self._x) * 0 + dy @ self._weight.value
        return dx


class FactorTwo(Right):
    """The weight's gradient is off by 2."""

    def gradients(self, dy: Array) -> None:
        super().gradients(dy)
        self._weight.grad *= 2


class DividedTwice(Right):
    """The weight's gradient is divided by N, as the loss did already."""

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
        self._weight.grad += self.kept(self._x).T @ dy


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
    """Computes in double precision whatever comes."""

    def forward(self, x: Array, training: bool = False) -> Array:
        return super().forward(x, training) * np.float64(1)


class WrongOutputShape(Right):
    """Promises another shape than it gives."""

    def output_shape(self, shape: Shape) -> Shape:
        (size,) = super().output_shape(shape)
        return (size + 1,)


class AnyShape(Right):
    """Takes shapes for which it has no forward."""

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def forward(self, x: Array, training: bool = False) -> Array:
        if x.ndim != 2:
            raise IndexError("too many axes")
        return super().forward(x, training)


class BareShapeError(Right):
    """Refuses a shape with an error of Python's."""

    def output_shape(self, shape: Shape) -> Shape:
        (size,) = shape
        return (size,)


class StaleCache(Right):
    """Keeps the first input for all backward passes."""

    def forward(self, x: Array, training: bool = False) -> Array:
        y = super().forward(x, training=False)
        if training and self._x is None:
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


class AttributeErrorBefore(Right):
    """Fails without a word if backward comes first."""

    def backward(self, dy: Array) -> Array:
        dx: Array = np.zeros_like(self._kept) + dy @ self._weight.value.T
        return dx

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self._kept = x
        return super().forward(x, training)


class MixedSamples(Right):
    """Centres over the batch outside training too."""

    def forward(self, x: Array, training: bool = False) -> Array:
        return super().forward(x - x.mean(axis=0), training)

    def backward(self, dy: Array) -> Array:
        dx: Array = super().backward(dy)
        dx -= dx.mean(axis=0)
        return dx


class ReplacedValue(Right):
    """Replaces its parameter's array."""

    def forward(self, x: Array, training: bool = False) -> Array:
        self._weight.value = self._weight.value.copy()
        return super().forward(x, training)


class TrainsItself(Right):
    """Changes its weight in backward."""

    def gradients(self, dy: Array) -> None:
        super().gradients(dy)
        self._weight.value -= 1e-3


class OneName(Right):
    """Has two parameters of one name."""

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        super().initialize(shape, rng, dtype)
        self._other = Parameter("weight", np.zeros(2, dtype))

    def parameters(self) -> Sequence[Parameter]:
        return (self._weight, self._other)

    def gradients(self, dy: Array) -> None:
        super().gradients(dy)
        self._other.grad.fill(0)


class UnseededWeight(Right):
    """Draws its weight from a generator of its own."""

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        super().initialize(shape, np.random.default_rng(), dtype)


class GlobalWeight(Right):
    """Draws its weight from NumPy's global generator."""

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        weight = np.random.rand(*shape, *shape)  # noqa: NPY002
        self._weight = Parameter("weight", weight.astype(dtype))


class Undeclared(Right):
    """Does nothing outside training, and does not say so."""

    def forward(self, x: Array, training: bool = False) -> Array:
        return super().forward(x, training) if training else x.copy()


class DeclaredForNothing(Right):
    """Says it differs in training, and does not."""

    differs_in_training = True


class NoScale(Right):
    """Is made for inputs of no magnitude."""

    def input_scale(self) -> float:
        return 0.0


class NegativeFlops(Right):
    """Says it computes less than nothing."""

    def flops(self, shape: Shape) -> int:
        return -1


class Contiguous(Right):
    """Takes contiguous arrays only."""

    def forward(self, x: Array, training: bool = False) -> Array:
        if not x.flags.c_contiguous:
            raise ValueError("contiguous arrays only")
        return super().forward(x, training)


class NoEmptyBatch(Right):
    """Cannot take a batch of nothing."""

    def forward(self, x: Array, training: bool = False) -> Array:
        x.max()
        return super().forward(x, training)


class Chatty(Right):
    """Prints."""

    def forward(self, x: Array, training: bool = False) -> Array:
        print("forward")
        return super().forward(x, training)


class Warns(Right):
    """Divides by zero on the way."""

    def forward(self, x: Array, training: bool = False) -> Array:
        1 / (x * 0)
        return super().forward(x, training)


@pytest.mark.parametrize(
    ("layer", "faults"),
    [
        (Right, set()),
        (WrongSign, {"input_gradient", "batch_of_one", "ties"}),
        (Transposed, {"parameter_gradients", "batch_of_one"}),
        (NotTransposed, {"input_gradient", "batch_of_one", "ties"}),
        (FactorTwo, {"parameter_gradients", "batch_of_one"}),
        (DividedTwice, {"parameter_gradients"}),
        (FirstRow, {"input_gradient", "ties"}),
        (Accumulated, {"gradients_overwritten"}),
        (MutatedInput, {"inputs_unchanged", "read_only_inputs"}),
        (MutatedGradient, {"inputs_unchanged", "read_only_inputs"}),
        (LostDtype, {"dtype"}),
        (WrongOutputShape, {"shapes"}),
        (AnyShape, {"shapes"}),
        (BareShapeError, {"shapes"}),
        (StaleCache, {"second_batch"}),
        (KeptInInference, {"inference_keeps_pending"}),
        (SharedBuffer, {"inference_returns_new_array"}),
        (AttributeErrorBefore, {"call_order"}),
        (MixedSamples, {"samples_independent"}),
        (ReplacedValue, {"parameters", "parameter_gradients", "batch_of_one"}),
        (
            TrainsItself,
            {
                "parameters",
                "ties",
                "read_only_inputs",
                "second_batch",
                "inference_keeps_pending",
                "instances_independent",
                "non_contiguous_inputs",
            },
        ),
        (OneName, {"parameters", "network", "state_complete"}),
        (UnseededWeight, {"same_seed", "network", "second_batch"}),
        (GlobalWeight, {"global_state", "same_seed", "network", "second_batch"}),
        (Undeclared, {"training_difference"}),
        (DeclaredForNothing, {"training_difference"}),
        (NoScale, {"input_scale"}),
        (NegativeFlops, {"flops"}),
        (Contiguous, {"non_contiguous_inputs"}),
        (NoEmptyBatch, {"empty_batch"}),
        (Chatty, {"quiet"}),
        (Warns, {"quiet"}),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_the_fault_is_named(layer: type[Layer], faults: set[str]) -> None:
    report = check_component(layer, raise_on_failure=False)
    assert {result.check for result in report.failed} == faults
