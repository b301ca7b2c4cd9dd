"""Checks in a fresh process, of components that an installed distribution provides."""

from __future__ import annotations

import json
from typing import Final

from plugnet.registry import registry
from plugnet.testing.fresh import FreshProcess, run_in_fresh_process
from plugnet.testing.general import describable_components
from plugnet.testing.report import NotApplicable, require
from plugnet.testing.target import Target

#: Packages that no plugin may import before use: they slow every program that imports it.
HEAVY: Final = {
    "IPython", "cupy", "jax", "matplotlib", "numba", "pandas", "scipy", "sklearn", "tensorflow",
    "torch",
}  # fmt: skip
SLOW: Final = 1.0  # seconds of processor time


def check_fresh_process(target: Target) -> None:
    """A new interpreter builds an equal component from the spec alone."""
    module = _module(target)
    specs = _specs(target)
    if '"provider": null' in specs:
        raise NotApplicable("it holds a component that no installed distribution provides")
    built = run_in_fresh_process(module, specs).specs
    require(built == json.loads(specs), f"From {specs} a fresh process built {built}.")


def check_import_is_quiet(target: Target) -> None:
    """Importing the module prints nothing."""
    printed = _imported(target).printed
    require(not printed, f"Importing {_module(target)} prints {printed[:60]!r}.")


def check_import_leaves_global_state(target: Target) -> None:
    """Importing the module changes no process-wide state."""
    names = _imported(target).changed_state
    require(
        not names, f"Importing {_module(target)} changes {names}, which the whole process shares."
    )


def check_import_is_light(target: Target) -> None:
    """Importing the module imports no heavy package and takes less than a second."""
    fresh = _imported(target)
    heavy = sorted(HEAVY.intersection(fresh.modules))
    require(
        not heavy,
        f"Importing {_module(target)} imports {', '.join(heavy)}. Import it inside the function "
        "that needs it, so that programs which do not use it start fast.",
    )
    require(
        fresh.seconds < SLOW,
        f"Importing {_module(target)} takes {fresh.seconds:.1f} s. It imports "
        f"{', '.join(fresh.modules)}. Import slow modules inside the functions that use them.",
    )


def _imported(target: Target) -> FreshProcess:
    """Return what importing did; include the specs if possible, so that one process is enough."""
    module = _module(target)
    try:
        return run_in_fresh_process(module, _specs(target))
    except Exception:
        return run_in_fresh_process(module, "[]")


def _specs(target: Target) -> str:
    return json.dumps([registry.spec(component) for component in describable_components(target)])


def _module(target: Target) -> str:
    if target.entry is None or target.entry.distribution is None:
        raise NotApplicable("no installed distribution provides it")
    return target.entry.value.partition(":")[0]
