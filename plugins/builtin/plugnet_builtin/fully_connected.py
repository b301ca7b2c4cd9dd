"""The fully connected layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from plugnet import registry
from plugnet.arguments import flag, integer
from plugnet.arrays import Array, Shape, reuse
from plugnet.errors import ArgumentError, CallOrderError, ShapeError
from plugnet.interfaces import Initializer, Layer
from plugnet.parallel import multiply
from plugnet.parameter import Parameter


class FullyConnected(Layer):
    """y = x W + b, for every sample (Caffe, inner_product_layer.cpp).

    The weight is ``(inputs, outputs)``, the bias ``(outputs,)``, first zero and exempt from
    regularization. A sample of several axes, such as an image, is flattened.
    """

    def __init__(
        self,
        inputs: int | None = None,
        outputs: int | None = None,
        initializer: Initializer | str = "xavier",
        bias: bool = True,
    ) -> None:
        """Describe the layer.

        Args:
            inputs: the numbers per sample; None: taken from the data.
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
        self._weight: Parameter | None = None
        self._bias: Parameter | None = None
        self._shape: Shape = ()
        self._x: Array | None = None
        self._y: Array | None = None
        self._dx: Array | None = None
        self._ones: Array | None = None

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        """Return arguments to try it with."""
        return [{"outputs": 4}, {"inputs": 6, "outputs": 6, "bias": False}]

    def input_shape(self) -> Shape | None:
        """Return ``(inputs,)`` if it was given."""
        return None if self.inputs is None else (self.inputs,)

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(outputs,)`` for samples of ``inputs`` numbers, however arranged.

        Raises:
            ShapeError: there are more or fewer.
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
        """Draw the weight; the bias is zero."""
        self.output_shape(shape)
        weight = self.initializer((math.prod(shape), self.outputs), rng, dtype)
        self._weight = Parameter("weight", weight)
        if self.bias:
            self._bias = Parameter("bias", np.zeros(self.outputs, dtype), decay=False)

    def parameters(self) -> Sequence[Parameter]:
        """Return the weight and, if there is one, the bias."""
        return [parameter for parameter in (self._weight, self._bias) if parameter is not None]

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return x W + b, ``(N, outputs)``.

        Raises:
            CallOrderError: there is no weight yet.
            ShapeError: the samples have another size than the weight is for.
        """
        weight = self._initialized().value
        shape = x.shape
        if len(shape) != 2:
            x = x.reshape(len(x), math.prod(shape[1:]))  # (N, *shape) -> (N, inputs)
        if x.shape[1] != len(weight):
            raise ShapeError(
                f"This layer was initialized for {len(weight)} numbers per sample, but x has the "
                f"shape {shape}. Give it samples like the first.",
                expected=("N", len(weight)),
                got=shape,
            )
        if training:
            self._shape, self._x = shape, x
            y = self._y = reuse(self._y, weight, (len(x), self.outputs))
            multiply(x, weight, out=y)
        else:
            y = multiply(x, weight)
        if self._bias is not None:
            y += self._bias.value[np.newaxis]  # (1, outputs): so one sample takes half the time
        return y

    def gradients(self, dy: Array) -> None:
        """Write dW = x^T dy and db = the sum of dy over the batch."""
        multiply(self.kept(self._x).T, dy, out=self._initialized().grad)
        if self._bias is not None:
            ones = reuse(self._ones, dy, dy.shape[:1])
            if ones is not self._ones:
                ones.fill(1)
                self._ones = ones
            ones.dot(dy, out=self._bias.grad)  # twice as fast as dy.sum(axis=0)

    def backward(self, dy: Array) -> Array:
        """Return dx = dy W^T, in the shape of x."""
        x = self.kept(self._x)
        self._dx = reuse(self._dx, x)
        multiply(dy, self._initialized().value.T, out=self._dx)
        return self._dx.reshape(self._shape)  # (N, inputs) -> (N, *shape)

    def flops(self, shape: Shape) -> int:
        """Return two per weight, and one per neuron for the bias."""
        return 2 * math.prod(shape) * self.outputs + (self.outputs if self.bias else 0)

    def _initialized(self) -> Parameter:
        if self._weight is None:
            raise CallOrderError(
                "This fully connected layer has no weight yet: call initialize(shape, rng, dtype) "
                "before forward, or put the layer in a Network, which does it."
            )
        return self._weight
