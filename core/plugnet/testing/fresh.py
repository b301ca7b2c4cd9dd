"""Importing a component's module, and building it from its spec, in a fresh process."""

from __future__ import annotations

import importlib
import io
import json
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from functools import lru_cache
from typing import Any, Final, NamedTuple

from plugnet.registry import registry
from plugnet.testing.report import fail
from plugnet.testing.state import changed_since, global_state

TIMEOUT: Final = 60  # seconds
START: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]);"
    "from plugnet.testing.fresh import serve_request; serve_request()"
)


class FreshProcess(NamedTuple):
    """What a fresh process did.

    Attributes:
        printed: what the import printed.
        changed_state: the names of the global state that the import changed.
        modules: the top-level modules that were imported.
        seconds: the processor time of the import.
        specs: the specs of the components that it built.
    """

    printed: str
    changed_state: str
    modules: list[str]
    seconds: float
    specs: list[Any]


def run_in_fresh_process(module: str, specs: str) -> FreshProcess:
    """Import ``module`` in a new interpreter, and build components from a JSON list of specs.

    Raises:
        CheckFailure: the process failed.
    """
    return _ask(module, specs, tuple(sys.path))


@lru_cache(maxsize=8)  # several checks ask the same question
def _ask(module: str, specs: str, path: tuple[str, ...]) -> FreshProcess:
    command = [sys.executable, "-c", START, json.dumps(path)]
    order = json.dumps([module, specs])
    try:
        process = subprocess.run(
            command, input=order, capture_output=True, text=True, timeout=TIMEOUT
        )
    except subprocess.TimeoutExpired:
        fail(f"A fresh process that imports {module} did not end within {TIMEOUT} s.")
    if process.returncode:
        last = "".join(process.stderr.strip().splitlines()[-1:])
        fail(f"A fresh process could not import {module} or build from the spec: {last}")
    return FreshProcess(*json.loads(process.stdout.splitlines()[-1]))


def serve_request() -> None:
    """Run the request of `run_in_fresh_process`, read from standard input, and print the answer."""
    module, specs = json.load(sys.stdin)
    before, loaded, printed = global_state(), set(sys.modules), io.StringIO()
    start = time.process_time()
    with redirect_stdout(printed), redirect_stderr(printed):
        importlib.import_module(module)
    seconds = time.process_time() - start
    changed = changed_since(before)
    modules = sorted({name.partition(".")[0] for name in set(sys.modules) - loaded})
    built = [registry.spec(registry.from_spec(spec)) for spec in json.loads(specs)]
    print(json.dumps(FreshProcess(printed.getvalue(), changed, modules, seconds, built)))
