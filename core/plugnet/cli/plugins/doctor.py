"""`plugnet plugins doctor`: import every plugin in a process of its own, and say what is wrong.

The built-in components are left out, unless plugnet is named.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from pathlib import Path

from plugnet.arguments import number
from plugnet.cli.plugins import inspection
from plugnet.cli.plugins.source_folder import read_project
from plugnet.cli.prose import wrap
from plugnet.errors import ArgumentError
from plugnet.registry.index import Settings
from plugnet.registry.kinds import CORE
from plugnet.registry.names import close, did_you_mean, normalize


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "distribution",
        metavar="DIST|PATH",
        nargs="?",
        help="only this installed distribution, by its name or its folder",
    )
    parser.add_argument(
        "--timeout",
        metavar="S",
        type=float,
        default=30,
        help="seconds that importing one module may take; by default %(default)s",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON array")


def run(arguments: Namespace) -> int:
    """Print what is wrong with plugins, and return the exit status: 1 if anything is."""
    timeout = number("--timeout", arguments.timeout, above=0)
    wanted, left_out = _wanted(arguments.distribution, inspection.providers())
    reports = []
    for report in inspection.inspect(wanted, timeout):
        reports.append(report)
        if not arguments.json:
            print("\n".join(map(wrap, _lines(report))))
    is_wrong = any(report.problems for report in reports)
    if arguments.json:
        print(json.dumps([report._asdict() for report in reports]))
        return int(is_wrong)
    for name, disabler in left_out.items():
        print(wrap(f"{name}: left out: disabled by {disabler}"))
    if not (reports or left_out):
        print("No plugins are installed besides the built-in components.")
    elif not is_wrong:
        print("Nothing is wrong.")
    return int(is_wrong)


def _wanted(distribution: str | None, known: list[str]) -> tuple[list[str], dict[str, str]]:
    """Return the distributions to inspect, and the others with what disables them."""
    if distribution is not None:
        there = (*known, CORE)
        name = normalize(distribution)
        if name not in there and Path(distribution).is_dir():
            name = _of_folder(distribution, there)
        if name not in there:
            hint = did_you_mean(close(name, known)) or f"There are: {', '.join(known) or 'none'}."
            raise ArgumentError(
                f"No installed distribution with the name '{distribution}' provides plugins. "
                f"{hint}",
                argument="DIST|PATH",
                value=distribution,
            )
        return [name], {}
    settings = Settings.from_environment()
    disabled = {name: by for name in known if (by := settings.disabler(name)) is not None}
    return [name for name in known if name not in disabled], disabled


def _of_folder(path: str, known: Iterable[str]) -> str:
    """Return the name of a folder's distribution, which must be installed to be inspected."""
    name = normalize(read_project(Path(path))["name"])
    if name not in known:
        raise ArgumentError(
            f"The doctor inspects what is installed, but '{name}', in the folder {path}, is not. "
            f"Install it first: pip install -e {path}",
            argument="DIST|PATH",
            value=path,
        )
    return name


def _lines(report: inspection.Report) -> list[str]:
    """Return a line about a distribution, and below it its problems and remarks."""
    if report.distribution is None:
        title = "Among all that is installed:"
    else:
        count = len(report.problems)
        verdict = "fine" if count == 0 else f"{count} problem{'s'[: count != 1]}"
        plural = "s"[: report.components != 1]
        cost = f"{report.components} component{plural}, {report.seconds * 1000:.0f} ms to import"
        name = " ".join(filter(None, (report.distribution, report.version)))
        title = f"{name}: {verdict} ({cost})"
    said = [f"problem: {problem}" for problem in report.problems]
    said += [f"note: {remark}" for remark in report.remarks]
    return [title, *("  " + text.replace("\n", "\n  ") for text in said)]
