"""What words of the command line that it does not know may have meant."""

from __future__ import annotations

import shlex
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from plugnet.cli.config import RULES, Config
from plugnet.cli.config_file import override, read_value
from plugnet.cli.data_source import with_argument
from plugnet.files.toml_text import assignment
from plugnet.readers import reader_of
from plugnet.registry.names import close


def hint(parsed: Namespace, rest: Sequence[str], words: Sequence[str]) -> str:
    """Return a question, or "" if nothing comes to mind.

    Args:
        parsed: what was understood.
        rest: what was not.
        words: all words of the command.

    Raises:
        ConfigError: a setting is wrong, too.
    """
    if not (hasattr(parsed, "assignments") and hasattr(parsed, "data")):
        return ""
    first = rest[0]
    if first.startswith("--"):
        name, equals, text = first.removeprefix("--").partition("=")
        if not equals:
            after = words[words.index(first) + 1 :]
            text = after[0] if after and not after[0].startswith("--") else "VALUE"
        meant = _setting(parsed, name.replace("-", "_"), text)
    else:
        meant = "" if parsed.data or first.startswith("-") else f"--data {shlex.quote(first)}"
    return f"Did you mean this?\n    {meant}" if meant else ""


def _setting(parsed: Namespace, name: str, text: str) -> str:
    """Return what sets a setting, or an argument of the reader, to the value in a text."""
    reader = override(Config(), parsed.assignments).data.reader
    if reader == Config().data.reader:
        reader = (parsed.data and reader_of(Path(parsed.data))) or "csv"
    changed = with_argument(reader, name, read_value(name, text))
    known = [key.rpartition(".")[2] for key in RULES if hasattr(parsed, "config")]
    if changed and name not in known:
        return assignment("reader", changed)
    found = close(name, known)
    return f"--set {shlex.quote(f'{found[0]}={text}')}" if found else ""
