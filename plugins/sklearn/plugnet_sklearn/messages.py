"""Warnings in scikit-learn's own classes."""

from __future__ import annotations

import warnings

from sklearn.exceptions import ConvergenceWarning


def warn_not_converged(epochs: int) -> None:
    """Say that training ended before its loss or its score stood still."""
    warnings.warn(
        f"Training has done all {epochs} epochs, and was still making progress. Raise max_iter, or "
        "tol.",
        ConvergenceWarning,
        stacklevel=4,
    )
