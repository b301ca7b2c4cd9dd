"""The gated recurrent unit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from plugnet.arrays import Array, Shape, sum_rows
from plugnet.parameter import Parameter
from plugnet_recurrent.arrays import BackwardArrays, rows
from plugnet_recurrent.recurrent import Recurrent
from plugnet_recurrent.squashing import sigmoid, sigmoid_slope, tanh_slope


class GRU(Recurrent):
    """h' = (1 - z) n + z h, with a candidate n = tanh(x W + b + r (h U + d)) of its parts.

    The reset gate r and the update gate z are the sigmoid of their parts of x W + b + h U. In
    weights and bias they stand in the order r, z, n, as PyTorch's; the recurrent bias d is n's
    alone. (Cho et al. 2014, with the reset gate applied after the product as in PyTorch and cuDNN.)
    """

    gate_count = 3
    kept = 2  # h, and h U + d
    has_own_products = True
    operations = 8

    _recurrent_bias: Parameter

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        """Draw the weights; both biases are zero, and exempt from regularization."""
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
        self,
        gates: Array,
        old: Array,
        new: Array,
        dgates: Array,
        dproducts: Array,
        dold: Array,
        dnew: Array,
    ) -> None:
        """Write the gradients; q is h U + d of the candidate.

        dn = dh' (1 - z) (1 - n^2), dz = dh' (h - n) z (1 - z), dr = dn q r (1 - r), dq = dn r, and
        dh = dh' z.
        """
        (h, _), (_, q), (dh,), (dh_new,) = old, new, dold, dnew
        r, z, n = gates
        dr, dz, dn = dgates
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

    def _write_gradients(self, arrays: BackwardArrays) -> None:
        super()._write_gradients(arrays)
        self._recurrent_bias.grad[...] = sum_rows(rows(arrays.dhu))[2 * self.outputs :]
