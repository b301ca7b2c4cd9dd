"""The data set of the tutorial: a MATLAB file with four variables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from plugnet.arguments import file_path
from plugnet.data import check_rule
from plugnet.interfaces import Dataset, Samples
from plugnet_builtin.datasets.four_keys import KEYS, four_samples, require_keys
from plugnet_builtin.datasets.level5 import read_mat


@dataclass(eq=False)
class Mat(Dataset):
    """Reads train_data, train_label, test_data and test_label from a MATLAB level-5 file.

    Level 5 is what MATLAB saves by default and as ``-v6`` and ``-v7``. The numbers are taken as
    they are, so the file must hold data that are scaled already.

    Attributes:
        path: the file.
        labels: the rule for labels, see `plugnet.data.labels`.
        first_class: the smallest class id, if the labels are class ids.
        ten_means_zero: whether the class id 10 stands for the digit 0.
    """

    path: str
    labels: str = "auto"
    first_class: int | None = None
    ten_means_zero: bool = False

    def __post_init__(self) -> None:
        self.path = file_path("path", self.path)
        check_rule(self.labels, self.first_class, self.ten_means_zero)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        """Return none: the files lie where the user says."""
        return []

    def load(self) -> Samples:
        """Read the file; data ``(N, features)``, float32 or, if they are so, bytes."""
        variables = read_mat(self.path, KEYS)
        require_keys(variables, self.path)
        arrays = {name: array for name, array in variables.items() if array is not None}
        return four_samples(arrays, self.labels, self.first_class, self.ten_means_zero)
