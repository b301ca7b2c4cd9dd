"""Losses with bugs that authors have really made. "Seen:" names a report of the kind."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from tests.testing.strangers.common import Array, RowLoss, Shape, Stranger, log_softmax, softmax

from plugnet.interfaces import Loss
from plugnet.targets import as_rows, reweight, weighted_mean


def squares(x: Array, t: Array) -> tuple[Array, Array]:
    """Return half the squared error of each row, and its slopes: right."""
    error = x - t
    return (error * error).sum(axis=1) / 2, error


class Weighed(Loss):
    """Half the squared error, with the weights still to be applied."""

    _slopes: Array
    _weights: Array | None
    _total: float | None

    def forward(
        self,
        outputs: Array,
        targets: Array,
        weights: Array | None = None,
        total: float | None = None,
        training: bool = False,
    ) -> float:
        losses, slopes = self.rows(outputs, as_rows(targets, outputs))
        if training:
            self._slopes, self._weights, self._total = slopes, weights, total
        return self.mean(losses, weights, total)

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        return squares(x, t)

    def mean(self, losses: Array, weights: Array | None, total: float | None) -> float:
        return weighted_mean(losses, None, weights, total)

    def each(self) -> Array:
        """Return the weight of each sample in the loss, ``(N, 1)``, or the same for all."""
        ones = np.ones((len(self._slopes), 1), self._slopes.dtype)
        return reweight(ones / len(ones), self._weights, self._total)


class DividedTwice(Weighed):
    """The gradient is divided by N twice. Seen: felipecode/coiltraine/issues/37."""

    def each(self) -> Array:
        return super().each() / len(self._slopes)

    def backward(self) -> Array:
        return self._slopes * self.each()


class WeightsForwardOnly(Weighed):
    """backward forgets the weights, and divides by N."""

    def each(self) -> Array:
        return np.full((len(self._slopes), 1), 1 / len(self._slopes), self._slopes.dtype)

    def backward(self) -> Array:
        return self._slopes * self.each()


class WeightsIgnored(Weighed):
    """The weights are ignored both ways, so that the gradient fits. Seen: pytorch/pytorch/8062."""

    def mean(self, losses: Array, weights: Array | None, total: float | None) -> float:
        return weighted_mean(losses, None, None, total)

    def each(self) -> Array:
        self._weights = None
        return super().each()

    def backward(self) -> Array:
        return self._slopes * self.each()


class MeanOverCount(Weighed):
    """sum(w l) / N instead of sum(w l) / sum(w), both ways. Seen: keras-team/keras/issues/19740."""

    def mean(self, losses: Array, weights: Array | None, total: float | None) -> float:
        return weighted_mean(losses, None, weights, len(losses) if total is None else total)

    def each(self) -> Array:
        self._total = len(self._slopes) if self._total is None else self._total
        return super().each()

    def backward(self) -> Array:
        return self._slopes * self.each()


class TotalIgnored(Weighed):
    """`total` is ignored both ways: parts of a batch do not add up to the whole."""

    def mean(self, losses: Array, weights: Array | None, total: float | None) -> float:
        return weighted_mean(losses, None, weights, None)

    def each(self) -> Array:
        self._total = None
        return super().each()

    def backward(self) -> Array:
        return self._slopes * self.each()


class TotalNeedsWeights(Weighed):
    """`total` counts only if there are weights, too."""

    def mean(self, losses: Array, weights: Array | None, total: float | None) -> float:
        return weighted_mean(losses, None, weights, None if weights is None else total)

    def each(self) -> Array:
        self._total = None if self._weights is None else self._total
        return super().each()

    def backward(self) -> Array:
        return self._slopes * self.each()


class TotalForwardOnly(Weighed):
    """backward ignores `total`."""

    def each(self) -> Array:
        self._total = None
        return super().each()

    def backward(self) -> Array:
        return self._slopes * self.each()


class ZeroTotal(Weighed):
    """0 / 0 where all weights are 0. Seen: keras-team/keras/issues/7917."""

    def mean(self, losses: Array, weights: Array | None, total: float | None) -> float:
        weights = np.ones_like(losses) if weights is None else weights
        with np.errstate(invalid="ignore"):
            return float(
                (weights @ losses) / (weights.sum() if total is None else np.float64(total))
            )

    def backward(self) -> Array:
        return self._slopes * self.each()


class PaddedTotal(Weighed):
    """1e-3 is added to the total, lest it be 0. Seen: keras-team/keras/pull/827."""

    def _padded(self, weights: Array | None, total: float | None, samples: int) -> float:
        own = samples if weights is None else float(weights.sum())
        return 1e-3 + (own if total is None else total)

    def mean(self, losses: Array, weights: Array | None, total: float | None) -> float:
        return weighted_mean(losses, None, weights, self._padded(weights, total, len(losses)))

    def each(self) -> Array:
        ones = np.ones((len(self._slopes), 1), self._slopes.dtype) / len(self._slopes)
        return reweight(ones, self._weights, self._padded(self._weights, self._total, len(ones)))

    def backward(self) -> Array:
        return self._slopes * self.each()


class WeightsSquared(Weighed):
    """Weights are applied to the slopes and once more to the gradient."""

    def each(self) -> Array:
        each = super().each()
        return each if self._weights is None else each * self._weights[:, np.newaxis]

    def backward(self) -> Array:
        return self._slopes * self.each()


class RootOfMean(Weighed):
    """The root of the batch's mean: no mean of losses, so parts and copies do not add up."""

    _root: float

    def forward(self, *args: Any, training: bool = False, **others: Any) -> float:
        root = float(np.sqrt(super().forward(*args, **{**others, "training": training})))
        if training:
            self._root = root
        return root

    def each(self) -> Array:
        return super().each() / (2 * self._root) if self._root else super().each() * 0

    def backward(self) -> Array:
        return self._slopes * self.each()


