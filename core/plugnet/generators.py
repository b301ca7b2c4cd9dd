"""The places of random generators: what layers draw is a function of seed, iteration and shard."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

#: How far apart the places for one step after another lie, as in PCG64.jumped.
STRIDE = 0x9E3779B97F4A7C15F39CC0605CEDC835
MOST_SHARDS = 1 << 20


class Generators:
    """The generators of a network's layers.

    Attributes:
        drawing: each of them, with the state that it began with.
    """

    def __init__(self, rngs: Mapping[str, np.random.Generator]) -> None:
        """Take the generators by the layers' paths; their states now are the first ones."""
        self._rngs = rngs
        self.drawing: list[tuple[Any, Mapping[str, Any]]] = [
            (rng.bit_generator, rng.bit_generator.state) for rng in rngs.values()
        ]

    def place(self, iteration: int, shard: int = 0) -> None:
        """Place all of them for a training forward of part ``shard`` of an iteration's batch."""
        for bits, first in self.drawing:
            bits.state = first
            bits.advance((iteration * MOST_SHARDS + shard) * STRIDE % (1 << 128))

    def state(self) -> dict[str, Any]:
        """Return their states by path, as JSON has them."""
        return {path: rng.bit_generator.state for path, rng in self._rngs.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Put all of them where `state` found them.

        Raises:
            KeyError, TypeError, ValueError: it is not the state of these generators.
        """
        if state.keys() != self._rngs.keys():
            raise KeyError(f"the generators must be those of {list(self._rngs)}")
        for path, rng in self._rngs.items():
            rng.bit_generator.state = state[path]
