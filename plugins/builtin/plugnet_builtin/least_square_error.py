"""The squared error."""

from __future__ import annotations

import numpy as np

from plugnet.arrays import Array
from plugnet_builtin.elementwise_loss import Buffers, ElementwiseLoss, Mean, Value


class LeastSquareError(ElementwiseLoss):
    """The mean of 1/2 sum (x - t)^2 over the outputs x of each sample.

    Caffe, euclidean_loss_layer.cpp. The 1/2 makes the derivative x - t.

    >>> import numpy as np
    >>> from plugnet import registry
    >>> loss = registry.losses.build("least_square_error")
    >>> loss.forward(np.array([[1.0, 5.0]]), np.array([[0.0, 2.0]]))
    5.0
    """

    def value(self, outputs: Array, targets: Array, mean: Mean, buffers: Buffers) -> Value:
        error = np.subtract(outputs, targets, out=buffers[0])
        return mean(error, error) / 2, (error,)

    def derivative(self, cached: tuple[Array, ...], out: Array | None) -> Array:
        """Return x - t."""
        return cached[0]
