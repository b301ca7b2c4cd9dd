"""Makes plugnet_builtin/datasets/digits.mat from the copy of the data in scikit-learn.

Needs scikit-learn. Run it as ``python make_digits.py FILE``; digits.md says what the data are.
"""

from __future__ import annotations

import sys

import numpy as np

TEST_PER_CLASS = 30
SEED = 1  # of six splits tried, one that is neither easier nor harder than most


def digits() -> dict[str, np.ndarray]:
    """Return the four variables: data (N, 64) uint8 from 0 to 16, labels (N, 10) one-hot.

    Of every digit, 30 scans drawn at random are for testing; both parts keep the source's order.
    """
    from sklearn.datasets import load_digits

    data, label = load_digits(return_X_y=True)
    generator = np.random.default_rng(SEED)
    test = np.zeros(len(label), bool)
    for digit in range(10):
        test[generator.choice(np.flatnonzero(label == digit), TEST_PER_CLASS, replace=False)] = True
    data, one_hot = data.astype(np.uint8), np.eye(10, dtype=np.uint8)[label]
    return {
        "train_data": data[~test],
        "train_label": one_hot[~test],
        "test_data": data[test],
        "test_label": one_hot[test],
    }


if __name__ == "__main__":
    from scipy.io import savemat

    savemat(sys.argv[1], digits(), do_compression=True)