class DividedEachTime(Weighed):
    """backward divides what it keeps in place: a second call gives less."""

    def backward(self) -> Array:
        self._slopes *= self.each()
        return self._slopes


class FirstBatchForever(Weighed):
    """The buffer of the first batch serves all: a smaller one gets old rows at its end."""

    _dx: Array | None = None

    def backward(self) -> Array:
        dx = self._slopes * self.each()
        if self._dx is None or len(self._dx) < len(dx) or self._dx.dtype != dx.dtype:
            self._dx = dx.copy()
        if self._dx.shape[1:] != dx.shape[1:]:
            self._dx = dx.copy()
        self._dx[: len(dx)] = dx
        return self._dx


class KeptByInference(Weighed):
    """Evaluation keeps its slopes, too, which the next backward pass then takes."""

    def forward(self, *args: Any, training: bool = False, **others: Any) -> float:
        return super().forward(*args, **{**others, "training": True})

    def backward(self) -> Array:
        return self._slopes * self.each()


class IdsAsNumbers(RowLoss):
    """Class ids are compared as numbers, stretched over K. Seen: pytorch/pytorch/issues/19699."""

    def forward(
        self,
        outputs: Array,
        targets: Array,
        weights: Array | None = None,
        total: float | None = None,
        training: bool = False,
    ) -> float:
        if targets.ndim == 1:
            targets = np.repeat(targets[:, np.newaxis], outputs.shape[1], axis=1)
        return super().forward(outputs, targets, weights, total, training)

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        return squares(x, t)


class CheckBroadcasts(RowLoss):
    """check lets (N, 1) targets pass for (N, K) outputs. Seen: pytorch/pytorch/issues/16045."""

    def check(self, targets: Array, batch_shape: Shape) -> None:
        if targets.ndim == 2 and len(targets) == batch_shape[0] and targets.shape[1] == 1:
            return
        super().check(targets, batch_shape)

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        return squares(x, t)


class CheckNegativeIds(RowLoss):
    """check lets -1 pass, which takes the last class of the row before."""

    def check(self, targets: Array, batch_shape: Shape) -> None:
        super().check(np.abs(targets) if targets.ndim == 1 else targets, batch_shape)

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        return -(t * log_softmax(x)).sum(axis=1), softmax(x) * t.sum(axis=1, keepdims=True) - t


class SoftmaxOverflow(RowLoss):
    """exp of large scores is infinite, and the softmax NaN. Seen: uTensor/uTensor/issues/175."""

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        with np.errstate(all="ignore"):
            e = np.exp(x)
            p = e / e.sum(axis=1, keepdims=True)
            return -(t * np.log(p)).sum(axis=1), p * t.sum(axis=1, keepdims=True) - t


class PaddedLog(RowLoss):
    """-log(p + 1e-7) stops at 16, but its gradient p - t goes on: wrong for sure mistakes."""

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        p = softmax(x)
        return -(t * np.log(p + 1e-7)).sum(axis=1), p * t.sum(axis=1, keepdims=True) - t


