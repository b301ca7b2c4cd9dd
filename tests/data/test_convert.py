"""write_mat: the file that the tutorial's script loads."""

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat
from tests.splits import held_out

from plugnet.arrays import Array
from plugnet.convert import columns_of_labels, write_mat
from plugnet.errors import DataError
from plugnet.interfaces import Batch, DataSplits
from plugnet.schema import Label
from plugnet_builtin.datasets.digits import Digits
from plugnet_builtin.datasets.mat import Mat


def samples(
    train_label: Array, test_label: Array | None = None, classes: tuple[Label, ...] = ()
) -> DataSplits:
    data = np.random.default_rng(0).random((5, 2, 3, 1), np.float32)
    train, test = (
        None if label is None else Batch(data[: len(label)], label)
        for label in (train_label, test_label)
    )
    assert train is not None
    return DataSplits(train, test, classes)


def test_round_trip_of_a_data_set(tmp_path: Path) -> None:
    original = Digits().load()
    write_mat(original, tmp_path / "data.mat")
    found = Mat(str(tmp_path / "data.mat")).load()
    for part, same in ((original.train, found.train), (held_out(original), held_out(found))):
        np.testing.assert_array_equal(same.x, part.x.reshape(len(part.x), 64))
        np.testing.assert_array_equal(same.y, part.y)
    assert found.classes == original.classes


def test_what_the_tutorials_script_finds_in_it(tmp_path: Path) -> None:
    original = samples(np.array([0, 2, 1]), np.array([3, 0]))
    write_mat(original, tmp_path / "data.mat")
    found = loadmat(tmp_path / "data.mat")
    assert found["train_data"].dtype == np.float32
    np.testing.assert_array_equal(found["train_data"], original.train.x.reshape(3, 6))
    np.testing.assert_array_equal(found["train_label"], np.eye(4)[[0, 2, 1]])
    np.testing.assert_array_equal(found["test_label"], np.eye(4)[[3, 0]])


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["dog", "dog", "cat"], ("dog", "cow", "cat")),
        ([-1, -1, 5], (-1, 0, 5)),
        ([3, 3, 1], (3, 2, 1)),
    ],
)
def test_columns_are_in_the_order_of_classes(
    tmp_path: Path, labels: list[Label], classes: tuple[Label, ...]
) -> None:
    splits = samples(np.array(labels), None, classes)
    write_mat(splits, tmp_path / "x.mat")
    found = loadmat(tmp_path / "x.mat")["train_label"]
    assert found.tolist() == [[1, 0, 0], [1, 0, 0], [0, 0, 1]]
    assert columns_of_labels(splits) == classes


def test_a_single_class_still_has_two_columns(tmp_path: Path) -> None:
    write_mat(samples(np.array([0, 0]), np.array([0])), tmp_path / "x.mat")
    assert loadmat(tmp_path / "x.mat")["train_label"].tolist() == [[1, 0]] * 2


def test_real_targets_and_no_test_part(tmp_path: Path) -> None:
    targets = np.array([[0.25, -1], [3, 4]])
    write_mat(samples(targets), tmp_path / "x.mat")
    found = Mat(str(tmp_path / "x.mat")).load()
    assert found.train.y.tolist() == targets.tolist()
    assert found.test is None
    assert loadmat(tmp_path / "x.mat")["test_data"].shape == (0, 6)


@pytest.mark.parametrize(
    ("labels", "classes", "says"),
    [
        ([0, 2**31], (), "reach from 0 to 2147483648"),
        ([0, 2**24], (0, 2**24), "not in another byte order"),
        ([0, 1], tuple(map(str, range(10_001))), "of 10001 classes"),
        ([7, 7], (7,), "two classes or more"),
        (["a", "z"], ("a", "b"), "among the classes.*row 1 is 'z'"),
        ([0, 3], (0, 1), "among the classes.*row 1 is 3"),
    ],
)
def test_wild_labels_are_refused_before_they_take_memory(
    tmp_path: Path, labels: list[Label], classes: tuple[Label, ...], says: str
) -> None:
    splits = samples(np.array(labels), None, classes)
    tracemalloc.start()
    with pytest.raises(DataError, match=says):
        write_mat(splits, tmp_path / "x.mat")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20 * 2**20
    assert list(tmp_path.iterdir()) == []


def test_one_hot_rows_beyond_the_formats_limit_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plugnet.convert._MOST_BYTES", 11)
    with pytest.raises(DataError, match="3 samples and 3 classes take 36 bytes"):
        write_mat(samples(np.array([0, 2, 1])), tmp_path / "x.mat")


def test_what_the_file_cannot_hold_is_refused(tmp_path: Path) -> None:
    splits = samples(np.array([0, 1]))
    weighted = replace(splits, train=splits.train._replace(weights=np.ones(2)))
    with pytest.raises(DataError, match="no place for weights"):
        write_mat(weighted, tmp_path / "x.mat")
    splits.train.x[1, 0, 0] = np.nan
    with pytest.raises(DataError, match="row 1 has one") as caught:
        write_mat(replace(splits, missing="mean"), tmp_path / "x.mat")
    assert caught.value.row == 1


def test_a_failure_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "data.mat"
    path.write_bytes(b"old")

    def full(file: object, *_: object, **__: object) -> None:
        getattr(file, "write")(b"half")  # noqa: B009
        raise OSError("No space left on device")

    monkeypatch.setattr("scipy.io.savemat", full)
    with pytest.raises(OSError, match="No space"):
        write_mat(Digits().load(), path)
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["data.mat"]
