"""Dropout."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from plugnet.arguments import flag, number
from plugnet.arrays import Array, Shape, reuse
from plugnet.errors import CallOrderError, ShapeError
from plugnet.interfaces import Layer


class Dropout(Layer):
    """In training, y = x m / (1 - p), each m being 0 with probability p, else 1; otherwise y = x.

    Srivastava et al. 2014, section 4, with the division in training instead of a multiplication
    afterwards ("inverted dropout", as in Caffe's dropout_layer.cpp): the mean of y is x.

    Attributes:
        rng: the generator given to `initialize`, from which every training batch draws.
    """

    differs_in_training: ClassVar[bool] = True

    def __init__(self, p: float = 0.5, channels: bool = False) -> None:
        """Describe the layer.

        Args:
            p: the probability that a number is dropped, from 0 to 0.999999. It is kept to within
                2^-24, as the draws are multiples of that, too coarse for a p still nearer to 1.
            channels: whether whole feature maps are dropped, one draw per sample and channel
                (Tompson et al. 2015; PyTorch's Dropout2d), instead of single numbers.

        Raises:
            ArgumentError: an argument is of a wrong type or out of range.
        """
        self.p = number("p", p, at_least=0, at_most=0.999999)
        self.channels = flag("channels", channels)
        self.rng: np.random.Generator | None = None
        self._mask: Array | None = None
        self._y: Array | None = None
        self._dx: Array | None = None

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        """Return arguments to try it with."""
        return [{}, {"p": 0.2, "channels": True}]

    def output_shape(self, shape: Shape) -> Shape:
        """Return the same shape.

        Raises:
            ShapeError: whole channels are to be dropped, but there is no axis before them.
        """
        if self.channels and len(shape) < 2:
            raise ShapeError(
                "Dropout of whole channels takes samples of shape (height, width, channels), but "
                f"the shape is {shape}. Leave out channels=True to drop single numbers.",
                expected=("height", "width", "channels"),
                got=shape,
            )
        return shape

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        """Keep the generator."""
        self.rng = rng

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return x outside training, else x with some numbers 0 and the others scaled up.

        Raises:
            CallOrderError: in training, if there is no generator yet.
        """
        if not training or self.p == 0:
            return x
        self._mask = self._draw(x)
        self._y = reuse(self._y, x)
        return self._apply(self._mask, x, self._y)

    def backward(self, dy: Array) -> Array:
        """Return dx = dy m / (1 - p), with the m of the forward pass."""
        if self.p == 0:
            return dy
        mask = self.kept(self._mask)
        self._dx = reuse(self._dx, dy)
        return self._apply(mask, dy, self._dx)

    def flops(self, shape: Shape) -> int:
        """Return none: outside training nothing is computed."""
        return 0

    def _draw(self, x: Array) -> Array:
        """Return 0 with probability p, else 1, for each number of ``x`` or each of its channels."""
        if self.rng is None:
            raise CallOrderError(
                "This dropout layer has no generator yet: call initialize(shape, rng, dtype) "
                "before forward, or put the layer in a Network, which does it."
            )
        shape = (len(x), *(1,) * (x.ndim - 2), x.shape[-1]) if self.channels else x.shape
        # In float32 for any dtype of x: cheaper, and the same mask for the same seed.
        mask = reuse(self._mask, np.empty_like(x, np.float32, shape=()), shape)
        self.rng.random(dtype=np.float32, out=mask)
        return np.greater_equal(mask, self.p, out=mask)

    def _apply(self, mask: Array, x: Array, out: Array) -> Array:
        np.multiply(x, mask, out=out)
        out *= 1 / (1 - self.p)
        return out
