"""The residual connection."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.chain import Chain
from plugnet.errors import ShapeError
from plugnet.interfaces import Layer
from plugnet_composition.fork import Fork, as_chain


class Residual(Fork):
    """y = f(x) + x, where f is layers in a row; or y = f(x) + shortcut(x).

    He et al. 2016, equations 1 and 2: the layers learn only what to add to x, and the gradient has
    a way around them, so very deep networks can be trained.

    >>> import numpy as np
    >>> from plugnet import registry
    >>> layer = registry.layers.build("residual", ["relu"])
    >>> layer.initialize((2,), np.random.default_rng(0), np.dtype("float64"))
    >>> layer.forward(np.array([[3.0, -3.0]])).tolist()
    [[6.0, -3.0]]
    """

    def __init__(self, layers: Iterable[Any], shortcut: Any = None) -> None:
        """Build the layers.

        Args:
            layers: those of f, as `Chain` takes them.
            shortcut: a layer in any form, needed if f changes the shape; None: x itself. For layers
                in a row write ``["chain", [...]]``.

        Raises:
            ArgumentError: ``layers`` is not a list, or is empty.
            RegistryError: a name cannot be built.
        """
        self._body = Chain(layers)
        self.layers = self._body.layers
        self.shortcut = None if shortcut is None else as_chain(shortcut)
        self._chains = (self._body,) if self.shortcut is None else (self._body, self.shortcut)

    @classmethod
    def examples(cls) -> list[Any]:
        fc = ("fc", {"outputs": 4})
        return [
            {"layers": ["tanh"]},
            {"layers": [fc, "sigmoid", fc], "shortcut": fc},
            ({"layers": [fc, ("residual", ["tanh"])]}, (4,)),
        ]

    def inner(self) -> Mapping[str, Layer]:
        """Return the layers of f, and "shortcut" if there is one."""
        shortcut = {} if self.shortcut is None else {"shortcut": self.shortcut}
        return {**self._body.inner(), **shortcut}

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape that both f and the shortcut give.

        Raises:
            ShapeError: they give different shapes.
        """
        given = self._body.output_shape(shape)
        passed = shape if self.shortcut is None else self.shortcut.output_shape(shape)
        if given != passed:
            other, advice = "the shortcut gives", "the shortcut"
            if self.shortcut is None:
                other = "the input has"
                advice = f"add a shortcut, a layer that makes {given} of {passed}"
            raise ShapeError(
                "A residual adds two arrays of the same shape, but the layers give shape "
                f"{given}, and {other} shape {passed}. Change the layers, or {advice}.",
                expected=passed,
                got=given,
            )
        return given

    def forward(self, x: Array, training: bool = False) -> Array:
        passed = x if self.shortcut is None else self.shortcut.forward(x, training)
        return np.add(self._body.forward(x, training), passed, out=self._y if training else None)

    def backprop(self, dy: Array, inputs: bool) -> Array | None:
        """Go back through both, and return dx, the sum of what they give, if ``inputs``."""
        dx = self._body.backprop(dy, inputs)
        passed = dy if self.shortcut is None else self.shortcut.backprop(dy, inputs)
        return None if dx is None or passed is None else np.add(dx, passed, out=self._dx)

    def flops(self, shape: Shape) -> int:
        """Return the operations of f and the shortcut, and one per number for the sum."""
        own = math.prod(self.output_shape(shape))
        return own + sum(chain.flops(shape) for chain in self._chains)
