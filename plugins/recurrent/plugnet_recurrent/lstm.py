"""Long short-term memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from plugnet.arguments import number
from plugnet.arrays import Array, Shape
from plugnet.interfaces import Initializer
from plugnet_recurrent.recurrent import Recurrent, Step
from plugnet_recurrent.squashing import sigmoid, sigmoid_slope, tanh_slope


class LSTM(Recurrent):
    """c' = f c + i g and h' = o tanh(c'), with gates computed from x W + b + h U.

    The candidate g is the tanh of its part; the input, forget and output gates i, f and o are the
    sigmoid of theirs. Weights and bias hold them in the order g, i, f, o. (Hochreiter and
    Schmidhuber 1997; Gers et al. 2000; PyTorch's LSTM, with one bias for its two, in the order
    i, f, g, o.)

    >>> import numpy as np
    >>> from plugnet import registry
    >>> layer = registry.layers.build("lstm", outputs=5, return_sequences=True)
    >>> layer.initialize((7, 3), np.random.default_rng(0), np.dtype("float32"))
    >>> layer.forward(np.ones((2, 7, 3), "float32")).shape
    (2, 7, 5)
    """

    gate_count = 4
    cached_count = 3  # h, c and tanh(c)
    state_count = 2  # h and c
    operations = 8

    def __init__(
        self,
        outputs: int,
        return_sequences: bool = False,
        padding: bool = False,
        reverse: bool = False,
        forget_bias: float = 1.0,
        initializer: Initializer | str = "xavier",
        recurrent_initializer: Initializer | str = "orthogonal",
    ) -> None:
        """Describe the layer as `Recurrent` does; ``forget_bias`` is that gate's initial bias.

        At 1 the gate starts fairly open, so gradients last from the end of a sequence to its
        beginning (Jozefowicz et al. 2015; so in Keras). PyTorch starts near 0.
        """
        super().__init__(
            outputs, return_sequences, padding, reverse, initializer, recurrent_initializer
        )
        self.forget_bias = number("forget_bias", forget_bias)

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        """Draw the weights; the bias starts at zero except for the forget gate."""
        super().initialize(shape, rng, dtype)
        f = slice(2 * self.outputs, 3 * self.outputs)
        self._bias.value[f] = self.forget_bias

    def step(self, gates: Array, products: Array, old: Array, new: Array) -> None:
        (_, c, _), (h_new, c_new, tanh_c) = old, new
        gates += products
        g, i, f, o = gates
        np.tanh(g, out=g)
        sigmoid(gates[1:])  # i, f and o
        np.multiply(f, c, out=c_new)
        c_new += np.multiply(i, g, out=h_new)
        np.tanh(c_new, out=tanh_c)
        np.multiply(o, tanh_c, out=h_new)

    def step_back(
        self, step: Step, dgates: Array, dproducts: Array, dold: Array, dnew: Array
    ) -> None:
        """Write the gradients; e is that with respect to c', through h' and the next step.

        e = dc' + dh' o (1 - tanh(c')^2), dg = e i (1 - g^2), di = e g i (1 - i),
        df = e c f (1 - f), do = dh' tanh(c') o (1 - o), and dc = e f.
        """
        gates, (_, c, _), (_, _, tanh_c) = step
        g, i, f, o = gates
        dg, di, df, do = dgates
        (dh, dc), (dh_new, dc_new) = dold, dnew
        tanh_slope(tanh_c, out=dc)
        dc *= o
        dc *= dh_new
        dc += dc_new  # e
        tanh_slope(g, out=dg)
        sigmoid_slope(gates[1:], out=dgates[1:])  # of i, f and o
        dg *= i
        di *= g
        df *= c
        dgates[:3] *= dc
        do *= tanh_c
        do *= dh_new
        dc *= f
        dh.fill(0)  # h affects nothing but the gates
