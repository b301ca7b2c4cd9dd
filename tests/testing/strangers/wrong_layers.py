"""Layers with bugs that authors have really made. "Seen:" names a report of the kind."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np
from tests.testing.strangers.common import Array, DType, Rng, Shape, Square, Stranger, need, softmax

from plugnet import Parameter
from plugnet.chain import Chain
from plugnet.interfaces import Layer
from plugnet.parameter import Statistic


class Centering(Layer):
    """x less the mean of the batch in training, else less the running mean: right."""

    differs_in_training: ClassVar[bool] = True
    _mean: Statistic

    def initialize(self, shape: Shape, rng: Rng, dtype: DType) -> None:
        self._mean = Statistic(np.zeros(shape, dtype), momentum=0.9)

    def parameters(self) -> dict[str, Parameter]:
        return {"mean": self._mean}

    def forward(self, x: Array, training: bool = False) -> Array:
        self.moved(x, training)
        return x - (x.mean(axis=0) if training else self._mean.value)

    @abstractmethod
    def moved(self, x: Array, training: bool) -> None: ...

    def write(self, x: Array) -> None:
        np.mean(x, axis=0, out=self._mean.grad)

    def backward(self, dy: Array) -> Array:
        dx: Array = dy - dy.mean(axis=0)
        return dx


class MovedByInference(Centering):
    """Inference writes the batch's mean, too. Seen: pytorch/pytorch/issues/8208."""

    def moved(self, x: Array, training: bool) -> None:
        self.write(x)


class MovedInForward(Centering):
    """A training forward moves the running mean itself, so a step that fails has moved it."""

    def moved(self, x: Array, training: bool) -> None:
        if training:
            self.write(x)
            self._mean.value += 0.1 * (self._mean.grad - self._mean.value)


class NeverMoved(Centering):
    """The running mean is never written and stays 0. Seen: paiml/aprender/pull/2166."""

    def moved(self, x: Array, training: bool) -> None:
        """Forget it."""


class ConstantStatistics(Centering):
    """The backward pass takes the batch's mean for a constant."""

    def moved(self, x: Array, training: bool) -> None:
        if training:
            self.write(x)

    def backward(self, dy: Array) -> Array:
        return dy.copy()


class UndeclaredTraining(Centering):
    """What it computes differs in training, but `differs_in_training` says no."""

    differs_in_training: ClassVar[bool] = False

    def moved(self, x: Array, training: bool) -> None:
        if training:
            self.write(x)


class Noisy(Layer):
    """Inverted dropout of one half, right; what follows are its wrong versions."""

    differs_in_training: ClassVar[bool] = True
    _mask: Array

    def initialize(self, shape: Shape, rng: Rng, dtype: DType) -> None:
        self.rng = rng

    @abstractmethod
    def draw(self, x: Array) -> Array: ...

    def half(self, x: Array) -> Array:
        assert self.rng is not None
        found: Array = np.less(self.rng.random(x.shape), 0.5).astype(x.dtype) * 2
        return found

    def forward(self, x: Array, training: bool = False) -> Array:
        if not training:
            return x
        self._mask = self.draw(x)
        return x * self._mask

    def backward(self, dy: Array) -> Array:
        return dy * self._mask


class DropoutRedrawn(Noisy):
    """The backward pass draws a mask of its own."""

    def draw(self, x: Array) -> Array:
        return self.half(x)

    def backward(self, dy: Array) -> Array:
        return dy * self.draw(dy)


class DropoutUnscaledBackward(Noisy):
    """The backward pass forgets the scale. Seen: CSTR-Edinburgh/mlpractical/pull/32."""

    def draw(self, x: Array) -> Array:
        return self.half(x)

    def backward(self, dy: Array) -> Array:
        return dy * (self._mask > 0)


class DropoutGlobal(Noisy):
    """It draws from NumPy's global generator. Seen: Lasagne/Lasagne/pull/273."""

    def draw(self, x: Array) -> Array:
        found: Array = np.less(np.random.random(x.shape), 0.5).astype(x.dtype) * 2  # noqa: NPY002
        return found


