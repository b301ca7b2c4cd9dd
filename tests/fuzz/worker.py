"""A process that examines mutants. It is told to on standard input, and answers on standard output.

An order is a line ``[reader, seed, first, stop]`` in JSON, an answer a `Tally` in JSON. While a
mutant is read, its index, the CPU time and the clock's time at the start are in a file in memory,
so that whoever ends this process, or finds it dead, knows the mutant.
"""

from __future__ import annotations

import json
import mmap
import struct
import sys
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from tests.fuzz.examination import Examination, status
from tests.fuzz.readers import READERS

#: Index, CPU seconds and time of the mutant that is being read; index -1 for none.
RUNNING = struct.Struct("<qdd")
#: Address space above what the idle worker has, in bytes: a huge array ends in MemoryError.
_ADDRESSES = 2 * 2**30


class Tally(NamedTuple):
    """What became of some mutants.

    Attributes:
        counts: how many had a verdict, by its kind.
        errors: how many ended in a typed error, by its class.
        findings: index, kind and detail.
        slowest: seconds and index.
        largest: bytes and index.
        seconds: of CPU time, for all of it: changing, writing, reading and checking.
    """

    counts: dict[str, int]
    errors: dict[str, int]
    findings: list[tuple[int, str, str]]
    slowest: tuple[float, int]
    largest: tuple[int, int]
    seconds: float


def main(folder: Path) -> None:
    """Carry out orders until there are no more."""
    _limit_addresses()
    with (folder / "running").open("r+b") as file:
        running = mmap.mmap(file.fileno(), RUNNING.size)
    examinations: dict[tuple[str, int], Examination] = {}
    for line in sys.stdin:
        name, seed, first, stop = json.loads(line)
        if (name, seed) not in examinations:
            place = folder / name
            place.mkdir()
            examinations[name, seed] = Examination(name, READERS[name], seed, place)
        print(json.dumps(_tally(examinations[name, seed], range(first, stop), running)), flush=True)


def _tally(examination: Examination, indices: range, running: mmap.mmap) -> Tally:
    counts, errors = Counter[str](), Counter[str]()
    findings: list[tuple[int, str, str]] = []
    slowest, largest, start = (0.0, -1), (0, -1), time.process_time()
    for index in indices:
        running[:] = RUNNING.pack(index, time.process_time(), time.monotonic())
        verdict = examination.examine(index)
        counts[verdict.kind] += 1
        if verdict.kind == "typed error":
            errors[verdict.detail] += 1
        elif verdict.is_finding:
            findings.append((index, verdict.kind, verdict.detail))
        slowest = max(slowest, (verdict.seconds, index))
        largest = max(largest, (verdict.memory, index))
    running[:] = RUNNING.pack(-1, 0, 0)
    return Tally(counts, errors, findings, slowest, largest, time.process_time() - start)


def _limit_addresses() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    limit = status("VmSize") + _ADDRESSES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
