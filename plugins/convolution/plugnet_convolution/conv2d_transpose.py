"""The transposed convolution layer."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from plugnet.arrays import Array, Shape, reuse
from plugnet.errors import ArgumentError, ShapeError
from plugnet.interfaces import Initializer
from plugnet_convolution.convolution import Convolution
from plugnet_convolution.windows import Geometry, pair, transposed


class Conv2DTranspose(Convolution):
    """The gradient of a 2-D convolution by its input, as a layer: it makes images larger.

    Every pixel adds the kernel, times the pixel, to the output (Dumoulin and Visin 2016, chapter
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
        self._swapped: Array | None = None

    def geometry(self, shape: Shape) -> Geometry:
        """Return how the kernel moves over the outputs, for inputs of ``shape``.

        Raises:
            ShapeError: the padding cuts everything off.
        """
        *sizes, channels = self.checked(shape)
        height, width = (
            transposed(size, *numbers, extra)
            for size, numbers, extra in zip(sizes, self.numbers(), self.output_padding, strict=True)
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
        geometry = self.geometry(shape)
        return geometry.height.size, geometry.width.size, self.outputs

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return, to each pixel, the kernel times x of the places that meet it, plus the bias.

        Raises:
            CallOrderError: there is no weight yet.
            ShapeError: the images have another shape than the layer was initialized for.
        """
        products, y = self.start(x, training)
        products.image_gradient(x, self._exchanged(self.weight.value), y)
        bias = self.bias_for(y)
        if bias is not None:
            y += bias
        return y

    def gradients(self, dy: Array) -> None:
        """Write dw, the pixels of dy times x summed over the places, and db, the sum of dy."""
        x = self.kept(self._x)
        self.products.kernel_gradient(dy, x, self._exchanged(self.weight.grad))
        self.bias_gradient(dy)

    def backward(self, dy: Array) -> Array:
        """Return dx, the convolution of dy."""
        self._dx = reuse(self._dx, self.kept(self._x))
        kernel = self._exchanged(self.weight.value)
        height, width, groups, outputs, inputs = kernel.shape
        # in the order of a convolution's kernel, as its products would copy it otherwise
        self._swapped = reuse(self._swapped, kernel, (groups, height, width, outputs, inputs))
        # (groups, height, width, outputs, inputs) -> (height, width, groups, outputs, inputs)
        swapped = self._swapped.transpose(1, 2, 0, 3, 4)
        np.copyto(swapped, kernel)
        self.products.outputs(dy, swapped, self._dx)
        return self._dx

    def flops(self, shape: Shape) -> int:
        """Return two per pixel of the input and number of the kernel, and one per output for the
        bias.
        """
        height, width, outputs = self.output_shape(shape)
        kernel = self.kernel[0] * self.kernel[1] * (outputs // self.groups)
        return 2 * shape[0] * shape[1] * shape[2] * kernel + self.bias * height * width * outputs

    def _exchanged(self, weight: Array) -> Array:
        """Return the weight as the kernel of the convolution from outputs to inputs, as a view."""
        # (height, width, groups, inputs / groups, outputs / groups) -> the last two exchanged
        return self.by_group(weight).swapaxes(3, 4)
