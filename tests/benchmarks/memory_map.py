"""Races training from a memory map of 20 GB against training from an array in memory.

    python tests/benchmarks/memory_map.py [--gigabytes 20] [--filled] [--folder DIR] [--json FILE]

The network is 784-50-50-10 with tanh, batch 100, sgd with momentum and weight decay, in shuffled
order. A racer's stretch is a `Trainer.fit`, of whose time what it takes to begin is part: from the
map, that is reading the first window. The array in memory has the 60,000 rows of MNIST.

The file is a hole of zeros: the system makes up its pages, so no disk takes part, and the rest is
as for a real file. ``--filled`` writes it, which takes as much disk as it says, and then the disk
decides. Before each stretch the system is asked to forget what it holds of the file, where it can.
The map is read by a second thread, so the figure needs a second processor that is idle.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from plugnet import Network, Trainer
from plugnet.arrays import Array
from racing import Racer, options, race, table, write

FEATURES = 784


def main() -> None:
    """Make the file, run the race, print its table and delete the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gigabytes", type=float, default=20.0, help="of the file (20)")
    parser.add_argument("--filled", action="store_true", help="write the file, not only its size")
    parser.add_argument("--folder", help="where the file is made; else where temporary files are")
    parser.add_argument("--steps", type=int, default=2000, help="per stretch (2000)")
    chosen = options(parser, rounds=9)
    rows = int(chosen.gigabytes * 1e9) // (FEATURES * 4)
    rng = np.random.default_rng(0)
    held = rng.random((60_000, FEATURES), dtype=np.float32)
    with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
        path = Path(folder) / "train_data.npy"
        make(path, rows, held if chosen.filled else None)
        mapped = np.load(path, mmap_mode="r")
        racers = [
            Racer("in memory", lambda: None, clock(held, rng, lambda: None)),
            Racer("memory map", lambda: None, clock(mapped, rng, lambda: forget(path))),
        ]
        work = {
            "network": "784-50-50-10, tanh, batch 100, sgd 0.9, l2, shuffled",
            "in memory": f"{held.shape} float32, {held.nbytes / 1e9:.2f} GB",
            "memory map": f"{mapped.shape} float32, {mapped.nbytes / 1e9:.2f} GB, "
            f"{'filled' if chosen.filled else 'a hole'}",
            "a stretch": f"{chosen.steps} steps, {chosen.threads} thread(s) for the products",
        }
        result = race("training step", racers, chosen.rounds, chosen.steps, work)
        print(table(result) + f"  resident at most: {peak():.0f} MB of this process\n", flush=True)
        del mapped
    write(chosen.json, chosen.threads, [result])


def make(path: Path, rows: int, content: Array | None) -> None:
    """Write a file of so many rows: ``content`` again and again, or a hole of zeros."""
    with path.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (rows, FEATURES)}
        np.lib.format.write_array_header_1_0(file, header)
        if content is None:
            file.truncate(file.tell() + rows * FEATURES * 4)
            return
        for start in range(0, rows, len(content)):
            file.write(content[: rows - start].tobytes())
        os.fsync(file.fileno())


def clock(x: Array, rng: np.random.Generator, before: Callable[[], None]) -> Callable[[int], float]:
    """Return what trains for so many steps on ``x`` and says how long it took."""
    y = rng.integers(0, 10, len(x))
    layers = [("fc", FEATURES, 50), "tanh", ("fc", 50, 50), "tanh", ("fc", 50, 10)]
    trainer = Trainer(Network(layers))

    def train(steps: int) -> float:
        before()
        already = trainer.history.seconds
        return trainer.fit(x, y, steps).seconds - already

    return train


def forget(path: Path) -> None:
    """Ask the system to drop the file's pages from memory; what it does not offer is left out."""
    if hasattr(os, "posix_fadvise"):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def peak() -> float:
    """Return the most memory that the process has held, in MB; NaN on Windows."""
    try:
        import resource
    except ImportError:
        return float("nan")
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return held / (1e6 if sys.platform == "darwin" else 1e3)  # there in bytes


if __name__ == "__main__":
    main()
