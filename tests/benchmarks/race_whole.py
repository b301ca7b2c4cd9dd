"""Races whole processes: from their start to a trained, evaluated and saved MNIST network.

    python tests/benchmarks/race_whole.py --data FOLDER [--rounds 7] [--threads 1] [--json FILE]

FOLDER holds the four original files of MNIST. Without it the embedded digits of 8 by 8 pixels take
their place: then it is mostly the start that is raced. The programs are in whole.py. A process is
measured as the system sees it: wall time, processor time, and the most memory it ever held.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from statistics import median

from racing import options, write

WORK = "784-50-50-10 (64 for the digits), tanh, float32, 800 batches of 100"
PROGRAMS = {"plugnet": "plugnet", "pytorch": "torch", "jax": "jax", "sklearn": "sklearn"}

#: Writes the embedded digits as MNIST's four files.
DIGITS = """
import gzip, struct, sys
from pathlib import Path
from plugnet import registry
digits = registry.datasets.build("digits").load()
for part, x, y in (
    ("train", digits.train.x, digits.train.y), ("t10k", digits.test.x, digits.test.y)
):
    images = struct.pack(">4i", 0x803, len(x), 8, 8) + (x * 255).astype("u1").tobytes()
    labels = struct.pack(">2i", 0x801, len(y)) + y.astype("u1").tobytes()
    Path(sys.argv[1], f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
    Path(sys.argv[1], f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
"""


@dataclass(frozen=True)
class Run:
    """One process: seconds of wall and processor time, peak memory in bytes, accuracy."""

    wall: float
    processor: float
    memory: float
    accuracy: float


def main() -> None:
    """Run all programs in turn, round by round, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="the four files of MNIST")
    chosen = options(parser, rounds=7)
    skipped = {}
    for name, module in PROGRAMS.items():
        if importlib.util.find_spec(module) is None:
            skipped[name] = "not installed"
        elif chosen.quick and name != "plugnet":
            skipped[name] = "a quick run"
    names = [name for name in PROGRAMS if name not in skipped]
    runs: dict[str, list[Run]] = {name: [] for name in ("import numpy", *names)}
    with tempfile.TemporaryDirectory() as scratch:
        if chosen.data is None:
            subprocess.run([sys.executable, "-c", DIGITS, scratch], check=True)
        folder = str(chosen.data.resolve()) if chosen.data else scratch
        model = str(Path(scratch, "model"))
        codes = {"import numpy": "import numpy; print(0)"}
        for name in names:
            codes[name] = f"import whole; print(whole.{name}({folder!r}, {model!r}))"
        for start in range(chosen.rounds):
            for place in range(len(runs)):
                name = list(runs)[(start + place) % len(runs)]
                runs[name].append(process(codes[name]))
    medians = {name: middle(taken) for name, taken in runs.items()}
    data = "MNIST" if chosen.data else "the embedded digits"
    print(f"whole process: {data}, {chosen.threads} thread(s), medians of {chosen.rounds} rounds")
    print(f"  work: {WORK}")
    print(table(medians, skipped))
    lines = [{"name": name, **asdict(run)} for name, run in medians.items()]
    write(chosen.json, chosen.threads, [], whole=lines, skipped=skipped, data=data, work=WORK)


def process(code: str) -> Run:
    """Run Python code that prints a number last, and return what the system says of it.

    Bytecode is cached, as it is for anyone who has not forbidden it.

    Raises:
        RuntimeError: the code failed.
    """
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=Path(__file__).parent,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as child:
        shown = "" if child.stdout is None else child.stdout.read()
        _, child.returncode, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - start
    if child.returncode:
        raise RuntimeError(f"This failed: {code}")
    memory = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Run(wall, usage.ru_utime + usage.ru_stime, memory, float(shown.split()[-1]))


def middle(taken: list[Run]) -> Run:
    """Return the median of each figure."""
    return Run(*(median(column) for column in zip(*map(astuple, taken), strict=True)))


def table(medians: dict[str, Run], skipped: dict[str, str]) -> str:
    """Return the medians as text, and how many times plugnet's they are."""
    own = medians["plugnet"]
    rows = [
        f"  {'':14}{'wall':>9}{'':>8}{'processor':>11}{'':>8}{'peak memory':>13}{'':>6} accuracy"
    ]
    rows += [
        f"  {name:14}{run.wall:>7.2f} s{run.wall / own.wall:>7.2f}x{run.processor:>9.2f} s"
        f"{run.processor / own.processor:>7.2f}x{run.memory / 2**20:>10.0f} MB"
        f"{run.memory / own.memory:>7.2f}x {run.accuracy:.4f}"
        for name, run in medians.items()
    ]
    rows += [f"  skipped: {name} ({reason})" for name, reason in skipped.items()]
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    main()
