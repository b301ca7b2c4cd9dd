"""The data set `npy`: a folder of arrays, which become memory maps."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.splits import held_out

from plugnet import registry
from plugnet.arrays import Array
from plugnet.cli import main
from plugnet.cli.config import DataSettings
from plugnet.cli.data_source import pointed_at
from plugnet.errors import ArgumentError, DataError, FileFormatError
from plugnet_builtin.datasets.npy import Npy


@pytest.fixture
def folder(tmp_path: Path, arrays: dict[str, Array]) -> Path:
    folder = tmp_path / "dätä"
    folder.mkdir()
    save(folder, **arrays)
    return folder


def save(folder: Path, **arrays: Any) -> None:
    for key, array in arrays.items():
        np.save(folder / f"{key}.npy", array)


def is_mapped(array: Array) -> bool:
    root: Any = array
    while isinstance(root, np.ndarray) and not isinstance(root, np.memmap):
        root = root.base
    return isinstance(root, np.memmap)


def test_the_four_arrays_and_that_samples_are_mapped(
    folder: Path, arrays: dict[str, Array]
) -> None:
    samples = registry.datasets.build("npy", str(folder)).load()
    np.testing.assert_array_equal(samples.train.x, arrays["train_data"])
    assert samples.train.x.dtype == np.float32
    assert is_mapped(samples.train.x)
    assert samples.train.y.tolist() == [0, 1, 1, 2]
    assert held_out(samples).x.shape == (1, 3, 2)
    assert held_out(samples).y.tolist() == [2]


def test_a_map_cannot_be_written_to(folder: Path) -> None:
    with pytest.raises(ValueError, match="read-only"):
        Npy(str(folder)).load().train.x[0] = 1


@pytest.mark.parametrize("dtype", [">f8", "u1", "<f4"])
def test_other_types_and_layouts_are_converted(folder: Path, dtype: str) -> None:
    data = np.asfortranarray(np.eye(4, 6).astype(dtype))
    save(folder, train_data=data, test_data=data[:2], test_label=np.array([0, 1]))
    samples = Npy(str(folder)).load()
    np.testing.assert_array_equal(samples.train.x, np.eye(4, 6, dtype=np.float32))
    assert samples.train.x.flags.c_contiguous


def test_the_test_part_may_be_empty(folder: Path) -> None:
    save(folder, test_data=np.zeros((0, 3, 2)), test_label=np.zeros(0))
    assert Npy(str(folder)).load().test is None


def test_the_rule_for_labels_applies(folder: Path) -> None:
    save(folder, train_label=np.array([[7, 8, 9, 7]]))
    with pytest.raises(DataError, match="first_class=7"):
        Npy(str(folder), first_class=7).load()
    with pytest.raises(ArgumentError):
        Npy(str(folder), labels="ids")


def test_missing_files_are_named(folder: Path) -> None:
    (folder / "test_label.npy").rename(folder / "answers.npy")
    with pytest.raises(FileFormatError, match=r"test_data is test_x, but nothing is test_y"):
        Npy(str(folder)).load()


def test_the_path_must_be_a_folder(folder: Path) -> None:
    with pytest.raises(FileFormatError, match=r"must be a folder with \.npy files"):
        Npy(str(folder / "none")).load()
    with pytest.raises(FileFormatError, match=r"It holds train_data \(4, 3, 2\)"):
        Npy(str(folder / "train_data.npy")).load()


def test_folders_beside_the_files_are_left_alone(folder: Path) -> None:
    (folder / "x.npy").mkdir()
    assert len(Npy(str(folder)).load().train.x) == 4


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "an empty file"),
        (b"1,2,3\n", "text"),
        (pickle.dumps({}), "a Python pickle"),
        (b"\x93NUMPY\x01\x00", r"a NumPy \.npy file that cannot be read"),
        (b"\x93NUMPY\x09\x00" + bytes(200), "cannot be read"),
    ],
)
def test_other_kinds_of_files_are_named(folder: Path, content: bytes, says: str) -> None:
    (folder / "train_data.npy").write_bytes(content)
    with pytest.raises(FileFormatError, match=says) as caught:
        Npy(str(folder)).load()
    assert caught.value.path == str(folder / "train_data.npy")


@pytest.mark.parametrize("change", [-1, 1, 1000])
def test_a_file_must_have_the_length_in_its_header(folder: Path, change: int) -> None:
    path = folder / "train_data.npy"
    content = path.read_bytes()
    path.write_bytes(content[:change] if change < 0 else content + bytes(change))
    with pytest.raises(FileFormatError, match="announces 96 bytes"):
        Npy(str(folder)).load()


def test_objects_are_refused(folder: Path) -> None:
    np.save(folder / "train_label.npy", np.array([{}, {}, {}, {}]), allow_pickle=True)
    with pytest.raises(FileFormatError, match="Python objects"):
        Npy(str(folder)).load()


def test_the_command_line_reads_such_a_folder(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pointed_at(DataSettings(), str(folder)) == DataSettings("npy", str(folder))
    words = ["--set", "batch_size=2", "--rounds", "2"]
    assert main(["time", "--data", str(folder), *words]) == 0
    assert "batch of 2" in capsys.readouterr().out
