"""`plugnet plugins why`: what a name means, and why. Imports no plugin."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace

from plugnet.errors import RegistryError
from plugnet.registry import Entry, registry
from plugnet.registry.index import Settings
from plugnet.registry.kinds import CORE
from plugnet.registry.names import Name, parse

STEPS = ("registered by the program", "built in", "plugins")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("name", metavar="NAME", help="as fc, layer:fc or plugnet/fc")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: Namespace) -> int:
    """Print how a name is looked up, and return the exit status: 1 if it means nothing usable."""
    name = parse(arguments.name)
    steps = {step: [e for e in registry.entries() if _step(e) == step] for step in STEPS}
    found = {step: [e for e in entries if _fits(e, name)] for step, entries in steps.items()}
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
            print(f"   {entry.kind} of {entry.provider}, {entry.value}: {_explanation(entry)}")
    print(verdict)
    if not usable and registry.problems():
        print("Something is wrong with what is installed: plugnet plugins doctor")
    return 0 if usable else 1


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


def _fits(entry: Entry, name: Name) -> bool:
    """Tell whether a name may mean an entry."""
    same = entry.name == name.bare and name.distribution in (None, entry.distribution)
    return same and name.kind in (None, entry.kind)


def _step(entry: Entry) -> str:
    """Return when the registry looks at an entry: those of an earlier step win."""
    if entry.distribution is None:
        return STEPS[0]
    return STEPS[1] if entry.distribution == CORE else STEPS[2]


def _explanation(entry: Entry) -> str:
    """Return an entry's state and what follows from it."""
    qualified = f"'{entry.distribution}/{entry.name}'"
    if entry.state == "disabled":
        return f"disabled by {Settings.from_environment().disabler(entry.distribution)}"
    if entry.always_on:
        return "acts in every Trainer by itself, and is not built by name"
    explanations = {
        "ok": f"ok; whether it can be imported says plugnet plugins doctor {entry.distribution}",
        "shadowed": f"shadowed, as a built-in has that name; this one is {qualified}",
        "ambiguous": f"ambiguous, as others have that name; this one is {qualified}",
        "broken": f"broken, as its entry point must be 'module:Class', not '{entry.value}'",
        "incompatible": f"incompatible, as it was written for plugin API v{entry.api}",
    }
    return explanations.get(entry.state, entry.state)
