"""What one reader does with one mutant."""

from __future__ import annotations

import contextlib
import gc
import os
import re
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from random import Random
from types import FrameType, TracebackType
from typing import Any, NamedTuple

from plugnet import registry
from plugnet.errors import DataWarning, PluginWarning, PlugnetError, TrainingWarning
from tests.fuzz.mutations import blind
from tests.fuzz.readers import Reader
from tests.fuzz.seeds import Seed

MOST_SECONDS = 2.0
MOST_BYTES = 200 * 10**6
_MOST_WARNINGS = 5
_ALLOWED = {"plugnet", "numpy", "scipy", *sys.stdlib_module_names}
_OWN = re.compile(r"[/\\]plugnet(_\w+)?[/\\]")  # a file of the project, wherever it is installed
_STATUS, _DESCRIPTORS = Path("/proc/self/status"), Path("/proc/self/fd")


class Mutant(NamedTuple):
    """Changed files, and which they were."""

    seed: Seed
    files: dict[str, bytes]
    is_blind: bool


class Verdict(NamedTuple):
    """What became of a mutant.

    Attributes:
        kind: "typed error", "right result", or what is wrong.
        detail: the error's class; where and what went wrong.
        seconds: of CPU time, for reading.
        memory: bytes above the idle process, where they are known.
    """

    kind: str
    detail: str
    seconds: float = 0.0
    memory: int = 0

    @property
    def is_finding(self) -> bool:
        """Whether this should not have happened."""
        return self.kind not in ("typed error", "right result")


class HangError(BaseException):
    """Reading takes too long."""


class Examination:
    """Gives one reader mutants, which its name, a seed and an index determine."""

    def __init__(self, name: str, reader: Reader, seed: int, folder: Path) -> None:
        """Read the valid files, so that all that is imported on demand is there.

        Args:
            name: the reader's name.
            reader: how it is called.
            seed: of the mutants.
            folder: an empty folder to write to; best one in memory.
        """
        self.name, self.reader, self.seed, self.folder = name, reader, seed, folder
        self.seeds = reader.seeds()
        self.marks: list[Any] = []
        with contextlib.suppress(PlugnetError):
            registry.layers.build("unknown")  # searches what is installed, once per process
        for each in self.seeds:
            path = self._write(each.files)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DataWarning)
                self.marks.append(reader.mark(reader.read(path, each.arguments)))
        gc.collect()

    def mutant(self, index: int) -> Mutant:
        """Return a mutant; every hundredth is unchanged."""
        rng = Random(f"{self.seed}/{self.name}/{index}")
        seed, donor = rng.choice(self.seeds), rng.choice(self.seeds)
        name = rng.choice(list(seed.files))
        other = donor.files.get(name) or rng.choice(list(donor.files.values()))
        files, is_blind = dict(seed.files), rng.random() < (0.15 if self.reader.is_sealed else 0.4)
        if index % 100:
            files[name] = (blind if is_blind else self.reader.aware)(rng, files[name], other)
        return Mutant(seed, files, is_blind)

    def examine(self, index: int) -> Verdict:
        """Read a mutant."""
        seed, files, is_blind = self.mutant(index)
        path = self._write(files)
        modules, descriptors = set(sys.modules), _descriptors()
        stray: list[str] = []
        with _listening(stray), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            verdict = self._read(path, seed, files, is_blind)
        tops = {name.partition(".")[0] for name in set(sys.modules) - modules}
        if (left := _descriptors() - descriptors) > 0:
            gc.collect()  # a circle that is freed later does no harm
            left = _descriptors() - descriptors
        return _aftermath(verdict, caught, stray, tops, max(left, 0))

    def _read(self, path: str, seed: Seed, files: dict[str, bytes], is_blind: bool) -> Verdict:
        step, result, idle = "read", None, _idle()
        start = time.process_time()
        try:
            with _alarm():
                result = self.reader.read(path, seed.arguments)
            seconds, memory = time.process_time() - start, status("VmHWM") - idle
            step = "use"
            with _alarm():
                mark = self.reader.mark(result)
            kind, detail = self._judge(mark, seed, files, is_blind), ""
        except PlugnetError as error:
            kind, detail = "typed error", type(error).__name__
            detail += "" if step == "read" else " in use"
        except AssertionError as error:
            kind, detail = "wrong result", f"{error} {_place(error.__traceback__)}"
        except HangError as error:
            kind, detail = "hang", f"{step}, {_place(error.__traceback__)}"
        except (Exception, SystemExit) as error:
            place = _place(error.__traceback__)
            kind, detail = type(error).__name__, f"{step}, {place}: {error}"[:300]
        if kind == "typed error" and files == seed.files:
            kind, detail = "wrong result", f"a valid file is refused: {detail}"
        if step == "read":
            seconds, memory = time.process_time() - start, status("VmHWM") - idle
        return Verdict(kind, detail, seconds, memory)

    def _judge(self, mark: Any, seed: Seed, files: dict[str, bytes], is_blind: bool) -> str:
        """Check that a file that has not changed, or not unseen, gives what it gave before."""
        is_same = files == seed.files
        known = [self.marks[self.seeds.index(seed)]] if is_same else self.marks
        if is_same or (is_blind and self.reader.is_sealed):
            assert repr(mark) in map(repr, known), "a changed result" if is_same else "unseen"
        return "right result"

    def _write(self, files: Mapping[str, bytes]) -> str:
        for path in self.folder.iterdir():
            if path.name not in files:
                path.unlink()
        for name, content in files.items():
            (self.folder / name).write_bytes(content)
        return str(self.folder / next(iter(files)) if len(files) == 1 else self.folder)


