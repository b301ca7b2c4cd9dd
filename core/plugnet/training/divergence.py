"""Divergence: where in a network numbers have ceased to be finite."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from plugnet.arrays import Array
from plugnet.errors import DataError, DivergenceError
from plugnet.interfaces import Batch, Layer
from plugnet.layers import walk
from plugnet.network import Network

#: Parameters whose norms a message shows.
MOST_NORMS = 4


def check_batch(batch: Batch, allow_missing: bool) -> None:
    """Check that it is not the samples that are not finite; with ``allow_missing`` NaN is allowed.

    Raises:
        DataError: a sample is not finite.
    """
    usable = np.isfinite(batch.x) | (np.isnan(batch.x) & allow_missing)
    finite = usable.reshape(len(batch.x), -1).all(axis=1)
    if not finite.all():
        raise DataError(
            "A batch has a sample that is NaN or infinite. It was put there after the samples were "
            f"checked: {batch.x[int(np.argmin(finite))]}.",
            row=None,
        )


def are_finite(network: Network) -> bool:
    """Tell whether all parameters and statistics are finite."""
    return all(np.isfinite(parameter.value).all() for parameter in network.parameters().values())


def diverged(
    network: Network, x: Array | None, iteration: int, loss: float, rate: float
) -> DivergenceError:
    """Return the error, after one pass that looks for the first layer that is not finite.

    Args:
        network: whose training has diverged.
        x: the samples of the batch, ``(N, *shape)``; None if only the parameters are looked at.
        iteration: how many iterations were done.
        loss: of the last batch.
        rate: the learning rate of the last update, or the one to come.
    """
    layer, what = _first(network, x, iteration)
    if not math.isfinite(rate):
        what = f"the learning rate is {rate}"
    elif layer is None:
        what = f"the loss is {loss}, though all of the network's outputs are finite"
    elif not math.isfinite(loss):
        what = f"the loss is {loss}; {what}"
    return DivergenceError(
        f"Training has diverged at iteration {iteration}: {what}, with a learning rate of "
        f"{rate:.4g}.{_norms(network, layer)} Lower the rate, clip the gradients by the hook "
        "clip_gradients, or scale the data.",
        iteration=iteration,
        loss=loss,
        rate=rate,
        layer=layer,
    )


def _first(network: Network, x: Array | None, iteration: int) -> tuple[str | None, str]:
    """Return the path of the first layer that is not finite, and what of it is not."""
    for path, parameter in network.parameters().items():
        if not np.isfinite(parameter.value).all():
            return path.rpartition(".")[0], f"{path} is the first parameter that is not finite"
    if x is not None:
        with _watched(walk(network.chain.inner())) as found:
            network.place(iteration)
            network.forward(x, training=True)  # as in the step that failed
        if found:
            return found[0], f"{found[0]} is the first layer whose outputs are not finite"
    return None, ""


@contextmanager
def _watched(layers: Mapping[str, Layer]) -> Iterator[list[str]]:
    """Note, within the block, the layers whose outputs are not finite, inner ones first."""
    found: list[str] = []

    def watch(path: str, forward: Callable[..., Array]) -> Callable[..., Array]:
        def watching(*args: Any, **options: Any) -> Array:
            y = forward(*args, **options)
            if not np.isfinite(y).all():
                found.append(path)
            return y

        return watching

    try:
        for path, layer in layers.items():
            vars(layer)["forward"] = watch(path, layer.forward)
        yield found
    finally:
        for layer in layers.values():
            vars(layer).pop("forward", None)


def _norms(network: Network, layer: str | None) -> str:
    """Return the norms of a layer's parameters and gradients, or those of the whole network."""
    own = {
        path: parameter
        for path, parameter in network.parameters().items()
        if layer is None or path.startswith(f"{layer}.")
    }
    if not own:
        return ""
    norms = {path: (_norm(p.value), _norm(p.grad)) for path, p in own.items()}
    largest = sorted(norms, key=lambda path: norms[path], reverse=True)[:MOST_NORMS]
    found = ", ".join(
        f"{path} {norms[path][0]:.3g} (gradient {norms[path][1]:.3g})" for path in largest
    )
    return f" The largest norms are: {found}."


def _norm(array: Array) -> float:
    """Return the norm; infinity for NaN, which sorts nowhere."""
    norm = float(np.linalg.norm(array.astype(np.float64)))
    return math.inf if math.isnan(norm) else norm
