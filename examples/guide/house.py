"""The house as it is: who imports whom, and which files a piece of work enters.

`python house.py step` and `python house.py build` print, as JSON, the functions that one warm step
of training and the first ``registry.build("fc", 784, 50)`` of a process call, in their order.
"""

from __future__ import annotations

import ast
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType

import plugnet
from plugnet.data import ArrayBatches

CORE = Path(plugnet.__file__).parent


def rooms() -> dict[str, set[str]]:
    """Return the rooms of the core, files and folders, each with those that it imports."""
    names = sorted(
        path.stem
        for path in CORE.iterdir()
        if (path.suffix == ".py" or (path / "__init__.py").exists()) and path.stem[0] != "_"
    )
    found: dict[str, set[str]] = {name: set() for name in names}
    for path in CORE.rglob("*.py"):
        room = path.relative_to(CORE).parts[0].removesuffix(".py")
        if room in found:
            found[room] |= _imported(path) & found.keys() - {room}
    return found


def _imported(path: Path) -> set[str]:
    """Return the rooms that a file imports, anywhere in it."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.split(".")[1] for name in modules if name.startswith("plugnet.")}


def floors(imports: Mapping[str, set[str]]) -> dict[str, int]:
    """Return how high each room stands: one above the highest that it imports, from 0."""
    heights: dict[str, int] = {}

    def height(name: str) -> int:
        if name not in heights:
            heights[name] = 1 + max(map(height, imports[name]), default=-1)
        return heights[name]

    return {name: height(name) for name in imports}


def needed(imports: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Return the imports without those that others imply."""

    def below(name: str) -> set[str]:
        return imports[name].union(*map(below, imports[name]))

    return {
        name: own - set().union(*(below(other) for other in own)) for name, own in imports.items()
    }


def sentence(path: Path) -> str:
    """Return the first sentence of a file's docstring."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    paragraph = " ".join(text.partition("\n\n")[0].split())
    return paragraph.partition(". ")[0].removesuffix(".") + "."


def entered(work: Callable[[], object]) -> list[tuple[str, str]]:
    """Do the work, and return the functions of plugnet and its plugins that it calls."""
    called: dict[tuple[str, str], None] = {}

    def note(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        if event == "call" and "<" not in code.co_qualname:
            called[code.co_filename, code.co_qualname] = None

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return [each for each in called if f"{os.sep}plugnet" in each[0]]


def build() -> list[tuple[str, str]]:
    """Build a layer by its name, the first time in this process."""
    return entered(lambda: plugnet.registry.build("fc", 784, 50))


def step() -> list[tuple[str, str]]:
    """Take one more step with a network of two layers, when all is prepared."""
    digits = plugnet.registry.datasets.build("digits").load().train
    trainer = plugnet.Trainer(plugnet.Network([("fc", 64, 50), "tanh", ("fc", 50, 10)]))
    batches = ArrayBatches(trainer.check(digits.x.reshape(-1, 64), digits.y))
    for _ in range(2):
        trainer.step(next(batches))
    return entered(lambda: trainer.step(next(batches)))


if __name__ == "__main__":
    print(json.dumps({"build": build, "step": step}[sys.argv[1]]()))
