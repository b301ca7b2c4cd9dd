"""Activations and losses that are wrong on purpose: the kit must name the fault."""

from __future__ import annotations

import numpy as np
from tests.checks import failures, names_faults
from tests.squared import Squared, Total, Weights

from plugnet.arrays import Array, Shape
from plugnet.interfaces import (
    Activation,
)
from plugnet.targets import as_rows, reweight, weighted_mean

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


class Jumps(Square):
    """Adds random numbers, whatever the seed."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return np.add(x, np.random.default_rng().normal(size=x.shape), out=out)


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


class Bend(Activation):
    """f(x) = x |x|^0.1, whose curvature at 0 is infinite."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return np.multiply(x, np.abs(x) ** 0.1, out=out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return np.multiply(1.1, np.abs(x) ** 0.1, out=out)


class KeepsScratch(Square):
    """Writes to an array that it keeps."""

    _scratch: Array | None = None

    def forward(self, x: Array, out: Array | None = None) -> Array:
        self._scratch = 1 * x
        return np.multiply(x, self._scratch, out=out)


# Losses ------------------------------------------------------------------------------------------


class Sum(Squared):
    """Not divided by N."""

    def value(self, x: Array, t: Array, weights: Weights, total: Total, training: bool) -> float:
        return super().value(x, t, weights, 1, training)


class GradientNotMean(Squared):
    """The loss is divided by N, but the gradient is not."""

    def backward(self) -> Array:
        return super().backward() * len(self._error)


class LossSign(Squared):
    """The gradient has the wrong sign."""

    def backward(self) -> Array:
        return -super().backward()


class Unweighted(Squared):
    """Ignores the weights."""

    def value(self, x: Array, t: Array, weights: Weights, total: Total, training: bool) -> float:
        if weights is not None and total is None:
            total = float(weights.sum())
        return super().value(x, t, None, total, training)


class HalfWeighted(Squared):
    """Ignores the weights in its gradient."""

    def backward(self) -> Array:
        return reweight(self._error * (2 / len(self._error)), None, self._total)


class OwnTotal(Squared):
    """Ignores the total weight."""

    def value(self, x: Array, t: Array, weights: Weights, total: Total, training: bool) -> float:
        return super().value(x, t, weights, None, training)


class OneOutput(Squared):
    """Is wrong for a single output."""

    def backward(self) -> Array:
        dx = super().backward()
        return dx if dx.shape[1] > 1 else 2 * dx


class WrongAtZero(Squared):
    """Its gradient is wrong where all scores are 0."""

    def backward(self) -> Array:
        dx = super().backward()
        return dx + (not (self._error + self._rows).any())

    def rows(self, targets: Array, outputs: Array) -> Array:
        self._rows = super().rows(targets, outputs)
        return self._rows


class FirstTargets(Squared):
    """Reuses the first targets for all later ones of the same size."""

    def value(self, x: Array, t: Array, weights: Weights, total: Total, training: bool) -> float:
        if training:
            t = vars(self).setdefault("_first", {}).setdefault(t.shape, t)
        return super().value(x, t, weights, total, training)


class KeepsAlways(Squared):
    """Keeps what backward reads outside training too."""

    def value(self, x: Array, t: Array, weights: Weights, total: Total, training: bool) -> float:
        return super().value(x, t, weights, total, True)


class Broadcasts(Squared):
    """Accepts targets of any shape that NumPy can broadcast."""

    def check(self, targets: Array, batch_shape: Shape) -> None:
        if targets.ndim == 1 and targets.dtype.kind == "i":
            super().check(targets, batch_shape)


class LogOfSoftmax(Squared):
    """The logarithm of a softmax that overflows."""

    def value(self, x: Array, t: Array, weights: Weights, total: Total, training: bool) -> float:
        rows = as_rows(t, x)
        p = np.exp(x)
        p /= p.sum(axis=1, keepdims=True)
        if training:
            self._weights, self._total = weights, total
            self._error = (p * rows.sum(axis=1, keepdims=True) - rows) / 2
        return weighted_mean(-np.log(p), rows, weights, total)


