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

    Samples are ``(T,)`` whole numbers from 0 to words - 1, in the network's dtype as all samples.
    The id 0 stands for "nothing", as what fills up a short sequence. It has no row in the weight,
    ``(words - 1, size)``: whatever trains the others, it stays zero.
    """

    differentiable: ClassVar[bool] = False

    _weight: Parameter
    _places: Array  # (N, T), the row of the weight for each id; -1 for the id 0
    _y: Array | None = None

    def __init__(
        self, words: int, size: int, initializer: Initializer | Any = ("gaussian", 0.0, 1.0)
    ) -> None:
        """Describe the layer.

        Args:
            words: how many ids there are, the 0 among them.
            size: the numbers for each.
            initializer: what draws the weight; as PyTorch's, normal with the deviation 1.

        Raises:
            ArgumentError: a number is not an integer, or out of range.
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
                f"An embedding takes samples of shape (steps,), one id each, but shape is {shape}. "
                "Reshape the data; what are no ids needs no embedding.",
                expected=("steps",),
                got=shape,
            )
        return (*shape, self.size)

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        """Draw the weight."""
        self._weight = Parameter(self.initializer((self.words - 1, self.size), rng, dtype))

    def parameters(self) -> Mapping[str, Parameter]:
        return {"weight": self._weight}

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        self._y = np.empty((*batch_shape, self.size), dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return the vectors, ``(N, T, size)``.

        Raises:
            DataError: a number is not an id: a lookup would take another word's vector for it.
        """
        places = self._ids(x) - 1
        # "clip" as the other modes copy through a buffer; it moves -1 only, which is cleared
        y = self._weight.value.take(places, axis=0, out=self._y if training else None, mode="clip")
        y[places < 0] = 0
        if training:
            self._places = places
        return y

    def gradients(self, dy: Array) -> None:
        """Write for each word the sum of dy over the places where it stands."""
        grad, places = self._weight.grad, self._places.reshape(-1)  # (N, T) -> (N * T,)
        real = places >= 0
        rows = dy.reshape(-1, self.size)[real]  # (N, T, size) -> (words in the batch, size)
        # NumPy adds at places in a flat array several times as fast as at rows.
        flat = places[real, np.newaxis] * self.size + np.arange(self.size)
        grad.fill(0)
        np.add.at(grad.reshape(-1), flat.reshape(-1), rows.reshape(-1))

    def _ids(self, x: Array) -> Array:
        with np.errstate(invalid="ignore"):  # NaN becomes some integer, and so is not equal to it
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
