"""The data set `mat`: the four keys, and how training and test part must fit together."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat
from tests.splits import held_out

from plugnet.arrays import Array
from plugnet.errors import ArgumentError, DataError, DataWarning, FileFormatError
from plugnet.interfaces import DataSplits
from plugnet_builtin.datasets.mat import Mat


def load(folder: Path, contents: dict[str, Array], **options: Any) -> DataSplits:
    savemat(folder / "data.mat", contents)
    return Mat(str(folder / "data.mat"), **options).load()


def test_the_four_variables(tmp_path: Path, matrices: dict[str, Array]) -> None:
    samples = load(tmp_path, matrices | {"extra": np.ones(3)})
    assert samples.train.x.dtype == np.float32
    assert samples.train.x.flags.c_contiguous
    np.testing.assert_array_equal(samples.train.x, matrices["train_data"].astype("f4"))
    assert held_out(samples).x.tolist() == [[1, 0, 0], [0, 1, 0]]
    assert samples.train.y.tolist() == [0, 1, 2, 0]
    assert held_out(samples).y.tolist() == [2, 1]
    assert samples.classes == (0, 1, 2)


@pytest.mark.parametrize("shape", [(4, 1), (1, 4)])
def test_class_ids_in_both_of_matlabs_orientations(
    tmp_path: Path, matrices: dict[str, Array], shape: tuple[int, int]
) -> None:
    ids = {
        "train_label": np.array([1.0, 2, 3, 1]).reshape(shape),
        "test_label": np.array([3.0, 2]).reshape(np.clip(shape, 1, 2)),
    }
    samples = load(tmp_path, matrices | ids)
    assert samples.train.y.tolist() == [1, 2, 3, 1]
    assert held_out(samples).y.tolist() == [3, 2]
    assert samples.classes == (1, 2, 3)


def test_real_targets(tmp_path: Path, matrices: dict[str, Array]) -> None:
    targets = {"train_label": np.linspace(0, 1, 4)[:, None], "test_label": np.ones((2, 1))}
    samples = load(tmp_path, matrices | targets, labels="targets")
    assert samples.train.y.tolist() == targets["train_label"].tolist()
    assert held_out(samples).y.tolist() == [[1], [1]]


def test_the_test_part_may_be_empty(tmp_path: Path, matrices: dict[str, Array]) -> None:
    empty = {"test_data": np.zeros((0, 3)), "test_label": np.zeros((0, 3))}
    samples = load(tmp_path, matrices | empty)
    assert samples.test is None
    assert len(samples.train.x) == 4


def test_missing_variables_and_those_found_are_named(
    tmp_path: Path, matrices: dict[str, Array]
) -> None:
    matrices["answers"] = matrices.pop("train_label")
    with pytest.raises(FileFormatError) as caught:
        load(tmp_path, matrices)
    message = str(caught.value)
    assert "train_data (4, 3), test_data (2, 3), test_label (2, 3), answers (4, 3)" in message
    assert '["mat", {keys = {x = "train_data", y = "answers"}}]' in message


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"train_data": np.eye(3)}, r"row per sample, \(3,\)"),
        ({"train_data": np.zeros((0, 3)), "train_label": np.zeros((0, 3))}, "at least one sample"),
        ({"train_data": np.full((4, 3), np.nan)}, r"train_data\[0, 0\] is nan"),
        ({"test_data": np.full((2, 3), np.inf)}, r"test_data\[0, 0\] is inf"),
        ({"test_data": np.eye(2, 5)}, r"\(4, 3\) and \(2, 5\)"),
        ({"test_label": np.eye(5)[[2, 1]]}, r"\(4, 3\) and \(2, 5\)"),
        ({"test_label": np.full((2, 3), 0.5)}, r"train_label and test_label must mean the same"),
        ({"train_label": np.eye(3)[[0, 1, 2, 0]].T}, r"pass labels\.T"),
    ],
)
def test_parts_that_do_not_fit_are_errors(
    tmp_path: Path, matrices: dict[str, Array], changed: dict[str, Array], says: str
) -> None:
    with pytest.raises(DataError, match=says):
        load(tmp_path, matrices | changed)


def test_constant_data_give_a_warning(tmp_path: Path, matrices: dict[str, Array]) -> None:
    with pytest.warns(DataWarning, match="All values of train_data are 255"):
        load(tmp_path, matrices | {"train_data": np.full((4, 3), 255, np.uint8)})


@pytest.mark.parametrize(
    ("stored", "dtype"), [("u1", "u1"), ("i2", "i2"), ("f4", "f4"), ("?", "?"), ("f8", "f4")]
)
def test_numbers_become_float32_unless_they_are_smaller(
    tmp_path: Path, matrices: dict[str, Array], stored: str, dtype: str
) -> None:
    data = np.array([[0, 1, 1]] * 4, stored)
    samples = load(tmp_path, matrices | {"train_data": data})
    assert samples.train.x.dtype == dtype
    assert samples.train.x.tolist() == [[0, 1, 1]] * 4


def test_paths_may_be_path_like_and_strange(tmp_path: Path, matrices: dict[str, Array]) -> None:
    folder = tmp_path / "with späce\nand line"
    folder.mkdir()
    savemat(folder / "data.mat", matrices)
    data = Mat(folder / "data.mat")  # type: ignore[arg-type]
    assert data.path == str(folder / "data.mat")
    assert len(data.load().train.x) == 4


@pytest.mark.parametrize(
    "arguments", [{"path": 3}, {"path": None}, {"path": "x", "labels": "ids"}, {"path": b"x"}]
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError):
        Mat(**arguments)
