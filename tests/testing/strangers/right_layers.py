"""Right layers that a naive kit refuses."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np
from tests.testing.strangers.common import Array, DType, Rng, Shape, Stranger, need, softmax

from plugnet import Parameter
from plugnet.chain import Chain
from plugnet.interfaces import Layer
from plugnet.parameter import Statistic


class Twice(Layer):
    """y = g(f(x)) for two lists of layers: it has no examples, and is given as an object."""

    def __init__(self, first: list[Any], second: list[Any]) -> None:
        self._first, self._second = Chain(first), Chain(second)
        self.first, self.second = self._first.layers, self._second.layers

    def inner(self) -> Mapping[str, Layer]:
        return {"first": self._first, "second": self._second}

    def output_shape(self, shape: Shape) -> Shape:
        return self._second.output_shape(self._first.output_shape(shape))

    def initialize(self, shape: Shape, rng: Rng, dtype: DType) -> None:
        ours, theirs = rng.spawn(2)
        self._first.initialize(shape, ours, dtype)
        self._second.initialize(self._first.output_shape(shape), theirs, dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        return self._second.forward(self._first.forward(x, training), training)

    def backprop(self, dy: Array, inputs: bool) -> Array | None:
        middle = self._second.backprop(dy, True)
        assert middle is not None
        return self._first.backprop(middle, inputs)


class PowerThreeHalves(Layer):
    """y = x sqrt|x|: its slope is 0 and its curvature infinite at 0."""

    _x: Array

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self._x = x
        return x * np.sqrt(np.abs(x))

    def backward(self, dy: Array) -> Array:
        found: Array = dy * np.sqrt(np.abs(self._x)) * np.asarray(1.5, dy.dtype)
        return found


class GradientReversal(Layer):
    """y = x, dx = -dy, on purpose (Ganin and Lempitsky 2015). No flag can say so."""

    def forward(self, x: Array, training: bool = False) -> Array:
        return x

    def backward(self, dy: Array) -> Array:
        return -dy


class IdentityWeight(Layer):
    """y = x W, where W starts as the identity for every seed (Le et al. 2015)."""

    _weight: Parameter
    _x: Array

    def output_shape(self, shape: Shape) -> Shape:
        need(len(shape) == 1, "flat samples", shape)
        return shape

    def initialize(self, shape: Shape, rng: Rng, dtype: DType) -> None:
        self._weight = Parameter(np.eye(shape[0], dtype=dtype))

    def parameters(self) -> dict[str, Parameter]:
        return {"weight": self._weight}

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self._x = x
        y: Array = x @ self._weight.value
        return y

    def gradients(self, dy: Array) -> None:
        np.matmul(self._x.T, dy, out=self._weight.grad)

    def backward(self, dy: Array) -> Array:
        dx: Array = dy @ self._weight.value.T
        return dx


class OneHot(Layer):
    """One-hot rows of whole numbers 0 to 4; there is no gradient, and nothing to train."""

    differentiable: ClassVar[bool] = False

    @classmethod
    def examples(cls) -> list[Any]:
        return [({}, np.array([[4.0, 0.0], [2.0, 2.0], [1.0, 3.0]]))]

    def input_scale(self) -> None:
        """Ids have none."""

    def output_shape(self, shape: Shape) -> Shape:
        return (*shape, 5)

    def forward(self, x: Array, training: bool = False) -> Array:
        found: Array = (x[..., np.newaxis] == np.arange(5)).astype(x.dtype)
        return found


class FixedShape(Layer):
    """The determinant of 2 x 2 samples, and of no others."""

    _x: Array

    def input_shape(self) -> Shape:
        return (2, 2)

    def output_shape(self, shape: Shape) -> Shape:
        need(shape == (2, 2), "(2, 2)", shape)
        return (1,)

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self._x = x
        found: Array = (x[:, 0, 0] * x[:, 1, 1] - x[:, 0, 1] * x[:, 1, 0])[:, np.newaxis]
        return found

    def backward(self, dy: Array) -> Array:
        x = self._x
        flipped = np.stack([x[:, 1, 1], -x[:, 1, 0], -x[:, 0, 1], x[:, 0, 0]], axis=1)
        return (flipped * dy).reshape(x.shape)


class StochasticDepth(Layer):
    """Whole samples are 0 in training, half of them: a batch of one may be all zeros."""

    differs_in_training: ClassVar[bool] = True
    _kept: Array

    def initialize(self, shape: Shape, rng: Rng, dtype: DType) -> None:
        self.rng = rng

    def forward(self, x: Array, training: bool = False) -> Array:
        if not training:
            return x
        assert self.rng is not None
        kept = 2 * self.rng.integers(0, 2, len(x)).astype(x.dtype)
        self._kept = kept.reshape(-1, *(1,) * (x.ndim - 1))
        found: Array = x * self._kept
        return found

    def backward(self, dy: Array) -> Array:
        return dy * self._kept


class GaussianNoise(Layer):
    """y = x + 0.1 e in training, e normal: dx is dy itself."""

    differs_in_training: ClassVar[bool] = True

    def initialize(self, shape: Shape, rng: Rng, dtype: DType) -> None:
        self.rng = rng

    def forward(self, x: Array, training: bool = False) -> Array:
        if not training:
            return x
        assert self.rng is not None
        found: Array = x + np.asarray(self.rng.normal(0, 0.1, x.shape)).astype(x.dtype)
        return found

    def backward(self, dy: Array) -> Array:
        return dy


class TiedAutoencoder(Layer):
    """y = tanh(x W) W^T: one weight, used twice."""

    _weight: Parameter
    _x: Array
    _code: Array
    _back: Array

    def output_shape(self, shape: Shape) -> Shape:
        need(len(shape) == 1, "flat samples", shape)
        return shape

    def initialize(self, shape: Shape, rng: Rng, dtype: DType) -> None:
        self._weight = Parameter((rng.standard_normal((shape[0], 3)) / 2).astype(dtype))

    def parameters(self) -> dict[str, Parameter]:
        return {"weight": self._weight}

    def forward(self, x: Array, training: bool = False) -> Array:
        code = np.tanh(x @ self._weight.value)
        if training:
            self._x, self._code = x, code
        y: Array = code @ self._weight.value.T
        return y

    def _into_code(self, dy: Array) -> Array:
        d: Array = (dy @ self._weight.value) * (1 - self._code * self._code)
        return d

    def gradients(self, dy: Array) -> None:
        self._weight.grad[...] = self._x.T @ self._into_code(dy) + dy.T @ self._code

    def backward(self, dy: Array) -> Array:
        dx: Array = self._into_code(dy) @ self._weight.value.T
        return dx


class Merged(Layer):
    """All axes of a sample as one: a view of x, both ways, in training and outside it."""

    _shape: Shape

    def output_shape(self, shape: Shape) -> Shape:
        return (math.prod(shape),)

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self._shape = x.shape
        return x.reshape(len(x), math.prod(x.shape[1:]))

    def backward(self, dy: Array) -> Array:
        return dy.reshape(self._shape)


class SpectralNorm(Layer):
    """y = x W / |W^T u|: u, a statistic that each step replaces, stays over inference.

    The norm's gradient is exact for a fixed u: d |W^T u| / dW = u v^T, v = W^T u / |W^T u|.
    """

    _weight: Parameter
    _u: Statistic
    _x: Array

    def output_shape(self, shape: Shape) -> Shape:
        need(len(shape) == 1, "flat samples", shape)
        return (3,)

    def initialize(self, shape: Shape, rng: Rng, dtype: DType) -> None:
        self._weight = Parameter(rng.standard_normal((shape[0], 3)).astype(dtype))
        self._u = Statistic(_unit(rng.standard_normal(shape[0])).astype(dtype), momentum=0)

    def parameters(self) -> dict[str, Parameter]:
        return {"weight": self._weight, "u": self._u}

    def forward(self, x: Array, training: bool = False) -> Array:
        v = self._weight.value.T @ self._u.value
        if training:
            self._x = x
            self._u.grad[...] = _unit(self._weight.value @ v)
        y: Array = x @ self._weight.value / np.sqrt(v @ v)
        return y

    def gradients(self, dy: Array) -> None:
        v = self._weight.value.T @ self._u.value
        norm = np.sqrt(v @ v)
        plain = self._x.T @ dy / norm
        along = (plain * self._weight.value).sum() / norm
        self._weight.grad[...] = plain - along * np.outer(self._u.value, v / norm)

    def backward(self, dy: Array) -> Array:
        v = self._weight.value.T @ self._u.value
        dx: Array = dy @ self._weight.value.T / np.sqrt(v @ v)
        return dx


def _unit(vector: Array) -> Array:
    unit: Array = vector / np.sqrt(vector @ vector)
    return unit


class Huge(Layer):
    """y = 10^7 x: what it returns is far from 1."""

    def forward(self, x: Array, training: bool = False) -> Array:
        return x * 1e7

    def backward(self, dy: Array) -> Array:
        return dy * 1e7


class Tiny(Layer):
    """y = 10^-7 tanh x: what it returns is far below any absolute tolerance."""

    _y: Array

    def forward(self, x: Array, training: bool = False) -> Array:
        y = np.tanh(x)
        if training:
            self._y = y
        return y * 1e-7

    def backward(self, dy: Array) -> Array:
        found: Array = dy * (1 - self._y * self._y) * 1e-7
        return found


class MinMax(Layer):
    """It learns minimum and maximum from the training part, by `adapt`; before, y = x."""

    _low: Statistic
    _scale: Statistic
    _seen: Statistic

    def input_scale(self) -> None:
        """Any magnitude becomes 1."""

    @property
    def needs_adapt(self) -> bool:
        return not (self._is_initialized() and self._seen.value.any())

    def initialize(self, shape: Shape, rng: Rng, dtype: DType) -> None:
        self._low = Statistic(np.zeros(shape, dtype), momentum=1)
        self._scale = Statistic(np.ones(shape, dtype), momentum=1)
        self._seen = Statistic(np.zeros(1, dtype), momentum=1)

    def parameters(self) -> dict[str, Parameter]:
        return {"low": self._low, "scale": self._scale, "seen": self._seen}

    def adapt(self, blocks: Iterable[Array]) -> None:
        ends = [(block.min(axis=0), block.max(axis=0)) for block in blocks]
        low, high = np.min([e[0] for e in ends], axis=0), np.max([e[1] for e in ends], axis=0)
        self._low.value, self._seen.value = low, np.ones(1)
        self._scale.value = 1 / np.where(high > low, high - low, 1)

    def forward(self, x: Array, training: bool = False) -> Array:
        return (x - self._low.value) * self._scale.value

    def backward(self, dy: Array) -> Array:
        return dy * self._scale.value


class BatchStandard(Layer):
    """Centred by the batch's mean; one value of each feature is refused, as batch norm does."""

    differs_in_training: ClassVar[bool] = True
    _mean: Statistic

    def initialize(self, shape: Shape, rng: Rng, dtype: DType) -> None:
        self._mean = Statistic(np.zeros(shape, dtype), momentum=0.5)

    def parameters(self) -> dict[str, Parameter]:
        return {"mean": self._mean}

    def prepare(self, batch_shape: Shape, dtype: DType) -> None:
        need(batch_shape[0] > 1, "at least 2 samples", batch_shape)

    def forward(self, x: Array, training: bool = False) -> Array:
        if not training:
            return x - self._mean.value
        np.mean(x, axis=0, out=self._mean.grad)
        return x - self._mean.grad

    def backward(self, dy: Array) -> Array:
        dx: Array = dy - dy.mean(axis=0)
        return dx


