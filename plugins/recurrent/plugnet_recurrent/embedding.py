"""A vector for each word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from plugnet import registry
from plugnet.arguments import integer
from plugnet.arrays import Array, Shape
from plugnet.errors import DataError, ShapeError
from plugnet.interfaces import Initializer, Layer
from plugnet.parameter import Parameter

LARGEST = 1 << 24  # float32 holds all whole numbers up to it


class Embedding(Layer):
    """y = table[id - 1] for each id of a sample, and zeros for the id 0 (Bengio et al. 2003).

    Samples are ``(T,)`` whole numbers from 0 to words - 1, in the network's dtype like all samples.
    The id 0 stands for padding, which fills up short sequences. It has no row in the table,
    ``(words - 1, size)``, so training never moves it from zero.

    >>> import numpy as np
    >>> from plugnet import registry
    >>> layer = registry.layers.build("embedding", words=4, size=2, initializer=("constant", 0.5))
    >>> layer.initialize((3,), np.random.default_rng(0), np.dtype("float32"))
    >>> layer.forward(np.array([[3, 1, 0]])).tolist()
    [[[0.5, 0.5], [0.5, 0.5], [0.0, 0.0]]]
    """

    differentiable: ClassVar[bool] = False

    _weight: Parameter
    _indices: Array  # (N, T), which row of the weight each id has; -1 for the id 0
    _y: Array | None = None

    def __init__(
        self, words: int, size: int, initializer: Initializer | Any = ("gaussian", 0.0, 1.0)
    ) -> None:
        """Describe the layer.

        Args:
            words: how many ids there are, including 0.
            size: the length of each vector.
            initializer: what draws the weight; by default standard normal, as in PyTorch.

        Raises:
            ArgumentError: a number is not an integer, or is out of range.
        """
        self.words = integer("words", words, at_least=2, at_most=LARGEST)
        self.size = integer("size", size, at_least=1)
        self.initializer = registry.initializers.resolve(initializer)

    @classmethod
    def examples(cls) -> Sequence[Any]:
        ids = np.array([[7, 0, 1], [3, 9, 3], [9, 9, 0]])
        return [({"words": 10, "size": 4}, ids), ({"words": 11, "size": 1}, ids)]

    def input_scale(self) -> None:
        """Return None: ids have no magnitude."""

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(T, size)``.

        Raises:
            ShapeError: a sample is not ``(T,)``.
        """
        if len(shape) != 1:
            raise ShapeError(
                "An embedding takes samples of shape (steps,), one id per step, but the shape is "
                f"{shape}. Reshape the data; samples that are not ids need no embedding.",
                expected=("steps",),
                got=shape,
            )
        return (*shape, self.size)

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        self._weight = Parameter(self.initializer((self.words - 1, self.size), rng, dtype))

    def parameters(self) -> Mapping[str, Parameter]:
        return {"weight": self._weight}

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        self._y = np.empty((*batch_shape, self.size), dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return the vectors, ``(N, T, size)``.

        Raises:
            DataError: a number is not an id, and a lookup might take another word's vector for it.
        """
        indices = self._ids(x) - 1
        # "clip" because other modes copy through a buffer; it changes only -1, cleared below.
        y = self._weight.value.take(indices, axis=0, out=self._y if training else None, mode="clip")
        y[indices < 0] = 0
        if training:
            self._indices = indices
        return y

    def gradients(self, dy: Array) -> None:
        """Write, for each word, the sum of dy over all steps that have it."""
        grad, indices = self._weight.grad, self._indices.reshape(-1)  # (N, T) -> (N * T,)
        real = indices >= 0
        rows = dy.reshape(-1, self.size)[real]  # (N, T, size) -> (words in the batch, size)
        # np.add.at is several times as fast in a flat array as with rows.
        flat = indices[real, np.newaxis] * self.size + np.arange(self.size)
        grad.fill(0)
        np.add.at(grad.reshape(-1), flat.reshape(-1), rows.reshape(-1))

    def _ids(self, x: Array) -> Array:
        with np.errstate(invalid="ignore"):  # NaN becomes some integer, which it does not equal
            ids = x.astype(np.intp)
        right = (ids == x) & (ids >= 0) & (ids < self.words)
        if not right.all():
            row, step = map(int, np.argwhere(~right)[0])
            raise DataError(
                f"An embedding of {self.words} words takes the ids 0 to {self.words - 1}, whole "
                f"numbers, but row {row} has {x[row, step]:g} at step {step}. Correct the ids, or "
                "give the layer more words.",
                row=row,
            )
        return ids
