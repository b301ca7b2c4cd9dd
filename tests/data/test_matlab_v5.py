"""The reader of MATLAB files: equal to SciPy's on good files, an error on every damaged one."""

import io
import struct
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from scipy import sparse
from scipy.io import loadmat, savemat

from plugnet.arrays import Array
from plugnet.errors import BudgetError, DataError, FileFormatError
from plugnet_builtin.datasets.mat import Mat
from plugnet_builtin.datasets.matlab_v5 import read_mat

DTYPES = ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8")
GENERATOR = np.random.default_rng(0)


def saved(variables: dict[str, Any], **options: Any) -> bytes:
    file = io.BytesIO()
    savemat(cast(Any, file), variables, **options)
    return file.getvalue()


def read(content: bytes, folder: Path, *wanted: str) -> dict[str, Array | None]:
    path = folder / "data.mat"
    path.write_bytes(content)
    variables = read_mat(str(path))
    return {name: held.read() if name in wanted else None for name, held in variables.items()}


def matrix(content: bytes, folder: Path) -> Array:
    """Return the variable ``m``."""
    found = read(content, folder, "m")["m"]
    assert found is not None
    return found


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(3, 5), (1, 1), (1, 4), (6, 1), (0, 3), (2, 0)])
def test_matrices_equal_those_of_scipy(
    tmp_path: Path, dtype: str, shape: tuple[int, int], compressed: bool
) -> None:
    original = GENERATOR.integers(0, 100, shape).astype(dtype)
    found = matrix(saved({"m": original}, do_compression=compressed), tmp_path)
    expected = loadmat(str(tmp_path / "data.mat"))["m"]
    assert expected.shape == shape
    np.testing.assert_array_equal(found, expected, strict=True)


def test_shapes_are_known_before_anything_is_read(tmp_path: Path) -> None:
    held: dict[str, Any] = {"m": np.ones((2, 5)), "deep": np.ones((2, 2, 2)), "text": "a", "z": 1j}
    (tmp_path / "data.mat").write_bytes(saved(held))
    found = {name: each.shape for name, each in read_mat(str(tmp_path / "data.mat")).items()}
    assert found == {"m": (2, 5), "deep": (2, 2, 2), "text": None, "z": None}


def test_extreme_values_keep_their_bits(tmp_path: Path) -> None:
    original = np.array([[np.nan, np.inf, -0.0, 5e-324, np.finfo(float).max]])
    assert matrix(saved({"m": original}), tmp_path).tobytes() == original.tobytes()


def test_logical_matrices_are_bool(tmp_path: Path) -> None:
    original = np.array([[True, False], [False, False]])
    np.testing.assert_array_equal(matrix(saved({"m": original}), tmp_path), original, strict=True)


def test_names_longer_than_four_letters_and_padding(tmp_path: Path) -> None:
    variables = {"x" * length: np.full((1, length), 3, np.int8) for length in range(1, 20)}
    found = read(saved(variables), tmp_path, *variables)
    for name, original in variables.items():
        np.testing.assert_array_equal(found[name], original)


def element(order: str, kind: int, data: bytes) -> bytes:
    return struct.pack(order + "II", kind, len(data)) + data + b"\0" * (-len(data) % 8)


def file_of(order: str, *elements: bytes) -> bytes:
    header = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(order + "HH", 0x0100, 0x4D49)
    return header + b"".join(elements)


def by_hand(order: str, kind: int, shape: tuple[int, ...], stored: int, data: bytes) -> bytes:
    """Return a file with the matrix ``m``, written by the format's description alone."""
    body = (
        element(order, 6, struct.pack(order + "II", kind, 0))
        + element(order, 5, struct.pack(f"{order}{len(shape)}i", *shape))
        + element(order, 1, b"m")
        + element(order, stored, data)
    )
    return file_of(order, element(order, 14, body))


@pytest.mark.parametrize("order", ["<", ">"])
def test_doubles_stored_as_bytes_in_either_byte_order(tmp_path: Path, order: str) -> None:
    found = matrix(by_hand(order, 6, (2, 3), 2, bytes(range(6))), tmp_path)
    assert found.dtype == np.float64
    assert found.tolist() == [[0, 2, 4], [1, 3, 5]]


