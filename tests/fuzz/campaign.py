"""Many mutants of many readers, in processes that are ended if they hang."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.examination import MOST_SECONDS
from tests.fuzz.readers import READERS
from tests.fuzz.worker import RUNNING, Tally

_CHUNK = 500  # mutants in an order
_ROOT = Path(__file__).parents[2]
_MOST_WAITING = 20.0  # seconds on the clock, where the machine is busy or the mutant only waits

#: An order: reader, seed, first index, stop.
Order = tuple[str, int, int, int]


@dataclass
class Score:
    """What became of all mutants of one reader; the attributes are those of `Tally`."""

    counts: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    findings: list[tuple[int, str, str]] = field(default_factory=list)
    slowest: tuple[float, int] = (0.0, -1)
    largest: tuple[int, int] = (0, -1)
    seconds: float = 0.0

    def add(self, tally: Tally) -> None:
        """Add what an order gave."""
        self.counts.update(tally.counts)
        self.errors.update(tally.errors)
        self.findings += tally.findings
        self.slowest = max(self.slowest, tally.slowest)
        self.largest = max(self.largest, tally.largest)
        self.seconds += tally.seconds

    def note(self, index: int, kind: str, detail: str) -> None:
        """Add a mutant that ended its process."""
        self.counts[kind] += 1
        self.findings.append((index, kind, detail))


class _Worker:
    """A process that examines mutants."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._running = folder / "running"
        self._running.write_bytes(RUNNING.pack(-1, 0, 0))
        command = [sys.executable, "-m", "tests.fuzz.worker", str(folder)]
        paths = [str(_ROOT), *filter(None, sys.path)]  # what is imported here is imported there
        environment = {
            **os.environ, "PYTHONPATH": os.pathsep.join(paths),
            "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
        }  # fmt: skip
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd=folder,
            text=True,
        )  # fmt: skip
        self.order: Order | None = None

    def send(self, order: Order) -> None:
        """Give it work."""
        self.order = order
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()

    def answer(self) -> Tally | None:
        """Return what it found, or None if it died."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.endswith("\n"):
            return None
        counts, errors, findings, slowest, largest, seconds = json.loads(line)
        findings = [(index, kind, detail) for index, kind, detail in findings]
        return Tally(counts, errors, findings, tuple(slowest), tuple(largest), seconds)

    @property
    def index(self) -> int:
        """Which mutant it reads or has read when it died; -1 for none."""
        return int(RUNNING.unpack(self._running.read_bytes())[0])

    def hangs(self) -> bool:
        """Whether one mutant has taken too long, also by what the worker itself cannot notice."""
        index, cpu, begun = RUNNING.unpack(self._running.read_bytes())
        if index < 0:
            return False
        waited = time.monotonic() - begun
        if waited < 2 * MOST_SECONDS:
            return False
        return bool(
            waited > _MOST_WAITING or _cpu_seconds(self.process.pid) - cpu > 2 * MOST_SECONDS
        )

    def end(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


def _cpu_seconds(process: int) -> float:
    try:
        words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return float("inf")  # then the clock decides
    return (int(words[11]) + int(words[12])) / float(os.sysconf("SC_CLK_TCK"))


def shared_out(mutants: int, names: Iterable[str]) -> dict[str, int]:
    """Return how many of the mutants each reader gets."""
    shares = {name: READERS[name].share for name in names}
    return {name: -(-mutants * share // sum(shares.values())) for name, share in shares.items()}


def run(
    mutants: Mapping[str, int], seed: int, jobs: int, tell: Callable[[str], None]
) -> dict[str, Score]:
    """Examine mutants 0, 1, ... of each reader, and return what became of them by reader.

    A mutant that hangs is ended with its process; one that kills the process is noted, too. What
    the process had found in the same order is then looked for again by another one. Each finding is
    told at once, too. An interrupt ends it early.
    """
    scores = {name: Score() for name in mutants}
    each = [
        (name, seed, first, min(first + _CHUNK, count))
        for name, count in mutants.items()
        for first in range(0, count, _CHUNK)
    ]
    orders = deque(sorted(each, key=lambda order: order[2]))  # some of every reader soon
    memory = Path("/dev/shm")
    with (
        tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder,
        selectors.DefaultSelector() as selector,
    ):
        workers: list[_Worker] = []

        def start(number: int) -> None:
            worker = _Worker(Path(folder) / str(number))
            workers.append(worker)
            assert worker.process.stdout is not None
            selector.register(worker.process.stdout, selectors.EVENT_READ, worker)
            worker.send(orders.popleft())

        def stop(worker: _Worker) -> None:
            workers.remove(worker)
            selector.unregister(worker.process.stdout)  # type: ignore[arg-type]
            worker.end()

        def lose(worker: _Worker, kind: str) -> None:
            """Note the mutant that a worker was at, and share out the others of its order anew."""
            index, code = worker.index, worker.process.poll()
            assert worker.order is not None
            name, _, first, end = worker.order
            stop(worker)
            if index < 0:
                raise RuntimeError(f"a worker ended before the first mutant of {name}")
            tell(f"{name}:{index} {kind}")
            scores[name].note(index, kind, "" if code is None else f"exit status {code}")
            rest = [(name, seed, first, index), (name, seed, index + 1, end)]
            orders.extendleft(order for order in rest if order[2] < order[3])

        count = 0
        try:
            while orders or workers:
                while orders and len(workers) < jobs:
                    start(count := count + 1)
                for key, _ in selector.select(timeout=0.1):
                    worker: _Worker = key.data
                    tally = worker.answer()
                    if tally is None:
                        worker.process.wait()
                        lose(worker, "death")
                        continue
                    assert worker.order is not None
                    name = worker.order[0]
                    scores[name].add(tally)
                    for index, kind, detail in tally.findings:
                        tell(f"{name}:{index} {kind} {detail}")
                    if orders:
                        worker.send(orders.popleft())
                    else:
                        stop(worker)
                for worker in [one for one in workers if one.hangs()]:
                    lose(worker, "hang")
        except KeyboardInterrupt:
            tell("interrupted")
        finally:
            for worker in list(workers):
                stop(worker)
    return scores
