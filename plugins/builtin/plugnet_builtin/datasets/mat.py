"""The data set of the tutorial: matrices in a MATLAB file."""

from __future__ import annotations

from collections.abc import Mapping

from plugnet.data.stored_array import Stored
from plugnet.data.train_test_arrays import TrainTestArrays
from plugnet_builtin.datasets.matlab_v5 import read_mat


class Mat(TrainTestArrays):
    """Reads samples and labels from a MATLAB level-5 file.

    Level 5 is what MATLAB saves by default and with ``-v6`` or ``-v7``. The numbers are taken as
    they are, so the file must hold scaled data, or the network must begin with a layer that scales.

    Attributes:
        path: the file.
        labels: the rule for labels, see `plugnet.data.labels`.
        first_class: the smallest class id, if absent ones count too.
        ten_means_zero: whether the class id 10 stands for the digit 0.
        keys: the variables' names by their roles, x, y, weights, test_x, test_y and test_weights,
            for example ``{"x": "pixels", "y": "digit"}``. None: they have common names, such as
            train_data, train_label, test_data and test_label, or X and y.
        test_fraction: how much is held out where there is no test part, from 0 to below 1; drawn
            at random by ``seed``, of each class its share.
        seed: of the draw.
        budget: how many bytes the file may take in memory. None: 64 MiB or 100 times its size,
            whichever is larger, or what the environment variable PLUGNET_BUDGET says.
    """

    def contents(self) -> Mapping[str, Stored]:
        return read_mat(self.path, self.budget)
