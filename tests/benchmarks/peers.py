"""Who runs in the races of training steps: those who are installed and compute the same."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from frameworks import Jax, Sklearn, Torch, TorchCompiled, TorchFused
from literal import Literal
from mlp import Peer, Plugnet, Problem, products
from racing import Racer

PEERS: tuple[type[Peer], ...] = (Torch, TorchFused, TorchCompiled, Jax, Sklearn, Literal)


def line_up(problem: Problem, quick: bool = False) -> tuple[list[Racer], dict[str, str]]:
    """Return plugnet, the products and all peers that can run, and why the others cannot.

    Before, each peer takes three steps on a single batch and must come to plugnet's loss and
    weights: races between different computations are worthless.

    Raises:
        RuntimeError: a peer does not.
    """
    x, y = problem.data()
    racers = [_racer(Plugnet(problem, x, y)), products(problem)]
    skipped: dict[str, str] = {}
    for kind in PEERS:
        if quick and kind is not Literal:
            skipped[kind.name] = "a quick run"
            continue
        try:
            _check(problem, kind)
            racers.append(_racer(kind(problem, x, y)))
        except ImportError as error:
            skipped[kind.name] = f"not installed: {error}"
        except NotImplementedError as error:
            skipped[kind.name] = str(error)
    return racers, skipped


def _racer(peer: Peer) -> Racer:
    return Racer(peer.name, partial(peer.clock, 1), peer.clock)


def _check(problem: Problem, kind: type[Peer]) -> None:
    x, y = problem.data()
    one = slice(problem.batch)
    own, theirs = (make(problem, x[one], y[one]) for make in (Plugnet, kind))
    start = np.concatenate([array.ravel() for array in own.weights()])
    own.clock(3)
    theirs.clock(3)
    ours, other = (
        np.concatenate([np.ravel(array) for array in peer.weights()]) for peer in (own, theirs)
    )
    apart = float(np.linalg.norm(ours - other) / np.linalg.norm(ours - start))
    losses = own.first_loss(), theirs.first_loss()
    if apart > 2e-3 or not math.isclose(*losses, rel_tol=1e-5):
        raise RuntimeError(
            f"{kind.name} computes something else: its first loss is {losses[1]}, plugnet's is "
            f"{losses[0]}; after three steps the weights differ by {apart:.2%} of their change."
        )
