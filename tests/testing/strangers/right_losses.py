"""Right losses that a naive kit refuses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from tests.testing.strangers.common import (
    Array,
    RowLoss,
    Shape,
    Stranger,
    log_softmax,
    need,
    softmax,
)

from plugnet import registry
from plugnet.errors import DataError
from plugnet.interfaces import Loss
from plugnet.targets import is_one_hot


class CrammerSinger(RowLoss):
    """max over others of (1 + score) less the own score, at least 0: kinks wherever two tie.

    A single output costs nothing.
    """

    def check(self, targets: Array, batch_shape: Shape) -> None:
        super().check(targets, batch_shape)
        if targets.ndim == 2 and not is_one_hot(targets).all():
            raise DataError("Targets are class ids or one-hot rows, but a row is not.")

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        n, own = np.arange(len(x)), t.argmax(axis=1)
        margins = x - x[n, own, np.newaxis] + 1
        margins[n, own] = 0
        worst = margins.argmax(axis=1)
        slopes = np.zeros_like(x)
        slopes[n, worst] += 1
        slopes[n, own] -= 1
        return margins[n, worst], slopes


class IgnoresUnlabelled(RowLoss):
    """A row of zeros has no label: it costs nothing, but counts in the total."""

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        known = t.any(axis=1).astype(x.dtype)
        error = (x - t) * known[:, np.newaxis]
        return (error * error).sum(axis=1) / 2, error


class Huge(RowLoss):
    """10^8 times half the squared error."""

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        error = x - t
        return (error * error).sum(axis=1) * 5e7, error * 1e8


class Tiny(RowLoss):
    """10^-9 times half the squared error."""

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        error = x - t
        return (error * error).sum(axis=1) * 5e-10, error * 1e-9


class Poisson(RowLoss):
    """exp x - t x: truly infinite in floating point where exp x is."""

    def check(self, targets: Array, batch_shape: Shape) -> None:
        super().check(targets, batch_shape)
        if targets.ndim == 2 and (targets < 0).any():
            raise DataError("Counts are at least 0, but one is negative.")

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        with np.errstate(over="ignore"):
            e = np.exp(x)
        return (e - t * x).sum(axis=1), e - t


class Quantile(RowLoss):
    """The pinball loss for the quantile 0.9: a kink at the target, and no curvature."""

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        error = x - t
        slopes = np.where(error > 0, 0.1, np.where(error < 0, -0.9, 0)).astype(x.dtype)
        return (slopes * error).sum(axis=1), slopes


class Absolute(RowLoss):
    """|x - t|, whose gradient has only three values."""

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        error = x - t
        return np.abs(error).sum(axis=1), np.sign(error)


class Focal(RowLoss):
    """-sum t (1 - p)^2 log p over the outputs, with the whole gradient (Lin et al. 2017)."""

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        p, log = softmax(x), log_softmax(x)
        losses = -(t * np.square(1 - p) * log).sum(axis=1)
        g = t * (2 * (1 - p) * log * p - np.square(1 - p))  # p times d loss / d p
        return losses, g - p * g.sum(axis=1, keepdims=True)

    def probabilities(self, outputs: Array) -> Array:
        return softmax(outputs)


class Smoothed(RowLoss):
    """Cross-entropy with a tenth of the label spread over all K, right for K = 1, too."""

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        t = 0.9 * t + 0.1 / x.shape[1]
        return -(t * log_softmax(x)).sum(axis=1), softmax(x) * t.sum(axis=1, keepdims=True) - t


class Divergence(RowLoss):
    """The Kullback-Leibler divergence: rows must sum to 1, and 0 log 0 is 0."""

    def check(self, targets: Array, batch_shape: Shape) -> None:
        super().check(targets, batch_shape)
        if targets.ndim == 2:
            sums = targets.sum(axis=1)
            if (targets < 0).any() or not np.allclose(sums, 1, atol=1e-3):
                raise DataError("Rows of targets are probabilities, but one does not sum to 1.")

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        entropy = t * np.log(np.where(t > 0, t, 1))
        return (entropy - t * log_softmax(x)).sum(axis=1), softmax(x) * t.sum(1, keepdims=True) - t

    def probabilities(self, outputs: Array) -> Array:
        return softmax(outputs)


class LogSquares(RowLoss):
    """(x - log t)^2 / 2 for targets above 0: class ids, with their zeros, are refused."""

    def check(self, targets: Array, batch_shape: Shape) -> None:
        super().check(targets, batch_shape)
        if targets.ndim == 1 or (targets <= 0).any():
            raise DataError("Targets are numbers above 0, (N, K), not class ids.")

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        error = x - np.log(t)
        return (error * error).sum(axis=1) / 2, error


class MeanAndSpread(RowLoss):
    """The likelihood of a normal target, with two outputs, mean and log variance.

    The second number of a target is ignored.
    """

    def check(self, targets: Array, batch_shape: Shape) -> None:
        need(batch_shape[1:] == (2,), "two outputs, mean and log variance", batch_shape)
        super().check(targets, batch_shape)

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        error, inverse = x[:, 0] - t[:, 0], np.exp(-x[:, 1])
        losses = (x[:, 1] + error * error * inverse) / 2
        return losses, np.stack([error * inverse, (1 - error * error * inverse) / 2], axis=1)


class Lorentz(RowLoss):
    """log(1 + e^2 / 2): its gradient vanishes for large errors."""

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        error = x - t
        return np.log1p(error * error / 2).sum(axis=1), error / (1 + error * error / 2)


class Biweight(RowLoss):
    """Tukey's: constant, with no gradient at all, for errors above 1."""

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        error = x - t
        rest = np.maximum(1 - error * error, 0)
        return ((1 - rest**3) / 6).sum(axis=1), error * rest * rest


