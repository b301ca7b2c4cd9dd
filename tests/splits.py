"""What the tests of data sets share."""

from collections.abc import Mapping

from plugnet.arrays import Array
from plugnet.interfaces import Batch, DataSplits

KEYS = ("train_data", "train_label", "test_data", "test_label")


def held_out(splits: DataSplits) -> Batch:
    """Return the part to test on, which there must be."""
    assert splits.test is not None
    return splits.test


def as_four(splits: DataSplits) -> Mapping[str, Array]:
    """Return samples and labels of both parts under the tutorial's names."""
    arrays = (*splits.train[:2], *held_out(splits)[:2])
    return dict(zip(KEYS, arrays, strict=True))
