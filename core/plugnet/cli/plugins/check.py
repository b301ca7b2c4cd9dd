"""`plugnet plugins check`: run the conformance checks of `plugnet.testing` on components."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace

from plugnet.cli.plugins.subject import HELP, entries
from plugnet.registry import Entry
from plugnet.testing import CheckResult, Report, check_component


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("subject", metavar="NAME|PATH", help=HELP)
    parser.add_argument("--json", action="store_true", help="print one JSON array")


def run(arguments: Namespace) -> int:
    """Print what the checks find, and return the exit status: 1 if one fails."""
    with entries(arguments.subject) as found:
        reports = []
        for entry in found:
            report = _report(entry)
            reports.append(report)
            if not arguments.json:
                print(report)
    if arguments.json:
        described = [
            {
                "component": report.component,
                "results": [result._asdict() for result in report.results],
            }
            for report in reports
        ]
        print(json.dumps(described))
    return 1 if any(report.failed for report in reports) else 0


def _report(entry: Entry) -> Report:
    """Run the checks of its kind on one component."""
    if entry.always_on:
        skipped = CheckResult("methods", "skipped", "see plugnet plugins doctor for hook modules")
        return Report(f"hook {entry.name} ({entry.provider})", (skipped,))
    name = f"{entry.kind}:{entry.distribution}/{entry.name}"
    return check_component(name, raise_on_failure=False)
