"""The gated recurrent unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from plugnet.arrays import Array, Shape, sum_rows
from plugnet.parameter import Parameter
from plugnet_recurrent.recurrent import Recurrent, Step
from plugnet_recurrent.squashing import sigmoid, sigmoid_slope, tanh_slope
from plugnet_recurrent.workspace import BackwardWorkspace, rows


class GRU(Recurrent):
    """h' = (1 - z) n + z h, with the candidate n = tanh(x W + b + r (h U + d)) of its parts.

    The reset gate r and the update gate z are the sigmoid of their parts of x W + b + h U. Weights
    and bias hold the gates in the order r, z, n, as in PyTorch; the recurrent bias d is for n only.
    (Cho et al. 2014, with the reset gate applied after the product as in PyTorch and cuDNN.)

    >>> from plugnet import registry
    >>> registry.layers.build("gru", outputs=5, return_sequences=True).output_shape((7, 3))
    (7, 5)
    """

    gate_count = 3
    cached_count = 2  # h, and h U + d
    has_own_products = True
    operations = 8

    _recurrent_bias: Parameter

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        """Draw the weights; both biases start at zero and are exempt from regularization."""
        super().initialize(shape, rng, dtype)
        self._recurrent_bias = Parameter(np.zeros(self.outputs, dtype), decay_mult=0)

    def parameters(self) -> Mapping[str, Parameter]:
        return {**super().parameters(), "recurrent_bias": self._recurrent_bias}

    def step(self, gates: Array, products: Array, old: Array, new: Array) -> None:
        (h, _), (h_new, q) = old, new
        r, z, n = gates
        gates[:2] += products[:2]
        sigmoid(gates[:2])  # r and z
        np.add(products[2], self._recurrent_bias.value, out=q)
        n += np.multiply(r, q, out=h_new)
        np.tanh(n, out=n)
        np.subtract(h, n, out=h_new)  # (1 - z) n + z h = n + z (h - n)
        h_new *= z
        h_new += n

    def step_back(
        self, step: Step, dgates: Array, dproducts: Array, dold: Array, dnew: Array
    ) -> None:
        """Write the gradients; q is h U + d of the candidate.

        dn = dh' (1 - z) (1 - n^2), dz = dh' (h - n) z (1 - z), dr = dn q r (1 - r), dq = dn r, and
        dh = dh' z.
        """
        gates, (h, _), (_, q) = step
        r, z, n = gates
        dr, dz, dn = dgates
        (dh,), (dh_new,) = dold, dnew
        tanh_slope(n, out=dn)
        dn *= dh_new
        dn *= np.subtract(1, z, out=dh)
        sigmoid_slope(gates[:2], out=dgates[:2])  # of r and z
        dz *= dh_new
        dz *= np.subtract(h, n, out=dh)
        dr *= dn
        dr *= q
        dproducts[:2] = dgates[:2]
        np.multiply(dn, r, out=dproducts[2])
        np.multiply(dh_new, z, out=dh)

    def _write_gradients(self, arrays: BackwardWorkspace) -> None:
        super()._write_gradients(arrays)
        self._recurrent_bias.grad[...] = sum_rows(rows(arrays.dhu))[2 * self.outputs :]
