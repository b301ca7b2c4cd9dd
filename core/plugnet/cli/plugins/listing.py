"""`plugnet plugins list`: what is installed. Imports no plugin."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace

from plugnet.registry import registry
from plugnet.registry.kinds import KINDS

ROW = "{:<12} {:<22} {:<26} {}"
USABLE = ("built-in", "ok", "loaded", "ambiguous", "shadowed")  # by some name, at least


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--kind", choices=sorted(KINDS), help="only this kind")
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
    print(ROW.format("kind", "name", "provided by", "state"))
    for entry in entries:
        print(ROW.format(entry.kind, entry.name, entry.provider, entry.state))
    hidden = len(known) - len(entries)
    if hidden:
        print(f"{hidden} more cannot be used: plugnet plugins list --all")
    return 0