class DropoutOwnGenerator(Noisy):
    """A generator of its own, which no network places: no step can be repeated."""

    def initialize(self, shape: Shape, rng: Rng, dtype: DType) -> None:
        self._own = np.random.default_rng(rng.integers(1 << 31))

    def draw(self, x: Array) -> Array:
        found: Array = np.less(self._own.random(x.shape), 0.5).astype(x.dtype) * 2
        return found


class DropoutKeptMask(Noisy):
    """The mask is drawn once for each shape and kept, for speed: all steps drop the same."""

    _kept: Array | None = None

    def draw(self, x: Array) -> Array:
        if self._kept is None or self._kept.shape != x.shape:
            self._kept = self.half(x)
        return self._kept


class DenseMean(Square):
    """The gradients are divided by N, which the loss has done. Seen: felipecode/coiltraine/37."""

    def gradients(self, dy: Array) -> None:
        np.matmul(self._x.T, dy / len(dy), out=self._weight.grad)
        np.mean(dy, axis=0, out=self._bias.grad)

    def backward(self, dy: Array) -> Array:
        dx: Array = dy @ self._weight.value.T
        return dx


class DenseOldArrays(Square):
    """It keeps the arrays of `initialize`, which a network has replaced by its own."""

    def initialize(self, shape: Shape, rng: Rng, dtype: DType) -> None:
        super().initialize(shape, rng, dtype)
        self._grads = self._weight.grad, self._bias.grad

    def gradients(self, dy: Array) -> None:
        np.matmul(self._x.T, dy, out=self._grads[0])
        np.sum(dy, axis=0, out=self._grads[1])

    def backward(self, dy: Array) -> Array:
        dx: Array = dy @ self._weight.value.T
        return dx


class DenseHiddenBias(Square):
    """parameters() leaves out the bias, so it is neither trained nor saved."""

    def parameters(self) -> dict[str, Parameter]:
        return {"weight": self._weight}

    def gradients(self, dy: Array) -> None:
        np.matmul(self._x.T, dy, out=self._weight.grad)
        np.sum(dy, axis=0, out=self._bias.grad)

    def backward(self, dy: Array) -> Array:
        dx: Array = dy @ self._weight.value.T
        return dx


class DenseStaleTranspose(Square):
    """W^T is copied at the first backward pass and kept: the second one uses old values."""

    _transposed: Array | None = None

    def gradients(self, dy: Array) -> None:
        np.matmul(self._x.T, dy, out=self._weight.grad)
        np.sum(dy, axis=0, out=self._bias.grad)

    def backward(self, dy: Array) -> Array:
        if self._transposed is None:
            self._transposed = self._weight.value.T.copy()
        dx: Array = dy @ self._transposed
        return dx


class DenseBackwardAfterGradients(Square):
    """backward reads what gradients keeps, but a frozen layer's gradients is not called."""

    _back: Array

    def gradients(self, dy: Array) -> None:
        self._back = dy @ self._weight.value.T
        np.matmul(self._x.T, dy, out=self._weight.grad)
        np.sum(dy, axis=0, out=self._bias.grad)

    def backward(self, dy: Array) -> Array:
        return self._back


class DenseBackpropSkips(Square):
    """If nobody reads dx, backprop leaves at once: as first layer it is never trained."""

    def gradients(self, dy: Array) -> None:
        np.matmul(self._x.T, dy, out=self._weight.grad)
        np.sum(dy, axis=0, out=self._bias.grad)

    def backprop(self, dy: Array, inputs: bool) -> Array | None:
        if not inputs:
            return None
        self.gradients(dy)
        dx: Array = dy @ self._weight.value.T
        return dx


class DenseSameSeed(Square):
    """It draws from a generator of its own, so all layers and all seeds begin with one weight."""

    def initialize(self, shape: Shape, rng: Rng, dtype: DType) -> None:
        super().initialize(shape, np.random.default_rng(0), dtype)

    def gradients(self, dy: Array) -> None:
        np.matmul(self._x.T, dy, out=self._weight.grad)
        np.sum(dy, axis=0, out=self._bias.grad)

    def backward(self, dy: Array) -> Array:
        dx: Array = dy @ self._weight.value.T
        return dx


class DenseNotTransposed(Square):
    """dx = dy W, without the transpose, which has the right shape as W is square."""

    def gradients(self, dy: Array) -> None:
        np.matmul(self._x.T, dy, out=self._weight.grad)
        np.sum(dy, axis=0, out=self._bias.grad)

    def backward(self, dy: Array) -> Array:
        dx: Array = dy @ self._weight.value
        return dx


