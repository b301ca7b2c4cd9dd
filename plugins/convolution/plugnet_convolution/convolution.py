"""What the two convolution layers share: arguments, parameters, buffers, the bias."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import numpy as np

from plugnet import registry
from plugnet.arguments import flag, integer
from plugnet.arrays import Array, Shape, reuse
from plugnet.errors import ArgumentError, CallOrderError, ShapeError
from plugnet.interfaces import Initializer, Layer
from plugnet.parameter import Parameter
from plugnet_convolution.depthwise import Depthwise
from plugnet_convolution.divided import Divided
from plugnet_convolution.im2row import Im2Row
from plugnet_convolution.pointwise import Pointwise
from plugnet_convolution.products import Products
from plugnet_convolution.windows import Geometry, padding_of, pair
from plugnet_convolution.winograd import Winograd

T = TypeVar("T")


class Convolution(Layer):
    """A layer with a kernel, ``(height, width, inputs / groups, outputs)``, and perhaps a bias.

    It computes with the `Products` of one geometry; which of them is forward and which are
    backward makes the difference between the two layers.
    """

    def __init__(
        self,
        outputs: int,
        kernel: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] | str = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        bias: bool = True,
        initializer: Initializer | str = "xavier",
    ) -> None:
        self.outputs = integer("outputs", outputs, at_least=1)
        self.kernel = pair("kernel", kernel, at_least=1)
        self.stride = pair("stride", stride, at_least=1)
        self.padding = padding_of(padding)
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
        self._weight: Parameter | None = None
        self._bias: Parameter | None = None
        self._shape: Shape = ()
        self._products: Products | None = None
        self._x: Array | None = None
        self._y: Array | None = None
        self._dx: Array | None = None
        self._ones: Array | None = None

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        """Return arguments to try it with."""
        return [
            {"outputs": 4, "kernel": 3},
            {"outputs": 2, "kernel": [2, 3], "stride": 2, "padding": "same", "bias": False},
            {"outputs": 4, "kernel": 2, "padding": 1, "dilation": 2, "groups": 2},
            {"outputs": 4, "kernel": 3, "groups": 4},
            {"outputs": 4, "kernel": 1},
        ]

    @abstractmethod
    def geometry(self, shape: Shape) -> Geometry:
        """Return the geometry of the products for inputs of ``shape``.

        Raises:
            ShapeError: they are too small.
        """

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        """Draw the kernel; the bias is zero."""
        self._products = products_for(self.geometry(shape))
        self._shape = tuple(shape)
        size = (*self.kernel, shape[2] // self.groups, self.outputs)
        self._weight = Parameter("weight", self.initializer(size, rng, dtype))
        if self.bias:
            self._bias = Parameter("bias", np.zeros(self.outputs, dtype), decay=False)

    def parameters(self) -> Sequence[Parameter]:
        """Return the weight and, if there is one, the bias."""
        return [parameter for parameter in (self._weight, self._bias) if parameter is not None]

    @property
    def weight(self) -> Parameter:
        """The kernel.

        Raises:
            CallOrderError: there is none yet.
        """
        return _initialized(self._weight)

    @property
    def products(self) -> Products:
        """What computes forward and backward.

        Raises:
            CallOrderError: there is nothing yet.
        """
        return _initialized(self._products)

    def checked(self, shape: Shape) -> tuple[int, int, int]:
        """Return the shape of one image if its channels can be divided into groups.

        Raises:
            ShapeError: it is none, or they cannot.
        """
        if len(shape) != 3:
            raise ShapeError(
                "A convolution takes images of shape (height, width, channels), but the shape is "
                f"{shape}. Put ('reshape', [height, width, channels]) before it, or reshape the "
                "data; a grey image has 1 channel.",
                expected=("height", "width", "channels"),
                got=shape,
            )
        height, width, channels = shape
        if channels % self.groups:
            raise ShapeError(
                f"This convolution divides the channels into {self.groups} groups, but shape "
                f"{shape} has {channels}. Choose groups that divide the channels.",
                expected=("height", "width", f"a multiple of {self.groups}"),
                got=shape,
            )
        return height, width, channels

    def numbers(self) -> Iterator[tuple[int, int, int, int | None]]:
        """Yield kernel, stride, dilation and padding along the height, then along the width.

        The padding is None for "same".
        """
        padding = (None, None) if isinstance(self.padding, str) else self.padding
        return zip(self.kernel, self.stride, self.dilation, padding, strict=True)

    def start(self, x: Array, training: bool) -> tuple[Products, Array]:
        """Begin a forward pass: return what computes, and the array to write to.

        Outside training both are new, so that a pending backward pass is not disturbed.
        """
        products, weight = self.products, self.weight.value
        if x.shape[1:] != self._shape:
            raise ShapeError(
                f"This convolution was initialized for images of shape {self._shape}, but x has "
                f"the shape {x.shape}. Give it images like the first.",
                expected=("N", *self._shape),
                got=x.shape,
            )
        shape = (len(x), *self.output_shape(self._shape))
        if not training:
            return products_for(products.geometry), reuse(None, weight, shape)
        self._x = x
        self._y = reuse(self._y, weight, shape)
        return products, self._y

    def by_group(self, weight: Array) -> Array:
        """Return the weight, or its gradient, as a view with the groups apart.

        The shape is ``(height, width, groups, inputs / groups, outputs / groups)``.
        """
        height, width, inputs, outputs = weight.shape
        # (..., inputs / groups, outputs) -> (..., inputs / groups, groups, outputs / groups)
        split = weight.reshape(height, width, inputs, self.groups, outputs // self.groups)
        return split.swapaxes(2, 3)

    def bias_for(self, y: Array) -> Array | None:
        """Return the bias for a row of outputs, ``(output width, outputs)``, or None.

        NumPy adds rows of that width twice as fast as it adds short ones.
        """
        return None if self._bias is None else np.tile(self._bias.value, (y.shape[2], 1))

    def bias_gradient(self, dy: Array) -> None:
        """Write db = the sum of dy over the batch and all places."""
        if self._bias is not None:
            rows = dy.reshape(-1, self.outputs)  # (N, height, width, outputs) -> (places, outputs)
            ones = self._ones = reuse(self._ones, dy, rows.shape[:1])
            ones.fill(1)
            np.matmul(ones, rows, out=self._bias.grad)  # faster than a sum over three axes


def _initialized(made: T | None) -> T:
    if made is None:
        raise CallOrderError(
            "This convolution has no weight yet: call initialize(shape, rng, dtype) before "
            "forward, or put the layer in a Network, which does it."
        )
    return made


def products_for(geometry: Geometry) -> Products:
    """Return what computes the products of a geometry."""
    return Divided(way_for(geometry), geometry)


def way_for(geometry: Geometry) -> type[Products]:
    """Return the way to compute that suits the geometry."""
    axes = (geometry.height, geometry.width)
    aligned = not geometry.padding and all(axis.size == axis.outputs for axis in axes)
    if aligned and all(axis.kernel == axis.stride == 1 for axis in axes):
        return Pointwise
    if geometry.groups == geometry.channels > 1:
        return Depthwise
    if Winograd.suits(geometry):
        return Winograd
    return Im2Row
