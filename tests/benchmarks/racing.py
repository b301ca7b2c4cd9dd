"""What the races share: several ways to the same result, timed in turn in one run.

Each round runs every racer once, beginning with another one each time. A time is the median over
the rounds; a ratio is the median of the ratios within the rounds, so that a machine which slows
down for a while slows all alike. Ratios are against the first racer, plugnet: above 1 it wins.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

#: Seconds for which a racer runs at a stretch, and between two: with one thread, and with several,
#: of which some go on spinning after their work, and others take a while to find a free processor.
BLOCK, REST = (0.02, 0.0) if os.environ.get("OMP_NUM_THREADS") == "1" else (0.5, 0.2)
PACKAGES = ("plugnet", "numpy", "torch", "jax", "scikit-learn", "numba")


class DifferentError(Exception):
    """A peer computes something else: then a race is worthless."""


@dataclass(frozen=True)
class Racer:
    """One way to do the work.

    Attributes:
        name: as it stands in the table.
        step: does the work once.
        clock: takes so many steps and returns the seconds, for a racer that has a loop of its own
            or computes in the background. None: calls of `step` are timed.
    """

    name: str
    step: Callable[[], object]
    clock: Callable[[int], float] | None = None

    def seconds(self, steps: int) -> float:
        """Take so many steps and return how long they took, in seconds."""
        if self.clock is not None:
            return self.clock(steps)
        start = time.perf_counter()
        for _ in range(steps):
            self.step()
        return time.perf_counter() - start


@dataclass(frozen=True)
class Line:
    """What was measured of one racer.

    Attributes:
        name: the racer's.
        seconds: of one step, the median over the rounds.
        ratio: to the first racer, the median of the rounds' ratios.
        cores: processor time by wall time: how many cores were busy.
        repeats: steps at a stretch.
    """

    name: str
    seconds: float
    ratio: float
    cores: float
    repeats: int


@dataclass(frozen=True)
class Result:
    """The outcome of one race.

    Attributes:
        title: what was raced.
        lines: one per racer, in the order they were given.
        rounds: over which the medians were taken.
        work: the exact work, as shapes and what a step includes.
        skipped: the peers that did not run, and why.
    """

    title: str
    lines: list[Line]
    rounds: int
    work: Mapping[str, Any] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)


def race(
    title: str,
    racers: Sequence[Racer],
    rounds: int = 31,
    repeats: int | None = None,
    work: Mapping[str, Any] | None = None,
    skipped: Mapping[str, str] | None = None,
) -> Result:
    """Run all racers in turn, round by round.

    Args:
        title: for the table.
        racers: the first is what the others are compared with.
        rounds: how many, at least 1.
        repeats: steps at a stretch; None: for each racer, as many as last about `BLOCK`.
        work: the exact work, for the table and the JSON.
        skipped: peers that could not run, and why.
    """
    counts = [repeats or calibrate(racer) for racer in racers]
    for racer, count in zip(racers, counts, strict=True):
        racer.seconds(count)  # all have been warm once before the first round
    times: list[list[float]] = [[] for _ in racers]
    cores: list[list[float]] = [[] for _ in racers]
    for start in range(rounds):
        for place in range(len(racers)):
            index = (start + place) % len(racers)
            time.sleep(REST)
            wall, processor = time.perf_counter(), time.process_time()
            times[index].append(racers[index].seconds(counts[index]) / counts[index])
            wall, processor = time.perf_counter() - wall, time.process_time() - processor
            cores[index].append(processor / wall)
    lines = [
        Line(
            racer.name,
            median(times[index]),
            median(own / first for own, first in zip(times[index], times[0], strict=True)),
            median(cores[index]),
            counts[index],
        )
        for index, racer in enumerate(racers)
    ]
    return Result(title, lines, rounds, work or {}, skipped or {})


def why_not(error: Exception) -> str:
    """Return in a line why a peer that raised this cannot run.

    Raises:
        DifferentError: that is what was raised.
    """
    if isinstance(error, DifferentError):
        raise error
    if isinstance(error, NotImplementedError):
        return str(error)
    what = "not installed" if isinstance(error, ImportError) else type(error).__name__
    return f"{what}: {error}".splitlines()[0][:60]


def calibrate(racer: Racer) -> int:
    """Return how many steps last about `BLOCK`; also the warm-up: compilers, caches, buffers."""
    racer.seconds(3)
    count = 1
    while (seconds := racer.seconds(count)) < BLOCK / 4:
        count *= 2
    return max(1, round(count * BLOCK / seconds))


def table(result: Result) -> str:
    """Return the result as text of at most 80 columns."""
    rows = [result.title, *(f"  {key}: {value}" for key, value in result.work.items())]
    rows.append(f"  {'':36}{'one step':>12}{'ratio':>10}{'cores':>8}")
    for line in result.lines:
        rows.append(
            f"  {line.name:36}{shown(line.seconds):>12}{line.ratio:>9.2f}x{line.cores:>8.2f}"
        )
    rows += [f"  skipped: {name} ({reason})" for name, reason in result.skipped.items()]
    return "\n".join(rows) + "\n"


def shown(seconds: float) -> str:
    """Return a time as text, in the unit that suits it."""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.1f} us"
    return f"{seconds * 1e3:.2f} ms" if seconds < 1 else f"{seconds:.2f} s"


def options(
    parser: argparse.ArgumentParser, rounds: int = 31, threads: int = 1
) -> argparse.Namespace:
    """Read the command line, with what all races take; call it first of all.

    The number of threads is fixed by the environment, which the libraries read once, as they are
    loaded. So if it does not say so yet, the script is started again with an environment that does.
    """
    number: dict[str, Any] = {"type": int, "metavar": "N"}
    parser.add_argument(
        "--threads", default=threads, help=f"for BLAS and all peers ({threads})", **number
    )
    parser.add_argument(
        "--rounds", default=rounds, help=f"over which medians are taken ({rounds})", **number
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all results there, too")
    parser.add_argument("--quick", action="store_true", help="one round, without frameworks")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.rounds = 1
    environment = os.environ | _threads(chosen.threads)
    if environment != os.environ:
        os.execve(sys.executable, sys.orig_argv, environment)
    return chosen


def _threads(count: int) -> dict[str, str]:
    """Return the environment in which NumPy, PyTorch and JAX compute with so many threads."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")
    flag = f"--xla_cpu_multi_thread_eigen={'true' if count > 1 else 'false'}"
    return {**dict.fromkeys(names, str(count)), "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flag}


def conditions(threads: int) -> dict[str, Any]:
    """Return what the figures depend on: machine, versions, threads."""
    versions: dict[str, str | None] = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    return {
        "threads": threads,
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "processor": _processor(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": versions,
    }


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.processor()


def write(path: Path | None, threads: int, results: Sequence[Result], **more: Any) -> None:
    """Write results and conditions as JSON, if a path is given."""
    if path is not None:
        races = [asdict(result) for result in results]
        document = {"conditions": conditions(threads), "races": races, **more}
        path.write_text(json.dumps(document, indent=1) + "\n")
