"""Races a training step of LeNet, and convolution and pooling alone over six geometries each.

    python tests/benchmarks/race_lenet.py [--only step] [--threads 1] [--json FILE]

What a step is, and who runs, is in lenet.py; the layers alone are in image_layers.py. All that is
raced must first give plugnet's results.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

import image_layers
import lenet
from fitting import divided, entrants, racer
from image_layers import Calls, Work
from mlp import bare
from plugnet.arrays import Array
from plugnet.training.timing import Stage, stages_of
from racing import DifferentError, Racer, Result, options, race, table, why_not, write

RACES = ("step", "convolution", "pooling")


def main() -> None:
    """Run the chosen races and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=RACES, help="only these races")
    chosen = options(parser)
    results = []
    for name in [chosen.only] if chosen.only else RACES:
        if name == "step":
            results += [step(chosen.rounds, chosen.threads, chosen.quick)]
        else:
            works = image_layers.CONVOLUTIONS if name == "convolution" else image_layers.POOLS
            for work in works:
                results += layers(work, chosen.rounds, chosen.threads, chosen.quick)
    print(summary(results))
    write(chosen.json, chosen.threads, results)


def step(rounds: int, threads: int, quick: bool) -> Result:
    """Race the training steps and print the table."""
    x, y = lenet.data()

    def make(kind: type[lenet.Peer], one_batch: bool) -> lenet.Peer:
        rows = slice(lenet.BATCH if one_batch else None)
        return kind(x[rows], y[rows])

    def own(one_batch: bool) -> lenet.Peer:
        return make(lenet.Plugnet, one_batch)

    peers, skipped = entrants(own, lenet.PEERS, make, lambda _: quick)
    racers = [racer(own(False)), products(stages_of(lenet.network()), lenet.BATCH), *peers]
    work = {
        "network": "20@5x5, max pool 2, 50@5x5, max pool 2, 500 relu, 10; 28 x 28 x 1",
        "batch": f"{lenet.BATCH} of {lenet.ROWS} shuffled images, float32, {threads} thread(s)",
        "step": "fetch, forward, loss, backward, decay, update with momentum",
    }
    result = race("LeNet: one training step", racers, rounds, work=work, skipped=skipped)
    print(table(result), flush=True)
    return result


def products(stages: Sequence[Stage], batch: int, which: slice = slice(None)) -> Racer:
    """Return the bare matrix products of layers, or ``which`` of them, as one racer.

    A kernel counts as a matrix that meets every patch of an image, without cutting them out.
    """
    return bare([call for stage in stages for call in stage.products(batch)[0][which]])


def layers(work: Work, rounds: int, threads: int, quick: bool) -> list[Result]:
    """Race one layer forward and backward and print the tables."""
    peers: dict[str, tuple[Callable[[], Calls], Callable[[Sequence[Any]], list[Array]]]] = {
        "PyTorch, default layout": (partial(image_layers.torch, work), image_layers.from_torch),
        "PyTorch, channels_last": (
            partial(image_layers.torch, work, channels_last=True),
            image_layers.from_torch,
        ),
        "JAX jit": (partial(image_layers.jax, work), _as_numpy),
    }
    calls = {"plugnet": image_layers.plugnet(work)}
    skipped: dict[str, str] = {}
    for name, (make, convert) in peers.items():
        try:
            if quick:
                raise NotImplementedError("a quick run")
            calls[name] = make()
            _check_layer(name, calls["plugnet"], calls[name], convert)
        except Exception as error:
            calls.pop(name, None)
            skipped[name] = why_not(error)
    gradients = "dx" if work.outputs is None else "dx, dw and db"
    conditions = {"work": f"batch {image_layers.BATCH}, float32, {threads} thread(s)"}
    results = []
    for index, what in enumerate(("forward", f"backward ({gradients})")):
        racers = [Racer(name, pair[index]) for name, pair in calls.items()]
        racers[0] = divided("plugnet", calls["plugnet"][index])
        if work.outputs is not None:
            stage = Stage("", work.layer(), work.shape, gives_dx=True)
            racers.insert(1, products([stage], image_layers.BATCH, (slice(1), slice(1, 3))[index]))
        title = f"{work}: {what}"
        results.append(race(title, racers, rounds, work=conditions, skipped=skipped))
        print(table(results[-1]), flush=True)
    return results


def _as_numpy(results: Sequence[Any]) -> list[Array]:
    return [np.asarray(result) for result in results]


def _check_layer(
    name: str, own: Calls, theirs: Calls, convert: Callable[[Sequence[Any]], list[Array]]
) -> None:
    """Compare results.

    Raises:
        DifferentError: they differ by more than rounding.
    """
    for mine, other in zip(own, theirs, strict=True):
        for a, b in zip(mine(), convert(other()), strict=True):
            if a.shape != b.shape or np.abs(a - b).max() > 1e-4 * np.abs(a).max():
                raise DifferentError(f"{name} computes something else.")


def summary(results: Sequence[Result]) -> str:
    """Return all ratios, peer / plugnet, as text of at most 80 columns."""
    rows = ["How many times as long as plugnet:"]
    for result in results:
        rows.append(result.title)
        rows += [f"    {line.name:40}{line.ratio:>8.2f}x" for line in result.lines[1:]]
    return "\n".join(rows)


if __name__ == "__main__":
    main()