class NumpyFloat(Squared):
    """Returns a NumPy float."""

    def value(self, x: Array, t: Array, weights: Weights, total: Total, training: bool) -> float:
        return np.float64(super().value(x, t, weights, total, training))


class ForEach(Squared):
    """Returns a loss for each sample."""

    def forward(
        self,
        outputs: Array,
        targets: Array,
        weights: Weights = None,
        total: Total = None,
        training: bool = False,
    ) -> float:
        value = super().forward(outputs, targets, weights, total, training)
        return np.full(len(outputs), value)  # type: ignore[return-value]


class NoIds(Squared):
    """Treats class ids as real numbers."""

    def rows(self, targets: Array, outputs: Array) -> Array:
        rows = super().rows(targets, outputs)
        return rows if targets.ndim == 2 else rows * 0 + targets[:, None].astype(rows.dtype)


class MutatedScores(Squared):
    """Writes to the array of the scores."""

    def value(self, x: Array, t: Array, weights: Weights, total: Total, training: bool) -> float:
        x -= self.rows(t, x)
        return super().value(x, 0 * x, weights, total, training)


class BackwardFirst(Squared):
    """Raises no CallOrderError if backward comes first."""

    _error: Array | None = None  # type: ignore[assignment]

    def backward(self) -> Array:
        return super().backward()


class Hardens(Squared):
    """Replaces probabilities by the likeliest class."""

    def rows(self, targets: Array, outputs: Array) -> Array:
        rows = super().rows(targets, outputs)
        return (
            np.eye(rows.shape[1], dtype=rows.dtype)[rows.argmax(axis=1)]
            if rows.shape[1] > 1
            else rows
        )


class MadeUp(Squared):
    """Says that all classes are equally likely."""

    def probabilities(self, outputs: Array) -> Array:
        p: Array = np.full_like(outputs, 1 / outputs.shape[1])
        return p


class Reversed(Squared):
    """Gives the lowest score the highest probability."""

    def probabilities(self, outputs: Array) -> Array:
        p: Array = 0.5 - 0.5 * outputs / (1 + np.abs(outputs))
        return p


test_the_fault_is_named = names_faults(
    {
        Square: set(),
        OffByTwo: {"derivative", "kinks"},
        Overflows: {"large_inputs"},
        IgnoresOut: {"out"},
        WrongAtKink: {"kinks"},
        Doubles: {"dtype"},
        Normalised: {"derivative", "elementwise", "kinks"},
        ClippedAtSix: {"derivative"},
        Bend: set(),
        KeepsScratch: {"forward_keeps_nothing"},
        Squared: set(),
        Sum: {"mean", "total"},
        GradientNotMean: {"gradient", "zero_scores", "weights", "total", "sizes"},
        LossSign: {"gradient", "zero_scores"},
        Unweighted: {"weights"},
        HalfWeighted: {"weights", "total"},
        OwnTotal: {"total", "sizes"},
        OneOutput: {"gradient", "zero_scores"},
        WrongAtZero: {"zero_scores", "inference_changes_nothing"},
        FirstTargets: {
            "gradient",
            "zero_scores",
            "soft_targets",
            "second_batch",
            "same_arrays",
            "sizes",
        },
        KeepsAlways: {"inference_changes_nothing"},
        Broadcasts: {"targets"},
        LogOfSoftmax: {"large_scores"},
        NumpyFloat: {"number"},
        NoIds: {"class_ids", "sizes"},
        MutatedScores: {"inputs_unchanged"},
        BackwardFirst: {"call_order"},
        Hardens: {"soft_targets"},
        MadeUp: {"probabilities"},
        Reversed: {"probabilities"},
    }
)


def test_a_loss_for_each_sample_is_named_as_such() -> None:
    reasons = failures(ForEach)
    assert "returned an array of shape (5,)" in reasons["gradient"]
    assert "ndarray" in reasons["number"]
    assert not any("__format__" in reason for reason in reasons.values())


def test_a_jump_is_not_blamed_on_random_numbers() -> None:
    reason = failures(Jumps)["derivative"]
    assert "is not smooth" in reason
    assert "self.rng" not in reason
