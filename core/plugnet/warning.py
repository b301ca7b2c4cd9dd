"""Warnings that point at the user's own line."""

from __future__ import annotations

import sys
import warnings

#: The packages whose lines no user has written.
_OWN = ("plugnet", "plugnet_builtin")


def warn_user(message: str, category: type[Warning]) -> None:
    """Give a warning at the line that called into plugnet: the nearest one outside its packages."""
    level, frame = 1, sys._getframe()
    while (
        frame.f_back is not None and str(frame.f_globals.get("__name__")).partition(".")[0] in _OWN
    ):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
