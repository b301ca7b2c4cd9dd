"""What a notebook shows of a registry: the components of each kind, in tables. Nothing is imported.

The first sentence of a documentation is read from the class where its module is imported already,
else from the source.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from plugnet.html.markup import folded, page, table
from plugnet.registry.entries import Entry

#: Characters of markup that the rows of one kind may take.
ROOM = 8_000
#: Bytes of a source that are read.
MOST = 1_000_000
#: States of an entry of which nothing is said.
FINE = ("built-in", "ok", "loaded")
_SENTENCE = re.compile(r"(.+?)(?:\.(?=\s+[A-Z`]|$)|\n\s*\n|$)", re.DOTALL)


def listing(
    name: str, entries: Mapping[str, Iterable[Entry]], classes: Mapping[Entry, type[Any]]
) -> str:
    """Return tables in HTML, folded if there are several: name, provider and first sentence.

    Args:
        name: what is listed.
        entries: by the attribute of the registry, such as "layers".
        classes: those that the program has registered.
    """
    sources: dict[str, str] = {}
    tables = {
        view: _table(view, sorted(set(found), key=lambda one: one.name), classes, sources)
        for view, found in entries.items()
    }
    parts = tables.values() if len(tables) == 1 else (folded(*each) for each in tables.items())
    return page(name, "", *parts)


def _table(
    view: str, entries: list[Entry], classes: Mapping[Entry, type[Any]], sources: dict[str, str]
) -> str:
    rows = (
        (
            entry.name,
            entry.provider + ("" if entry.state in FINE else f" ({entry.state})"),
            _first_sentence(_documentation(entry, classes, sources)),
        )
        for entry in entries
    )
    return table(
        view, ("name", "provider", "what it is"), rows, whole=f"{len(entries):,} names", room=ROOM
    )


def _documentation(
    entry: Entry, classes: Mapping[Entry, type[Any]], sources: dict[str, str]
) -> str:
    """Return the docstring of an entry's class, or of its module; "" if it cannot be found."""
    module, _, name = entry.value.partition(":")
    own = next((cls for one, cls in classes.items() if one.key == entry.key), None)
    loaded = own or getattr(sys.modules.get(module), "__dict__", {}).get(name)
    if isinstance(loaded, type):
        return loaded.__doc__ or ""
    if module not in sources:
        sources[module] = _source(module)
    header = rf"^class {re.escape(name)}\b[^:]*:\s*" if name else r"\A\s*"
    found = re.search(header + r'r?"""(.*?)"""', sources[module], re.DOTALL | re.MULTILINE)
    return found[1] if found else ""


def _source(module: str) -> str:
    """Return the source of a module without importing what it lies in; "" if there is none."""
    places = None
    try:
        for depth in range(module.count(".") + 1):
            name = ".".join(module.split(".")[: depth + 1])
            spec = PathFinder.find_spec(name, places)
            places = None if spec is None else spec.submodule_search_locations
        if spec is None or not (spec.origin or "").endswith(".py"):
            return ""
        with Path(spec.origin or "").open("rb") as file:
            return file.read(MOST).decode(errors="replace")
    except Exception:  # a finder or a folder that is not what it should be: then nothing is said
        return ""


def _first_sentence(doc: str) -> str:
    found = _SENTENCE.match(doc.strip())
    return " ".join(found[1].split()).removesuffix(".") if found else ""
