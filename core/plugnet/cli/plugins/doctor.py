"""`plugnet plugins doctor`: import every plugin in a process of its own, and say what is wrong.

The built-in components are left out, unless plugnet is named.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from plugnet.arguments import number
from plugnet.errors import ArgumentError
from plugnet.registry.index import Settings
from plugnet.registry.kinds import CORE
from plugnet.registry.names import close, did_you_mean, normalize

if TYPE_CHECKING:
    from plugnet.cli.plugins.inspection import Report


HELP = "only this one, an installed distribution, by its name or its folder"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("distribution", metavar="DIST|PATH", nargs="?", help=HELP)
    parser.add_argument(
        "--timeout",
        metavar="S",
        type=float,
        default=30.0,
        help="seconds that importing one module may take; by default 30",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON array")


def run(arguments: Namespace) -> int:
    """Print what is wrong with plugins, and return the exit status: 1 if anything is."""
    from plugnet.cli.plugins import inspection  # no other command needs what it imports

    timeout = number("--timeout", arguments.timeout, above=0)
    known = inspection.providers()
    wanted, left_out = _wanted(arguments.distribution, known)
    reports = []
    for report in inspection.inspect(wanted, timeout):
        reports.append(report)
        if not arguments.json:
            _print(report)
    wrong = sum(bool(report.problems) for report in reports)
    if arguments.json:
        print(json.dumps([report._asdict() for report in reports]))
        return min(wrong, 1)
    for name, disabler in left_out.items():
        print(f"{name}: left out, as it is disabled by {disabler}")
    if not (reports or left_out):
        print("No plugins are installed besides the built-in components.")
    elif not wrong:
        print("Nothing is wrong.")
    return min(wrong, 1)


def _wanted(distribution: str | None, known: list[str]) -> tuple[list[str], dict[str, str]]:
    """Return the distributions to look at, and of those left out what disables them."""
    if distribution is not None:
        there = (*known, CORE)
        name = normalize(distribution)
        if name not in there and Path(distribution).is_dir():
            name = _of_folder(distribution, there)
        if name not in there:
            hint = did_you_mean(close(name, known)) or f"There are: {', '.join(known) or 'none'}."
            raise ArgumentError(
                f"No installed distribution of the name '{distribution}' provides plugins. {hint}",
                argument="DIST|PATH",
                value=distribution,
            )
        return [name], {}
    settings = Settings.from_environment()
    disabled = {name: by for name in known if (by := settings.disabler(name)) is not None}
    return [name for name in known if name not in disabled], disabled


def _of_folder(path: str, known: Iterable[str]) -> str:
    """Return the name of a folder's distribution, which must be installed to be looked at."""
    from plugnet.cli.plugins.source_folder import read_project

    name = normalize(read_project(Path(path))["name"])
    if name not in known:
        raise ArgumentError(
            f"The doctor looks at what is installed, but '{name}', in the folder {path}, is not. "
            f"Install it first: pip install -e {path}",
            argument="DIST|PATH",
            value=path,
        )
    return name


def _print(report: Report) -> None:
    """Print a line about a distribution, and below it what there is to say."""
    if report.distribution is None:
        print("Among all that is installed:")
    else:
        title = " ".join(filter(None, (report.distribution, report.version)))
        count = len(report.problems)
        verdict = "fine" if count == 0 else f"{count} problem{'s'[: count != 1]}"
        plural = "s"[: report.components != 1]
        cost = f"{report.components} component{plural}, {report.seconds * 1000:.0f} ms to import"
        print(f"{title}: {verdict} ({cost})")
    for problem in report.problems:
        print(f"  problem: {_indented(problem)}")
    for remark in report.remarks:
        print(f"  note: {_indented(remark)}")


def _indented(text: str) -> str:
    return text.replace("\n", "\n  ")
