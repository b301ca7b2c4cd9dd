"""The fully connected layer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from plugnet import registry
from plugnet.arguments import flag, integer
from plugnet.arrays import Array, Shape, ones, sum_rows
from plugnet.errors import ArgumentError, ShapeError
from plugnet.interfaces import Initializer, Layer
from plugnet.parallel import matmul, matmul_for
from plugnet.parameter import Parameter


class FullyConnected(Layer):
    """y = x W + b for each sample x (Caffe, inner_product_layer.cpp).

    W is ``(inputs, outputs)``. The bias b, ``(outputs,)``, starts at zero and is exempt from
    regularization. A sample with several axes, such as an image, is flattened.

    >>> import numpy as np
    >>> from plugnet import registry
    >>> layer = registry.layers.build("fc", outputs=2, initializer=("constant", 0.5))
    >>> layer.initialize((3,), np.random.default_rng(0), np.dtype("float64"))
    >>> layer.forward(np.array([[1.0, 2.0, 3.0]])).tolist()
    [[3.0, 3.0]]
    """

    _weight: Parameter
    _bias: Parameter
    _rows: Array  # (N, inputs), the last training x
    _shape: Shape  # its batch shape
    _dot: Callable[[Array, Array, Array | None], Array] = staticmethod(matmul)
    _sum: Callable[[Array, Array], Array] = staticmethod(sum_rows)
    _y: Array | None = None
    _dx: Array | None = None

    def __init__(
        self,
        inputs: int | None = None,
        outputs: int | None = None,
        initializer: Initializer | str = "xavier",
        bias: bool = True,
    ) -> None:
        """Describe the layer.

        Args:
            inputs: how many numbers a sample has; None: as many as the data have.
            outputs: the number of neurons.
            initializer: what draws the weight.
            bias: whether a bias is added.

        Raises:
            ArgumentError: a number is missing, or not a positive integer.
        """
        if outputs is None:
            raise ArgumentError(
                "A fully connected layer needs the number of its outputs: write inputs and "
                "outputs, ('fc', 784, 50), or only outputs=50 to take the inputs from the data.",
                argument="outputs",
                value=None,
            )
        self.inputs = None if inputs is None else integer("inputs", inputs, at_least=1)
        self.outputs = integer("outputs", outputs, at_least=1)
        self.initializer = registry.initializers.resolve(initializer)
        self.bias = flag("bias", bias)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return [{"outputs": 4}, {"inputs": 6, "outputs": 6, "bias": False}]

    def input_shape(self) -> Shape | None:
        return None if self.inputs is None else (self.inputs,)

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(outputs,)`` for samples of ``inputs`` numbers in any shape.

        Raises:
            ShapeError: a sample has more or fewer numbers.
        """
        size = math.prod(shape)
        if size < 1 or self.inputs not in (None, size):
            raise ShapeError(
                f"This layer takes {self.inputs or 'at least 1'} numbers per sample, but shape "
                f"{shape} has {size}. Change the layer's inputs to {size}, or the data.",
                expected=self.input_shape(),
                got=shape,
            )
        return (self.outputs,)

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        self.output_shape(shape)
        self._weight = Parameter(self.initializer((math.prod(shape), self.outputs), rng, dtype))
        if self.bias:
            self._bias = Parameter(np.zeros(self.outputs, dtype), decay_mult=0)

    def parameters(self) -> Mapping[str, Parameter]:
        weight = {"weight": self._weight}
        return {**weight, "bias": self._bias} if self.bias else weight

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        rows, inputs = batch_shape[0], math.prod(batch_shape[1:])
        self._y, self._dx = np.empty((rows, self.outputs), dtype), np.empty((rows, inputs), dtype)
        # Chosen once, because `matmul` and `sum_rows` would look it up at every step.
        self._dot = matmul_for(rows * inputs * self.outputs)
        self._sum = ones(rows, dtype).dot

    def forward(self, x: Array, training: bool = False) -> Array:
        # (N, *shape) -> (N, inputs)
        rows = x if x.ndim == 2 else x.reshape(len(x), len(self._weight.value))
        dot, out = (self._dot, self._y) if training else (matmul, None)
        y = dot(rows, self._weight.value, out)
        if self.bias:  # as (1, outputs) it takes half the time to predict a single sample
            y += self._bias.value if training else self._bias.value[np.newaxis]
        if training:
            self._rows, self._shape = rows, x.shape
        return y

    def gradients(self, dy: Array) -> None:
        """Write dW = x^T dy, and db, the sum of dy over the batch."""
        self._dot(self._rows.T, dy, self._weight.grad)
        if self.bias:
            self._sum(dy, self._bias.grad)

    def backward(self, dy: Array) -> Array:
        """Return dx = dy W^T, in the shape of x."""
        dx = self._dot(dy, self._weight.value.T, self._dx)
        # (N, inputs) -> (N, *shape)
        return dx if len(self._shape) == 2 else dx.reshape(self._shape)

    def flops(self, shape: Shape) -> int:
        """Return two per weight, and one per neuron for the bias."""
        return 2 * math.prod(shape) * self.outputs + (self.outputs if self.bias else 0)
