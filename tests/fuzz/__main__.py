"""Fuzz the readers: python -m tests.fuzz --mutants 1000000 --seed 1 --jobs 2.

Run it in the clone's root. It ends with status 1 if a mutant kills a reader, hangs, takes too much
memory, or ends in anything but a typed error or a right result.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from tests.fuzz.campaign import Score, run, shared_out
from tests.fuzz.examination import Examination, Mutant
from tests.fuzz.readers import READERS

_SHOWN = 3  # mutants of a finding


def main() -> int:
    """Return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--mutants", type=int, default=20_000, help="of all readers together")
    parser.add_argument("--seed", type=int, default=1, help="what the mutants are drawn from")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument("--readers", nargs="*", choices=READERS, default=list(READERS))
    parser.add_argument("--replay", metavar="READER:INDEX", help="one mutant, with its traceback")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where to write mutants found")
    given = parser.parse_args()
    if given.replay:
        return _replay(given.replay, given.seed, given.keep or Path(tempfile.mkdtemp()))
    start = time.perf_counter()
    scores = run(
        shared_out(given.mutants, given.readers), given.seed, given.jobs, _told(sys.stderr)
    )
    print(_table(scores))
    print(f"\nSeed {given.seed}, {time.perf_counter() - start:.0f} s.")
    for name, score in scores.items():
        classes = ", ".join(f"{error} {count:,}" for error, count in score.errors.most_common())
        print(f"{name}: {len(score.errors)} classes of errors: {classes}")
    found = False
    for name, score in scores.items():
        for (kind, detail), indices in _by_kind(score).items():
            found = True
            shown = " ".join(f"{name}:{index}" for index in indices[:_SHOWN])
            print(f"FINDING {name}: {kind}: {detail} ({len(indices)} times, {shown})")
            if given.keep:
                _keep(name, given.seed, indices[0], given.keep)
    return int(found)


def _told(stream: TextIO) -> Callable[[str], None]:
    """Return a function that writes each finding, but one of a kind only once."""
    known: set[str] = set()

    def tell(text: str) -> None:
        place = re.sub(r":\d+ |: .*", " ", text, count=2)
        if place not in known:
            known.add(place)
            print(text[:300], file=stream, flush=True)

    return tell


def _table(scores: dict[str, Score]) -> str:
    head = f"{'reader':<12}{'mutants':>10}{'typed':>10}{'right':>10}{'findings':>10}"
    lines = [head + f"{'ms each':>10}{'slowest s':>11}{'most MB':>9}"]
    total = Score()
    for name, score in scores.items():
        lines.append(_row(name, score))
        total.counts += score.counts
        total.findings += score.findings
        total.slowest, total.largest = (
            max(total.slowest, score.slowest), max(total.largest, score.largest)
        )  # fmt: skip
        total.seconds += score.seconds
    return "\n".join([*lines, _row("all", total)])


def _row(name: str, score: Score) -> str:
    mutants = score.counts.total()
    typed, right = score.counts["typed error"], score.counts["right result"]
    return (
        f"{name:<12}{mutants:>10,}{typed:>10,}{right:>10,}{len(score.findings):>10,}"
        f"{1000 * score.seconds / max(mutants, 1):>10.2f}{score.slowest[0]:>11.3f}"
        f"{score.largest[0] / 1e6:>9.1f}"
    )


def _by_kind(score: Score) -> dict[tuple[str, str], list[int]]:
    """Return the mutants of findings that seem to be the same: of one kind, at one place."""
    found: dict[tuple[str, str], list[int]] = {}
    for index, kind, detail in sorted(score.findings):
        known = next((key for key in found if key[0] == kind and _same(key[1], detail)), None)
        found.setdefault(known or (kind, detail), []).append(index)
    return found


def _same(one: str, other: str) -> bool:
    return one.partition(": ")[0] == other.partition(": ")[0]


def _keep(name: str, seed: int, index: int, folder: Path) -> Mutant:
    """Write a mutant's files to a folder of its own, with the reader's arguments."""
    with tempfile.TemporaryDirectory() as scratch:
        mutant = Examination(name, READERS[name], seed, Path(scratch)).mutant(index)
    place = folder / f"{name}-{index}"
    place.mkdir(parents=True, exist_ok=True)
    for each, content in mutant.files.items():
        (place / each).write_bytes(content)
    if mutant.seed.arguments:
        print(f"{place}: arguments {json.dumps(dict(mutant.seed.arguments))}")
    return mutant


def _replay(text: str, seed: int, folder: Path) -> int:
    """Read one mutant again, and show what happens."""
    name, _, number = text.rpartition(":")
    mutant = _keep(name, seed, int(number), folder)
    place = folder / f"{name}-{number}"
    path = place / next(iter(mutant.files)) if len(mutant.files) == 1 else place
    print(f"Reading {path}")
    warnings.simplefilter("always")
    try:
        result = READERS[name].read(str(path), mutant.seed.arguments)
        print(f"Read {str(result)[:500]}")
        READERS[name].mark(result)
    except Exception:
        traceback.print_exc()
    with tempfile.TemporaryDirectory() as scratch:
        verdict = Examination(name, READERS[name], seed, Path(scratch)).examine(int(number))
    print(verdict)
    return int(verdict.is_finding)


if __name__ == "__main__":
    sys.exit(main())
