"""Branches: several layers side by side."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.errors import ArgumentError, ShapeError
from plugnet.interfaces import Layer
from plugnet_composition.fork import Fork, as_chain

#: The operation that joins the outputs; concatenation has none.
JOINS: Final[Mapping[str, np.ufunc | None]] = {
    "concatenate": None,
    "sum": np.add,
    "mean": np.add,
    "max": np.maximum,
    "product": np.multiply,
}


class Branches(Fork):
    """y = join(f_1(x), ..., f_n(x)): each branch is given x, and their outputs are joined.

    With concatenation along the last axis, the channels of images, it is an Inception module
    (Szegedy et al. 2015); a product with a branch that ends in a sigmoid is a gate.

    >>> import numpy as np
    >>> from plugnet import registry
    >>> layer = registry.layers.build("branches", ["relu", "identity"], join="sum")
    >>> layer.initialize((2,), np.random.default_rng(0), np.dtype("float64"))
    >>> layer.forward(np.array([[3.0, -3.0]])).tolist()
    [[6.0, -3.0]]
    """

    _outputs: Sequence[Array]
    _joined: Array
    _left: Array | None = None

    def __init__(self, branches: Iterable[Any], join: str = "concatenate") -> None:
        """Build the branches.

        Args:
            branches: at least one, each a layer in any form; for layers in a row write
                ``["chain", [...]]``.
            join: "concatenate" (along the last axis), "sum", "mean", "max" or "product".

        Raises:
            ArgumentError: there is no branch, or ``join`` is unknown.
            RegistryError: a name cannot be built.
        """
        single = isinstance(branches, str | Mapping) or not isinstance(branches, Iterable)
        self.branches = () if single else tuple(map(as_chain, branches))
        if not self.branches:
            raise ArgumentError(
                "The branches must be a list of at least one, such as [('fc', 784, 10), 'tanh'], "
                f"but they are {branches!r}. Layers in a row are one branch: ['chain', [...]].",
                argument="branches",
                value=branches,
            )
        if not isinstance(join, str) or join not in JOINS:
            raise ArgumentError(
                f"'join' must be one of {', '.join(JOINS)}, but it is {join!r}.",
                argument="join",
                value=join,
            )
        self.join = join
        self._chains = self.branches
        self._buffers: list[Array | None] = [None] * len(self.branches)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        fc = ("fc", {"outputs": 3})
        pair = [fc, ("chain", [fc, "sigmoid", fc])]
        joined = [{"branches": pair, "join": join} for join in JOINS]
        return [{"branches": ["tanh"]}, {"branches": [*pair, fc], "join": "product"}, *joined]

    def inner(self) -> Mapping[str, Layer]:
        """Return the branches as chains: "branch1", "branch2" and so on."""
        return {f"branch{number}": chain for number, chain in enumerate(self._chains, 1)}

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape that all branches share; with concatenation, their last axes add up.

        Raises:
            ShapeError: they give different shapes; with concatenation, before the last axis.
        """
        shapes = [chain.output_shape(shape) for chain in self._chains]
        joins_ends = self.join == "concatenate"
        for number, given in enumerate(shapes, 1):
            fits = given and given[:-1] == shapes[0][:-1] if joins_ends else given == shapes[0]
            if not fits:
                but = " except for the last axis" if joins_ends else ""
                raise ShapeError(
                    f"With join='{self.join}' all branches must give the same shape{but}, but "
                    f"branch1 gives {shapes[0]} and branch{number} gives {given}. Change the "
                    "layers of one, or 'join'.",
                    expected=shapes[0],
                    got=given,
                )
        if joins_ends:
            return *shapes[0][:-1], sum(given[-1] for given in shapes)
        return shapes[0]

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        super().prepare(batch_shape, dtype)
        size, *shape = batch_shape
        shapes = [chain.output_shape(tuple(shape)) for chain in self._chains]
        self._buffers = [np.empty((size, *given), dtype) for given in shapes]
        self._left = np.empty((size, *shapes[0]), dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        outputs = [chain.forward(x, training) for chain in self._chains]
        out, operation = self._y if training else None, JOINS[self.join]
        if operation is None:
            y = np.concatenate(outputs, axis=-1, out=out)
        else:
            y = _fold(operation, outputs, out)
        if self.join == "mean":
            y /= len(outputs)
        if training:
            self._outputs, self._joined = outputs, y
        return y

    def backprop(self, dy: Array, inputs: bool) -> Array | None:
        """Go back through each branch, and return dx, the sum of what they give, if ``inputs``."""
        shares = zip(self._chains, self._shares(dy), strict=True)
        parts = [chain.backprop(share, inputs) for chain, share in shares]
        return _fold(np.add, parts, self._dx) if inputs else None

    def flops(self, shape: Shape) -> int:
        """Return the operations of the branches, and one per number for each joining operation."""
        operations = len(self.branches) - (self.join != "mean") if JOINS[self.join] else 0
        own = operations * math.prod(self.output_shape(shape))
        return own + sum(chain.flops(shape) for chain in self._chains)

    def _shares(self, dy: Array) -> list[Array]:
        """Return dy_i for each branch, the gradient with respect to its output y_i."""
        outputs, buffers = self._outputs, self._buffers
        match self.join:
            case "sum":
                return [dy] * len(outputs)
            case "mean":
                return [np.divide(dy, len(outputs), out=buffers[0])] * len(outputs)
            case "product":  # dy times all others: dy y / y_i would fail where y_i is 0
                others = ([*outputs[:i], *outputs[i + 1 :]] for i in range(len(outputs)))
                return [
                    _fold(np.multiply, [dy, *factors], buffer)
                    for factors, buffer in zip(others, buffers, strict=True)
                ]
            case "max":  # the first of equal outputs wins, and nothing is left for the others
                shares, left = [], dy
                for output, buffer in zip(outputs, buffers, strict=True):
                    won = np.equal(output, self._joined, out=buffer)
                    shares.append(np.multiply(left, won, out=buffer))
                    left = np.subtract(left, shares[-1], out=self._left)
                return shares
        ends = np.cumsum([output.shape[-1] for output in outputs])[:-1]
        parts = np.split(dy, ends, axis=-1)
        return [np.positive(part, out=b) for part, b in zip(parts, buffers, strict=True)]


def _fold(operation: np.ufunc, arrays: Sequence[Any], out: Array | None) -> Array:
    """Return ``arrays[0] operation arrays[1] ...``, in ``out`` or in a new array."""
    result: Array = np.positive(arrays[0], out=out)
    for array in arrays[1:]:
        operation(result, array, out=result)
    return result