def test_big_endian_doubles(tmp_path: Path) -> None:
    values = np.array([1.5, -2.25], ">f8")
    found = matrix(by_hand(">", 6, (1, 2), 9, values.tobytes()), tmp_path)
    assert found.dtype.isnative
    assert found.tolist() == [[1.5, -2.25]]


@pytest.mark.parametrize(
    ("kind", "shape", "stored", "data", "says"),
    [
        (6, (2, 3), 2, b"12345", r"\(2, 3\) values of uint8, but it has 5 bytes"),
        (6, (2**30, 2**30), 2, b"123456", "has 6 bytes"),
        (6, (-1, -6), 2, b"123456", r"dimensions \(-1, -6\)"),
        (9, (1, 1), 9, bytes(8), "class uint8 but stored as float64"),
        (99, (1, 1), 2, b"1", "unknown class 99"),
        (6, (1, 1), 14, b"1", "missing or damaged"),
        (6, (1, 1, 1), 2, b"1", "it is 3-D"),
        (6, (1,), 2, b"1", "dimensions of a matrix take 4 bytes"),
    ],
)
def test_matrices_that_contradict_themselves_are_errors(
    tmp_path: Path, kind: int, shape: tuple[int, ...], stored: int, data: bytes, says: str
) -> None:
    with pytest.raises(FileFormatError, match=says) as caught:
        read(by_hand("<", kind, shape, stored, data), tmp_path, "m")
    assert caught.value.path == str(tmp_path / "data.mat")


FLAGS, SHAPE = element("<", 6, struct.pack("<II", 6, 0)), element("<", 5, struct.pack("<II", 1, 1))
NAME, SEVEN = element("<", 1, b"m"), element("<", 2, b"\7")


@pytest.mark.parametrize(
    ("elements", "says"),
    [
        ((FLAGS, SHAPE, NAME, SEVEN, SEVEN), "more than one block of numbers in m"),
        ((FLAGS, SHAPE, SEVEN, SEVEN), "a matrix has no valid name"),
        ((FLAGS, NAME, SEVEN), "a matrix has no valid dimensions"),
        ((SHAPE, NAME, SEVEN), "a matrix has no valid array flags"),
        ((), "a matrix has no valid array flags"),
        ((FLAGS, SHAPE, struct.pack("<HH", 1, 5) + b"five!", SEVEN), "claims 5 bytes, more than 4"),
    ],
)
def test_elements_that_break_a_rule_are_errors(
    tmp_path: Path, elements: tuple[bytes, ...], says: str
) -> None:
    with pytest.raises(FileFormatError, match=says):
        read(file_of("<", element("<", 14, b"".join(elements))), tmp_path, "m")


def test_a_file_holds_matrices_only(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="type 2 in place of a matrix"):
        read(file_of("<", SEVEN), tmp_path, "m")


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"field": 1.0}, "struct"),
        (np.array([[1, "a"]], object), "cell"),
        ("text", "char"),
        (np.array([[1 + 2j]]), "complex"),
        (np.zeros((2, 2, 2)), "3-D"),
    ],
)
def test_other_variables_are_skipped_unless_asked_for(
    tmp_path: Path, value: Any, kind: str
) -> None:
    content = saved({"strange": value, "m": np.ones((1, 1))})
    assert read(content, tmp_path, "m")["strange"] is None
    with pytest.raises(FileFormatError, match=f"strange must be a full .* but it is {kind}"):
        read(content, tmp_path, "strange")


def test_sparse_matrices_are_skipped_unless_asked_for(tmp_path: Path) -> None:
    content = saved({"strange": sparse.csc_array(np.eye(3)), "m": np.ones((1, 1))})
    assert read(content, tmp_path, "m")["strange"] is None
    with pytest.raises(FileFormatError, match="it is sparse"):
        read(content, tmp_path, "strange")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "an empty file"),
        (bytes(1000), "a file of zeros"),
        (b"\n<!DOCTYPE html><html><body>404</body></html>" * 9, "a web page"),
        (b"\x89HDF\r\n\x1a\n" + bytes(600), "HDF5 file.*'-v7'"),
        (b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(600), "HDF5.*'-v7'"),
        (b"1,2,3\n" * 100, "it is text"),
        (b"\x80\x04\x95" + bytes(300), "a Python pickle"),
        (b"\x1f\x8b\x08" + bytes(300), "gzipped"),
        (saved({"m": np.ones((9, 9))}, format="4"), "not a MATLAB level-5 file.*'-v7'"),
    ],
)
def test_other_kinds_of_files_are_named(tmp_path: Path, content: bytes, says: str) -> None:
    with pytest.raises(FileFormatError, match=says):
        read(content, tmp_path, "m")


