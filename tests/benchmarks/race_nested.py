"""Races a network whose layers stand in chains within chains against the same layers in a row.

python tests/benchmarks/race_nested.py [--threads 1] [--json FILE]
"""

from __future__ import annotations

import argparse
from typing import Any, ClassVar

from fitting import Fit, racer
from mlp import DECAY, MOMENTUM, Problem
from plugnet import Network
from plugnet.arrays import Array
from race_mlp import NETS
from racing import options, race, table, write

FLAT: list[Any] = [("fc", None, 50), "tanh", ("fc", None, 50), "tanh", ("fc", None, 10)]


class InARow(Fit):
    """The layers in a row."""

    name: ClassVar[str] = "in a row"
    layers: ClassVar[list[Any]] = FLAT

    def __init__(self, problem: Problem, x: Array, y: Array) -> None:
        network = Network(self.layers, x.shape[1:])
        super().__init__(
            network,
            x,
            y,
            optimizer=("sgd", MOMENTUM),
            policy=("fixed", problem.rate),
            regularizer=("l2", DECAY),
            batch_size=problem.batch,
        )


class InTwoChains(InARow):
    """The same in two chains."""

    name: ClassVar[str] = "in two chains"
    layers: ClassVar[list[Any]] = [("chain", FLAT[:2]), ("chain", FLAT[2:])]


class ThreeDeep(InARow):
    """The same in a chain in a chain in a chain."""

    name: ClassVar[str] = "in chains, three deep"
    layers: ClassVar[list[Any]] = [("chain", [("chain", [("chain", FLAT)])])]


def main() -> None:
    """Run the race and print its table."""
    chosen = options(argparse.ArgumentParser(description=__doc__.splitlines()[0]))
    problem = NETS["small"]
    x, y = problem.data()
    racers = [racer(kind(problem, x, y)) for kind in (InARow, InTwoChains, ThreeDeep)]
    work = {
        "network": "784-50-50-10, tanh",
        "batch": f"{problem.batch}, {chosen.threads} thread(s)",
    }
    result = race("Layers within layers: one training step", racers, chosen.rounds, work=work)
    print(table(result))
    write(chosen.json, chosen.threads, [result])


if __name__ == "__main__":
    main()
