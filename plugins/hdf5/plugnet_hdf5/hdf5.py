"""Arrays in an HDF5 file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from plugnet.arguments import integer
from plugnet.data.stored_array import Stored
from plugnet.data.train_test_arrays import TrainTestArrays
from plugnet.files.budget import Budget
from plugnet_hdf5.dataset import Source
from plugnet_hdf5.file import datasets, opened


@dataclass(eq=False)
class Hdf5(TrainTestArrays):
    """Reads samples and labels from an HDF5 file, as h5py and Keras's tools write them.

    The samples have their rows along the first axis, of any shape; an array in a group has a name
    such as "train/x". The numbers are taken as they are, so they must be scaled, or the network
    must begin with a layer that scales. What lies in other files, by external links, virtual or
    external storage, is not read.

    Attributes:
        path: the file.
        labels: the rule for labels, see `plugnet.data.labels`; texts name classes.
        first_class: the smallest class id, if absent ones count too.
        ten_means_zero: whether the class id 10 stands for the digit 0.
        keys: the arrays' names by their roles, x, y, weights, test_x, test_y and test_weights, for
            example ``{"x": "pixels", "y": "digit"}``. None: they have common names, such as x and
            y; x_train, y_train, x_test and y_test, also with / for _; or train_data, train_label,
            test_data and test_label.
        test_fraction: how much is held out where there is no test part, from 0 to below 1; drawn
            at random by ``seed``, of each class its share.
        seed: of the draw.
        budget: how many bytes the file may take in memory. None: 64 MiB or 100 times its size,
            whichever is larger, or what the environment variable PLUGNET_BUDGET says.
        memory: up to how many bytes samples are kept in memory; larger ones are read from the file
            whenever they are wanted.
    """

    memory: int = 1 << 28

    def __post_init__(self) -> None:
        super().__post_init__()
        self.memory = integer("memory", self.memory, at_least=0)

    def contents(self) -> Mapping[str, Stored]:
        with opened(self.path) as (file, size):
            found = datasets(file, self.path)
            budget = Budget(self.path, size, self.budget)
            made = budget.renewed()
            return {
                name: Source(self.path, name, budget, made).stored(dataset, self.memory)
                for name, dataset in found.items()
            }
