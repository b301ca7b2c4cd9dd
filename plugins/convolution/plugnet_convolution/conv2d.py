"""The convolution layer."""

from __future__ import annotations

from plugnet.arrays import Array, Shape, sum_rows
from plugnet.errors import ShapeError
from plugnet_convolution.convolution import Convolution
from plugnet_convolution.geometry import Geometry, convolved


class Conv2D(Convolution):
    """A 2-D convolution: at every place, the weight times the pixels under it, plus the bias.

    ``y[n, p, q, o] = b[o] + sum over i, j, c of x[n, p s + i d - padding, q s + j d - padding, c]
    w[i, j, c, o]`` with stride s and dilation d; like that of all frameworks it is a correlation,
    the kernel is not flipped. With groups, ``o`` of a group sees the channels of that group only;
    as many groups as channels make it depthwise. `plugnet_convolution.reference` computes this as
    it stands here; the other modules do it faster.

    The weight is ``(kernel height, kernel width, inputs / groups, outputs)``, the bias
    ``(outputs,)``, first zero and exempt from regularization. Images are ``(N, height, width,
    inputs)``; the number of inputs is taken from the data.

    Args:
        outputs: the number of filters.
        kernel: its size, an integer or a pair (height, width), as are stride, padding, dilation.
        stride: the pixels from one place to the next.
        padding: the zeros around the image, or "same": as many as make the outputs
            ``ceil(input / stride)``, an odd one at the bottom and the right (TensorFlow's rule).
        dilation: the pixels from one position of the kernel to the next.
        groups: into how many groups inputs and outputs are divided; a divisor of both.
        bias: whether a bias is added.
        initializer: what draws the weight.

    Raises:
        ArgumentError: a number has the wrong type or lies out of range.
    """

    def geometry(self, shape: Shape) -> Geometry:
        *sizes, channels = self.checked_image(shape)
        height, width = (
            convolved(size, *moves) for size, moves in zip(sizes, self.moves(), strict=True)
        )
        if height.outputs < 1 or width.outputs < 1:
            raise ShapeError(
                f"A kernel {self.kernel} with dilation {self.dilation} and padding {self.padding} "
                f"does not fit into an image of shape {shape}. Take a smaller kernel or more "
                "padding, as padding='same', or pool less before.",
                expected=tuple(max(1, axis.span - 2 * axis.before) for axis in (height, width)),
                got=shape,
            )
        return Geometry(height, width, channels, self.outputs, self.groups)

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(output height, output width, outputs)``.

        Along an axis there are ``(size + 2 padding - (kernel - 1) dilation - 1) // stride + 1``.
        """
        return self.geometry(shape).output_shape

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return y = x * w + b, ``(N, output height, output width, outputs)``."""
        w, b = self.split_groups(self._weight.value), self._bias.value if self.bias else None
        y = self.algorithm(training).convolve(x, w, b, out=self._y if training else None)
        if training:
            self._x = x
        return y

    def gradients(self, dy: Array) -> None:
        """Write dw, the pixels times dy summed over the places, and db, the sum of dy."""
        dw = self.split_groups(self._weight.grad)
        self._algorithm.weight_gradient(self._x, dy, out=dw)
        if self.bias:
            # (N, output height, output width, outputs) -> (places, outputs)
            sum_rows(dy.reshape(-1, self.outputs), out=self._bias.grad)

    def backward(self, dy: Array) -> Array:
        """Return dx, to each pixel dy of the places that saw it, times the weight."""
        w = self.split_groups(self._weight.value)
        return self._algorithm.image_gradient(dy, w, out=self._dx)

    def flops(self, shape: Shape) -> int:
        """Return two per place and weight, and one per output for the bias."""
        height, width, outputs = self.output_shape(shape)
        window = self.kernel[0] * self.kernel[1] * (shape[2] // self.groups)
        return height * width * outputs * (2 * window + self.bias)
