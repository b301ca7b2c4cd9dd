"""The convolution layer."""

from __future__ import annotations

from plugnet.arrays import Array, Shape, sum_rows
from plugnet.errors import ShapeError
from plugnet_convolution.convolution import Convolution
from plugnet_convolution.geometry import Geometry, conv_axis


class Conv2D(Convolution):
    """A 2-D convolution: at every position, the pixels under the kernel times w, plus b.

    ``y[n, p, q, o] = b[o] + sum over i, j, c of x[n, p s + i d - padding, q s + j d - padding, c]
    w[i, j, c, o]`` with stride s and dilation d. As in all frameworks it is a correlation: the
    kernel is not flipped. With groups, an output sees only the channels of its own group; as many
    groups as channels make the convolution depthwise. `plugnet_convolution.reference` computes
    this formula as it is written; the other modules compute it faster.

    The weight is ``(kernel height, kernel width, inputs / groups, outputs)``, the bias
    ``(outputs,)``, zero at first and exempt from regularization. Images are ``(N, height, width,
    inputs)``; the number of inputs is taken from the data.

    Args:
        outputs: the number of filters.
        kernel_size: an integer or a pair (height, width), like stride, padding and dilation.
        stride: pixels from one output to the next.
        padding: zeros around the image, or "same" for ``ceil(input / stride)`` outputs; an odd
            zero is at the bottom and the right, as in TensorFlow.
        dilation: pixels from one position of the kernel to the next.
        groups: the number of groups into which inputs and outputs are divided; it divides both.
        bias: whether a bias is added.
        initializer: what draws the weight.

    Raises:
        ArgumentError: an argument has the wrong type or is out of range.
    """

    def geometry(self, shape: Shape) -> Geometry:
        height, width = (conv_axis(*axis) for axis in self.axes(shape))
        if height.output_size < 1 or width.output_size < 1:
            raise ShapeError(
                f"A kernel of size {self.kernel_size} with dilation {self.dilation} and padding "
                f"{self.padding} does not fit into an image of shape {shape}. Take a smaller "
                "kernel, more padding, such as padding='same', or less pooling before.",
                expected=tuple(
                    max(1, axis.kernel_extent - 2 * axis.pad_before) for axis in (height, width)
                ),
                got=shape,
            )
        return Geometry(height, width, shape[2], self.outputs, self.groups)

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(output height, output width, outputs)``.

        Each size is ``(size + 2 padding - (kernel size - 1) dilation - 1) // stride + 1``.
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
        """Write dw, the pixels times dy summed over all positions, and db, the sum of dy."""
        dw = self.split_groups(self._weight.grad)
        self._algorithm.weight_gradient(self._x, dy, out=dw)
        if self.bias:
            # (N, output height, output width, outputs) -> (positions, outputs)
            sum_rows(dy.reshape(-1, self.outputs), out=self._bias.grad)

    def backward(self, dy: Array) -> Array:
        """Return dx, for each pixel the sum of dy times w over the outputs that saw it."""
        w = self.split_groups(self._weight.value)
        return self._algorithm.image_gradient(dy, w, out=self._dx)

    def flops(self, shape: Shape) -> int:
        """Return two per output and weight of its window, and one per output for the bias."""
        height, width, outputs = self.output_shape(shape)
        window = self.kernel_size[0] * self.kernel_size[1] * (shape[2] // self.groups)
        return height * width * outputs * (2 * window + self.bias)
