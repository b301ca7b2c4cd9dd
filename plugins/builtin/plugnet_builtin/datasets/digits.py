"""The embedded data set: 1797 scans of handwritten digits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from plugnet.arrays import Array
from plugnet.interfaces import Dataset, Samples
from plugnet_builtin.datasets.mat import Mat

_FILE = Path(__file__).with_name("digits.mat")


@dataclass(eq=False)
class Digits(Dataset):
    """Real handwritten digits of 8 by 8 pixels, 1497 to train on and 300 to test.

    From the UCI repository's "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak,
    1998), licensed CC BY 4.0; digits.md beside the file says what was changed.
    """

    def load(self) -> Samples:
        """Read the embedded file; data ``(N, 8, 8, 1)`` float32 in [0, 1], labels class ids."""
        raw = Mat(str(_FILE)).load()
        return Samples(
            _images(raw.train_data),
            raw.train_label,
            _images(raw.test_data),
            raw.test_label,
            classes=tuple("0123456789"),
        )


def _images(rows: Array) -> Array:
    # (N, 64) -> (N, 8, 8, 1); a pixel counts the dark ones of 16 in the original scan
    return rows.reshape(-1, 8, 8, 1).astype(np.float32) / 16
