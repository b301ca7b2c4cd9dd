"""What hooks say of a file that they could not write."""

from __future__ import annotations

import warnings

from plugnet.errors import PluginWarning


def warn_of_failed_write(what: str, error: OSError) -> None:
    """Warn of it, because a full disk, say, is no reason to lose a trained network."""
    warnings.warn(f"{what} cannot be written: {error}", PluginWarning, stacklevel=3)
