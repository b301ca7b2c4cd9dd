"""Measures what it costs to save a run: the share of its time, and whether that grows.

    python tests/benchmarks/saving.py [--seconds 40] [--json FILE]

Each network is trained with the checkpoint hook as `plugnet train` has it, and a validation now and
then. Its share is the time spent in the hook, calls in which nothing is saved included, over the
time of the whole `Trainer.fit`. Then one checkpoint is timed after histories of different lengths:
the median of several, with the bytes that it writes.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from plugnet import Network, Trainer, registry
from plugnet.arrays import Array
from plugnet.training import Training

#: The layers' sizes, the batch and the optimizer.
NETWORKS = {
    "tiny": ((20, 16, 16, 3), 32, ("sgd", 0.9)),
    "small": ((784, 50, 50, 10), 100, ("sgd", 0.9)),
    "large": ((784, 1024, 1024, 10), 256, "adam"),
}
LENGTHS = (1_000, 100_000, 1_000_000)
SAVES = 9
QUICK = 0.2  # seconds of a training


def clock() -> float:
    """Return what it takes to look at the clock twice around a call: that is no part of a hook."""
    found = []
    for _ in range(10_000):
        started = time.perf_counter()
        nothing(training=None)
        found.append(time.perf_counter() - started)
    return median(found)


def nothing(training: Any) -> None:
    """Stand in for a hook."""


CLOCK = clock()


class Timed:
    """Calls a hook of checkpoints, and notes how long it takes.

    Attributes:
        seconds: spent in it.
        saves: how often it has saved.
    """

    def __init__(self, hook: Any) -> None:
        self._hook, self.seconds, self.saves = hook, 0.0, 0

    def plugnet_train_start(self, training: Training) -> None:
        """Begin."""
        self._hook.plugnet_train_start(training)

    def plugnet_evaluate_end(self, training: Training, evaluation: Any) -> None:
        """Let it see which evaluation is the best."""
        self._hook.plugnet_evaluate_end(evaluation=evaluation)

    def plugnet_checkpoint(self, training: Training) -> None:
        """Let it save if it is due."""
        started = time.perf_counter()
        self._hook.plugnet_checkpoint(training=training)
        passed = time.perf_counter() - started
        self.seconds += passed - CLOCK
        self.saves += passed > 1e-3  # a save goes through to the disk


def built(name: str, hooks: list[Any]) -> tuple[Trainer, Array, Array]:
    """Return a trainer, and samples with labels."""
    sizes, batch, optimizer = NETWORKS[name]
    layers: list[Any] = []
    for inputs, outputs in pairwise(sizes):
        layers += [("fc", inputs, outputs), "tanh"]
    rng = np.random.default_rng(0)
    x = rng.random((2_000, sizes[0]), dtype=np.float32)
    trainer = Trainer(
        Network(layers[:-1]), optimizer=optimizer, policy=("fixed", 1e-3), batch_size=batch,
        hooks=hooks,
    )  # fmt: skip
    return trainer, x, rng.integers(0, sizes[-1], len(x))


def share(name: str, seconds: float) -> dict[str, Any]:
    """Train for about the given time, and return the share of it that saving took."""
    trainer, x, y = built(name, [])
    probe = 5 if seconds < 1 else 50
    trainer.fit(x, y, probe)
    before = trainer.history.seconds  # with all that happens once
    trainer.fit(x, y, probe)
    count = int(seconds / (trainer.history.seconds - before) * probe)
    with tempfile.TemporaryDirectory() as folder:
        timed = Timed(registry.hooks.build("checkpoint", str(Path(folder) / "checkpoints")))
        trainer, x, y = built(name, [timed])
        held = (x[:500], y[:500])
        history = trainer.fit(x, y, count, validation=held, evaluate_every=max(count // 50, 1))
    return {
        "network": name,
        "seconds": history.seconds,
        "iterations": count,
        "saves": timed.saves,
        "share": timed.seconds / history.seconds,
    }


def growth(lengths: tuple[int, ...], saves: int) -> list[dict[str, Any]]:
    """Return time and bytes of a checkpoint after histories of the given lengths."""
    found = []
    for length in lengths:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "checkpoints"
            hook = registry.hooks.build("checkpoint", str(folder), iterations=1, keep=1)
            timed = Timed(hook)
            trainer, x, y = built("small", [timed])
            trainer.fit(x, y, 1)
            history = trainer.history
            history.loss += [0.5] * (length - 1)
            history.rate += [0.1] * (length - 1)
            trainer.iteration = history.iteration = length
            trainer.fit(x, y, 1)  # writes what is there once
            times, sizes = [], []
            for _ in range(saves):
                before = journal(folder)
                timed.seconds = 0.0
                trainer.fit(x, y, 1)
                times.append(timed.seconds)
                saved = max(folder.glob("*.safetensors"))
                sizes.append(saved.stat().st_size + journal(folder) - before)
            found.append({"history": length, "seconds": median(times), "bytes": median(sizes)})
    return found


def journal(folder: Path) -> int:
    """Return the size of the history in a folder of checkpoints."""
    return sum(path.stat().st_size for path in folder.glob("*.jsonl"))


def main() -> None:
    """Measure, and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=40.0, help="of each training (40)")
    parser.add_argument("--lengths", type=int, nargs="+", default=LENGTHS, help="of histories")
    parser.add_argument("--quick", action="store_true", help="one short save each, as a test")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    chosen = parser.parse_args()
    seconds = QUICK if chosen.quick else chosen.seconds
    shares = []
    print("network   seconds  iterations  saves  share of the time")
    for name in NETWORKS:
        shares.append(one := share(name, seconds))
        print(
            f"{name:8} {one['seconds']:8.1f} {one['iterations']:11,} {one['saves']:6} "
            f"{100 * one['share']:17.2f} %",
            flush=True,
        )
    print("\nhistory    to save one step later    bytes written")
    grown = growth(tuple(chosen.lengths), 2 if chosen.quick else SAVES)
    for row in grown:
        print(f"{row['history']:9,} {1e3 * row['seconds']:19.1f} ms {row['bytes']:16,.0f}")
    if chosen.json:
        chosen.json.write_text(json.dumps({"shares": shares, "growth": grown}))


if __name__ == "__main__":
    main()
