"""Measures the structure of plugnet: rooms, circles of imports, what work enters, and start-up.

    python tests/benchmarks/structure.py [--before ENVIRONMENT/bin/python] [--rounds 15]

--before is the Python of an environment that has another version, which is shown next to this one.
Both must be installed from a clone with `pip install -e`, because the files of the clones are read.
The environments should hold the same plugins: the first build reads the entry points of all.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import sys
import textwrap
import tokenize
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias

import entered
import start_up
from import_circles import circles

#: The numbers of a table, for each row.
Rows: TypeAlias = Mapping[str, Sequence[int]]

ROOMS = """\
ROOMS. A folder of the core is counted without its subfolders. Code lines are
neither blank nor comment nor docstring.
"""
CIRCLES = """\
CIRCLES OF IMPORTS. Each module in a circle imports all others in it, directly
or through others. Imports in functions and under TYPE_CHECKING count too.
"""
ENTERED = """\
ENTERED. The code of plugnet and its plugins that runs, in a fresh process:
  files      in which any code runs, that of a module at its import included
  functions  that are called, class bodies and comprehensions included
  calls      of these functions
  loaded     modules that are imported; their own code is not a function
plugnet is imported beforehand, and plugnet.cli before `plugnet train`, which
takes one iteration on the embedded digits. The step is one more iteration of a
warm fit of the README's network. That network is also saved and loaded.
"""
TIMES = """\
START-UP. Medians over {} fresh processes, taken in turn. The training includes
all its imports.
"""
TOTALS = ("core", "all")
#: Tokens that do not make a line one of code.
LAYOUT = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
    tokenize.ENCODING, tokenize.ENDMARKER,
}  # fmt: skip


def main() -> None:
    """Measure this version, and another one if asked to, and print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", metavar="PYTHON", help="of the other version")
    parser.add_argument(
        "--rounds", type=int, default=15, metavar="N", help="of the times (15); 0 to measure none"
    )
    chosen = parser.parse_args()
    before = {"before": chosen.before} if chosen.before else {}
    pythons = {**before, "now": sys.executable}
    found = {version: packages(python) for version, python in pythons.items()}
    print(ROOMS)
    table(("files", "code lines"), {version: rooms(paths) for version, paths in found.items()})
    print(CIRCLES)
    for version, paths in found.items():
        show_circles(version, circles(paths))
    print(ENTERED)
    counted = {version: work(python) for version, python in pythons.items()}
    table(("files", "functions", "calls", "loaded"), counted)
    if chosen.rounds:
        print(TIMES.format(chosen.rounds))
        start_up.report(pythons, chosen.rounds)


def packages(python: str) -> list[Path]:
    """Return the folders of plugnet and of all plugins in the clone that a Python imports."""
    code = "import plugnet; print(plugnet.__file__)"
    core = Path(start_up.output(python, "-c", code).strip()).parent
    if core.parent.name != "core":
        sys.exit(
            f"{python} imports {core}, which is not a clone's: install a clone with pip install -e"
        )
    return [core, *sorted((core.parents[1] / "plugins").glob("*/plugnet_*"))]


def rooms(packages: Sequence[Path]) -> dict[str, list[int]]:
    """Return files and code lines of each folder of the core, of each plugin, and in total."""
    root = packages[0].parents[1]
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for path in sorted(path for package in packages for path in package.rglob("*.py")):
        folder = path.relative_to(root).parent
        lines = code_lines(path.read_text())
        is_core = folder.parts[0] == "core"
        room = folder if is_core else Path(*folder.parts[:2])
        for name in (room.as_posix(), *TOTALS[not is_core :]):
            counts[name][0] += 1
            counts[name][1] += lines
    return counts


def code_lines(text: str) -> int:
    """Return how many lines of a source text are neither blank nor comment nor docstring."""
    scopes = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, scopes) and ast.get_docstring(node, clean=False) is not None:
            docstrings |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        is_docstring = token.type == tokenize.STRING and token.start[0] in docstrings
        if token.type not in LAYOUT and not is_docstring:
            lines |= set(range(token.start[0], token.end[0] + 1))
    return len(lines)


def show_circles(version: str, found: Sequence[Sequence[str]]) -> None:
    """Print the circles of a version, and how many modules are in them."""
    print(f"{version}: {sum(map(len, found))} modules in circles")
    for circle in found:
        names = f"{len(circle)}: {', '.join(circle)}"
        print(textwrap.fill(names, 79, initial_indent="  ", subsequent_indent="    "))
    print()


def work(python: str) -> dict[str, list[int]]:
    """Return files, functions, calls and loaded modules of each piece of work."""
    rows: dict[str, Any] = {}
    script = str(Path(entered.__file__).resolve())
    with TemporaryDirectory() as folder:
        for name in entered.WORKS:
            rows |= json.loads(start_up.output(python, "-W", "ignore", script, name, folder))
    return {name: count(found) for name, found in rows.items()}


def count(rows: Sequence[tuple[str, str, int]]) -> list[int]:
    """Return files, functions, calls and loaded modules of what was entered."""
    functions = [calls for _, name, calls in rows if name != "<module>"]
    files = {file for file, *_ in rows}
    return [len(files), len(functions), sum(functions), len(rows) - len(functions)]


def table(heads: Sequence[str], versions: Mapping[str, Rows]) -> None:
    """Print the rows of all versions side by side, in at most 80 columns."""
    names = list(dict.fromkeys(name for rows in reversed([*versions.values()]) for name in rows))
    names.sort(key=lambda name: name in TOTALS)
    left = max(map(len, names))
    if len(versions) > 1:
        width = sum(len(head) + 2 for head in heads)
        print(" " * left + "".join(f"{version:>{width}}" for version in versions))
    print(" " * left + "".join(f"  {head}" for _ in versions for head in heads))
    for name in names:
        cells = [
            f"{value:>{len(head) + 2}}"
            for rows in versions.values()
            for head, value in zip(heads, rows.get(name, ["-"] * len(heads)), strict=True)
        ]
        print(f"{name:{left}}{''.join(cells)}")
    print()


if __name__ == "__main__":
    main()
