"""Kill `plugnet train` at random moments, resume it to its end, and compare what it comes to.

    python -m tests.soak.kills --runs 200 --jobs 2

Each run is killed (SIGKILL) once or several times, each time after a random part of the time that
a whole run takes, also while it saves: it does so after each or each second step. Between two kills
it is resumed. At the end its model, history, pictures, best model, config, record and result (but
the seconds) must be byte for byte those of a run that nobody has killed, and nothing else may be in
its folder. Every fourth kill is a SIGTERM or a SIGINT, which a run saves upon. The processes are
forked, so that the time goes to training and saving rather than to starting Python; --fresh starts
each anew. Prints figures, and ends with 1 if a run differs.
"""

import argparse
import importlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

if __name__ == "__main__":  # before NumPy is imported: a fork has no other threads
    os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}

from tests.runs import SETTINGS, outcome, words, write_table
from tests.soak import forked

SAVING = "['checkpoint', {{iterations = {}, seconds = 0.01}}]"
MOST_KILLS = 5


def settings(kind: str, every: int) -> list[str]:
    """Return the settings of a run that saves after a number of iterations."""
    hooks = [s.removeprefix("hooks=[")[:-1] for s in SETTINGS[kind] if s.startswith("hooks")]
    others = [s for s in SETTINGS[kind] if not s.startswith("hooks")]
    return [*others, f"hooks=[{', '.join([*hooks, SAVING.format(every)])}]"]


class Killer:
    """Kills and resumes runs of one kind."""

    def __init__(self, folder: Path, kind: str, is_fresh: bool) -> None:
        self.folder, self.kind, self._is_fresh = folder / f"{kind}-{os.getpid()}", kind, is_fresh
        self.folder.mkdir()
        self.table = write_table(self.folder / "table.csv")
        self.every = 1 if kind == "plain" else 2
        whole = self.folder / "whole"
        started = time.monotonic()
        status = self._train(self._words(whole), None)
        self.seconds = time.monotonic() - started
        if status:
            raise SystemExit(f"{kind}: a run that nobody kills ends with {status}")
        self.expected = outcome(whole)

    def _words(self, run: Path) -> list[str]:
        return words(self.table, run, settings(self.kind, self.every))

    def _train(
        self, command: Sequence[str], after: float | None, number: int = signal.SIGKILL
    ) -> int:
        log = self.folder / "log.txt"
        if not self._is_fresh:
            return forked.end(forked.begin(command, log), after, number)
        with log.open("ab") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "plugnet", *command], stdout=file, stderr=file
            )
            try:
                return process.wait(after)
            except subprocess.TimeoutExpired:
                process.send_signal(number)
                return process.wait()

    def run(self, seed: int) -> tuple[Counter[str], str]:
        """Kill one run and resume it; return what happened, and how it differs, "" if not."""
        draw = random.Random(seed)
        run, figures = self.folder / f"run-{seed}", Counter({"runs": 1})
        for _ in range(draw.randint(1, MOST_KILLS)):
            number = draw.choice([signal.SIGINT, signal.SIGTERM]) if draw.random() < 0.25 else 9
            status = self._train(self._next(run), draw.uniform(0, self.seconds), number)
            if status not in (0, -9, -2, -15, 130, 143):
                return figures, f"{run} ends with {status}; see {self.folder / 'log.txt'}"
            figures[{0: "ended before", -9: "killed"}.get(status, "interrupted")] += 1
            figures["left temporary files"] += any(run.rglob(".plugnet-*"))
        status = self._train(self._next(run), None)
        found = outcome(run)
        changed = [
            name
            for name in {**found, **self.expected}
            if found.get(name) != self.expected.get(name)
        ]
        if status or changed:
            return figures, f"{run} ends with {status}; other than expected: {changed}"
        shutil.rmtree(run)
        figures["equal"] += 1
        return figures, ""

    def _next(self, run: Path) -> list[str]:
        """Return the command that goes on with a run, or begins it."""
        if (run / "run.json").exists():
            return ["train", "--quiet", "--resume", str(run)]
        return self._words(run)


_killers: list[Killer] = []


def _begin(folder: Path, is_fresh: bool) -> None:
    """Make what kills, in a process that does so."""
    importlib.import_module("matplotlib.backends.backend_agg")  # not in each fork
    _killers[:] = [Killer(folder, kind, is_fresh) for kind in SETTINGS]


def _run(seed: int) -> tuple[Counter[str], str]:
    return _killers[seed % len(_killers)].run(seed)


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill runs, print figures, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.kills")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0, help="of the first run")
    parser.add_argument("--fresh", action="store_true", help="start each process anew")
    given = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="kills-"))
    figures, different = Counter[str](), 0
    started = time.monotonic()
    with ProcessPoolExecutor(
        given.jobs, get_context("spawn"), _begin, (folder, given.fresh)
    ) as pool:
        for found, difference in pool.map(_run, range(given.seed, given.seed + given.runs)):
            figures += found
            if difference:
                different += 1
                print(difference, flush=True)
    print(*(f"{name}: {count}" for name, count in figures.items()), sep="\n")
    print(f"different: {different}\nseconds: {time.monotonic() - started:.0f}")
    if not different:
        shutil.rmtree(folder)
    return int(different > 0)


if __name__ == "__main__":
    raise SystemExit(main())
