"""The data set of the tutorial: a MATLAB file with four variables."""

from __future__ import annotations

from collections.abc import Mapping

from plugnet.arrays import Array
from plugnet_builtin.datasets.matlab_v5 import read_mat
from plugnet_builtin.datasets.train_test_arrays import KEYS, TrainTestArrays, require_keys


class Mat(TrainTestArrays):
    """Reads train_data, train_label, test_data and test_label from a MATLAB level-5 file.

    Level 5 is what MATLAB saves by default and with ``-v6`` or ``-v7``. The numbers are taken as
    they are, so the file must hold scaled data.

    Attributes:
        path: the file.
        labels: the rule for labels, see `plugnet.data.labels`.
        first_class: the smallest class id, if the labels are class ids.
        ten_means_zero: whether the class id 10 stands for the digit 0.
    """

    def read(self) -> Mapping[str, Array]:
        variables = read_mat(self.path, KEYS)
        require_keys(variables, self.path)
        return {name: array for name, array in variables.items() if array is not None}
