"""What a training takes alone, and next to another one on the same processors.

    python tests/benchmarks/side_by_side.py [--threads 2] [--rounds 5] [--json FILE]

The steps are those of mlp.py and lenet.py. Each training is a process of its own, or two are
Python threads of one process, with so many threads for each or with one. Two begin their steps at
the same moment; the time is the slower one's.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

from racing import options, write

WHAT = ("small", "large", "lenet")
PEERS = ("plugnet", "PyTorch")
SECONDS = 1.0  # for which each process trains

#: How many processes there are at once, and in each how many trainings.
WAYS = {"alone": (1, 1), "both": (2, 1), "one_process": (1, 2)}

#: Builds racers, waits for a line, trains, and prints the seconds per step of the slowest.
TRAINING = """
import sys
from concurrent.futures import ThreadPoolExecutor
what, peer, seconds, count = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
def make():
    if what == "lenet":
        from lenet import Plugnet, TorchChannelsLast, data
        return (Plugnet if peer == "plugnet" else TorchChannelsLast)(*data())
    from frameworks import TorchFused
    from mlp import Plugnet
    from race_mlp import NETS
    problem = NETS[what]
    return (Plugnet if peer == "plugnet" else TorchFused)(problem, *problem.data())
racers = [make() for _ in range(count)]
for racer in racers:
    racer.clock(3)
steps = max(1, round(seconds / (racers[0].clock(3) / 3)))
with ThreadPoolExecutor(count) as pool:
    print("ready", flush=True)
    sys.stdin.readline()
    print(max(pool.map(lambda racer: racer.clock(steps), racers)) / steps)
"""


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    chosen = options(parser, rounds=5, threads=os.cpu_count() or 1)
    lines = []
    print(f"one step, ms{'':10}{'threads':>8}{'alone':>9}{'two processes':>20}{'one process':>20}")
    for what in WHAT[:1] if chosen.quick else WHAT:
        for peer in PEERS[:1] if chosen.quick else PEERS:
            for threads in sorted({1, chosen.threads}):
                lines.append(line(what, peer, threads, chosen.rounds, chosen.quick))
                alone, both, one = (lines[-1][way] for way in WAYS)
                shown = "".join(f"{t * 1e3:>12.2f}{t / alone:>7.2f}x" for t in (both, one))
                print(f"{what:8}{peer:14}{threads:>8}{alone * 1e3:>9.2f}{shown}", flush=True)
    write(chosen.json, chosen.threads, [], side_by_side=lines)


def line(what: str, peer: str, threads: int, rounds: int, quick: bool) -> dict[str, Any]:
    """Return the medians of all ways, taken in turn, in seconds per step."""
    times: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, taken in times.items():
            taken.append(slowest(*WAYS[way], what, peer, threads, quick))
    found = {way: median(taken) for way, taken in times.items()}
    return {"what": what, "peer": peer, "threads": threads, **found}


def slowest(count: int, each: int, what: str, peer: str, threads: int, quick: bool) -> float:
    """Train in so many processes at once, and return the seconds per step of the slowest.

    Args:
        count: the processes.
        each: how many trainings each of them does at once, in Python threads.
        what: the network.
        peer: whose training it is.
        threads: among how many each training divides its work.
        quick: whether a few steps are enough.
    """
    seconds = 0.01 if quick else SECONDS
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", TRAINING, what, peer, str(seconds), str(each)],
            cwd=Path(__file__).parent,
            env={**os.environ, **dict.fromkeys(names, str(threads))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(count)
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    shown = [process.communicate()[0] for process in processes]
    return max(float(text) for text in shown)


if __name__ == "__main__":
    main()
