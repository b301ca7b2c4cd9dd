"""A soak: train, save, kill, resume, evaluate and predict for long, with nothing that grows.

    python -m tests.soak --minutes 30

One process does all of it again and again, and forks processes that it kills. Every minute, or
--interval seconds, it prints its memory (RSS), open descriptors, threads, and the files in its
folder for temporary files. After a first third, in which caches fill, memory must stay within 5 %
and 10 MiB, and the others must not grow: otherwise it ends with 1.
"""

import argparse
import contextlib
import gc
import io
import os
import random
import shutil
import tempfile
import threading
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

if __name__ == "__main__":  # before NumPy is imported: a fork has no other threads
    os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}

from plugnet import Model, Trainer
from plugnet.cli import main as run_command
from plugnet.files import atomic
from tests.runs import outcome, words, write_table
from tests.soak import forked
from tests.soak.kills import settings

KINDS = ("plain", "early_stop", "plateau")
#: By how much memory may grow: as a share, and in MiB.
SHARE, SLACK = 0.05, 10.0


class Reading(NamedTuple):
    """What a process holds; memory in MiB."""

    memory: float
    descriptors: int
    threads: int
    files: int


class Soak:
    """Everything that a run can go through, again and again, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._table = write_table(folder / "table.csv")
        self._draw = random.Random(0)
        self._expected: dict[str, tuple[dict[str, str], float]] = {}
        self.rounds = 0
        for kind in KINDS:
            started = time.monotonic()
            self._do(*words(self._table, folder / kind, settings(kind, 2)))
            self._expected[kind] = outcome(folder / kind), time.monotonic() - started

    def _do(self, *command: str) -> None:
        atomic._swept.clear()  # as a new process has it
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            status = run_command(command)
        if status:
            raise SystemExit(f"{command} ends with {status}")

    def round(self) -> None:
        """Do all of it once."""
        kind = KINDS[self.rounds % len(KINDS)]
        expected, seconds = self._expected[kind]
        run = self._folder / "run"
        command = words(self._table, run, settings(kind, 2))
        forked.end(forked.begin(command, self._folder / "log.txt"), self._draw.uniform(0, seconds))
        if (run / "run.json").exists():
            command = ["train", "--quiet", "--resume", str(run)]
        self._do(*command)
        found = outcome(run)
        if found != expected:
            changed = [name for name in expected if found.get(name) != expected[name]]
            raise SystemExit(f"round {self.rounds}: {changed} differ")
        self._do("evaluate", str(run))
        self._do("predict", str(run), "--data", str(self._table))
        Trainer.resume(run).save(self._folder / "trainer")
        Model.load(run).save(self._folder / "model")
        shutil.rmtree(run)
        self.rounds += 1

    def read(self) -> Reading:
        """Return what this process holds now."""
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return Reading(
            pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
            len(list(Path("/proc/self/fd").iterdir())),
            threading.active_count(),
            len(list(Path(tempfile.gettempdir()).iterdir())),
        )


def grown(readings: Sequence[Reading]) -> list[str]:
    """Return what has grown since the first third."""
    later = readings[len(readings) // 3 :]
    first, last = later[0], later[-1]
    names = [name for name in Reading._fields[1:] if getattr(last, name) > getattr(first, name)]
    if last.memory > first.memory * (1 + SHARE) + SLACK:
        names.append("memory")
    return names


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak, print figures, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--interval", type=float, default=60.0, help="seconds")
    given = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    readings: list[Reading] = []
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        temporary = Path(name) / "temporary"
        temporary.mkdir()
        tempfile.tempdir = str(temporary)
        soak = Soak(Path(name))
        start = time.monotonic()
        while (passed := time.monotonic() - start) < 60 * given.minutes:
            soak.round()
            if passed >= len(readings) * given.interval:
                readings.append(soak.read())
                shown = ", ".join(f"{k} {v:.0f}" for k, v in readings[-1]._asdict().items())
                print(f"{passed / 60:5.1f} min, {soak.rounds:5} rounds: {shown}", flush=True)
    found = grown(readings)
    print(f"grown: {', '.join(found) or 'nothing'}")
    return int(bool(found))


if __name__ == "__main__":
    raise SystemExit(main())
