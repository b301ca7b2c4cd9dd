"""`plugnet plugins list`: the installed components. Imports no plugin."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace

from plugnet.registry import registry
from plugnet.registry.kinds import KINDS

USABLE = ("built-in", "ok", "loaded", "ambiguous", "shadowed")  # the last two by a longer name


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "--kind", choices=sorted(KINDS), metavar="KIND", help="only this kind: %(choices)s"
    )
    parser.add_argument("--all", action="store_true", help="also what cannot be used")
    parser.add_argument("--json", action="store_true", help="print one JSON array")


def run(arguments: Namespace) -> int:
    """Print a line per component, and return the exit status."""
    view = registry.view(arguments.kind) if arguments.kind else registry
    known = sorted(view.entries(), key=lambda entry: (entry.kind, entry.order))
    entries = [entry for entry in known if arguments.all or entry.state in USABLE]
    if arguments.json:
        print(json.dumps([entry._asdict() for entry in entries]))
        return 0
    rows = [(entry.kind, entry.name, entry.provider, entry.state) for entry in entries]
    rows.insert(0, ("kind", "name", "provided by", "state"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(map(str.ljust, row, widths)).rstrip())
    hidden = len(known) - len(entries)
    if hidden:
        print(f"{hidden} more cannot be used: plugnet plugins list --all")
    return 0
