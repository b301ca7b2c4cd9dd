"""Makes plugnet_builtin/datasets/digits.npy from scikit-learn's copy of the data.

Needs scikit-learn. Run it as ``python make_digits.py FILE``; digits.md describes the data.
"""

from __future__ import annotations

import sys

import numpy as np

TEST_PER_DIGIT = 30
SEED = 1  # of six splits tried, one that is neither easier nor harder than most


def digits() -> np.ndarray:
    """Return ``(1797, 65)`` uint8, one scan per row: 64 pixels from 0 to 16 and the digit.

    The last 300 rows are the test part, 30 scans of each digit drawn at random. Both parts keep
    the source's order.
    """
    from sklearn.datasets import load_digits

    data, label = load_digits(return_X_y=True)
    generator = np.random.default_rng(SEED)
    test = np.zeros(len(label), bool)
    for digit in range(10):
        test[generator.choice(np.flatnonzero(label == digit), TEST_PER_DIGIT, replace=False)] = True
    rows = np.column_stack([data, label]).astype(np.uint8)
    return np.concatenate([rows[~test], rows[test]])


if __name__ == "__main__":
    np.save(sys.argv[1], digits())
