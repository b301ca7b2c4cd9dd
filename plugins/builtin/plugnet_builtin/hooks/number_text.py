"""How hooks write a loss or a metric."""

from __future__ import annotations


def number_text(value: float) -> str:
    """Return a number with four decimals, or with six digits if it is large."""
    return f"{value:.4f}" if abs(value) < 100 else f"{value:.6g}"
