"""Races this version of plugnet against another one, as that before a change.

    python tests/benchmarks/race_before.py --before ENVIRONMENT/bin/python [--only NAME]

--before is the Python of an environment in which the other version is installed. A round starts a
process of each version, as where its arrays happen to lie makes a process faster or slower for
good; they take stretches in turn. A round's ratio is the median of its stretches'. The table shows
medians over the rounds, and the 95 % interval of the ratio; above 1 this version is faster.
Steps of `Trainer.fit` are timed without what comes before the first; sizes are as in race_mlp.py.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from racing import REST, Racer, calibrate, options, shown, write

STRETCHES = 7  # of each version in a round
SERVE = "import sys, race_before; race_before.serve(*sys.argv[1:])"
VERSIONS = (
    "import sys, numpy; print('NumPy', numpy.__version__, 'in Python', sys.version.split()[0])"
)
F = "fc", None
LENET: list[Any] = [("conv2d", 20, 5), ("max_pool", 2), ("conv2d", 50, 5), ("max_pool", 2)]
NETS: dict[str, tuple[list[Any], tuple[int, ...], int]] = {  # layers, samples, batch
    "small": ([(*F, 50), "tanh", (*F, 50), "tanh", (*F, 10)], (10_000, 784), 100),
    "large": ([(*F, 1024), "tanh", (*F, 1024), "tanh", (*F, 10)], (2_560, 784), 256),
    "tiny": ([(*F, 16), "tanh", (*F, 16), "tanh", (*F, 3)], (4_096, 20), 32),
    "lenet": ([*LENET, (*F, 500), "relu", (*F, 10)], (1_280, 28, 28, 1), 64),
}
TRAINING: dict[str, Any] = {
    "sgd": {"optimizer": ("sgd", 0.9), "policy": ("fixed", 0.01)},
    "adam": {"optimizer": "adam", "policy": ("fixed", 0.001)},
}
WORKS = [f"{net} {optimizer}" for net in NETS for optimizer in TRAINING]
WORKS += ["small 1", "small 10000"]  # rows that are predicted


def main() -> None:
    """Race all works and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", required=True, metavar="PYTHON", help="of the other version")
    parser.add_argument("--only", choices=WORKS, metavar="NAME", help=f"one of {', '.join(WORKS)}")
    chosen = options(parser, rounds=15)
    pythons = {"before": chosen.before, "now": sys.executable}
    for name, python in pythons.items():
        print(f"{name:7}", subprocess.check_output([python, "-c", VERSIONS], text=True), end="")
    print(f"{'':14}{'before':>11}{'now':>11}   before / now, 95 % interval")
    lines = []
    for work in [chosen.only] if chosen.only else WORKS:
        lines.append(line(work, pythons, chosen.rounds))
        before, now, ratio, low, high = list(lines[-1].values())[1:]
        times = f"{work:14}{shown(before):>11}{shown(now):>11}"
        print(f"{times}{ratio:>9.3f}x   {low:.3f} to {high:.3f}", flush=True)
    write(chosen.json, chosen.threads, [], before=lines, rounds=chosen.rounds)


def line(work: str, pythons: dict[str, str], rounds: int) -> dict[str, Any]:
    """Return the medians of both versions' seconds and of their ratio, with its interval."""
    times = np.empty((rounds, STRETCHES, 2))
    steps = 0
    for number, taken in enumerate(times):
        with serving(pythons["before"], work) as before, serving(pythons["now"], work) as now:
            racers, steps = (before, now), steps or calibrate(now)
            before.seconds(steps), now.seconds(steps)  # to warm up
            for turn in range(STRETCHES):
                for place in ((0, 1), (1, 0))[(number + turn) % 2]:
                    time.sleep(REST)
                    taken[turn, place] = racers[place].seconds(steps) / steps
    seconds = dict(zip(pythons, map(float, np.median(times, (0, 1))), strict=True))
    ratios = np.median(times[..., 0] / times[..., 1], 1)
    low, high = interval(ratios)
    return {"work": work, **seconds, "ratio": float(np.median(ratios)), "low": low, "high": high}


def interval(values: NDArray[Any]) -> tuple[float, float]:
    """Return the 95 % interval of the median of six or more values; of fewer, their range."""
    count = len(values)  # each of which lies below the true median by the toss of a coin
    fewer = accumulate(comb(count, k) / 2**count for k in range(count))
    cut = max(sum(chance <= 0.025 for chance in fewer) - 1, 0)
    return float(np.sort(values)[cut]), float(np.sort(values)[-1 - cut])


@contextmanager
def serving(python: str, work: str) -> Iterator[Racer]:
    """Start a process in which a version works, and yield it as a racer."""
    command, pipe = [python, "-W", "ignore", "-c", SERVE, *work.split()], subprocess.PIPE
    here = Path(__file__).parent
    with subprocess.Popen(command, cwd=here, stdin=pipe, stdout=pipe, text=True) as process:

        def clock(steps: int) -> float:
            print(steps, file=process.stdin, flush=True)
            assert process.stdout is not None
            return float(process.stdout.readline())

        yield Racer(python, lambda: None, clock)


def serve(net: str, how: str) -> None:
    """In a process: read how many steps to take, and print how long they took, again and again."""
    from plugnet import Network, Trainer

    layers, shape, batch = NETS[net]
    network, threads = Network(layers), int(os.environ["OMP_NUM_THREADS"])
    trainer = Trainer(network, **TRAINING.get(how, {}), batch_size=batch, threads=threads)
    x, y = np.random.default_rng(1).random(shape, dtype=np.float32), np.arange(shape[0]) % 3
    rows = x if how in TRAINING else x[: int(how)]
    predicting = Racer(how, lambda: network.predict(rows))
    for steps in map(int, sys.stdin):
        if how in TRAINING:
            already = trainer.history.seconds
            print(trainer.fit(x, y, steps).seconds - already, flush=True)
        else:
            print(predicting.seconds(steps), flush=True)


if __name__ == "__main__":
    main()
