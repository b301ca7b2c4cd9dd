"""Activations and losses that are wrong on purpose: the kit must name the fault."""

from __future__ import annotations

import numpy as np
import pytest

from plugnet.arrays import Array
from plugnet.interfaces import (
    Activation,
    Component,
    Loss,
)
from plugnet.targets import as_rows
from plugnet.testing import check_component

# Activations -------------------------------------------------------------------------------------


class Square(Activation):
    """f(x) = x^2."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return np.multiply(x, x, out=out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return np.multiply(x, 2, out=out)


class OffByTwo(Square):
    """The derivative is off by a factor."""

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return np.multiply(x, 1, out=out)


class Overflows(Square):
    """f(x) = exp(x), which overflows."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return np.exp(x, out=out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return np.exp(x, out=out)


class IgnoresOut(Square):
    """Does not write to out."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return np.multiply(x, x)


class WrongAtKink(Activation):
    """f(x) = |x|, whose derivative at 0 is said to be 7."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return np.abs(x, out=out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        out = np.sign(x, out=out)
        out[x == 0] = 7
        return out


class Doubles(Square):
    """Always computes in double precision."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return np.multiply(x.astype(np.float64), x, out=out, casting="same_kind")


class Normalised(Square):
    """Depends on the other samples."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return np.subtract(x, x.mean() if x.size else 0, out=out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        out = np.multiply(x, 0, out=out)
        out += 1
        return out


class ClippedAtSix(Activation):
    """f(x) = min(max(x, 0), 6), whose derivative forgets the 6."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return np.clip(x, 0, 6, out=out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        out = np.empty_like(x) if out is None else out
        return np.greater(x, 0, out=out)


# Losses ------------------------------------------------------------------------------------------


class Squared(Loss):
    """1/N sum (x - t)^2."""

    def __init__(self) -> None:
        self._error: Array | None = None

    def forward(self, outputs: Array, targets: Array) -> float:
        self._error = outputs - as_rows(targets, outputs)
        return float(np.vdot(self._error, self._error)) / len(outputs)

    def backward(self) -> Array:
        error = self.kept(self._error)
        return error * (2 / len(error))


class Sum(Squared):
    """Not divided by N."""

    def forward(self, outputs: Array, targets: Array) -> float:
        return super().forward(outputs, targets) * len(outputs)

    def backward(self) -> Array:
        return super().backward() * len(self.kept(self._error))


class GradientNotMean(Squared):
    """The gradient is not divided by N, the loss is."""

    def backward(self) -> Array:
        return super().backward() * len(self.kept(self._error))


class LossSign(Squared):
    """The gradient has the wrong sign."""

    def backward(self) -> Array:
        return -super().backward()


class Broadcasts(Squared):
    """Takes targets of any shape that NumPy can stretch."""

    def forward(self, outputs: Array, targets: Array) -> float:
        if targets.ndim == 1 and targets.dtype.kind == "i":
            return super().forward(outputs, targets)
        self._error = outputs - targets.astype(outputs.dtype)
        return float(np.vdot(self._error, self._error)) / len(outputs)


class LogOfSoftmax(Loss):
    """The logarithm of a softmax that overflows."""

    def __init__(self) -> None:
        self._gradient: Array | None = None

    def forward(self, outputs: Array, targets: Array) -> float:
        rows = as_rows(targets, outputs)
        p = np.exp(outputs)
        p /= p.sum(axis=1, keepdims=True)
        self._gradient = (p - rows) / len(rows)
        return -float((rows * np.log(p)).sum()) / len(rows)

    def backward(self) -> Array:
        return self.kept(self._gradient)


class NumpyFloat(Squared):
    """Returns a float of NumPy's."""

    def forward(self, outputs: Array, targets: Array) -> float:
        return np.float32(super().forward(outputs, targets))  # type: ignore[return-value]


class NoIds(Squared):
    """Takes class ids for numbers."""

    def forward(self, outputs: Array, targets: Array) -> float:
        if targets.ndim == 1:
            super().forward(outputs, targets)
            targets = np.repeat(targets[:, None], outputs.shape[1], axis=1)
        return super().forward(outputs, targets)


class MutatedScores(Squared):
    """Computes in the array of the scores."""

    def forward(self, outputs: Array, targets: Array) -> float:
        rows = as_rows(targets, outputs)
        outputs -= rows
        self._error = outputs
        return float(np.vdot(outputs, outputs)) / len(outputs)


class BackwardFirst(Squared):
    """Fails without a word if backward comes first."""

    def backward(self) -> Array:
        assert self._error is not None
        return super().backward()


class Hardens(Squared):
    """Takes the likeliest class of targets that are probabilities."""

    def forward(self, outputs: Array, targets: Array) -> float:
        rows = as_rows(targets, outputs)
        return super().forward(outputs, np.eye(rows.shape[1])[rows.argmax(axis=1)])


class MadeUp(Squared):
    """Says that every class is as likely as any other."""

    def probabilities(self, outputs: Array) -> Array:
        p: Array = np.full_like(outputs, 1 / outputs.shape[1])
        return p


class Reversed(Squared):
    """Gives the lowest score the highest probability."""

    def probabilities(self, outputs: Array) -> Array:
        p: Array = 0.5 - 0.5 * outputs / (1 + np.abs(outputs))
        return p


@pytest.mark.parametrize(
    ("component", "faults"),
    [
        (Square, set()),
        (OffByTwo, {"derivative", "kinks"}),
        (Overflows, {"large_inputs"}),
        (IgnoresOut, {"out"}),
        (WrongAtKink, {"kinks"}),
        (Doubles, {"dtype"}),
        (Normalised, {"derivative", "elementwise", "kinks"}),
        (ClippedAtSix, {"derivative"}),
        (Squared, set()),
        (Sum, {"mean"}),
        (GradientNotMean, {"gradient"}),
        (LossSign, {"gradient"}),
        (Broadcasts, {"target_shapes"}),
        (LogOfSoftmax, {"large_scores"}),
        (NumpyFloat, {"number", "gradient"}),
        (NoIds, {"class_ids"}),
        (MutatedScores, {"inputs_unchanged"}),
        (BackwardFirst, {"call_order"}),
        (Hardens, {"soft_targets"}),
        (MadeUp, {"probabilities"}),
        (Reversed, {"probabilities"}),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_the_fault_is_named(component: type[Component], faults: set[str]) -> None:
    report = check_component(component, raise_on_failure=False)
    assert {result.check for result in report.failed} == faults