class SqueezedBatch(Layer):
    """The mean over time, then a squeeze, which loses N = 1, too. Seen: NVIDIA/tacotron2/303."""

    _steps: int

    def output_shape(self, shape: Shape) -> Shape:
        need(len(shape) == 2, "(steps, features)", shape)
        return shape[1:]

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self._steps = x.shape[1]
        found: Array = np.squeeze(x.mean(axis=1, keepdims=True))
        return found

    def backward(self, dy: Array) -> Array:
        return np.repeat(dy[:, np.newaxis] / self._steps, self._steps, axis=1)


class CentredInPlace(Layer):
    """Each sample minus its mean, subtracted in place from a view of x. Seen: BVLC/caffe/2015."""

    def forward(self, x: Array, training: bool = False) -> Array:
        rows = x.reshape(len(x), math.prod(x.shape[1:]))
        rows -= rows.mean(axis=1, keepdims=True)
        return rows.reshape(x.shape)

    def backward(self, dy: Array) -> Array:
        rows = dy.reshape(len(dy), math.prod(dy.shape[1:]))
        dx: Array = rows - rows.mean(axis=1, keepdims=True)
        return dx.reshape(dy.shape)


class GradientInPlace(Layer):
    """y = x^2 / 2, with dy changed on the way back. Seen: happynear/caffe-windows/issues/46."""

    _x: Array

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self._x = x
        return x * x / 2

    def backward(self, dy: Array) -> Array:
        dy *= self._x
        return dy


class BufferAtInference(Layer):
    """y = tanh x, in one buffer for inference too: a second prediction overwrites the first."""

    _y: Array
    _out: Array | None = None

    def forward(self, x: Array, training: bool = False) -> Array:
        if self._out is None or self._out.shape != x.shape or self._out.dtype != x.dtype:
            self._out = np.empty_like(x)
        y = np.tanh(x, out=self._out)
        if training:
            self._y = y.copy()
        return y

    def backward(self, dy: Array) -> Array:
        found: Array = dy * (1 - self._y * self._y)
        return found


class TanhInFloat32(Layer):
    """y = tanh x, computed in float32 whatever comes in, and cast back."""

    _y: Array

    def forward(self, x: Array, training: bool = False) -> Array:
        y = np.tanh(x.astype(np.float32)).astype(x.dtype)
        if training:
            self._y = y
        return y

    def backward(self, dy: Array) -> Array:
        found: Array = dy * (1 - self._y * self._y)
        return found