class Sorted(Layer):
    """Each sample's last axis in order: the gradient goes the way that the numbers came."""

    _order: Array

    def forward(self, x: Array, training: bool = False) -> Array:
        order = np.argsort(x, axis=-1, kind="stable")
        if training:
            self._order = order
        return np.take_along_axis(x, order, axis=-1)

    def backward(self, dy: Array) -> Array:
        dx = np.empty_like(dy)
        np.put_along_axis(dx, self._order, dy, axis=-1)
        return dx


class Largest(Layer):
    """Only the largest number of the last axis stays; outputs jump where another one is."""

    _mask: Array

    def forward(self, x: Array, training: bool = False) -> Array:
        mask = np.zeros_like(x)
        np.put_along_axis(mask, x.argmax(axis=-1)[..., np.newaxis], 1, axis=-1)
        if training:
            self._mask = mask
        return x * mask

    def backward(self, dy: Array) -> Array:
        return dy * self._mask


class SelfAttention(Layer):
    """y = softmax(x x^T / sqrt(C)) x for samples (T, C), without parameters."""

    _x: Array
    _a: Array

    def output_shape(self, shape: Shape) -> Shape:
        need(len(shape) == 2, "(steps, features)", shape)
        return shape

    def forward(self, x: Array, training: bool = False) -> Array:
        a = softmax(x @ x.swapaxes(1, 2) / math.sqrt(x.shape[2]))
        if training:
            self._x, self._a = x, a
        y: Array = a @ x
        return y

    def backward(self, dy: Array) -> Array:
        x, a = self._x, self._a
        da = dy @ x.swapaxes(1, 2)
        ds = a * (da - (da * a).sum(axis=2, keepdims=True)) / math.sqrt(x.shape[2])
        dx: Array = a.swapaxes(1, 2) @ dy + (ds + ds.swapaxes(1, 2)) @ x
        return dx


