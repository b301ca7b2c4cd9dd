"""`plugnet plugins info`: signature, place and documentation of one component."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace

from plugnet.registry import registry


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("name", metavar="NAME", help="as fc, layer:fc or plugnet/fc")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: Namespace) -> int:
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
