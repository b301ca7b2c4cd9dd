"""The data set `npz`: what numpy.savez writes is read, and what could do harm is not."""

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plugnet.arrays import Array
from plugnet.errors import ArgumentError, DataError, FileFormatError
from plugnet_builtin.datasets import reading
from plugnet_builtin.datasets.npz import Npz

ARRAYS: dict[str, Array] = {
    "train_data": np.linspace(0, 1, 24).reshape(4, 3, 2),
    "train_label": np.array([0, 1, 1, 2]),
    "test_data": np.zeros((1, 3, 2), np.float32),
    "test_label": np.array([2]),
}


class Harmful:
    """Whoever unpickles this gets an exception that no reader may see."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("raise KeyboardInterrupt",)


def save(path: Path, arrays: dict[str, Any]) -> None:
    np.savez_compressed(path, **arrays)


def npy(array: Array) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array)
    return file.getvalue()


def archive(path: Path, *members: tuple[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members:
            file.writestr(name, content)


def replaced(path: Path, content: bytes) -> None:
    """Write an archive of the four arrays in which train_data.npy has this content."""
    contents = {f"{key}.npy": npy(array) for key, array in ARRAYS.items()}
    archive(path, *(contents | {"train_data.npy": content}).items())


@pytest.mark.parametrize("savez", [np.savez, np.savez_compressed])
def test_the_four_arrays(tmp_path: Path, savez: Any) -> None:
    savez(tmp_path / "data.npz", extra=np.ones(2), **ARRAYS)
    samples = Npz(str(tmp_path / "data.npz")).load()
    assert samples.train_data.dtype == np.float32
    np.testing.assert_array_equal(samples.train_data, ARRAYS["train_data"].astype("f4"))
    assert samples.train_label.tolist() == [0, 1, 1, 2]
    assert samples.test_data.shape == (1, 3, 2)
    assert samples.test_label.tolist() == [2]


def test_other_layouts_and_byte_orders(tmp_path: Path) -> None:
    data = np.asfortranarray(ARRAYS["train_data"].astype(">f8"))
    np.savez(tmp_path / "data.npz", **(ARRAYS | {"train_data": data}))
    samples = Npz(str(tmp_path / "data.npz")).load()
    np.testing.assert_array_equal(samples.train_data, ARRAYS["train_data"].astype("f4"))


def test_the_rule_for_labels_applies(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", **(ARRAYS | {"train_label": np.array([[7, 8, 9, 7]])}))
    with pytest.raises(DataError, match="first_class=7"):
        Npz(str(tmp_path / "x.npz"), first_class=7).load()
    np.savez(tmp_path / "x.npz", **(ARRAYS | {"test_label": np.array([3.5])}))
    with pytest.raises(DataError, match=r"Row 0 is 3\.5"):
        Npz(str(tmp_path / "x.npz")).load()
    with pytest.raises(ArgumentError):
        Npz("x.npz", labels="ids")


def test_missing_arrays_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x_train=np.ones(1), y_train=np.ones(1), TRAIN_DATA=np.ones(1))
    with pytest.raises(FileFormatError, match=r"TRAIN_DATA, x_train, y_train can.*'train_data'"):
        Npz(str(tmp_path / "x.npz")).load()


def test_objects_are_refused_and_nothing_is_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, **(ARRAYS | {"train_data": np.array([Harmful()], object)}))
    with pytest.raises(FileFormatError, match="Python objects"):
        Npz(str(path)).load()
    replaced(path, pickle.dumps(Harmful()))
    with pytest.raises(FileFormatError, match="damaged"):
        Npz(str(path)).load()
    path.write_bytes(pickle.dumps(Harmful()))
    with pytest.raises(FileFormatError, match="a Python pickle"):
        Npz(str(path)).load()


def test_an_array_announced_larger_than_it_is_allocates_nothing(tmp_path: Path) -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776,), }"
    magic = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little")
    replaced(tmp_path / "x.npz", magic + header + bytes(64))
    with pytest.raises(FileFormatError, match="announces 8796093022208 bytes"):
        Npz(str(tmp_path / "x.npz")).load()


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }",
        b"{'descr': '<f8', 'fortran_order': False, 'shape': (-2, -4), }",
        b"{'descr': 'no', 'fortran_order': False, 'shape': (8,), }",
        b"{'shape': (8,), }",
        b"(" * 5000,
        b"\xff" * 60,
        b"",
    ],
)
def test_damaged_headers_are_errors(tmp_path: Path, header: bytes) -> None:
    magic = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little")
    replaced(tmp_path / "x.npz", magic + header + bytes(64))
    with pytest.raises(FileFormatError, match="damaged"):
        Npz(str(tmp_path / "x.npz")).load()


def test_an_array_that_goes_on_after_its_end_is_an_error(tmp_path: Path) -> None:
    replaced(tmp_path / "x.npz", npy(ARRAYS["train_data"]) + b"more")
    with pytest.raises(FileFormatError, match="announces"):
        Npz(str(tmp_path / "x.npz")).load()


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_two_arrays_of_one_name_are_refused(tmp_path: Path) -> None:
    members = [(f"{key}.npy", npy(array)) for key, array in ARRAYS.items()]
    archive(tmp_path / "x.npz", *members, members[0])
    with pytest.raises(FileFormatError, match="same name"):
        Npz(str(tmp_path / "x.npz")).load()


def test_an_archive_must_not_outgrow_all_proportion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.npz"
    large = {"train_data": np.eye(4, 10**5), "test_data": np.zeros((1, 10**5))}
    save(path, ARRAYS | large)
    assert Npz(str(path)).load().train_data.shape == (4, 10**5)
    monkeypatch.setattr(reading, "_UNPACKED", 2**20)
    with pytest.raises(FileFormatError, match="unpack to far more"):
        Npz(str(path)).load()


def test_other_files_are_named_for_what_they_seem(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    for content, says in (
        (b"", "empty"),
        (npy(np.ones(3)), r"\.npy file"),
        (b"<html>404</html>", "web page"),
    ):
        path.write_bytes(content)
        with pytest.raises(FileFormatError, match=says):
            Npz(str(path)).load()
    with pytest.raises(FileFormatError, match="readable file"):
        Npz(str(tmp_path)).load()


def test_every_cut_and_every_flipped_byte_is_survived(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    save(path, ARRAYS)
    content = path.read_bytes()
    for length in range(0, len(content), 5):
        path.write_bytes(content[:length])
        with pytest.raises(FileFormatError):
            Npz(str(path)).load()
    refused = 0
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x21]) + content[place + 1 :])
        try:
            samples = Npz(str(path)).load()
        except FileFormatError:
            refused += 1
        else:
            np.testing.assert_array_equal(samples.train_data, ARRAYS["train_data"].astype("f4"))
    assert refused > len(content) / 2