class SigmoidOverflow(RowLoss):
    """log(1 + exp(-x)) is infinite for large scores. Seen: borgwang/tinynn/pull/7."""

    threshold: ClassVar[float | None] = 0.0

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        with np.errstate(over="ignore"):
            losses = (np.log(1 + np.exp(-x)) + (1 - t) * x).sum(axis=1)
            return losses, 1 / (1 + np.exp(-x)) - t


class SoftmaxOfOne(RowLoss):
    """A softmax for two classes with one output is always 1. Seen: ultralytics/yolov3/191."""

    threshold: ClassVar[float | None] = 0.0

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        return -(t * log_softmax(x)).sum(axis=1), softmax(x) * t.sum(axis=1, keepdims=True) - t


class ScaledThreshold(RowLoss):
    """Scores are logits, the threshold that of probabilities: answers fit neither."""

    threshold: ClassVar[float | None] = 0.5

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        losses = np.maximum(x, 0) - t * x + np.log1p(np.exp(-np.abs(x)))
        return losses.sum(axis=1), self.probabilities(x) - t

    def probabilities(self, outputs: Array) -> Array:
        p: Array = np.tanh(outputs / 2) / 2 + np.asarray(0.5, outputs.dtype)
        return p


class ProbabilitiesOverBatch(RowLoss):
    """probabilities takes the softmax over axis 0."""

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        return -(t * log_softmax(x)).sum(axis=1), softmax(x) * t.sum(axis=1, keepdims=True) - t

    def probabilities(self, outputs: Array) -> Array:
        return softmax(outputs.T).T.copy()


class ProbabilitiesInPlace(RowLoss):
    """probabilities subtracts the largest score in place."""

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        return -(t * log_softmax(x)).sum(axis=1), softmax(x) * t.sum(axis=1, keepdims=True) - t

    def probabilities(self, outputs: Array) -> Array:
        outputs -= outputs.max(axis=1, keepdims=True)
        return softmax(outputs)


class HuberOneSided(RowLoss):
    """e > delta without the absolute value, far out only: marlbenchmark/on-policy/issues/47."""

    def __init__(self, delta: float = 10.0) -> None:
        self.delta = delta

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        e, d = x - t, self.delta
        near, far = np.abs(e) <= d, e > d
        losses = near * e * e / 2 + far * d * (np.abs(e) - d / 2)
        return losses.sum(axis=1), np.clip(e, -d, d)


class ModifiedHuber(RowLoss):
    """The gradient lacks a factor of 2 in the middle. Seen: stdlib-js/stdlib/issues/13111."""

    threshold: ClassVar[float | None] = 0.0

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        s = 2 * t - 1
        margin = s * x
        gap = np.maximum(1 - margin, 0)
        losses = np.where(margin < -1, -4 * margin, gap * gap)
        return losses.sum(axis=1), np.where(margin < -1, -4 * s, -s * gap)


class SmoothedByRest(RowLoss):
    """epsilon / (K - 1) divides by 0 for a single output. Seen: pytorch/pytorch/issues/7455."""

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        with np.errstate(all="ignore"):
            t = 0.9 * t + (1 - t) * (np.float32(0.1) / np.float32(x.shape[1] - 1))
        return -(t * log_softmax(x)).sum(axis=1), softmax(x) * t.sum(axis=1, keepdims=True) - t


class SmoothedInPlace(RowLoss):
    """Targets are smoothed in place, more at each step. Seen: eladhoffer/utils.pytorch/13."""

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        t *= 0.9
        t += 0.1 / x.shape[1]
        return -(t * log_softmax(x)).sum(axis=1), softmax(x) * t.sum(axis=1, keepdims=True) - t


class FocalDetached(RowLoss):
    """A focal loss whose gradient takes the factor (1 - p)^2 for a constant."""

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        p = softmax(x)
        factor = np.square(1 - (p * t).sum(axis=1))
        losses = -factor * (t * log_softmax(x)).sum(axis=1)
        return losses, factor[:, np.newaxis] * (p * t.sum(axis=1, keepdims=True) - t)


class OneHotOnly(RowLoss):
    """The gradient p - t holds only for targets that sum to 1, but check takes any."""

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        return -(t * log_softmax(x)).sum(axis=1), softmax(x) - t


