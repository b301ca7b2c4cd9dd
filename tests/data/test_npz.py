"""The data set `npz`: what numpy.savez writes is read, and what could do harm is not."""

import io
import pickle
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.splits import as_four, held_out

from plugnet.arrays import Array
from plugnet.errors import ArgumentError, BudgetError, DataError, FileFormatError
from plugnet.interfaces import DataSplits
from plugnet_builtin.datasets.npz import Npz


class Harmful:
    """Whoever unpickles this gets an exception that no reader may see."""

    def __reduce__(self) -> tuple[Any, ...]:
        return exec, ("raise KeyboardInterrupt",)


def load(path: Path, **options: Any) -> DataSplits:
    return Npz(str(path), **options).load()


def npy(array: Array) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array)
    return file.getvalue()


def archive(path: Path, *members: tuple[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members:
            file.writestr(name, content)


@pytest.fixture
def replaced(tmp_path: Path, arrays: dict[str, Array]) -> Callable[[bytes], Path]:
    """Write an archive of the four arrays in which train_data.npy has the given content."""

    def write(content: bytes) -> Path:
        contents = {f"{key}.npy": npy(array) for key, array in arrays.items()}
        archive(tmp_path / "x.npz", *(contents | {"train_data.npy": content}).items())
        return tmp_path / "x.npz"

    return write


@pytest.mark.parametrize("savez", [np.savez, np.savez_compressed])
def test_the_four_arrays(tmp_path: Path, arrays: dict[str, Array], savez: Any) -> None:
    savez(tmp_path / "data.npz", extra=np.ones(2), **arrays)
    samples = load(tmp_path / "data.npz")
    assert samples.train.x.dtype == np.float32
    np.testing.assert_array_equal(samples.train.x, arrays["train_data"])
    assert samples.train.y.tolist() == [0, 1, 1, 2]
    assert held_out(samples).x.shape == (1, 3, 2)
    assert held_out(samples).y.tolist() == [2]


def test_other_layouts_and_byte_orders(tmp_path: Path, arrays: dict[str, Array]) -> None:
    data = np.asfortranarray(arrays["train_data"].astype(">f8"))
    np.savez(tmp_path / "data.npz", **(arrays | {"train_data": data}))
    samples = load(tmp_path / "data.npz")
    np.testing.assert_array_equal(samples.train.x, arrays["train_data"])


def test_the_rule_for_labels_applies(tmp_path: Path, arrays: dict[str, Array]) -> None:
    np.savez(tmp_path / "x.npz", **(arrays | {"train_label": np.array([[7, 8, 9, 7]])}))
    with pytest.raises(DataError, match="first_class=7"):
        load(tmp_path / "x.npz", first_class=7)
    np.savez(tmp_path / "x.npz", **(arrays | {"test_label": np.array([3.5])}))
    with pytest.raises(DataError, match=r"Row 0 is 3\.5"):
        load(tmp_path / "x.npz")
    with pytest.raises(ArgumentError):
        Npz("x.npz", labels="ids")


def test_objects_are_refused_and_nothing_is_unpickled(
    tmp_path: Path, arrays: dict[str, Array], replaced: Callable[[bytes], Path]
) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, **(arrays | {"train_data": np.array([Harmful()], object)}))
    with pytest.raises(FileFormatError, match="Python objects"):
        load(path)
    with pytest.raises(FileFormatError, match="damaged"):
        load(replaced(pickle.dumps(Harmful())))
    path.write_bytes(pickle.dumps(Harmful()))
    with pytest.raises(FileFormatError, match="a Python pickle"):
        load(path)


def test_an_array_announced_larger_than_it_is_allocates_nothing(
    replaced: Callable[[bytes], Path],
) -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776,), }"
    magic = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little")
    with pytest.raises(FileFormatError, match="announces 8796093022208 bytes, but has 64"):
        load(replaced(magic + header + bytes(64)))


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
def test_damaged_headers_are_errors(replaced: Callable[[bytes], Path], header: bytes) -> None:
    magic = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little")
    with pytest.raises(FileFormatError, match="damaged"):
        load(replaced(magic + header + bytes(64)))


def test_an_array_that_goes_on_after_its_end_is_an_error(
    arrays: dict[str, Array], replaced: Callable[[bytes], Path]
) -> None:
    with pytest.raises(FileFormatError, match="announces 96 bytes, but has 100"):
        load(replaced(npy(arrays["train_data"]) + b"more"))


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_two_arrays_of_one_name_are_refused(tmp_path: Path, arrays: dict[str, Array]) -> None:
    members = [(f"{key}.npy", npy(array)) for key, array in arrays.items()]
    archive(tmp_path / "x.npz", *members, members[0])
    with pytest.raises(FileFormatError, match="same name"):
        load(tmp_path / "x.npz")


def test_a_zip_bomb_is_refused(
    tmp_path: Path, arrays: dict[str, Array], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.npz"
    large: Any = {"train_data": np.eye(4, 10**5), "test_data": np.zeros((1, 10**5))}
    np.savez_compressed(path, **(arrays | large))
    assert load(path).train.x.shape == (4, 10**5)
    monkeypatch.setenv("PLUGNET_BUDGET", str(2**20))
    with pytest.raises(BudgetError, match="train_data would make"):
        load(path)


def test_other_kinds_of_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    for content, says in (
        (b"", "empty"),
        (npy(np.ones(3)), r"\.npy file"),
        (b"PK\x03\x04" + bytes(60), "cut short: the list of its arrays at the end is missing"),
        (b"<html>404</html>", "web page"),
    ):
        path.write_bytes(content)
        with pytest.raises(FileFormatError, match=says):
            load(path)
    with pytest.raises(FileFormatError, match="readable file"):
        load(tmp_path)


@pytest.mark.parametrize("savez", [np.savez, np.savez_compressed])
def test_an_archive_cut_short_anywhere_is_an_error(
    tmp_path: Path, arrays: dict[str, Array], cut: Callable[[Path], Iterator[int]], savez: Any
) -> None:
    path = tmp_path / "x.npz"
    savez(path, **arrays)
    for _ in cut(path):
        with pytest.raises(FileFormatError):
            load(path)


@pytest.mark.parametrize("savez", [np.savez, np.savez_compressed])
def test_no_flipped_bit_changes_what_an_archive_holds(
    tmp_path: Path, arrays: dict[str, Array], flip: Callable[[Path, int], Iterator[int]], savez: Any
) -> None:
    path = tmp_path / "x.npz"
    savez(path, **arrays)
    refused = 0
    for _ in flip(path, 0x21):
        try:
            samples = load(path)
        except FileFormatError:
            refused += 1
        else:
            for name, array in arrays.items():
                np.testing.assert_array_equal(as_four(samples)[name], array)
    assert refused > path.stat().st_size / 2