def _aftermath(
    verdict: Verdict,
    caught: Sequence[warnings.WarningMessage],
    stray: Sequence[str],
    modules: Set[str],
    descriptors: int,
) -> Verdict:
    """Return the verdict, or what is wrong besides the result."""
    own = (DataWarning, PluginWarning, TrainingWarning)
    others = [each for each in caught if not issubclass(each.category, own)]
    foreign = sorted(name for name in modules - _ALLOWED if not name.startswith("plugnet_"))
    kind, detail = verdict.kind, verdict.detail
    if verdict.is_finding:
        pass
    elif descriptors:
        kind, detail = "file left open", f"{descriptors} descriptors"
    elif verdict.seconds > MOST_SECONDS:
        kind = "slow"
    elif verdict.memory > MOST_BYTES:
        kind = "memory"
    elif foreign:
        kind, detail = "imports", ", ".join(foreign)
    elif others:
        where = f"{others[0].category.__name__} in {Path(others[0].filename).name}"
        kind, detail = "foreign warning", f"{where}: {others[0].message}"
    elif len(caught) > _MOST_WARNINGS:
        kind, detail = "warning storm", f"{len(caught)} warnings"
    elif stray:
        kind, detail = "lost error", stray[0]
    return verdict._replace(kind=kind, detail=detail)


@contextlib.contextmanager
def _alarm() -> Iterator[None]:
    """Raise HangError after too much CPU time, as soon as Python gets to it."""
    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _ring(number: int, frame: FrameType | None) -> None:
    raise HangError


@contextlib.contextmanager
def _listening(stray: list[str]) -> Iterator[None]:
    """Note errors that Python drops, as those of __del__ are."""
    before = sys.unraisablehook
    sys.unraisablehook = lambda lost: stray.append(f"{lost.exc_value!r} in {lost.object!r}")
    ringing = signal.signal(signal.SIGPROF, _ring) if hasattr(signal, "SIGPROF") else None
    try:
        yield
    finally:
        sys.unraisablehook = before
        if ringing is not None:
            signal.signal(signal.SIGPROF, ringing)


def _place(trace: TracebackType | None) -> str:
    """Return the last line of the project's own code in a traceback."""
    frames = traceback.extract_tb(trace)
    own = [frame for frame in frames if _OWN.search(frame.filename)]
    last = (own or frames)[-1]
    return f"{Path(last.filename).name}:{last.lineno}"


def _descriptors() -> int:
    return sum(1 for _ in os.scandir(_DESCRIPTORS)) if _DESCRIPTORS.is_dir() else 0


def status(key: str) -> int:
    """Return a size that the system knows of this process, in bytes; 0 if it does not say."""
    if not _STATUS.exists():
        return 0
    found = re.search(rf"^{key}:\s*(\d+) kB", _STATUS.read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _idle() -> int:
    """Return what this process takes now, from where the peak is looked for."""
    now = status("VmRSS")
    if status("VmHWM") - now > MOST_BYTES // 20:
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
    return now
