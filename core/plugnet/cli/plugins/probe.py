"""What happens when a plugin's module is imported. A program of its own, run by `inspection`.

It reads a request as JSON from standard input and answers as JSON on standard output. The plugin
may do whatever it likes there: crash, exit, hang or print.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import sys
import time
import traceback
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NoReturn

from plugnet.errors import PluginLoadError
from plugnet.registry import Entry, loading, registry
from plugnet.testing.state import global_state
from plugnet.training.hooks import HookCaller

CORE = Path(loading.__file__).parents[1]  # the folder of plugnet


def main() -> NoReturn:
    """Answer the request and end, whatever threads the plugin may have started."""
    request = json.load(sys.stdin)
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the plugin prints must not get into the answer
    sys.path[:] = request["path"]
    json.dump(probe([Entry(**entry) for entry in request["entries"]]), answer)
    answer.flush()
    os._exit(0)


def probe(entries: list[Entry]) -> dict[str, Any]:
    """Load entries of one module, of which the first imports it.

    Returns:
        ``seconds`` that the import took; ``problems``, one or None for each entry; ``effects``,
        what else the import did.
    """
    before = global_state()
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        start = time.perf_counter()
        problems = [_problem(entries[0])]
        seconds = time.perf_counter() - start
    after = global_state()
    effects = [f"changes {what}" for what in before if before[what] != after[what]]
    if text := printed.getvalue().strip():
        effects.append(f"prints or warns {text[:200]!r}")
    problems += [_problem(entry) for entry in entries[1:]]
    return {"seconds": seconds, "problems": problems, "effects": effects}


def _problem(entry: Entry) -> str | None:
    """Load an entry, and return why that fails, or None if it does not."""
    loader = loading.Loader()
    try:
        found = loader.load(entry)
        if entry.always_on:
            with registry.isolated():
                HookCaller([found])
    except PluginLoadError:
        failure = loader.failures.get(entry)
        if failure is None:
            return None  # it shows without an import: the registry counts it among its problems
        return f"{failure}{_place(failure.__cause__)}"
    except BaseException as error:  # KeyboardInterrupt, or a hook that fits no specification
        return f"{type(error).__name__}: {error}{_place(error)}"
    return None


def _place(error: BaseException | None) -> str:
    """Return the line of the plugin in which an error was raised, to be added to a message."""
    frames = traceback.extract_tb(error.__traceback__) if error else []
    others = ("<frozen importlib", str(Path(importlib.__file__).parent), str(CORE))
    own = [frame for frame in frames if not frame.filename.startswith(others)]
    return f"\n  (in {own[-1].filename}, line {own[-1].lineno})" if own else ""


if __name__ == "__main__":
    main()
