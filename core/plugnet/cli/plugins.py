"""`plugnet plugins`: which components there are, and who provides them."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace

from plugnet.registry import registry
from plugnet.registry.kinds import KINDS

ROW = "{:<12} {:<22} {:<26} {}"
USABLE = ("built-in", "ok", "loaded", "ambiguous", "shadowed")  # by some name, at least


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    listing = commands.add_parser("list", help="list what is installed; imports nothing")
    listing.add_argument("--kind", choices=sorted(KINDS), help="only this kind")
    listing.add_argument("--all", action="store_true", help="also what cannot be used")
    listing.add_argument("--json", action="store_true", help="print one JSON array")
    listing.set_defaults(run=run_list)

    info = commands.add_parser("info", help="describe one component")
    info.add_argument("name", metavar="NAME", help="as fc, layer:fc or plugnet/fc")
    info.add_argument("--json", action="store_true", help="print one JSON object")
    info.set_defaults(run=run_info)


def run_list(arguments: Namespace) -> int:
    """Print a line per component, and return the exit status."""
    known = sorted(registry.entries(arguments.kind), key=lambda entry: (entry.kind, entry.order))
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


def run_info(arguments: Namespace) -> int:
    """Print what is known about one component, and return the exit status."""
    information = registry.info(arguments.name)
    if arguments.json:
        print(json.dumps(information._asdict() | {"entry": information.entry._asdict()}))
        return 0
    entry = information.entry
    where = information.file or entry.value
    print(information.signature)
    print(f"  {entry.kind} of {entry.provider} ({entry.state}), plugin API v{entry.api}")
    print(f"  {where}{'' if information.line is None else f':{information.line}'}")
    if information.aliases:
        print(f"  also called {', '.join(information.aliases)}")
    print()
    print(information.doc)
    return 0
