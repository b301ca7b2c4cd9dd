"""Activations with bugs that authors have really made. "Seen:" names a report of the kind."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from tests.testing.strangers.common import Array, Stranger, softmax

from plugnet.interfaces import Activation


def put(y: Array, out: Array | None) -> Array:
    """Return ``y``, written to ``out`` if that is given."""
    if out is None:
        return y
    np.copyto(out, y)
    return out


def sigmoid(x: Array) -> Array:
    y: Array = np.tanh(x / 2) / 2 + np.asarray(0.5, x.dtype)
    return y


class EluTwice(Activation):
    """The derivative applies f to y again: f(y) + 1 for y + 1. Seen: mlpack/mlpack/pull/1540."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return put(np.where(x > 0, x, np.expm1(np.minimum(x, 0))), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put(np.where(x > 0, np.ones_like(x), np.expm1(np.minimum(y, 0)) + 1), out)


class SeluSwapped(Activation):
    """The derivative's two sides are swapped. Seen: f-dangel/backpack/pull/76."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return put(1.05 * np.where(x > 0, x, 1.67 * np.expm1(np.minimum(x, 0))), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        side = 1.67 * np.exp(np.minimum(x, 0))
        return put(1.05 * np.where(x < 0, np.ones_like(x), side), out)


class SoftplusOverflow(Activation):
    """log(1 + exp(x)) is infinite for a large x. Seen: tracel-ai/burn/issues/5373."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        with np.errstate(over="ignore"):
            return put(np.log(1 + np.exp(x)), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put(sigmoid(x), out)


class SoftplusDead(Activation):
    """exp(x) times 1 / (1 + exp(x)) is taken for 0 where exp overflows.

    Seen: tenstorrent/tt-metal/pull/56397.
    """

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return put(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):
            e = np.exp(x)
            return put(np.nan_to_num(e * (1 / (1 + e)), nan=0.0), out)


class SigmoidOverflow(Activation):
    """exp(x) / (1 + exp(x)) is NaN for a large x. Seen: experiencor/keras-yolo2/pull/354."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):
            e = np.exp(x)
            return put(e / (1 + e), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put(y * (1 - y), out)


class SigmoidOfInput(Activation):
    """The derivative is x (1 - x), with the wrong one of its two arguments."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return put(sigmoid(x), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put(x * (1 - x), out)


class TanhChangesY(Activation):
    """The derivative squares y in place, which the next layer has kept."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return np.tanh(x, out=out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        y *= y
        return put(1 - y, out)


class ReluInPlace(Activation):
    """x[x < 0] = 0 changes what came in. Seen: BVLC/caffe/issues/2015."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        x[x < 0] = 0
        return put(x, out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put((y > 0).astype(x.dtype), out)


class OutIgnored(Activation):
    """forward never writes to `out`."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return np.tanh(x)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put(1 - y * y, out)


class OutIgnoredBehind(Activation):
    """derivative never writes to `out`."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return np.tanh(x, out=out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return 1 - y * y


class OutOfNone(Activation):
    """derivative needs `out`, which may be None."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return np.tanh(x, out=out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        assert out is not None
        np.multiply(y, y, out=out)
        return np.subtract(1, out, out=out)


class HardSwishOpen(Activation):
    """The derivative misses x/6 within -3 .. 3. Seen: tensorflow/swift-apis/pull/743."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return put(x * np.clip(x + 3, 0, 6) / 6, out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put(np.clip(x + 3, 0, 6) / 6, out)


class HardSigmoidSlopes(Activation):
    """The slope is 0.2 one way, 1/6 the other. Seen: MicrosoftDocs/windows-ai-docs/pull/187."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return put(np.clip(0.2 * x + 0.5, 0, 1), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put(np.where((y > 0) & (y < 1), x.dtype.type(1 / 6), x.dtype.type(0)), out)


class LeakyBySign(Activation):
    """The derivative looks at the sign of y, which is not that of x for a negative slope."""

    def __init__(self, slope: float = 0.1) -> None:
        self.slope = slope

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"slope": -0.2}]

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return put(np.where(x > 0, x, self.slope * x), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        one = np.ones_like(x)
        return put(np.where(y > 0, one, self.slope * one), out)


class GeluTwoForms(Activation):
    """Forward is the tanh approximation, the derivative the exact one's: 0.001 apart."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)
        return put(0.5 * x * (1 + np.tanh(inner)), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        erf = np.vectorize(math.erf, otypes=[x.dtype])(x / math.sqrt(2))
        bell = np.exp(-np.minimum(x * x, 200) / 2) / math.sqrt(2 * math.pi)
        return put((0.5 * (1 + erf) + x * bell).astype(x.dtype), out)


class SwishBeta(Activation):
    """y = x sigmoid(beta x): the derivative forgets beta, which shows if it is not 1."""

    def __init__(self, beta: float = 1.0) -> None:
        self.beta = beta

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{}, {"beta": 1.7}]

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return put(x * sigmoid(self.beta * x), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        s = sigmoid(self.beta * x)
        return put(s + x * s * (1 - s), out)


class SwishAtZero(Activation):
    """The derivative gets the sigmoid back as y / x: NaN at 0."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return put(x * sigmoid(x), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        with np.errstate(invalid="ignore", divide="ignore"):
            s = y / x
        return put(s + y * (1 - s), out)


class SoftsignNotSquared(Activation):
    """The derivative of x / (1 + |x|) lacks the square."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return put(x / (1 + np.abs(x)), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put(1 / (1 + np.abs(x)), out)


class ScaledInFloat64(Activation):
    """A NumPy scalar makes float64 of float32. Seen: tensorflow/tensorflow/issues/35817."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return put(np.tanh(x) * np.float64(1.7159), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        t = np.tanh(x)
        return put((1 - t * t) * np.float64(1.7159), out)


class IntegerSlope(Activation):
    """The derivative of relu comes as integers."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return put(np.maximum(x, 0), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put(np.where(x > 0, 1, 0), out)


class OneBuffer(Activation):
    """Without `out` it returns a buffer of its own, which the next call overwrites."""

    _buffer: Array | None = None

    def forward(self, x: Array, out: Array | None = None) -> Array:
        if out is None:
            if self._buffer is None or (self._buffer.shape, self._buffer.dtype) != (
                x.shape,
                x.dtype,
            ):
                self._buffer = np.empty_like(x)
            out = self._buffer
        return np.tanh(x, out=out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put(1 - y * y, out)


class KeepsX(Activation):
    """The derivative uses the x of the last forward, not the one that it is given."""

    _x: Array

    def forward(self, x: Array, out: Array | None = None) -> Array:
        self._x = x
        return put(x * x / 2, out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put(self._x.copy(), out)


class RandomSlope(Activation):
    """Randomized leaky relu: each call draws its slopes, the derivative others than forward."""

    def _slopes(self, x: Array) -> Array:
        drawn: Array = np.asarray(np.random.default_rng().uniform(0.1, 0.3, x.shape)).astype(
            x.dtype
        )
        return drawn

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return put(np.where(x > 0, x, x * self._slopes(x)), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put(np.where(x > 0, np.ones_like(x), self._slopes(x)), out)


class SoftmaxDiagonal(Activation):
    """A softmax is not elementwise, but its diagonal y (1 - y) passes for a derivative."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return put(softmax(x), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put(y * (1 - y), out)


class BatchScaled(Activation):
    """y = x / max |x| of all that came in: not elementwise either."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return put(x / np.maximum(np.abs(x).max(initial=0), 1), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put(np.ones_like(x) / np.maximum(np.abs(x).max(initial=0), 1), out)


class FlatSamples(Activation):
    """Images come back flat: only samples of one axis keep their shape."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        rows = np.maximum(x.reshape(len(x), -1), 0)
        return rows if out is None else put(rows.reshape(x.shape), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put((x > 0).astype(x.dtype), out)


class KWinners(Activation):
    """Only the upper half of all numbers stays: what becomes of one depends on the others."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        middle = np.median(x) if x.size else 0
        return put(np.where(x >= middle, x, np.zeros_like(x)), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        middle = np.median(x) if x.size else 0
        return put((x >= middle).astype(x.dtype), out)


class Relu6Open(Activation):
    """min(max(x, 0), 6), whose derivative forgets the upper end."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return put(np.clip(x, 0, 6), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put((x > 0).astype(x.dtype), out)


class ClippedFar(Activation):
    """y is cut off at 20 (Deep Speech's clipped relu), the derivative is not."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return put(np.clip(x, 0, 20), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put((x > 0).astype(x.dtype), out)


class LogSigmoid(Activation):
    """log(sigmoid(x)) is -inf for a very negative x. Seen: pytorch/pytorch/issues/1835."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        with np.errstate(divide="ignore"):
            return put(np.log(sigmoid(x)), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put(sigmoid(-x), out)


class LogCosh(Activation):
    """log(cosh(x)) is infinite where cosh overflows."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        with np.errstate(over="ignore"):
            return put(np.log(np.cosh(x)), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return np.tanh(x, out=out)


class RenamedArgument(Activation):
    """The argument is kept under another name, so it cannot be described."""

    def __init__(self, slope: float = 0.2) -> None:
        self.negative_slope = slope

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return put(np.where(x > 0, x, self.negative_slope * x), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        one = np.ones_like(x)
        return put(np.where(x > 0, one, self.negative_slope * one), out)


class LearnedSlope(Activation):
    """The derivative moves the slope a little, as if it were trained here."""

    def __init__(self, slope: float = 0.25) -> None:
        self.slope = slope

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return put(np.where(x > 0, x, self.slope * x), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        one = np.ones_like(x)
        slopes = np.where(x > 0, one, self.slope * one)
        self.slope = self.slope * 0.999
        return put(slopes, out)


class Float32Slope(Activation):
    """The argument is rounded to float32: what is kept is not what was passed."""

    def __init__(self, slope: float = 0.1) -> None:
        self.slope = float(np.float32(slope))

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return put(np.where(x > 0, x, self.slope * x), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        one = np.ones_like(x)
        return put(np.where(x > 0, one, self.slope * one), out)


class SharedDerivative(Activation):
    """Without `out`, the derivatives of all objects share one buffer of the class."""

    shared: ClassVar[dict[tuple[Any, ...], Array]] = {}

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return np.tanh(x, out=out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        if out is None:
            out = self.shared.setdefault((x.shape, x.dtype), np.empty_like(x))
        np.multiply(y, y, out=out)
        return np.subtract(1, out, out=out)


class EluUntried(Activation):
    """The derivative is y + 1 for y + alpha; its author has tried alpha = 1 only."""

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return put(np.where(x > 0, x, self.alpha * np.expm1(np.minimum(x, 0))), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put(np.where(x > 0, np.ones_like(x), y + 1), out)


class GeluCut(Activation):
    """x P(X <= x), taken for x above 3, whose derivative still has the bell: 0.012 too much."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        erf = np.vectorize(math.erf, otypes=[x.dtype])(x / math.sqrt(2))
        return put(np.where(x > 3, x, 0.5 * x * (1 + erf)), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        erf = np.vectorize(math.erf, otypes=[x.dtype])(x / math.sqrt(2))
        bell = np.exp(-np.minimum(x * x, 200) / 2) / math.sqrt(2 * math.pi)
        return put((0.5 * (1 + erf) + x * bell).astype(x.dtype), out)


class MemoById(Activation):
    """y is computed anew only for another array, but a buffer comes again with new numbers."""

    _x: Array | None = None
    _y: Array

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return np.tanh(x, out=out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        if x is not self._x:
            self._x, self._y = x, 1 - y * y
        return put(self._y, out)


class SilencesNumPy(Activation):
    """NumPy's warnings are turned off for the whole process."""

    def forward(self, x: Array, out: Array | None = None) -> Array:
        np.seterr(all="ignore")
        return put(np.log1p(np.abs(x)), out)

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        return put(np.sign(x) / (1 + np.abs(x)), out)


WRONG_ACTIVATIONS: list[Stranger] = [
    (each.__name__, each)
    for each in (
        EluTwice,
        SeluSwapped,
        SoftplusOverflow,
        SoftplusDead,
        SigmoidOverflow,
        SigmoidOfInput,
        TanhChangesY,
        ReluInPlace,
        OutIgnored,
        OutIgnoredBehind,
        OutOfNone,
        HardSwishOpen,
        HardSigmoidSlopes,
        LeakyBySign,
        GeluTwoForms,
        SwishBeta,
        SwishAtZero,
        SoftsignNotSquared,
        ScaledInFloat64,
        IntegerSlope,
        OneBuffer,
        KeepsX,
        RandomSlope,
        SoftmaxDiagonal,
        BatchScaled,
        FlatSamples,
        KWinners,
        Relu6Open,
        ClippedFar,
        LogSigmoid,
        LogCosh,
        RenamedArgument,
        LearnedSlope,
        Float32Slope,
        SharedDerivative,
        EluUntried,
        GeluCut,
        MemoById,
        SilencesNumPy,
    )
]
