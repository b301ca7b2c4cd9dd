"""The plain recurrent layer."""

from __future__ import annotations

from plugnet import registry
from plugnet.arrays import Array
from plugnet.interfaces import Activation, Initializer
from plugnet_recurrent.recurrent import Recurrent


class RNN(Recurrent):
    """h' = f(x W + b + h U) (Elman 1990; PyTorch's RNN, with one bias for its two).

    As a rule f is tanh, or relu; any activation can be named.
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
        self,
        gates: Array,
        old: Array,
        new: Array,
        dgates: Array,
        dproducts: Array,
        dold: Array,
        dnew: Array,
    ) -> None:
        """Write da = dh' f'(a), where a = x W + b + h U."""
        (h,), (a,), (da,), (dh,) = new, gates, dgates, dnew
        self.activation.derivative(a, h, out=da)
        da *= dh
        dold.fill(0)  # h goes into a only
