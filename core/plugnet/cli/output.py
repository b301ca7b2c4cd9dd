"""Standard output that may go away without harm to a training."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

from plugnet.errors import PluginWarning


def say(text: str) -> None:
    """Print, or warn once that nobody can read it any more."""
    if sys.stdout is None:
        return
    try:
        print(text, flush=True)
    except (OSError, ValueError) as error:  # ValueError: it was closed within this process
        silence()
        warnings.warn(f"Nothing more is printed: {error}", PluginWarning, stacklevel=2)


def silence() -> None:
    """Let standard output lead nowhere, so that Python does not complain at its end, too."""
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        sys.stdout = None
