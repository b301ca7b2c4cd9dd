"""The convolution layer."""

from __future__ import annotations

from plugnet.arrays import Array, Shape, reuse
from plugnet.errors import ShapeError
from plugnet_convolution.convolution import Convolution
from plugnet_convolution.windows import Geometry, convolved


class Conv2D(Convolution):
    """A 2-D convolution: at every place, the kernel times the pixels it meets, plus the bias.

    ``y[n, p, q, o] = b[o] + sum over i, j, c of x[n, p s + i d - padding, q s + j d - padding, c]
    w[i, j, c, o]`` with stride s and dilation d; like that of all frameworks it is a correlation,
    the kernel is not flipped. With groups, ``o`` of a group sees the channels of that group only;
    as many groups as channels make it depthwise.

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
        """Return how the kernel moves over images of ``shape``.

        Raises:
            ShapeError: the kernel is larger than the padded image.
        """
        *sizes, channels = self.checked(shape)
        height, width = (
            convolved(size, *numbers) for size, numbers in zip(sizes, self.numbers(), strict=True)
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
        geometry = self.geometry(shape)
        return geometry.height.outputs, geometry.width.outputs, self.outputs

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return the convolution of x, ``(N, output height, output width, outputs)``.

        Raises:
            CallOrderError: there is no weight yet.
            ShapeError: the images have another shape than the layer was initialized for.
        """
        products, y = self.start(x, training)
        products.outputs(x, self.by_group(self.weight.value), y, self.bias_for(y))
        return y

    def gradients(self, dy: Array) -> None:
        """Write dw, the pixels times dy summed over the places, and db, the sum of dy."""
        x = self.kept(self._x)
        self.products.kernel_gradient(x, dy, self.by_group(self.weight.grad))
        self.bias_gradient(dy)

    def backward(self, dy: Array) -> Array:
        """Return dx, to each pixel the kernel times dy of the places that met it."""
        self._dx = reuse(self._dx, self.kept(self._x))
        self.products.image_gradient(dy, self.by_group(self.weight.value), self._dx)
        return self._dx

    def flops(self, shape: Shape) -> int:
        """Return two per place and number of the kernel, and one per output for the bias."""
        height, width, outputs = self.output_shape(shape)
        kernel = self.kernel[0] * self.kernel[1] * (shape[2] // self.groups)
        return height * width * outputs * (2 * kernel + self.bias)
