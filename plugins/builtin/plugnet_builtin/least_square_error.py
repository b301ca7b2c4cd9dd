"""The squared error."""

from __future__ import annotations

import numpy as np

from plugnet.arrays import Array
from plugnet_builtin.row_loss import Mean, RowLoss


class LeastSquareError(RowLoss):
    """The mean of 1/2 sum (x - t)^2 over the outputs of a sample (Caffe, euclidean_loss_layer.cpp).

    The slope is x - t; the 1/2 is there to make it so.
    """

    _error: Array

    def value(self, outputs: Array, targets: Array, mean: Mean, training: bool) -> float:
        error = np.subtract(outputs, targets, out=self._first if training else None)
        if training:
            self._error = error
        return mean(error, error) / 2

    def slope(self) -> Array:
        """Return x - t."""
        return self._error