def test_paths_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.mat", Path("nul\0l.mat")):
        with pytest.raises(FileFormatError, match="must be a readable file") as caught:
            read_mat(str(path))
        assert caught.value.path == str(path)


def test_a_compression_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = saved({"m": np.zeros((1000, 1000))}, do_compression=True)
    assert matrix(content, tmp_path).shape == (1000, 1000)
    monkeypatch.setenv("PLUGNET_BUDGET", str(2**20))
    with pytest.raises(BudgetError, match="a compressed variable"):
        read(content, tmp_path, "m")


def test_compressed_variables_must_be_complete(tmp_path: Path) -> None:
    content = by_hand("<", 6, (1, 1), 2, b"\7")
    header, body = content[:128], content[128:]

    def packed(data: bytes) -> bytes:
        return header + struct.pack("<II", 15, len(data)) + data

    good = zlib.compress(body)
    assert matrix(packed(good), tmp_path).tolist() == [[7]]
    for bad in (good[:-1], good + b"x", zlib.compress(b""), zlib.compress(body * 2), b""):
        with pytest.raises(FileFormatError):
            read(packed(bad), tmp_path, "m")


def test_a_variable_must_not_occur_twice(tmp_path: Path) -> None:
    content = by_hand("<", 6, (1, 1), 2, b"7")
    with pytest.raises(FileFormatError, match="'m' twice"):
        read(content + content[128:], tmp_path, "m")


def load(path: Path) -> str:
    """Return how reading the data set ends: that it loads, or the name of the error."""
    try:
        samples = Mat(str(path)).load()
    except (FileFormatError, DataError) as error:
        return type(error).__name__
    for part in (samples.train, samples.test or samples.train):
        array = part.x
        assert np.can_cast(array.dtype, np.float32)
        assert array.ndim == 2
        assert np.isfinite(array).all()
    return "loads"


@pytest.mark.filterwarnings("ignore::plugnet.errors.DataWarning")
def test_no_flipped_bit_crashes_the_reader(
    tmp_path: Path, matrices: dict[str, Array], flip: Callable[[Path, int], Iterator[int]]
) -> None:
    path = tmp_path / "data.mat"
    path.write_bytes(saved(matrices))
    for bits in (1, 2, 4, 8, 16, 32, 64, 128, 255):
        ends = Counter(load(path) for _ in flip(path, bits))
        assert ends["loads"] >= 116, "the text of the header means nothing"
        assert ends["FileFormatError"] > 50
    assert load(path) == "loads"


def test_no_flipped_bit_changes_compressed_variables(
    tmp_path: Path, matrices: dict[str, Array], flip: Callable[[Path, int], Iterator[int]]
) -> None:
    path = tmp_path / "data.mat"
    path.write_bytes(saved(matrices, do_compression=True))
    unnoticed = set()
    for bits in (1, 2, 4, 8, 16, 32, 64, 128, 255):
        for place in flip(path, bits):
            try:
                found = {name: held.read() for name, held in read_mat(str(path)).items()}
            except FileFormatError:
                continue
            unnoticed.add(place)
            for name, original in matrices.items():
                np.testing.assert_array_equal(found[name], original)
    unread = 124  # the text of the header
    assert len(unnoticed) < unread + 12, "bits that fill up the last byte of packed data"


@pytest.mark.parametrize("compressed", [False, True])
def test_a_file_cut_short_anywhere_is_an_error(
    tmp_path: Path,
    matrices: dict[str, Array],
    cut: Callable[[Path], Iterator[int]],
    compressed: bool,
) -> None:
    path = tmp_path / "data.mat"
    training = {name: matrices[name] for name in ("train_data", "train_label")}
    without_test = len(saved(training, do_compression=compressed))
    path.write_bytes(saved(matrices, do_compression=compressed))
    assert load(path) == "loads"
    for length in cut(path):
        assert load(path) == ("loads" if length == without_test else "FileFormatError"), length