class PoolShapeLies(Layer):
    """Means of pairs; output_shape rounds up, forward down. Seen: BVLC/caffe/issues/4252."""

    _size: int

    def output_shape(self, shape: Shape) -> Shape:
        need(bool(shape) and shape[-1] > 1, "at least two on the last axis", shape)
        return (*shape[:-1], -(-shape[-1] // 2))

    def forward(self, x: Array, training: bool = False) -> Array:
        half = x.shape[-1] // 2
        if training:
            self._size = x.shape[-1]
        return (x[..., 0 : 2 * half : 2] + x[..., 1 : 2 * half : 2]) / 2

    def backward(self, dy: Array) -> Array:
        dx = np.zeros((*dy.shape[:-1], self._size), dy.dtype)
        dx[..., : 2 * dy.shape[-1]] = np.repeat(dy, 2, axis=-1) / 2
        return dx


class PoolFullDivisor(Layer):
    """Means of pairs, the last one of a single number; backward divides it by 2, too.

    Seen: tracel-ai/burn/issues/5604.
    """

    _size: int

    def output_shape(self, shape: Shape) -> Shape:
        need(bool(shape) and shape[-1] > 0, "at least one on the last axis", shape)
        return (*shape[:-1], -(-shape[-1] // 2))

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self._size = x.shape[-1]
        starts = np.arange(0, x.shape[-1], 2)
        counts = np.minimum(2, x.shape[-1] - starts).astype(x.dtype)
        y: Array = np.add.reduceat(x, starts, axis=-1) / counts
        return y

    def backward(self, dy: Array) -> Array:
        return np.repeat(dy, 2, axis=-1)[..., : self._size] / 2


class MaxPoolAssigns(Layer):
    """Maxima of overlapping pairs; backward assigns where it must add.

    Seen: 0809zheng/CS231n-assignment2019/issues/19.
    """

    _where: Array
    _size: int

    def output_shape(self, shape: Shape) -> Shape:
        need(len(shape) == 1 and shape[0] > 1, "at least two features", shape)
        return (shape[0] - 1,)

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self._where = np.arange(x.shape[1] - 1) + (x[:, 1:] > x[:, :-1])
            self._size = x.shape[1]
        return np.maximum(x[:, 1:], x[:, :-1])

    def backward(self, dy: Array) -> Array:
        dx = np.zeros((len(dy), self._size), dy.dtype)
        np.put_along_axis(dx, self._where, dy, axis=1)
        return dx


class EmbeddingRepeats(Layer):
    """grad[ids] += dy counts a repeated id once. Seen: pymc-devs/pytensor/pull/2242."""

    differentiable: ClassVar[bool] = False
    _table: Parameter
    _ids: Array

    @classmethod
    def examples(cls) -> list[Any]:
        return [({}, np.array([[7.0, 0.0, 1.0], [3.0, 9.0, 3.0]]))]

    def input_scale(self) -> None:
        """Ids have none."""

    def output_shape(self, shape: Shape) -> Shape:
        return (*shape, 4)

    def initialize(self, shape: Shape, rng: Rng, dtype: DType) -> None:
        self._table = Parameter(rng.standard_normal((10, 4)).astype(dtype))

    def parameters(self) -> dict[str, Parameter]:
        return {"table": self._table}

    def forward(self, x: Array, training: bool = False) -> Array:
        ids = x.astype(np.intp)
        if training:
            self._ids = ids
        taken: Array = self._table.value[ids]
        return taken

    def gradients(self, dy: Array) -> None:
        self._table.grad.fill(0)
        self._table.grad[self._ids] += dy


class SoftmaxOverBatch(Layer):
    """A softmax over axis 0: what a sample gets depends on the others. Seen: gabeur/mmt/1."""

    _y: Array

    def forward(self, x: Array, training: bool = False) -> Array:
        y = np.moveaxis(softmax(np.moveaxis(x, 0, -1)), -1, 0).copy()
        if training:
            self._y = y
        return y

    def backward(self, dy: Array) -> Array:
        dx: Array = self._y * (dy - (dy * self._y).sum(axis=0))
        return dx


class DoubledArgument(Layer):
    """The constructor changes what it keeps, so each copy doubles it. Seen: keras/issues/4871."""

    def __init__(self, factor: float = 1.5) -> None:
        self.factor = 2 * factor

    def forward(self, x: Array, training: bool = False) -> Array:
        return x * self.factor

    def backward(self, dy: Array) -> Array:
        return dy * self.factor


class SharedCache(Layer):
    """y = x^2 / 2; what forward keeps is in the class: two of them in a network mix it up."""

    cache: ClassVar[dict[str, Array]] = {}

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self.cache["x"] = x
        return x * x / 2

    def backward(self, dy: Array) -> Array:
        return dy * self.cache["x"]


class GluOdd(Layer):
    """A gated linear unit: integer division loses the last of an odd number of features."""

    _x: Array

    def output_shape(self, shape: Shape) -> Shape:
        need(bool(shape) and shape[-1] > 1, "at least two features", shape)
        return (*shape[:-1], shape[-1] // 2)

    def forward(self, x: Array, training: bool = False) -> Array:
        half = x.shape[-1] // 2
        if training:
            self._x = x
        return x[..., :half] * np.tanh(x[..., half : 2 * half])

    def backward(self, dy: Array) -> Array:
        half = dy.shape[-1]
        value, gate = self._x[..., :half], np.tanh(self._x[..., half : 2 * half])
        return np.concatenate([dy * gate, dy * value * (1 - gate * gate)], axis=-1)


class NormalizedZero(Layer):
    """Each sample divided by its length: NaN for one of zeros. Seen: pytorch/pytorch/2421."""

    _y: Array
    _length: Array

    def forward(self, x: Array, training: bool = False) -> Array:
        rows = x.reshape(len(x), math.prod(x.shape[1:]))
        length = np.sqrt((rows * rows).sum(axis=1, keepdims=True))
        y = rows / length
        if training:
            self._y, self._length = y, length
        found: Array = y.reshape(x.shape)
        return found

    def backward(self, dy: Array) -> Array:
        rows = dy.reshape(self._y.shape)
        dx: Array = (rows - self._y * (rows * self._y).sum(axis=1, keepdims=True)) / self._length
        return dx.reshape(dy.shape)


class FirstBatchForever(Layer):
    """y = n x for the n-th feature; the factors are laid out once, for the first batch's N."""

    _factors: Array | None = None

    def forward(self, x: Array, training: bool = False) -> Array:
        return x * self._laid(x)

    def backward(self, dy: Array) -> Array:
        return dy * self._laid(dy)

    def _laid(self, x: Array) -> Array:
        if self._factors is None:
            shape = x.shape[1:]
            ramp = 1 + np.arange(math.prod(shape), dtype=x.dtype).reshape(shape)
            self._factors = np.repeat(ramp[np.newaxis], len(x), axis=0)
        return self._factors[: len(x)]


class NeedsPrepare(Layer):
    """y = x^2 / 2, but without `prepare` a training forward fails."""

    _x: Array
    _y: Array | None = None

    def prepare(self, batch_shape: Shape, dtype: DType) -> None:
        self._y = np.empty(batch_shape, dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        if not training:
            return x * x / 2
        assert self._y is not None
        self._x = x
        self._y[...] = x * x
        self._y *= 0.5
        return self._y

    def backward(self, dy: Array) -> Array:
        return dy * self._x


class InferenceOverwrites(Layer):
    """y = x^2 / 2; inference keeps its x, too, which a later backward pass then reads."""

    _x: Array

    def forward(self, x: Array, training: bool = False) -> Array:
        self._x = x
        return x * x / 2

    def backward(self, dy: Array) -> Array:
        return dy * self._x


class DenseBlocks(Square):
    """Gradients are summed in blocks of 32 samples, without the rest where N is above 32."""

    def gradients(self, dy: Array) -> None:
        end = len(dy) if len(dy) < 32 else len(dy) // 32 * 32
        np.matmul(self._x[:end].T, dy[:end], out=self._weight.grad)
        np.sum(dy[:end], axis=0, out=self._bias.grad)

    def backward(self, dy: Array) -> Array:
        dx: Array = dy @ self._weight.value.T
        return dx


class DenseFrozenStops(Square):
    """A frozen weight lets no gradient pass, though the layers before are still trained."""

    def gradients(self, dy: Array) -> None:
        np.matmul(self._x.T, dy, out=self._weight.grad)
        np.sum(dy, axis=0, out=self._bias.grad)

    def backward(self, dy: Array) -> Array:
        if not self._weight.trainable:
            return np.zeros_like(dy)
        dx: Array = dy @ self._weight.value.T
        return dx


class DenseSetOrder(Square):
    """parameters() goes through a set: its order is another one in each process."""

    def parameters(self) -> dict[str, Parameter]:
        named = {"weight": self._weight, "bias": self._bias}
        return {name: named[name] for name in frozenset(named)}

    def gradients(self, dy: Array) -> None:
        np.matmul(self._x.T, dy, out=self._weight.grad)
        np.sum(dy, axis=0, out=self._bias.grad)

    def backward(self, dy: Array) -> Array:
        dx: Array = dy @ self._weight.value.T
        return dx


class NarrowIndices(Layer):
    """The largest feature, whose place is kept in 8 bits: wrong for more than 256 features."""

    _where: Array
    _size: int

    def output_shape(self, shape: Shape) -> Shape:
        need(bool(shape) and shape[-1] > 0, "at least one feature", shape)
        return (*shape[:-1], 1)

    def forward(self, x: Array, training: bool = False) -> Array:
        where = x.argmax(axis=-1)[..., np.newaxis]
        if training:
            self._where, self._size = where.astype(np.uint8), x.shape[-1]
        return np.take_along_axis(x, where, axis=-1)

    def backward(self, dy: Array) -> Array:
        dx = np.zeros((*dy.shape[:-1], self._size), dy.dtype)
        np.put_along_axis(dx, self._where.astype(np.intp), dy, axis=-1)
        return dx


class FastVariance(Layer):
    """Layer norm with E[x^2] - E[x]^2: NaN in float32 for a mean far from 0, as Flax's was.

    It says that inputs of any magnitude will do.
    """

    _y: Array
    _inverse: Array

    def input_scale(self) -> None:
        """Any will do."""

    def output_shape(self, shape: Shape) -> Shape:
        need(bool(shape) and shape[-1] > 1, "at least two features", shape)
        return shape

    def forward(self, x: Array, training: bool = False) -> Array:
        mean = x.mean(axis=-1, keepdims=True)
        variance = (x * x).mean(axis=-1, keepdims=True) - mean * mean
        with np.errstate(invalid="ignore"):
            inverse = 1 / np.sqrt(variance + 1e-5)
        y = (x - mean) * inverse
        if training:
            self._y, self._inverse = y, inverse
        found: Array = y
        return found

    def backward(self, dy: Array) -> Array:
        along = (dy * self._y).mean(axis=-1, keepdims=True)
        dx: Array = (dy - dy.mean(axis=-1, keepdims=True) - self._y * along) * self._inverse
        return dx


class EpsilonForgotten(Layer):
    """Layer norm whose backward pass divides by a deviation without the epsilon: 0 if constant."""

    _y: Array
    _deviation: Array

    def output_shape(self, shape: Shape) -> Shape:
        need(bool(shape) and shape[-1] > 1, "at least two features", shape)
        return shape

    def forward(self, x: Array, training: bool = False) -> Array:
        centred = x - x.mean(axis=-1, keepdims=True)
        variance = (centred * centred).mean(axis=-1, keepdims=True)
        y: Array = centred / np.sqrt(variance + 1e-8)
        if training:
            self._y, self._deviation = y, np.sqrt(variance)
        return y

    def backward(self, dy: Array) -> Array:
        along = (dy * self._y).mean(axis=-1, keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            dx: Array = (dy - dy.mean(-1, keepdims=True) - self._y * along) / self._deviation
        return dx


class DrawsInInference(Noisy):
    """Inference draws, too, though it does not use it: training after a prediction differs."""

    def draw(self, x: Array) -> Array:
        return self.half(x)

    def forward(self, x: Array, training: bool = False) -> Array:
        mask = self.draw(x)
        if not training:
            return x
        self._mask = mask
        return x * mask


class TiedByView(Layer):
    """y = x W V, V = W^T, tied by a view, which ends where a network lays out its parameters."""

    _weight: Parameter
    _back: Parameter
    _x: Array

    def output_shape(self, shape: Shape) -> Shape:
        need(len(shape) == 1, "flat samples", shape)
        return shape

    def initialize(self, shape: Shape, rng: Rng, dtype: DType) -> None:
        self._weight = Parameter(rng.standard_normal((shape[0], 3)).astype(dtype))
        self._back = Parameter(self._weight.value.T)

    def parameters(self) -> dict[str, Parameter]:
        return {"weight": self._weight, "back": self._back}

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self._x = x
        y: Array = x @ self._weight.value @ self._back.value
        return y

    def gradients(self, dy: Array) -> None:
        np.matmul(self._x.T, dy @ self._back.value.T, out=self._weight.grad)
        self._back.grad[...] = (self._x @ self._weight.value).T @ dy

    def backward(self, dy: Array) -> Array:
        dx: Array = dy @ self._back.value.T @ self._weight.value.T
        return dx


class ShapeRemembered(Layer):
    """output_shape keeps the shape that it was last asked about, and forward relies on it."""

    _count: int
    _shape: Shape

    def output_shape(self, shape: Shape) -> Shape:
        self._count = math.prod(shape)
        return (1,)

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self._shape = x.shape
        total: Array = x.reshape(len(x), math.prod(x.shape[1:])).sum(axis=1, keepdims=True)
        return total / self._count

    def backward(self, dy: Array) -> Array:
        spread = dy.reshape(-1, *(1,) * (len(self._shape) - 1)) / self._count
        return np.broadcast_to(spread, self._shape).copy()


class Learned(Layer):
    """x less what `adapt` has learned; how it learns is left open."""

    _low: Statistic
    _seen: Statistic

    def input_scale(self) -> None:
        """Any will do."""

    @property
    def needs_adapt(self) -> bool:
        return not (self._is_initialized() and self._seen.value.any())

    def initialize(self, shape: Shape, rng: Rng, dtype: DType) -> None:
        self._low = Statistic(np.zeros(shape, dtype), momentum=1)
        self._seen = Statistic(np.zeros(1, dtype), momentum=1)

    def parameters(self) -> dict[str, Parameter]:
        return {"low": self._low, "seen": self._seen}

    @abstractmethod
    def adapt(self, blocks: Iterable[Array]) -> None: ...

    def forward(self, x: Array, training: bool = False) -> Array:
        return x - self._low.value

    def backward(self, dy: Array) -> Array:
        return dy


class AdaptsToLast(Learned):
    """adapt starts anew with each block: only the last one counts."""

    def adapt(self, blocks: Iterable[Array]) -> None:
        for block in blocks:
            self._low.value, self._seen.value = block.min(axis=0), np.ones(1)


class AdaptsForever(Learned):
    """adapt does not say that it has learned: needs_adapt stays."""

    def adapt(self, blocks: Iterable[Array]) -> None:
        self._low.value = np.min([block.min(axis=0) for block in blocks], axis=0)


class AdaptsInPlace(Learned):
    """adapt cuts off the samples at 0, which belong to the caller."""

    def adapt(self, blocks: Iterable[Array]) -> None:
        for block in blocks:
            self._low.value, self._seen.value = np.zeros_like(self._low.value), np.ones(1)
            np.maximum(block, 0, out=block)


class FillsNothing(Layer):
    """It says that it fills missing values, and lets NaN pass."""

    @property
    def fills_missing(self) -> bool:
        return True

    def forward(self, x: Array, training: bool = False) -> Array:
        return 2 * x

    def backward(self, dy: Array) -> Array:
        return 2 * dy


class Holder(Layer):
    """y = f(x) + g(x), each one layer; how they are held is left open."""

    def __init__(self, first: Any, second: Any) -> None:
        self._f, self._g = Chain([first]), Chain([second])
        self.first, self.second = self._f.layers[0], self._g.layers[0]

    def output_shape(self, shape: Shape) -> Shape:
        return self._f.output_shape(shape)

    def inner(self) -> Mapping[str, Layer]:
        return {"first": self._f, "second": self._g}

    def forward(self, x: Array, training: bool = False) -> Array:
        return self._f.forward(x, training) + self._g.forward(x, training)

    @abstractmethod
    def backprop(self, dy: Array, inputs: bool) -> Array | None: ...

    def both(self, dy: Array, inputs: bool) -> Array | None:
        one, other = self._f.backprop(dy, inputs), self._g.backprop(dy, inputs)
        return None if one is None or other is None else one + other


class HolderHides(Holder):
    """inner() names the first layer only: the second is never trained or saved."""

    def inner(self) -> Mapping[str, Layer]:
        return {"first": self._f}

    def initialize(self, shape: Shape, rng: Rng, dtype: DType) -> None:
        self._f.initialize(shape, rng, dtype)
        self._g.initialize(shape, rng, dtype)

    def backprop(self, dy: Array, inputs: bool) -> Array | None:
        return self.both(dy, inputs)


class HolderHalfAsleep(Holder):
    """The second layer is never told that it is trained, and keeps nothing or drops nothing."""

    def forward(self, x: Array, training: bool = False) -> Array:
        y = self._f.forward(x, training)
        if training:
            self._g.forward(x, training)
        return y + self._g.forward(x)

    def backprop(self, dy: Array, inputs: bool) -> Array | None:
        return self.both(dy, inputs)


class HolderLosesOne(Holder):
    """If nobody reads dx, the second layer gets no gradients."""

    def backprop(self, dy: Array, inputs: bool) -> Array | None:
        if inputs:
            return self.both(dy, inputs)
        return self._f.backprop(dy, inputs)


class InputShapeLies(Layer):
    """input_shape says that it must be given (3,), which output_shape refuses."""

    def input_shape(self) -> Shape:
        return (3,)

    def output_shape(self, shape: Shape) -> Shape:
        need(shape != (3,), "anything but (3,)", shape)
        return shape

    def forward(self, x: Array, training: bool = False) -> Array:
        return 2 * x

    def backward(self, dy: Array) -> Array:
        return 2 * dy


class ThawForgotten(Layer):
    """Whether the gain is trained is looked up once: thawed later, it gets no gradient."""

    _gain: Parameter
    _x: Array
    _trains: bool | None = None

    def initialize(self, shape: Shape, rng: Rng, dtype: DType) -> None:
        self._gain = Parameter(np.ones(shape, dtype))

    def parameters(self) -> dict[str, Parameter]:
        return {"gain": self._gain}

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            if self._trains is None:
                self._trains = self._gain.trainable
            self._x = x
        return x * self._gain.value

    def gradients(self, dy: Array) -> None:
        if self._trains:
            np.sum(dy * self._x, axis=0, out=self._gain.grad)

    def backward(self, dy: Array) -> Array:
        return dy * self._gain.value


class StatefulSum(Layer):
    """A running sum over steps that goes on from the end of the batch before, as if stateful."""

    _end: Array | None = None

    def output_shape(self, shape: Shape) -> Shape:
        need(len(shape) == 2, "(steps, features)", shape)
        return shape

    def forward(self, x: Array, training: bool = False) -> Array:
        y: Array = np.cumsum(x, axis=1)
        if training:
            if self._end is not None and self._end.shape == y[:, -1].shape:
                y += self._end[:, np.newaxis]
            self._end = y[:, -1].copy()
        return y

    def backward(self, dy: Array) -> Array:
        return np.ascontiguousarray(np.cumsum(dy[:, ::-1], axis=1)[:, ::-1])


class MemoById(Layer):
    """y is computed anew only for another array, but a buffer comes again with new numbers."""

    _x: Array | None = None
    _y: Array

    def forward(self, x: Array, training: bool = False) -> Array:
        if not training:
            return np.tanh(x)
        if x is not self._x:
            self._x, self._y = x, np.tanh(x)
        return self._y

    def backward(self, dy: Array) -> Array:
        found: Array = dy * (1 - self._y * self._y)
        return found


class SilencesNumPy(Layer):
    """y = log(1 + |x|), with NumPy's warnings turned off for the whole process."""

    _x: Array

    def forward(self, x: Array, training: bool = False) -> Array:
        np.seterr(all="ignore")
        if training:
            self._x = x
        return np.log1p(np.abs(x))

    def backward(self, dy: Array) -> Array:
        found: Array = dy * np.sign(self._x) / (1 + np.abs(self._x))
        return found


DENSE = ("fc", {"outputs": 3})

WRONG_LAYERS: list[Stranger] = [
    *(
        (each.__name__, each)
        for each in (
            MovedByInference,
            MovedInForward,
            NeverMoved,
            ConstantStatistics,
            UndeclaredTraining,
            DropoutRedrawn,
            DropoutUnscaledBackward,
            DropoutGlobal,
            DropoutOwnGenerator,
            DropoutKeptMask,
            DenseMean,
            DenseOldArrays,
            DenseHiddenBias,
            DenseStaleTranspose,
            DenseBackwardAfterGradients,
            DenseBackpropSkips,
            DenseSameSeed,
            DenseNotTransposed,
            SqueezedBatch,
            CentredInPlace,
            GradientInPlace,
            BufferAtInference,
            TanhInFloat32,
            PoolShapeLies,
            PoolFullDivisor,
            MaxPoolAssigns,
            EmbeddingRepeats,
            SoftmaxOverBatch,
            DoubledArgument,
            SharedCache,
            GluOdd,
            NormalizedZero,
            FirstBatchForever,
            NeedsPrepare,
            InferenceOverwrites,
            DenseBlocks,
            DenseFrozenStops,
            DenseSetOrder,
            NarrowIndices,
            FastVariance,
            EpsilonForgotten,
            DrawsInInference,
            TiedByView,
            ShapeRemembered,
            AdaptsToLast,
            AdaptsForever,
            AdaptsInPlace,
            FillsNothing,
            InputShapeLies,
            ThawForgotten,
            StatefulSum,
            MemoById,
            SilencesNumPy,
        )
    ),
    ("HolderHides", lambda: HolderHides(DENSE, DENSE)),
    ("HolderHalfAsleep", lambda: HolderHalfAsleep("tanh", "dropout")),
    ("HolderLosesOne", lambda: HolderLosesOne(DENSE, DENSE)),
]