class CosineOfZero(RowLoss):
    """1 - cos(x, t) is NaN for outputs of zeros. Seen: deeplearning4j/nd4j/issues/1586."""

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        with np.errstate(all="ignore"):
            length = np.sqrt((x * x).sum(axis=1, keepdims=True))
            u, v = x / length, t / np.sqrt((t * t).sum(axis=1, keepdims=True))
            cos = (u * v).sum(axis=1, keepdims=True)
            return 1 - cos[:, 0], (cos * u - v) / length


class ClassWeighted(Weighed):
    """Divided by the class weights of the batch: parts do not add up. Seen: pytorch/8062."""

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        losses, slopes = squares(x, t)
        factors = 1 + t.argmax(axis=1).astype(x.dtype)
        factors /= factors.mean()
        return losses * factors, slopes * factors[:, np.newaxis]

    def backward(self) -> Array:
        return self._slopes * self.each()


class UnsignedIds(RowLoss):
    """Signs 2 t - 1 are made of the ids in their own dtype: 255 for the id 0 in uint8."""

    threshold: ClassVar[float | None] = 0.0

    def forward(
        self,
        outputs: Array,
        targets: Array,
        weights: Array | None = None,
        total: float | None = None,
        training: bool = False,
    ) -> float:
        if targets.ndim == 1 and outputs.shape[1] == 1:
            targets = (2 * targets - 1)[:, np.newaxis]
        else:
            targets = 2 * as_rows(targets, outputs, binary=True) - 1
        return super().forward(outputs, targets, weights, total, training)

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        gap = np.maximum(1 - t * x, 0)
        return (gap * gap).sum(axis=1), -2 * t * gap


class MeanOfOutputs(RowLoss):
    """forward takes the mean over K, backward the slopes of the sum: the same for K = 1."""

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        losses, slopes = squares(x, t)
        return losses / x.shape[1], slopes


class GradientInFloat64(RowLoss):
    """A NumPy scalar makes the gradient of float32 outputs float64."""

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        losses, slopes = squares(x, t)
        return losses, slopes * np.float64(1.0)


class WeightsInPlace(Weighed):
    """The weights are divided by their sum in place: the caller's own are changed."""

    def mean(self, losses: Array, weights: Array | None, total: float | None) -> float:
        if weights is not None and total is None and weights.any():
            weights /= weights.sum()
        return super().mean(losses, weights, total)

    def backward(self) -> Array:
        return self._slopes * self.each()


class OutputsInPlace(RowLoss):
    """forward subtracts the largest score in place: the network's outputs are changed."""

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        x -= x.max(axis=1, keepdims=True)
        return -(t * log_softmax(x)).sum(axis=1), softmax(x) * t.sum(axis=1, keepdims=True) - t


class Blocks(RowLoss):
    """It goes through blocks of 32 rows, and forgets the rest where N is above 32."""

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        losses, slopes = squares(x, t)
        end = len(x) if len(x) < 32 else len(x) // 32 * 32
        losses[end:], slopes[end:] = 0, 0
        return losses, slopes


class NarrowIds(RowLoss):
    """Class ids are kept in 8 bits, which is enough for 256 classes only."""

    def forward(
        self,
        outputs: Array,
        targets: Array,
        weights: Array | None = None,
        total: float | None = None,
        training: bool = False,
    ) -> float:
        targets = targets.astype(np.uint8).astype(int) if targets.ndim == 1 else targets
        return super().forward(outputs, targets, weights, total, training)

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        return -(t * log_softmax(x)).sum(axis=1), softmax(x) * t.sum(axis=1, keepdims=True) - t


class GradientClipped(RowLoss):
    """The gradient is cut off at 10, the loss is not."""

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        losses, slopes = squares(x, t)
        return losses, np.clip(slopes, -10, 10)


class RunningScale(RowLoss):
    """Each loss is divided by a running mean of the losses so far: it depends on the past."""

    def __init__(self) -> None:
        self._running = 1.0

    def forward(self, *args: Any, training: bool = False, **others: Any) -> float:
        loss = super().forward(*args, **{**others, "training": training}) / self._running
        if training:
            self._slopes /= self._running
            self._running = 0.9 * self._running + 0.1 * loss
        return loss

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        return squares(x, t)


class ProbabilitiesOfBoth(RowLoss):
    """For a single output it gives the probabilities of both classes, (N, 2) for (N, 1)."""

    threshold: ClassVar[float | None] = 0.0

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        losses = np.maximum(x, 0) - t * x + np.log1p(np.exp(-np.abs(x)))
        return losses.sum(axis=1), np.tanh(x / 2) / 2 + np.asarray(0.5, x.dtype) - t

    def probabilities(self, outputs: Array) -> Array:
        p: Array = np.tanh(outputs / 2) / 2 + np.asarray(0.5, outputs.dtype)
        return np.concatenate([1 - p, p], axis=1) if outputs.shape[1] == 1 else p


