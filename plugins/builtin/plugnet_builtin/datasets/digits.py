"""The embedded data set: 1797 scans of handwritten digits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from plugnet.interfaces import Batch, Dataset, DataSplits

FILE = Path(__file__).with_name("digits.npy")
TRAINING = 1497


@dataclass(eq=False)
class Digits(Dataset):
    """Real handwritten digits of 8 by 8 pixels, 1497 to train on and 300 to test.

    From the UCI repository's "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak,
    1998), licensed CC BY 4.0; digits.md beside the file says what was changed.
    """

    def load(self) -> DataSplits:
        """Read the embedded file; data ``(N, 8, 8, 1)`` float32 in [0, 1], labels class ids."""
        rows = np.load(FILE, allow_pickle=False)  # (1797, 65): 64 pixels of 0 to 16, and the digit
        images = rows[:, :64].reshape(-1, 8, 8, 1).astype(np.float32) / 16
        labels = rows[:, 64].astype(np.int64)
        return DataSplits(
            Batch(images[:TRAINING], labels[:TRAINING]),
            Batch(images[TRAINING:], labels[TRAINING:]),
            classes=tuple(range(10)),
        )
