"""Who runs in the races of training steps: those who are installed and compute the same."""

from __future__ import annotations

from fitting import entrants, racer
from frameworks import Jax, JaxScan, Sklearn, Torch, TorchCompiled, TorchFused
from handwritten import Handwritten
from literal import Literal
from mlp import Peer, Plugnet, Problem, products
from racing import Racer

PEERS: tuple[type[Peer], ...] = (
    Handwritten, Torch, TorchFused, TorchCompiled, Jax, JaxScan, Sklearn, Literal
)  # fmt: skip

#: Those that need nothing but NumPy.
OWN = (Handwritten, Literal)


def line_up(problem: Problem, quick: bool = False) -> tuple[list[Racer], dict[str, str]]:
    """Return plugnet, the products and all peers that can run, and why the others cannot.

    Raises:
        DifferentError: a peer computes something else.
    """
    x, y = problem.data()

    def make(kind: type[Peer], one_batch: bool) -> Peer:
        rows = slice(problem.batch if one_batch else None)
        return kind(problem, x[rows], y[rows])

    def own(one_batch: bool) -> Peer:
        return make(Plugnet, one_batch)

    racers, skipped = entrants(own, PEERS, make, lambda kind: quick and kind not in OWN)
    return [racer(own(False)), products(problem), *racers], skipped
