"""`plugnet plugins check`: put components through the conformance checks of `plugnet.testing`."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plugnet.registry import Entry, registry
from plugnet.registry.names import normalize

if TYPE_CHECKING:
    from plugnet.testing import Report


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "subject",
        metavar="NAME|PATH",
        help="a component, a distribution, or a plugin's folder, which need not be installed",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON array")


def run(arguments: Namespace) -> int:
    """Print what the checks find, and return the exit status: 1 if one fails."""
    with _entries(arguments.subject) as entries:
        reports = []
        for entry in entries:
            report = _report(entry)
            reports.append(report)
            if not arguments.json:
                print(report)
    if arguments.json:
        print(json.dumps([_as_dict(report) for report in reports]))
    return 1 if any(report.failed for report in reports) else 0


@contextmanager
def _entries(subject: str) -> Iterator[list[Entry]]:
    """Yield what a name or a folder means; what is installed comes before a mere folder."""
    folder = Path(subject)
    spelled_out = subject in (os.curdir, os.pardir) or os.sep in subject
    if folder.is_dir() and (spelled_out or not _known(subject)):
        from plugnet.cli.plugins.source_folder import as_if_installed

        with as_if_installed(folder) as distribution:
            yield _of(distribution)
    else:
        yield _of(subject) or [registry.find(subject)]


def _known(name: str) -> bool:
    return bool(_of(name)) or name in registry.names()


def _of(distribution: str) -> list[Entry]:
    """Return the components of a distribution."""
    name = normalize(distribution)
    return [entry for entry in registry.entries() if entry.distribution == name]


def _report(entry: Entry) -> Report:
    """Put one component through the checks of its kind."""
    from plugnet.testing import CheckResult, Report, check_component

    if entry.always_on:
        skipped = CheckResult("methods", "skipped", "plugnet plugins doctor looks at such modules")
        return Report(f"hook {entry.name} ({entry.provider})", (skipped,))
    name = f"{entry.kind}:{entry.distribution}/{entry.name}"
    return check_component(name, raise_on_failure=False)


def _as_dict(report: Report) -> dict[str, Any]:
    results = [result._asdict() for result in report.results]
    return {"component": report.component, "results": results}
