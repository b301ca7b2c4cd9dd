"""The versions of what computes a result."""

from __future__ import annotations

import platform
from typing import Final

import numpy as np

VERSION: Final = "0.1.0"


def running() -> dict[str, str]:
    """Return the versions of plugnet, NumPy and Python, by name."""
    return {"plugnet": VERSION, "numpy": np.__version__, "python": platform.python_version()}
