"""The plain recurrent layer."""

from __future__ import annotations

from plugnet import registry
from plugnet.arrays import Array
from plugnet.interfaces import Activation, Initializer
from plugnet_recurrent.recurrent import Recurrent, Step


class RNN(Recurrent):
    """h' = f(x W + b + h U) (Elman 1990; PyTorch's RNN, with one bias for its two).

    Usually f is tanh or relu; any activation will do.

    >>> import numpy as np
    >>> from plugnet import registry
    >>> half = ("constant", 0.5)
    >>> layer = registry.layers.build(
    ...     "rnn", 1, True, activation="identity", initializer=half, recurrent_initializer=half
    ... )
    >>> layer.initialize((3, 1), np.random.default_rng(0), np.dtype("float64"))
    >>> layer.forward(np.ones((1, 3, 1))).tolist()
    [[[0.5], [0.75], [0.875]]]
    """

    gate_count = 1
    operations = 1

    def __init__(
        self,
        outputs: int,
        return_sequences: bool = False,
        padding: bool = False,
        reverse: bool = False,
        activation: Activation | str = "tanh",
        initializer: Initializer | str = "xavier",
        recurrent_initializer: Initializer | str = "orthogonal",
    ) -> None:
        """Describe the layer as `Recurrent` does; ``activation`` is f."""
        super().__init__(
            outputs, return_sequences, padding, reverse, initializer, recurrent_initializer
        )
        self.activation = registry.activations.resolve(activation)

    def step(self, gates: Array, products: Array, old: Array, new: Array) -> None:
        (h,), (a,) = new, gates
        a += products[0]
        self.activation.forward(a, out=h)

    def step_back(
        self, step: Step, dgates: Array, dproducts: Array, dold: Array, dnew: Array
    ) -> None:
        """Write da = dh' f'(a), where a = x W + b + h U."""
        (a,), _, (h,) = step
        (da,), (dh,) = dgates, dnew
        self.activation.derivative(a, h, out=da)
        da *= dh
        dold.fill(0)  # h affects nothing but a
