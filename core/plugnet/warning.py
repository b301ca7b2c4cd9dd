"""Warnings that point at the user's own line."""

from __future__ import annotations

import sys
import warnings
from types import FrameType


def warn_user(message: str, category: type[Warning]) -> None:
    """Give a warning at the line that called into plugnet.

    That is the nearest one outside it, its built-in components and its plugins.
    """
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and _is_own(frame):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def _is_own(frame: FrameType) -> bool:
    package = str(frame.f_globals.get("__name__")).partition(".")[0]
    return package == "plugnet" or package.startswith("plugnet_")