class Insensitive(RowLoss):
    """Errors up to 0.5 cost nothing, others what is beyond: flat at the target."""

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        error = x - t
        beyond = np.maximum(np.abs(error) - 0.5, 0)
        return beyond.sum(axis=1), np.sign(error) * (beyond > 0)


class Cosine(RowLoss):
    """1 - x . t / (|x| |t| + 1/10): finite for zeros, and its slope is 0 there for t = 0."""

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        length = np.sqrt((x * x).sum(axis=1, keepdims=True))
        other = np.sqrt((t * t).sum(axis=1, keepdims=True))
        below, dot = length * other + 0.1, (x * t).sum(axis=1, keepdims=True)
        along = x / np.where(length > 0, length, 1)
        return 1 - (dot / below)[:, 0], dot * other * along / (below * below) - t / below


class FixedClasses(RowLoss):
    """Cross-entropy with a weight for each of three classes, and so for three outputs only."""

    def __init__(self, factors: Sequence[float] = (1.0, 2.0, 0.5)) -> None:
        self.factors = tuple(factors)

    def check(self, targets: Array, batch_shape: Shape) -> None:
        need(batch_shape[1] == len(self.factors), "an output for each factor", batch_shape)
        super().check(targets, batch_shape)

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        t = t * np.array(self.factors, x.dtype)
        return -(t * log_softmax(x)).sum(axis=1), softmax(x) * t.sum(axis=1, keepdims=True) - t


class Brier(RowLoss):
    """(x - t)^2, where the outputs are probabilities, cut off at 0 and 1: the threshold is 1/2."""

    threshold: ClassVar[float | None] = 0.5

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        error = x - t
        return (error * error).sum(axis=1), 2 * error

    def probabilities(self, outputs: Array) -> Array:
        return np.clip(outputs, 0, 1)


class LogCosh(RowLoss):
    """log cosh(x - t), which does not overflow: nearly |e|, with a gradient of nearly 1."""

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        error = x - t
        size = np.abs(error)
        return (size + np.log1p(np.exp(-2 * size)) - math.log(2)).sum(axis=1), np.tanh(error)


class Both(Loss):
    """One loss plus a part of another: without examples, given as an object."""

    def __init__(self, first: Any, second: Any, part: float) -> None:
        self.first = registry.losses.resolve(first)
        self.second = registry.losses.resolve(second)
        self.part = part

    def check(self, targets: Array, batch_shape: Shape) -> None:
        self.first.check(targets, batch_shape)
        self.second.check(targets, batch_shape)

    def forward(
        self,
        outputs: Array,
        targets: Array,
        weights: Array | None = None,
        total: float | None = None,
        training: bool = False,
    ) -> float:
        first = self.first.forward(outputs, targets, weights, total, training)
        return first + self.part * self.second.forward(outputs, targets, weights, total, training)

    def backward(self) -> Array:
        return self.first.backward() + self.part * self.second.backward()


RIGHT_LOSSES: list[Stranger] = [
    *(
        (each.__name__, each)
        for each in (
            CrammerSinger,
            IgnoresUnlabelled,
            Huge,
            Tiny,
            Poisson,
            Quantile,
            Absolute,
            Focal,
            Smoothed,
            Divergence,
            LogSquares,
            MeanAndSpread,
            Lorentz,
            Biweight,
            Insensitive,
            Cosine,
            FixedClasses,
            Brier,
            LogCosh,
        )
    ),
    ("Both", lambda: Both("softmax_with_loss", "least_square_error", 0.5)),
]
