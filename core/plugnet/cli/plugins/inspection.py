"""The inspection of plugins: their metadata, and one process for the import of each module."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution
from itertools import groupby
from typing import Any, NamedTuple

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from plugnet.cli.plugins import distributions
from plugnet.registry import Entry, registry
from plugnet.registry.kinds import CORE, FIRST_API

SLOW = 0.2  # seconds; what an import may take once NumPy and plugnet are imported
PYTHON = ".".join(map(str, sys.version_info[:3]))  # for pip, too, a pre-release is that release


class Report(NamedTuple):
    """What there is to say about one distribution.

    Attributes:
        distribution: its name, normalised; None for damage that belongs to no known distribution.
        version: its version, or None if the metadata have none.
        components: how many it declares.
        seconds: how long their modules take to import, once NumPy and plugnet are imported.
        problems: what is wrong.
        remarks: what is worth knowing.
    """

    distribution: str | None
    version: str | None
    components: int
    seconds: float
    problems: list[str]
    remarks: list[str]


def providers() -> list[str]:
    """Return the distributions, except plugnet, that provide plugins or declare some."""
    named = {entry.distribution for entry in registry.entries()}
    named |= {name for name, same in distributions.by_name().items() if _stale(name, same)}
    return sorted(name for name in named if name not in (None, CORE))


def inspect(names: list[str], timeout: float) -> Iterator[Report]:
    """Yield a report for each distribution, then one for damage that belongs to none, if any.

    Args:
        names: of the distributions, normalised.
        timeout: seconds that the import of one module may take.
    """
    known = distributions.by_name()
    wrong = registry.problems()
    for name in names:
        entries = _entries(name)
        problems = [problem.message for problem in wrong if problem.distribution == name]
        same = known.get(name, [])
        problems += _stale(name, same)
        if folders := distributions.copies(same):
            problems.append(f"it is installed more than once: {', '.join(folders)}")
        problems += _misfit(same)
        remarks = list(_remarks(entries))
        if entries and same and distributions.unmarked(same[0]):
            remarks.append(
                f"it does not say for which plugin API it was written; v{FIRST_API} is assumed"
            )
        seconds = 0.0
        for module, group in groupby(sorted(entries, key=_module), key=_module):
            took, bad, slow = _import(module, list(group), timeout)
            seconds += took
            problems += bad
            remarks += slow
        version = same[0].version if same else None
        yield Report(name, version, len(entries), seconds, problems, remarks)
    owners = {entry.distribution for entry in registry.entries()}
    if others := [problem.message for problem in wrong if problem.distribution not in owners]:
        yield Report(None, None, 0, 0.0, others, [])


def _module(entry: Entry) -> str:
    return entry.value.partition(":")[0]


def _entries(distribution: str) -> list[Entry]:
    return [entry for entry in registry.entries() if entry.distribution == distribution]


def _stale(name: str, same: list[Distribution]) -> list[str]:
    """Return what is stale in the metadata that Python uses, those of the first copy."""
    return list(distributions.staleness(same[0], _entries(name))) if same else []


def _misfit(same: list[Distribution]) -> list[str]:
    """Return why the copy of a distribution that Python uses is not for this Python, if so."""
    if not same or "Requires-Python" not in same[0].metadata:
        return []
    requires = same[0].metadata["Requires-Python"]
    try:
        if SpecifierSet(requires).contains(PYTHON):
            return []
    except InvalidSpecifier:
        return [f"its Requires-Python must be a version specifier, but it is '{requires}'"]
    return [f"it is for Python {requires}, but this is Python {PYTHON}"]


def _remarks(entries: list[Entry]) -> Iterator[str]:
    """Yield which of the names other distributions have, too."""
    for entry in entries:
        qualified = f"'{entry.distribution}/{entry.name}'"
        if entry.state == "ambiguous":
            yield f"{entry.kind} '{entry.name}' is provided by others too; use {qualified}"
        elif entry.state == "shadowed":
            yield f"{entry.kind} '{entry.name}' is built in; this one is {qualified}"


def _import(
    module: str, entries: list[Entry], timeout: float
) -> tuple[float, list[str], list[str]]:
    """Import a module in a new process; return the seconds, what is wrong and what is slow."""
    answer = _probe(entries, timeout)
    if isinstance(answer, str):
        names = ", ".join(f"{entry.kind} '{entry.name}'" for entry in entries)
        return 0.0, [f"{names} ({module}): importing that module {answer}"], []
    problems = [
        f"{entry.kind} '{entry.name}' ({entry.value}): {problem}"
        for entry, problem in zip(entries, answer["problems"], strict=True)
        if problem is not None
    ]
    problems += [f"importing {module} {effect}" for effect in answer["effects"]]
    seconds: float = answer["seconds"]
    slow = [f"importing {module} takes {seconds * 1000:.0f} ms"] if seconds > SLOW else []
    return seconds, problems, slow


def _probe(entries: list[Entry], timeout: float) -> dict[str, Any] | str:
    """Return what the probe answers, or how it ended without an answer."""
    request = {"path": sys.path, "entries": [entry._asdict() for entry in entries]}
    try:
        done = subprocess.run(
            # -P: nothing is imported from the working directory, unless sys.path has it already
            [sys.executable, "-P", "-m", "plugnet.cli.plugins.probe"],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"has not ended after {timeout:g} s"
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        return f"ends the process {_ending(done.returncode)}"
    return answer


def _ending(status: int) -> str:
    try:
        return f"by {signal.Signals(-status).name}"
    except ValueError:
        return f"with status {status}"