class ProbabilitiesOverflow(RowLoss):
    """The loss is safe, but probabilities are NaN for large scores."""

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        return -(t * log_softmax(x)).sum(axis=1), softmax(x) * t.sum(axis=1, keepdims=True) - t

    def probabilities(self, outputs: Array) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):
            e: Array = np.exp(outputs)
            e /= e.sum(axis=1, keepdims=True)
        return e


class ProbabilityOfZero(RowLoss):
    """For a single output it gives the probability of class 0, not of class 1."""

    threshold: ClassVar[float | None] = 0.0

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        losses = np.maximum(x, 0) - t * x + np.log1p(np.exp(-np.abs(x)))
        return losses.sum(axis=1), np.tanh(x / 2) / 2 + np.asarray(0.5, x.dtype) - t

    def probabilities(self, outputs: Array) -> Array:
        sign = -1 if outputs.shape[1] == 1 else 1
        p: Array = np.tanh(sign * outputs / 2) / 2 + np.asarray(0.5, outputs.dtype)
        return p


class CheckKeepsCount(RowLoss):
    """check keeps the number of samples, and forward divides by it: a smaller batch is off."""

    _samples: int

    def check(self, targets: Array, batch_shape: Shape) -> None:
        super().check(targets, batch_shape)
        self._samples = batch_shape[0]

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        losses, slopes = squares(x, t)
        scale = len(x) / self._samples
        return losses * scale, slopes * scale


class NeedsPrepare(RowLoss):
    """Without `prepare` its forward fails."""

    _buffer: Array | None = None

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        self._buffer = np.empty(batch_shape, dtype)

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        assert self._buffer is not None
        error = np.subtract(x, t, out=self._buffer[: len(x)])
        return (error * error).sum(axis=1) / 2, error


class MemoById(RowLoss):
    """One-hot rows are made anew only for another array of ids, but buffers come again."""

    _ids: Array | None = None
    _made: Array

    def forward(
        self,
        outputs: Array,
        targets: Array,
        weights: Array | None = None,
        total: float | None = None,
        training: bool = False,
    ) -> float:
        if targets.ndim == 1 and training:
            if targets is not self._ids or self._made.shape != outputs.shape:
                self._ids, self._made = targets, as_rows(targets, outputs)
            targets = self._made
        return super().forward(outputs, targets, weights, total, training)

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        return squares(x, t)


class BackwardHalves(RowLoss):
    """backward halves the weights in place, and their total: the caller's are changed."""

    def rows(self, x: Array, t: Array) -> tuple[Array, Array]:
        return squares(x, t)

    def backward(self) -> Array:
        if self._weights is not None:
            self._weights *= 0.5
            self._total = (self._total or float(self._weights.sum())) / (2 if self._total else 1)
        return super().backward()


WRONG_LOSSES: list[Stranger] = [
    (each.__name__, each)
    for each in (
        DividedTwice,
        WeightsForwardOnly,
        WeightsIgnored,
        MeanOverCount,
        TotalIgnored,
        TotalNeedsWeights,
        TotalForwardOnly,
        ZeroTotal,
        PaddedTotal,
        WeightsSquared,
        RootOfMean,
        DividedEachTime,
        FirstBatchForever,
        KeptByInference,
        IdsAsNumbers,
        CheckBroadcasts,
        CheckNegativeIds,
        SoftmaxOverflow,
        PaddedLog,
        SigmoidOverflow,
        SoftmaxOfOne,
        ScaledThreshold,
        ProbabilitiesOverBatch,
        ProbabilitiesInPlace,
        HuberOneSided,
        ModifiedHuber,
        SmoothedByRest,
        SmoothedInPlace,
        FocalDetached,
        OneHotOnly,
        CosineOfZero,
        ClassWeighted,
        UnsignedIds,
        MeanOfOutputs,
        GradientInFloat64,
        WeightsInPlace,
        OutputsInPlace,
        Blocks,
        NarrowIds,
        GradientClipped,
        RunningScale,
        ProbabilitiesOfBoth,
        ProbabilitiesOverflow,
        ProbabilityOfZero,
        CheckKeepsCount,
        NeedsPrepare,
        MemoById,
        BackwardHalves,
    )
]
