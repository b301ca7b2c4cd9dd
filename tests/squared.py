"""A right loss, of which wrong ones are made."""

from typing import TypeAlias

from plugnet.arrays import Array
from plugnet.interfaces import Loss
from plugnet.targets import as_rows, reweight, weighted_mean

Weights: TypeAlias = Array | None
Total: TypeAlias = float | None


class Squared(Loss):
    """The weighted mean of |x - t|^2, of the errors in each sample."""

    _error: Array
    _weights: Weights
    _total: Total

    def forward(
        self,
        outputs: Array,
        targets: Array,
        weights: Weights = None,
        total: Total = None,
        training: bool = False,
    ) -> float:
        return self.value(outputs, targets, weights, total, training)

    def value(self, x: Array, t: Array, weights: Weights, total: Total, training: bool) -> float:
        """Do what forward does."""
        error = x - self.rows(t, x)
        if training:
            self._error, self._weights, self._total = self.kept(error), weights, total
        return weighted_mean(error, error, weights, total)

    def rows(self, targets: Array, outputs: Array) -> Array:
        """Return what the outputs are compared with."""
        return as_rows(targets, outputs)

    def kept(self, error: Array) -> Array:
        """Return the errors in the array in which they are kept."""
        return error

    def backward(self) -> Array:
        return reweight(self._error * (2 / len(self._error)), self._weights, self._total)