class FixedOffset(Layer):
    """y = x + b, where b is drawn and saved but never trained."""

    _offset: Parameter

    def initialize(self, shape: Shape, rng: Rng, dtype: DType) -> None:
        self._offset = Parameter(rng.standard_normal(shape).astype(dtype), trainable=False)

    def parameters(self) -> dict[str, Parameter]:
        return {"offset": self._offset}

    def forward(self, x: Array, training: bool = False) -> Array:
        return x + self._offset.value

    def gradients(self, dy: Array) -> None:
        if self._offset.trainable:
            np.sum(dy, axis=0, out=self._offset.grad)

    def backward(self, dy: Array) -> Array:
        return dy


class ReZero(Layer):
    """y = g tanh x with g = 0 at first (Bachlechner et al. 2020): outputs and dx are all 0."""

    _gain: Parameter
    _t: Array

    def initialize(self, shape: Shape, rng: Rng, dtype: DType) -> None:
        self._gain = Parameter(np.zeros(1, dtype), decay_mult=0)

    def parameters(self) -> dict[str, Parameter]:
        return {"gain": self._gain}

    def forward(self, x: Array, training: bool = False) -> Array:
        t = np.tanh(x)
        if training:
            self._t = t
        return t * self._gain.value

    def gradients(self, dy: Array) -> None:
        self._gain.grad[...] = np.vdot(dy, self._t)

    def backward(self, dy: Array) -> Array:
        found: Array = dy * (1 - self._t * self._t) * self._gain.value
        return found


