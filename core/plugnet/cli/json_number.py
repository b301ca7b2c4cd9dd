"""Numbers as JSON has them."""

from __future__ import annotations

import math


def or_null(value: float) -> float | None:
    """Return a number, or None, JSON's null, if it is not finite."""
    return value if math.isfinite(value) else None
