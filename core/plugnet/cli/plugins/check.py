"""`plugnet plugins check`: run the conformance checks of `plugnet.testing` on components."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from plugnet.cli.plugins.source_folder import as_if_installed
from plugnet.registry import Entry, registry
from plugnet.registry.names import normalize
from plugnet.testing import CheckResult, Report, check_component


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
        found = [
            {
                "component": report.component,
                "results": [result._asdict() for result in report.results],
            }
            for report in reports
        ]
        print(json.dumps(found))
    return 1 if any(report.failed for report in reports) else 0


@contextmanager
def _entries(subject: str) -> Iterator[list[Entry]]:
    """Yield what a name or a folder means; of the same word, what is installed comes first."""
    folder = Path(subject)
    spelled_out = subject in (os.curdir, os.pardir) or os.sep in subject
    is_known = _of(subject) or subject in registry.names()
    if folder.is_dir() and (spelled_out or not is_known):
        with as_if_installed(folder) as distribution:
            yield _of(distribution)
    else:
        yield _of(subject) or [registry.find(subject)]


def _of(distribution: str) -> list[Entry]:
    """Return the components of a distribution."""
    name = normalize(distribution)
    return [entry for entry in registry.entries() if entry.distribution == name]


def _report(entry: Entry) -> Report:
    """Run the checks of its kind on one component."""
    if entry.always_on:
        skipped = CheckResult("methods", "skipped", "see plugnet plugins doctor for hook modules")
        return Report(f"hook {entry.name} ({entry.provider})", (skipped,))
    name = f"{entry.kind}:{entry.distribution}/{entry.name}"
    return check_component(name, raise_on_failure=False)
