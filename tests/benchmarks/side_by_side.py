"""What a training takes alone, and next to another one on the same processors.

    python tests/benchmarks/side_by_side.py [--threads 2] [--rounds 5] [--json FILE]

The steps are those of mlp.py and lenet.py. Each training is a process of its own, with so many
threads or with one. Two begin their steps at the same moment; the time is the slower one's.
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

#: Builds a racer, waits for a line, trains, and prints the seconds per step.
TRAINING = """
import sys
what, peer, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
if what == "lenet":
    from lenet import Plugnet, TorchChannelsLast, data
    made = (Plugnet if peer == "plugnet" else TorchChannelsLast)(*data())
else:
    from frameworks import TorchFused
    from mlp import Plugnet
    from race_mlp import NETS
    problem = NETS[what]
    made = (Plugnet if peer == "plugnet" else TorchFused)(problem, *problem.data())
made.clock(3)
steps = max(1, round(seconds / (made.clock(3) / 3)))
print("ready", flush=True)
sys.stdin.readline()
print(made.clock(steps) / steps)
"""


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    chosen = options(parser, rounds=5, threads=os.cpu_count() or 1)
    lines = []
    print(f"one step, ms{'':10}{'threads':>10}{'alone':>10}{'two at once':>14}{'ratio':>9}")
    for what in WHAT[:1] if chosen.quick else WHAT:
        for peer in PEERS[:1] if chosen.quick else PEERS:
            for threads in sorted({1, chosen.threads}):
                lines.append(line(what, peer, threads, chosen.rounds, chosen.quick))
                alone, both = lines[-1]["alone"], lines[-1]["both"]
                print(
                    f"{what:8}{peer:14}{threads:>10}{alone * 1e3:>10.2f}{both * 1e3:>14.2f}"
                    f"{both / alone:>8.2f}x",
                    flush=True,
                )
    write(chosen.json, chosen.threads, [], side_by_side=lines)


def line(what: str, peer: str, threads: int, rounds: int, quick: bool) -> dict[str, Any]:
    """Return the medians, in turn alone and two at once, in seconds per step."""
    times: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(rounds):
        for count, taken in times.items():
            taken.append(slowest(count, what, peer, threads, quick))
    alone, both = median(times[1]), median(times[2])
    return {"what": what, "peer": peer, "threads": threads, "alone": alone, "both": both}


def slowest(count: int, what: str, peer: str, threads: int, quick: bool) -> float:
    """Train in so many processes at once, and return the seconds per step of the slowest."""
    seconds = 0.01 if quick else SECONDS
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", TRAINING, what, peer, str(seconds)],
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
