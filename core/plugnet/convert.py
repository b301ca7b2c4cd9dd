"""Any data set as a MATLAB file with the tutorial's four variables."""

from __future__ import annotations

import os
from typing import Any, cast

import numpy as np

from plugnet.arrays import Array
from plugnet.errors import DataError
from plugnet.files.atomic import replacing
from plugnet.interfaces import Batch, DataSplits


def write_mat(samples: DataSplits, path: str | os.PathLike[str]) -> None:
    """Write ``samples`` as a compressed level-5 file, wholly or not at all.

    train_data and test_data are ``(N, features)``, every sample flattened in C order; train_label
    and test_label are one-hot ``(N, K)`` float32, or the real targets as they are. K counts the
    named classes, or else reaches to the largest id of both parts.

    Raises:
        DataError: an array is too large for the format (4 GiB).
        OSError: the file cannot be written.
    """
    from scipy.io import savemat
    from scipy.io.matlab import MatWriteError

    test = samples.train if samples.test is None else samples.test
    test = Batch(test.x[:0], test.y[:0]) if samples.test is None else test
    labels = [samples.train.y, test.y]
    if labels[0].ndim == 1:
        largest = max(ids.max(initial=1) for ids in labels)  # for at least two columns
        classes = np.arange(max(len(samples.classes), largest + 1))
        labels = [(ids[:, np.newaxis] == classes).astype(np.float32) for ids in labels]
    variables = {
        "train_data": _rows(samples.train.x),
        "train_label": labels[0],
        "test_data": _rows(test.x),
        "test_label": labels[1],
    }
    with replacing(path) as file:
        try:
            savemat(cast(Any, file), variables, do_compression=True)
        except MatWriteError as error:
            raise DataError(f"MATLAB's format cannot hold the data: {error}.", row=None) from error


def _rows(data: Array) -> Array:
    # (N, *shape) -> (N, features); N may be 0, so the features are counted, not inferred by -1
    return data.reshape(len(data), int(np.prod(data.shape[1:])))
