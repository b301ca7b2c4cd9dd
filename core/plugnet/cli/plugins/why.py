"""`plugnet plugins why`: what a name means, and why. Imports no plugin."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace

from plugnet.cli.prose import wrap
from plugnet.errors import RegistryError
from plugnet.registry import Entry, registry
from plugnet.registry.index import Settings
from plugnet.registry.kinds import CORE
from plugnet.registry.names import parse

#: In which order the registry looks: what it finds in an earlier step wins.
STEPS = ("registered by the program", "built in", "plugins")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("name", metavar="NAME", help="for example fc, layer:fc or plugnet/fc")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: Namespace) -> int:
    """Print how a name is looked up, and return the exit status: 1 if it means nothing usable."""
    found = _lookup(arguments.name)
    meant, verdict = _outcome(arguments.name)
    usable = meant is not None and meant.state not in ("broken", "incompatible")
    if arguments.json:
        report = {
            "name": arguments.name,
            "steps": {step: [e._asdict() for e in entries] for step, entries in found.items()},
            "means": None if meant is None else meant._asdict(),
            "usable": usable,
            "verdict": verdict,
        }
        print(json.dumps(report))
        return 0 if usable else 1
    for number, (step, entries) in enumerate(found.items(), 1):
        print(f"{number}. {step}: {'' if entries else 'none'}".rstrip())
        for entry in entries:
            place = f"{entry.kind} of {entry.provider}, {entry.value}"
            print(wrap(f"   {place}: {_explanation(entry)}"))
    print(wrap(verdict))
    if not usable and registry.problems():
        print("Something is wrong with what is installed: plugnet plugins doctor")
    return 0 if usable else 1


def _lookup(text: str) -> dict[str, list[Entry]]:
    """Return the entries that a name may mean, by step."""
    name = parse(text)
    found: dict[str, list[Entry]] = {step: [] for step in STEPS}
    for entry in registry.entries():
        same = entry.name == name.bare and name.distribution in (None, entry.distribution)
        if same and name.kind in (None, entry.kind):  # also what is always on
            step = {None: 0, CORE: 1}.get(entry.distribution, 2)
            found[STEPS[step]].append(entry)
    return found


def _outcome(text: str) -> tuple[Entry | None, str]:
    """Return what a name means, and that in words; None and the reason if nothing."""
    try:
        entry = registry.find(text)
    except RegistryError as error:
        return None, str(error)
    verdict = f"'{text}' is the {entry.kind} '{entry.name}' of {entry.provider}."
    if entry.state in ("broken", "incompatible"):
        verdict += f" It cannot be used: it is {_explanation(entry)}."
    return entry, verdict


def _explanation(entry: Entry) -> str:
    """Return an entry's state and what follows from it."""
    qualified = f"'{entry.distribution}/{entry.name}'"
    if entry.state == "disabled":
        return f"disabled by {Settings.from_environment().disabler(entry.distribution)}"
    if entry.always_on:
        return "always on; it acts in every Trainer and is not built by name"
    explanations = {
        "ok": f"ok; plugnet plugins doctor {entry.distribution} tells whether it can be imported",
        "shadowed": f"shadowed, because a built-in has that name; this one is {qualified}",
        "ambiguous": f"ambiguous, because others have that name; this one is {qualified}",
        "broken": f"broken, because its entry point must be 'module:Class', not '{entry.value}'",
        "incompatible": f"incompatible, because it was written for plugin API v{entry.api}",
    }
    return explanations.get(entry.state, entry.state)
