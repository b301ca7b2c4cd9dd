"""write_mat: the file that the tutorial's script loads."""

from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat
from tests.splits import held_out

from plugnet.arrays import Array
from plugnet.convert import write_mat
from plugnet.interfaces import DataSplits
from plugnet_builtin.datasets.digits import Digits
from plugnet_builtin.datasets.mat import Mat


def samples(train_label: Array, test_label: Array, classes: tuple[str, ...] = ()) -> DataSplits:
    data = np.random.default_rng(0).random((5, 2, 3, 1), np.float32)
    return DataSplits(
        data[: len(train_label)], train_label, data[: len(test_label)], test_label, classes
    )


def test_round_trip_of_a_data_set(tmp_path: Path) -> None:
    original = Digits().load()
    write_mat(original, tmp_path / "data.mat")
    found = Mat(str(tmp_path / "data.mat")).load()
    for name in ("train_data", "test_data"):
        images = getattr(original, name)
        np.testing.assert_array_equal(getattr(found, name), images.reshape(len(images), 64))
    np.testing.assert_array_equal(found.train.y, original.train.y)
    np.testing.assert_array_equal(held_out(found).y, original.test.y)


def test_what_the_tutorials_script_finds_in_it(tmp_path: Path) -> None:
    original = samples(np.array([0, 2, 1]), np.array([3, 0]))
    write_mat(original, tmp_path / "data.mat")
    found = loadmat(tmp_path / "data.mat")
    assert found["train_data"].dtype == np.float32
    np.testing.assert_array_equal(found["train_data"], original.train.x.reshape(3, 6))
    np.testing.assert_array_equal(found["train_label"], np.eye(4)[[0, 2, 1]])
    np.testing.assert_array_equal(found["test_label"], np.eye(4)[[3, 0]])


def test_named_classes_count_even_if_absent(tmp_path: Path) -> None:
    write_mat(samples(np.array([0, 0]), np.array([0]), ("a", "b", "c")), tmp_path / "x.mat")
    assert loadmat(tmp_path / "x.mat")["train_label"].tolist() == [[1, 0, 0]] * 2


def test_a_single_class_still_has_two_columns(tmp_path: Path) -> None:
    write_mat(samples(np.array([0, 0]), np.array([0])), tmp_path / "x.mat")
    assert loadmat(tmp_path / "x.mat")["train_label"].tolist() == [[1, 0]] * 2


def test_real_targets_and_an_empty_test_part(tmp_path: Path) -> None:
    targets = np.array([[0.25, -1], [3, 4]])
    write_mat(samples(targets, targets[:0]), tmp_path / "x.mat")
    found = Mat(str(tmp_path / "x.mat")).load()
    assert found.train.y.tolist() == targets.tolist()
    assert held_out(found).x.shape == (0, 6)


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
