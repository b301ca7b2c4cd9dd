"""`plugnet plugins info`: signature, place and documentation of one component."""

from __future__ import annotations

import json
import re
from argparse import ArgumentParser, Namespace

from plugnet.cli.prose import columns, wrap
from plugnet.registry import registry

ITEM = re.compile(r"\s+[\w, ]+: ")  # of a section such as "Args:"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("name", metavar="NAME", help="for example fc, layer:fc or plugnet/fc")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: Namespace) -> int:
    """Print what is known about one component, and return the exit status."""
    information = registry.info(arguments.name)
    if arguments.json:
        print(json.dumps(information._asdict() | {"entry": information.entry._asdict()}))
        return 0
    entry = information.entry
    where = information.file or entry.value
    print(wrap(information.signature, 4))
    print(f"  {entry.kind} of {entry.provider} ({entry.state}), plugin API v{entry.api}")
    print(f"  {where}{'' if information.line is None else f':{information.line}'}")
    if information.aliases:
        print(f"  also called {', '.join(information.aliases)}")
    print()
    for line in _paragraphs(information.doc):
        print(line if line.startswith(">>>") else wrap(line, 4 if ITEM.match(line) else 0))
    return 0


def _paragraphs(doc: str) -> list[str]:
    """Return the lines of a docstring, in which one that is too wide flows into the next.

    An example, from ``>>>`` to an empty line, stays as it is.
    """
    lines: list[str] = []
    flows = is_example = False
    for line in doc.splitlines():
        is_example = line.startswith(">>>") or (is_example and bool(line.strip()))
        if is_example and lines and lines[-1].startswith(">>>"):
            lines[-1] += f"\n{line}"
        elif flows and line.strip() and not ITEM.match(line):
            lines[-1] += f" {line.strip()}"
        else:
            lines.append(line)
        flows = len(line) > columns() and not is_example
    return lines
