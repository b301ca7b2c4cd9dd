"""How many arrays and operations a kind of cell has."""

from __future__ import annotations

from typing import NamedTuple


class Cell(NamedTuple):
    """The counts in which rnn, lstm and gru differ.

    Attributes:
        gates: G, into how many parts x W + b and h U are split.
        cached: how many arrays ``(N, outputs)`` a step leaves behind, h first.
        states: how many of them the next step reads; gradients come back through these.
        operations: per output and step, besides the products and the bias.
        has_own_products: whether a step does more with h U than add it to x W + b, so that its
            gradient is another one.
    """

    gates: int
    cached: int = 1
    states: int = 1
    operations: int = 0
    has_own_products: bool = False
