"""What the two convolution layers share: arguments, parameters, buffers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from plugnet import registry
from plugnet.arguments import flag, integer, pair
from plugnet.arrays import Array, Shape
from plugnet.errors import ArgumentError, ShapeError
from plugnet.interfaces import Initializer, Layer
from plugnet.parameter import Parameter
from plugnet_convolution.batch_parallel import BatchParallel
from plugnet_convolution.geometry import Geometry


class Convolution(Layer):
    """A layer with a kernel and an optional bias.

    Both layers compute the same three products of one geometry. They differ in which of them is
    forward and which are backward.
    """

    _weight: Parameter
    _bias: Parameter
    _algorithm: BatchParallel
    _x: Array
    _y: Array | None = None
    _dx: Array | None = None

    def __init__(
        self,
        outputs: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] | str = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        bias: bool = True,
        initializer: Initializer | str = "xavier",
    ) -> None:
        self.outputs = integer("outputs", outputs, at_least=1)
        self.kernel_size = pair("kernel_size", kernel_size, at_least=1)
        self.stride = pair("stride", stride, at_least=1)
        self.padding: tuple[int, int] | str
        if not isinstance(padding, str):
            self.padding = pair("padding", padding, at_least=0)
        elif padding == "same":
            self.padding = padding
        else:
            raise ArgumentError(
                "'padding' must be an integer, a pair (height, width) or \"same\", but it is "
                f"{padding!r}. For no padding write 0.",
                argument="padding",
                value=padding,
            )
        self.dilation = pair("dilation", dilation, at_least=1)
        self.groups = integer("groups", groups, at_least=1)
        self.bias = flag("bias", bias)
        self.initializer = registry.initializers.resolve(initializer)
        if self.outputs % self.groups:
            raise ArgumentError(
                f"'groups' must divide 'outputs', but {self.groups} does not divide "
                f"{self.outputs}. Every group has the same number of outputs.",
                argument="groups",
                value=self.groups,
            )

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [
            {"outputs": 4, "kernel_size": 3},
            {"outputs": 2, "kernel_size": [2, 3], "stride": 2, "padding": "same", "bias": False},
            {"outputs": 4, "kernel_size": 2, "padding": 1, "dilation": 2, "groups": 2},
            {"outputs": 4, "kernel_size": 3, "groups": 4},
            {"outputs": 4, "kernel_size": 1},
        ]

    @abstractmethod
    def geometry(self, shape: Shape) -> Geometry:
        """Return the geometry of the products for inputs of ``shape``.

        Raises:
            ShapeError: inputs of this shape cannot be convolved.
        """

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        """Draw the weight; the bias is zero."""
        self._algorithm = BatchParallel(self.geometry(shape))
        weight_shape = (*self.kernel_size, shape[2] // self.groups, self.outputs)
        self._weight = Parameter(self.initializer(weight_shape, rng, dtype))
        if self.bias:
            self._bias = Parameter(np.zeros(self.outputs, dtype), decay_mult=0)

    def parameters(self) -> Mapping[str, Parameter]:
        if self.bias:
            return {"weight": self._weight, "bias": self._bias}
        return {"weight": self._weight}

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        self._y = np.empty((batch_shape[0], *self.output_shape(batch_shape[1:])), dtype)
        self._dx = np.empty(batch_shape, dtype)

    # What the two layers compute with ------------------------------------------------------------

    def algorithm(self, training: bool) -> BatchParallel:
        """Return what computes the products.

        In inference it is a new object: other threads may predict while one trains, and threads
        must not share one.
        """
        return self._algorithm if training else BatchParallel(self._algorithm.geometry)

    def split_groups(self, weight: Array) -> Array:
        """Return a view of the weight, or of its gradient, with an axis for the groups.

        Its shape is ``(height, width, groups, inputs / groups, outputs / groups)``.
        """
        height, width, inputs, outputs = weight.shape
        # (..., inputs / groups, outputs) -> (..., inputs / groups, groups, outputs / groups)
        split = weight.reshape(height, width, inputs, self.groups, outputs // self.groups)
        return split.swapaxes(2, 3)

    def axes(self, shape: Shape) -> list[tuple[int, int, int, int, int | None]]:
        """Return size, kernel size, stride, dilation and padding along the height and the width.

        The padding is None for "same".

        Args:
            shape: ``(height, width, channels)``.

        Raises:
            ShapeError: it has another number of axes, or the groups do not divide the channels.
        """
        if len(shape) != 3:
            raise ShapeError(
                "A convolution takes images of shape (height, width, channels), but the shape is "
                f"{shape}. Put ('reshape', [height, width, channels]) before it, or reshape the "
                "data; a grey image has 1 channel.",
                expected=("height", "width", "channels"),
                got=shape,
            )
        if shape[2] % self.groups:
            raise ShapeError(
                f"This convolution divides the channels into {self.groups} groups, but shape "
                f"{shape} has {shape[2]} channels. Choose groups that divide the channels.",
                expected=("height", "width", f"a multiple of {self.groups}"),
                got=shape,
            )
        padding = (None, None) if isinstance(self.padding, str) else self.padding
        moves = self.kernel_size, self.stride, self.dilation, padding
        return list(zip(shape[:2], *moves, strict=True))