class PairSums(Layer):
    """Sums of neighbours by as_strided, which counts on x being C-ordered, as the contract says."""

    def output_shape(self, shape: Shape) -> Shape:
        need(len(shape) == 1 and shape[0] > 1, "at least two features", shape)
        return (shape[0] - 1,)

    def forward(self, x: Array, training: bool = False) -> Array:
        (n, k), size = x.shape, x.itemsize
        strides = (k * size, size, size)
        pairs = np.lib.stride_tricks.as_strided(x, (n, k - 1, 2), strides)
        total: Array = pairs.sum(axis=2)
        return total

    def backward(self, dy: Array) -> Array:
        found: Array = np.pad(dy, ((0, 0), (1, 0))) + np.pad(dy, ((0, 0), (0, 1)))
        return found


RIGHT_LAYERS: list[Stranger] = [
    ("Twice", lambda: Twice([("fc", {"outputs": 3}), "tanh"], [("fc", {"outputs": 2})])),
    ("TwiceShaped", lambda: Twice(["flatten"], ["tanh", ("fc", {"inputs": 6, "outputs": 2})])),
    *(
        (each.__name__, each)
        for each in (
            PowerThreeHalves,
            GradientReversal,
            IdentityWeight,
            OneHot,
            FixedShape,
            StochasticDepth,
            GaussianNoise,
            TiedAutoencoder,
            Merged,
            PairSums,
            SpectralNorm,
            Huge,
            Tiny,
            MinMax,
            BatchStandard,
            Sorted,
            Largest,
            SelfAttention,
            FixedOffset,
            ReZero,
        )
    ),
]
