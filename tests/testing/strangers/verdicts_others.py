"""Run the conformance kit over the strangers that are no layers, and print its verdicts.

    python -m tests.testing.strangers.verdicts_others [optimizers metrics ...] [--full]

A wrong component is "caught" or has "slipped through", a right one has "passed" or was "refused".
"formula" marks a wrong one that keeps the contract: only what it is meant to compute says more.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

from plugnet.testing import check_component

KINDS = (
    "optimizers",
    "regularizers",
    "initializers",
    "lr_policies",
    "metrics",
    "hooks",
    "datasets",
)


def verdict(build: Callable[[], Any]) -> tuple[bool, str]:
    """Return whether the kit finds a fault, and its message."""
    component = build if isinstance(build, type) else build()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            check_component(component)
    except Exception as error:
        return True, f"{type(error).__name__}: {error}"
    return False, ""


def main(arguments: list[str]) -> None:
    """Print a row for each component, and how many there are of each verdict."""
    is_full = "--full" in arguments
    chosen = [kind for kind in KINDS if kind in arguments] or KINDS
    root, counts = os.getcwd(), Counter[tuple[str, str]]()  # noqa: PTH109
    for kind in chosen:
        for side in ("wrong", "right"):
            module = importlib.import_module(f"tests.testing.strangers.{side}_{kind}")
            formula: set[str] = getattr(module, "FORMULA", set())
            for name, build in module.COMPONENTS:
                with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    os.chdir(folder)
                    start = time.perf_counter()
                    found, message = verdict(build)
                    seconds = time.perf_counter() - start
                    os.chdir(root)
                words = ("slipped through", "caught") if side == "wrong" else ("passed", "refused")
                word = words[found] + (", formula" if name in formula else "")
                counts[kind, word] += 1
                brief = message if is_full else " ".join(message.split())[:150]
                print(f"{kind:12} {word:24} {seconds:6.2f} s  {name:22} {brief}", flush=True)
    print()
    for (kind, word), count in counts.items():
        print(f"{kind:12} {word:24} {count}")


if __name__ == "__main__":
    main(sys.argv[1:])
