"""Layers that do not work at all, such as newcomers write: one check says why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.checks import failures

from plugnet.arrays import Array, Shape
from plugnet.interfaces import Layer, Loss
from plugnet.parameter import Parameter
from plugnet.testing import check_component


class Gain(Layer):
    """y = gain x, with a buffer for y; nothing is wrong."""

    _gain: Parameter
    _x: Array
    _y: Array | None = None

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        self._gain = Parameter(np.ones(shape, dtype))

    def parameters(self) -> dict[str, Parameter]:
        return {"gain": self._gain}

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        self._y = np.empty(batch_shape, dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self._x = x
        return np.multiply(x, self._gain.value, out=self._y if training else None)

    def gradients(self, dy: Array) -> None:
        np.sum(dy * self._x, axis=0, out=self._gain.grad)

    def backward(self, dy: Array) -> Array:
        return np.multiply(dy, self._gain.value)


class NoGradients(Gain):
    """Has no gradients."""

    gradients = Layer.gradients


class NoBackward(Gain):
    """Has no backward."""

    backward = Layer.backward


class TypoInBackward(Gain):
    """Misspells an attribute in backward."""

    def backward(self, dy: Array) -> Array:
        return np.multiply(dy, self._gian.value)  # type: ignore[attr-defined]


class WrongAxis(Gain):
    """Sums its gradient over the features."""

    def gradients(self, dy: Array) -> None:
        self._gain.grad = (dy * self._x).sum(axis=1)


class NotSummed(Gain):
    """Does not sum its gradient over the batch."""

    def gradients(self, dy: Array) -> None:
        self._gain.grad = dy * self._x


class NeverKeeps(Gain):
    """Does not keep its input."""

    def forward(self, x: Array, training: bool = False) -> Array:
        return np.multiply(x, self._gain.value)


class BackwardReturnsNone(Gain):
    """Forgets to return dx."""

    def backward(self, dy: Array) -> Array:
        np.multiply(dy, self._gain.value)
        return None  # type: ignore[return-value]


class BackpropReturnsNone(Gain):
    """Forgets to return dx in backprop."""

    def backprop(self, dy: Array, inputs: bool) -> Array | None:
        self.gradients(dy)
        return None


class WrongShapeBack(Gain):
    """Returns a dx with one sample too few."""

    def backward(self, dy: Array) -> Array:
        return super().backward(dy)[1:]


class ForwardReturnsNone(Gain):
    """Forgets to return y."""

    def forward(self, x: Array, training: bool = False) -> Array:
        super().forward(x, training)
        return None  # type: ignore[return-value]


class NoTraining(Gain):
    """Has a forward without the argument training."""

    def forward(self, x: Array) -> Array:  # type: ignore[override]
        return super().forward(x, True)


class Unset(Gain):
    """Has a buffer that has no value before prepare."""

    _out: Array

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        self._out = np.empty(batch_shape, dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        y = super().forward(x, training)
        return np.multiply(y, 1, out=self._out if training else None)


class PrepareForgotten(Unset):
    """Never makes its buffer."""

    prepare = Layer.prepare


class Undeclared(Gain):
    """Has a buffer that the class does not declare."""

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        self.buffer = np.empty(batch_shape, dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        y = super().forward(x, training)
        return np.multiply(y, 1, out=self.buffer if training else None)


class UnsetInInference(Unset):
    """Uses its buffer outside training too."""

    def forward(self, x: Array, training: bool = False) -> Array:
        return np.multiply(Gain.forward(self, x, training), 1, out=self._out)


class BufferInInference(Gain):
    """Uses its buffer outside training, where its shape may be wrong."""

    def forward(self, x: Array, training: bool = False) -> Array:
        super().forward(x, training)
        return np.multiply(x, self._gain.value, out=self._y)


class TypoInPrepare(Gain):
    """Misspells a function in prepare."""

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        self._y = np.emtpy(batch_shape, dtype)  # type: ignore[attr-defined]


class WrongBuffer(Gain):
    """Makes a buffer for one sample too few."""

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        self._y = np.empty((batch_shape[0] - 1, *batch_shape[1:]), dtype)


class OneAxisOnly(Gain):
    """Fails for samples of several axes, but does not refuse their shape."""

    def forward(self, x: Array, training: bool = False) -> Array:
        _, _ = x.shape
        return super().forward(x, training)


def test_what_they_are_made_of_is_right() -> None:
    check_component(Gain)


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (NoGradients, "backward raised NotImplementedError: NoGradients has parameters, so"),
        (NoBackward, "backward raised NotImplementedError: NoBackward must implement backward"),
        (TypoInBackward, "no attribute '_gian' (in backward, test_broken_layers.py:"),
        (WrongAxis, "backward raised ShapeError: A parameter keeps its shape, (6,), but"),
        (NotSummed, "backward raised ShapeError: A parameter keeps its shape, (6,), but"),
        (NeverKeeps, "If backward reads it, a training forward must keep it."),
        (BackwardReturnsNone, "backward returned None, but must return an array of shape (3, 6)"),
        (BackpropReturnsNone, "backprop returned None, but must return an array of shape (3, 6)"),
        (WrongShapeBack, "backward returned an array of shape (2, 6), but must return"),
        (ForwardReturnsNone, "forward(x, False) returned None, but must return"),
        (NoTraining, "forward(x, False) raised TypeError: NoTraining.forward() takes 2 positional"),
        (Unset, "forward(x, True) raised MissingStateError: 'Unset' has no '_out' yet"),
        (Unset, "must be None in the class, _out: Array | None = None"),
        (PrepareForgotten, "must be None in the class, _out: Array | None = None"),
        (Undeclared, "must be None in the class, buffer: Array | None = None"),
        (UnsetInInference, "out= must be None unless training"),
        (BufferInInference, "of fewer samples after prepare raised ValueError"),
        (BufferInInference, "out= must be None unless training"),
        (TypoInPrepare, "prepare raised AttributeError: module 'numpy' has no attribute 'emtpy'"),
        (WrongBuffer, "Without prepare it works. Let prepare make all buffers"),
        (OneAxisOnly, "Let output_shape raise ShapeError for shapes that cannot be"),
    ],
)
def test_shapes_alone_fails_and_says_why(layer: type[Layer], said: str) -> None:
    ((check, reason),) = failures(layer).items()
    assert check == "shapes"
    assert said in reason
    assert ("Let output_shape raise" in reason) == (layer is OneAxisOnly)
    assert ".." not in reason


def test_no_check_passes_that_would_need_a_layer_that_works() -> None:
    report = check_component(NeverKeeps, raise_on_failure=False)
    skipped = [result for result in report.results if "see shapes" in result.reason]
    assert len(skipped) > 20
    assert "\n  skipped   parameter_gradients" not in str(report)
    assert str(report).count("see shapes") == 1


class TakesNothing(Loss):
    """Refuses all targets by mistake."""

    def check(self, targets: Array, batch_shape: Shape) -> None:
        super().check(targets, (*batch_shape, 1))

    def forward(
        self,
        outputs: Array,
        targets: Array,
        weights: Array | None = None,
        total: float | None = None,
        training: bool = False,
    ) -> float:
        return 0.0

    def backward(self) -> Array:
        return np.zeros((1, 1))


class TriedByObject(TakesNothing):
    """Has no example, so that only its objects can be checked."""

    @classmethod
    def examples(cls) -> list[dict[str, object]]:
        return []


def test_a_loss_that_takes_no_targets_fails() -> None:
    ((check, reason),) = failures(TakesNothing).items()
    assert check == "targets"
    assert "must take class ids and one-hot rows" in reason


def test_a_loss_without_examples_fails_no_check() -> None:
    assert failures(TriedByObject) == {}
