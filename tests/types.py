"""The types of what fixtures give."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

#: Installs a fake distribution and returns the folder of its metadata.
Fake: TypeAlias = Callable[..., Path]
#: Runs a command that must be refused, and returns its message.
Refused: TypeAlias = Callable[..., str]
#: Runs a command with --json, and returns its exit status and what it printed.
Reported: TypeAlias = Callable[..., tuple[int, Any]]
#: Runs a command, checks its exit status (0, or ``status``), and returns what it printed.
Shown: TypeAlias = Callable[..., str]
