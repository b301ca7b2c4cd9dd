"""Checks in a fresh process, for components that an installed distribution provides."""

from __future__ import annotations

import json
from typing import Final

from plugnet.registry import registry
from plugnet.testing.fresh import Fresh, in_fresh_process
from plugnet.testing.general import describable
from plugnet.testing.report import NotApplicable, require
from plugnet.testing.subject import Subject

#: What no plugin imports before it is used: it would slow every program that uses another part.
HEAVY: Final = {
    "IPython", "cupy", "jax", "matplotlib", "numba", "pandas", "scipy", "sklearn", "tensorflow",
    "torch",
}  # fmt: skip
SLOW: Final = 1.0  # seconds of processor time


def check_fresh_process(subject: Subject) -> None:
    """A new interpreter builds the equal component from the spec alone."""
    module = _module(subject)
    specs = json.dumps([registry.spec(component) for component in describable(subject)])
    if '"provider": null' in specs:
        raise NotApplicable("it holds a component that no installed distribution provides")
    built = in_fresh_process(module, specs).specs
    require(built == json.loads(specs), f"From {specs} a fresh process built {built}.")


def check_import_is_quiet(subject: Subject) -> None:
    """Importing the module prints nothing."""
    printed = _imported(subject).printed
    require(not printed, f"Importing {_module(subject)} prints {printed[:60]!r}.")


def check_import_leaves_global_state(subject: Subject) -> None:
    """Importing the module changes nothing that belongs to the whole process."""
    names = _imported(subject).touched
    require(not names, f"Importing {_module(subject)} changes {names}, which belongs to everyone.")


def check_import_is_light(subject: Subject) -> None:
    """Importing the module imports nothing heavy, and takes less than a second."""
    fresh = _imported(subject)
    heavy = sorted(HEAVY.intersection(fresh.modules))
    require(
        not heavy,
        f"Importing {_module(subject)} imports {', '.join(heavy)}. Import it inside the function "
        "that needs it, so that programs which use other parts start fast.",
    )
    require(
        fresh.seconds < SLOW,
        f"Importing {_module(subject)} takes {fresh.seconds:.1f} s, of the modules "
        f"{', '.join(fresh.modules)}. Import what is slow where it is used.",
    )


def _imported(subject: Subject) -> Fresh:
    """Return what importing did; with the specs, if they can be had, to need one process only."""
    module = _module(subject)
    try:
        specs = json.dumps([registry.spec(component) for component in describable(subject)])
        return in_fresh_process(module, specs)
    except Exception:
        return in_fresh_process(module, "[]")


def _module(subject: Subject) -> str:
    if subject.entry is None or subject.entry.distribution is None:
        raise NotApplicable("no installed distribution provides it")
    return subject.entry.value.partition(":")[0]
