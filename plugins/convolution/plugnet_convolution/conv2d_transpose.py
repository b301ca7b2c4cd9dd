"""The transposed convolution layer."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from plugnet.arrays import Array, Shape, sum_rows
from plugnet.errors import ArgumentError, ShapeError
from plugnet.interfaces import Initializer
from plugnet_convolution.convolution import Convolution
from plugnet_convolution.geometry import Geometry, pair, transposed


class Conv2DTranspose(Convolution):
    """The gradient of a 2-D convolution by its input, as a layer: it makes images larger.

    Every pixel adds the weight, times the pixel, to the output (Dumoulin and Visin 2016, chapter
    4): ``y[n, p s + i d - padding, q s + j d - padding, o] += x[n, p, q, c] w[i, j, c, o]``, plus
    ``b[o]``. So it is the backward pass of the convolution that takes this layer's outputs to its
    inputs, with the same stride, padding and dilation, and no inverse of it.

    The weight is ``(kernel height, kernel width, inputs / groups, outputs)`` of this layer's own
    inputs and outputs, as in every layer; that convolution has the last two axes exchanged within
    each group. The bias is ``(outputs,)``, first zero and exempt from regularization.

    Args:
        outputs: the number of channels that come out.
        kernel: its size, an integer or a pair (height, width), as are the next three and
            output_padding.
        stride: the pixels of the output from one pixel of the input to the next.
        padding: the pixels cut off at each edge of the output, or "same": as many as make it
            ``input * stride``.
        dilation: the pixels from one position of the kernel to the next.
        groups: into how many groups inputs and outputs are divided; a divisor of both.
        bias: whether a bias is added.
        initializer: what draws the weight.
        output_padding: the pixels added at the bottom and the right, less than the stride or the
            dilation: with a stride, convolutions of several sizes give the same output.

    Raises:
        ArgumentError: a number has the wrong type or lies out of range.
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
        output_padding: int | Sequence[int] = 0,
    ) -> None:
        super().__init__(outputs, kernel, stride, padding, dilation, groups, bias, initializer)
        self.output_padding = pair("output_padding", output_padding, at_least=0)
        for extra, largest in zip(
            self.output_padding, map(max, self.stride, self.dilation), strict=True
        ):
            if extra >= largest or (extra and isinstance(self.padding, str)):
                raise ArgumentError(
                    "'output_padding' must be smaller than the stride or the dilation, and 0 "
                    f"where the padding is 'same', but it is {self.output_padding} with stride "
                    f"{self.stride}, dilation {self.dilation} and padding {self.padding!r}.",
                    argument="output_padding",
                    value=output_padding,
                )

    def geometry(self, shape: Shape) -> Geometry:
        """Return how the kernel moves over the outputs, for inputs of ``shape``.

        Raises:
            ShapeError: as in a convolution, or the padding cuts everything off.
        """
        *sizes, channels = self.checked_image(shape)
        height, width = (
            transposed(size, *moves, extra)
            for size, moves, extra in zip(sizes, self.moves(), self.output_padding, strict=True)
        )
        if height.size < 1 or width.size < 1:
            raise ShapeError(
                f"The padding {self.padding} cuts off all that images of shape {shape} give: the "
                f"output would be {height.size} x {width.size}. Take less padding or a larger "
                "kernel.",
                expected="at least one pixel of output",
                got=shape,
            )
        return Geometry(height, width, self.outputs, channels, self.groups)

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(output height, output width, outputs)``.

        Along an axis there are ``(size - 1) stride - 2 padding + (kernel - 1) dilation + 1 +
        output_padding``.
        """
        return self.geometry(shape).image_shape

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return, to each pixel, x of the places that see it, times the weight, plus the bias."""
        w = self._exchanged(self._weight.value)
        y = self.algorithm(training).image_gradient(x, w, out=self._y if training else None)
        if self.bias:
            # (outputs,) -> (output width, outputs): NumPy adds long rows faster than short ones
            y += np.tile(self._bias.value, (y.shape[2], 1))
        if training:
            self._x = x
        return y

    def gradients(self, dy: Array) -> None:
        """Write dw, the pixels of dy times x summed over the places, and db, the sum of dy."""
        dw = self._exchanged(self._weight.grad)
        self._algorithm.weight_gradient(dy, self._x, out=dw)
        if self.bias:
            # (N, output height, output width, outputs) -> (pixels, outputs)
            sum_rows(dy.reshape(-1, self.outputs), out=self._bias.grad)

    def backward(self, dy: Array) -> Array:
        """Return dx, the convolution of dy."""
        w = self._exchanged(self._weight.value)
        return self._algorithm.convolve(dy, w, out=self._dx)

    def flops(self, shape: Shape) -> int:
        """Return two per pixel of the input and weight, and one per output for the bias."""
        height, width, outputs = self.output_shape(shape)
        weights = self.kernel[0] * self.kernel[1] * (outputs // self.groups)
        return 2 * math.prod(shape) * weights + self.bias * height * width * outputs

    def _exchanged(self, weight: Array) -> Array:
        """Return the weight as that of the convolution from outputs to inputs, as a view."""
        # (height, width, groups, inputs / groups, outputs / groups) -> the last two exchanged
        return self.split_groups(weight).swapaxes(3, 4)
