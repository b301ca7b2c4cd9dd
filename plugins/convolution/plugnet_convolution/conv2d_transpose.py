"""The transposed convolution layer."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from plugnet.arguments import pair
from plugnet.arrays import Array, Shape, sum_rows
from plugnet.errors import ArgumentError, ShapeError
from plugnet.interfaces import Initializer
from plugnet_convolution.convolution import Convolution
from plugnet_convolution.geometry import Geometry, conv_transpose_axis


class Conv2DTranspose(Convolution):
    """The gradient of a 2-D convolution by its input, as a layer: it makes images larger.

    Every pixel adds w, times the pixel, to the output (Dumoulin and Visin 2016, chapter 4):
    ``y[n, p s + i d - padding, q s + j d - padding, o] += x[n, p, q, c] w[i, j, c, o]``, plus
    ``b[o]``. It is the backward pass of the convolution that takes this layer's outputs to its
    inputs, with the same stride, padding and dilation. It is not the inverse of that convolution.

    The weight is ``(kernel height, kernel width, inputs / groups, outputs)`` of this layer's own
    inputs and outputs, as in every layer; that convolution has the last two axes exchanged within
    each group. The bias is ``(outputs,)``, zero at first and exempt from regularization.

    Args:
        outputs: the number of output channels.
        kernel_size: an integer or a pair (height, width), like stride, padding, dilation and
            output_padding.
        stride: pixels of the output from one pixel of the input to the next.
        padding: pixels cut off at each edge of the output, or "same" for an output of
            ``input * stride``.
        dilation: pixels from one position of the kernel to the next.
        groups: the number of groups into which inputs and outputs are divided; it divides both.
        bias: whether a bias is added.
        initializer: what draws the weight.
        output_padding: pixels added at the bottom and the right, less than the stride or the
            dilation. With a stride, convolutions of images of several sizes give the same output
            size; this chooses among them.

    Raises:
        ArgumentError: an argument has the wrong type or is out of range.
    """

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
        output_padding: int | Sequence[int] = 0,
    ) -> None:
        super().__init__(outputs, kernel_size, stride, padding, dilation, groups, bias, initializer)
        self.output_padding = pair("output_padding", output_padding, at_least=0)
        for extra, limit in zip(
            self.output_padding, map(max, self.stride, self.dilation), strict=True
        ):
            if extra >= limit or (extra and isinstance(self.padding, str)):
                raise ArgumentError(
                    "'output_padding' must be smaller than the stride or the dilation, and 0 "
                    f"where the padding is 'same', but it is {self.output_padding} with stride "
                    f"{self.stride}, dilation {self.dilation} and padding {self.padding!r}.",
                    argument="output_padding",
                    value=output_padding,
                )

    def geometry(self, shape: Shape) -> Geometry:
        height, width = (
            conv_transpose_axis(*axis, extra)
            for axis, extra in zip(self.axes(shape), self.output_padding, strict=True)
        )
        if height.image_size < 1 or width.image_size < 1:
            raise ShapeError(
                f"The padding {self.padding} cuts off the whole output for images of shape "
                f"{shape}: it would be {height.image_size} x {width.image_size}. Take less "
                "padding or a larger kernel.",
                expected="at least one pixel of output",
                got=shape,
            )
        return Geometry(height, width, self.outputs, shape[2], self.groups)

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(output height, output width, outputs)``.

        Each size is ``(size - 1) stride - 2 padding + (kernel size - 1) dilation + 1 +
        output_padding``.
        """
        return self.geometry(shape).image_shape

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return y, for each pixel the sum of x times w over the inputs that reach it, plus b."""
        w = self._exchanged(self._weight.value)
        y = self.algorithm(training).image_gradient(x, w, out=self._y if training else None)
        if self.bias:
            # (outputs,) -> (output width, outputs): NumPy adds long rows faster than short ones
            y += np.tile(self._bias.value, (y.shape[2], 1))
        if training:
            self._x = x
        return y

    def gradients(self, dy: Array) -> None:
        """Write dw, the pixels of dy times x summed over all positions, and db, the sum of dy."""
        dw = self._exchanged(self._weight.grad)
        self._algorithm.weight_gradient(dy, self._x, out=dw)
        if self.bias:
            # (N, output height, output width, outputs) -> (pixels, outputs)
            sum_rows(dy.reshape(-1, self.outputs), out=self._bias.grad)

    def backward(self, dy: Array) -> Array:
        """Return dx, the convolution of dy with w."""
        w = self._exchanged(self._weight.value)
        return self._algorithm.convolve(dy, w, out=self._dx)

    def flops(self, shape: Shape) -> int:
        """Return two per pixel of the input and weight, and one per output for the bias."""
        height, width, outputs = self.output_shape(shape)
        weights = self.kernel_size[0] * self.kernel_size[1] * (outputs // self.groups)
        return 2 * math.prod(shape) * weights + self.bias * height * width * outputs

    def _exchanged(self, weight: Array) -> Array:
        """Return a view of the weight as that of the convolution from outputs to inputs."""
        # (height, width, groups, inputs / groups, outputs / groups) -> the last two exchanged
        return self.split_groups(weight).swapaxes(3, 4)
