"""What can be said about one component once its module is imported."""

from __future__ import annotations

import inspect
from typing import NamedTuple

from plugnet.registry.discovery import Entry
from plugnet.registry.maker import Maker


class Information(NamedTuple):
    """One component, as `Registry.info` describes it.

    Attributes:
        entry: its name, provider, version and state.
        aliases: other names of the same kind, distribution and class.
        signature: how it is called, "fc(inputs, outputs)".
        doc: its documentation; "" if there is none.
        file: where its class is written, or None if that is not in a file.
        line: the line in that file, or None.
    """

    entry: Entry
    aliases: tuple[str, ...]
    signature: str
    doc: str
    file: str | None
    line: int | None


def describe(maker: Maker, listing: tuple[Entry, ...]) -> Information:
    """Return the information about what ``maker`` makes.

    Args:
        maker: the class, with its entry.
        listing: all entries of the same kind, with their states.
    """
    entry = next(e for e in listing if e.order == maker.entry.order)
    same = (entry.distribution, entry.value)
    aliases = (e.name for e in listing if (e.distribution, e.value) == same)
    try:
        file = inspect.getsourcefile(maker.cls)
        line = inspect.getsourcelines(maker.cls)[1]
    except (OSError, TypeError):  # typed at a prompt
        file = line = None
    return Information(
        entry=entry,
        aliases=tuple(name for name in aliases if name != entry.name),
        signature=maker.signature(),
        doc=inspect.cleandoc(maker.cls.__doc__ or ""),
        file=file,
        line=line,
    )
