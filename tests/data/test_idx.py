"""The data set `idx`: headers, types, gzip, and files that are damaged or of another kind."""

import gzip
import struct
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.splits import held_out

from plugnet.arrays import Array
from plugnet.errors import ArgumentError, BudgetError, DataError, FileFormatError
from plugnet.schema import Schema
from plugnet_builtin.datasets.idx import Idx
from plugnet_builtin.datasets.idx_file import read_idx
from plugnet_builtin.datasets.idx_folder import find_set

CODES = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}
IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 3), np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2], np.uint8)


def idx(array: Array) -> bytes:
    header = bytes([0, 0, CODES[array.dtype.str[1:]], array.ndim])
    dimensions = struct.pack(f">{array.ndim}I", *array.shape)
    return header + dimensions + array.astype(array.dtype.newbyteorder(">")).tobytes()


def zipped(content: bytes) -> bytes:
    """Return it gzipped, without the time, which would be in the names of tests."""
    return gzip.compress(content, mtime=0)


def write_four(
    folder: Path,
    test: str = "t10k",
    suffix: str = "-ubyte",
    prefix: str = "",
    labels: Array = LABELS,
) -> None:
    for name, array in (
        (f"train-images-idx3{suffix}", IMAGES),
        (f"train-labels-idx1{suffix}", labels),
        (f"{test}-images-idx3{suffix}", IMAGES[:2]),
        (f"{test}-labels-idx1{suffix}", labels[:2]),
    ):
        content = idx(array)
        (folder / f"{prefix}{name}").write_bytes(
            zipped(content) if suffix.endswith("gz") else content
        )


@pytest.mark.parametrize("dtype", sorted(CODES))
@pytest.mark.parametrize("packed", [False, True])
def test_all_types_and_shapes(tmp_path: Path, dtype: str, packed: bool) -> None:
    for shape in ((5,), (2, 3), (2, 3, 4), (2, 1, 2, 3)):
        array = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
        content = idx(array)
        (tmp_path / "x").write_bytes(zipped(content) if packed else content)
        found = read_idx(str(tmp_path / "x"))
        assert found.dtype == array.dtype
        assert found.dtype.isnative
        np.testing.assert_array_equal(found, array)


def test_bytes_are_scaled_and_other_numbers_are_not(tmp_path: Path) -> None:
    pixels = np.arange(256, dtype=np.uint8)
    (tmp_path / "x").write_bytes(idx(pixels))
    found = read_idx(str(tmp_path / "x"), scaled=True)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, (np.arange(256) / 255).astype(np.float32))
    (tmp_path / "x").write_bytes(idx(np.array([-2, 3], np.int16)))
    assert read_idx(str(tmp_path / "x"), scaled=True).tolist() == [-2, 3]


def test_reading_holds_one_block_besides_the_result(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(zipped(idx(np.ones((3000, 28, 100), np.uint8))))
    tracemalloc.start()
    found = read_idx(str(tmp_path / "x"), scaled=True)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak - found.nbytes < 7 * 2**20 < 3000 * 28 * 100


@pytest.mark.parametrize("test", ["t10k", "test"])
@pytest.mark.parametrize("suffix", ["-ubyte", "-ubyte.gz", ".bin"])
def test_a_folder_of_four_files(tmp_path: Path, test: str, suffix: str) -> None:
    write_four(tmp_path, test, suffix)
    samples = Idx(str(tmp_path)).load()
    assert samples.train.x.shape == (6, 4, 3, 1)
    np.testing.assert_allclose(samples.train.x[..., 0] * 255, IMAGES, rtol=1e-6)
    np.testing.assert_allclose(held_out(samples).x[..., 0] * 255, IMAGES[:2], rtol=1e-6)
    assert samples.train.y.tolist() == LABELS.tolist()
    assert held_out(samples).y.tolist() == LABELS[:2].tolist()


def test_the_content_decides_whether_a_file_is_gzipped(tmp_path: Path) -> None:
    write_four(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(zipped(path.read_bytes()))
    (tmp_path / "train-labels-idx1-ubyte").rename(tmp_path / "train-labels.gz")
    assert Idx(str(tmp_path)).load().train.y.tolist() == LABELS.tolist()


def test_flat_samples_and_images_with_channels_keep_their_shape(tmp_path: Path) -> None:
    write_four(tmp_path)
    for shape in ((6, 12), (6, 2, 2, 3)):
        for name in ("train-images-idx3-ubyte", "t10k-images-idx3-ubyte"):
            (tmp_path / name).write_bytes(idx(IMAGES.reshape(shape)))
        (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(LABELS))
        assert Idx(str(tmp_path)).load().train.x.shape == shape


def test_a_plain_file_is_read_rather_than_its_gzipped_twin(tmp_path: Path) -> None:
    write_four(tmp_path)
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"never read")
    assert len(Idx(str(tmp_path)).load().train.x) == 6


GOOD = idx(IMAGES)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "an empty file"),
        (bytes(100), "a file of zeros"),
        (GOOD[:3], "not an IDX file"),
        (b"\x00\x01" + GOOD[2:], "not an IDX file"),
        (b"\x00\x00\x07" + GOOD[3:], "not an IDX file"),
        (b"\x00\x00\x08\x00" + GOOD[4:], "0 dimensions"),
        (b"\x00\x00\x08\xff" + GOOD[4:], "255 dimensions"),
        (GOOD[:10], "breaks off"),
        (GOOD[:-1], "where 87 fit"),
        (GOOD + b"x", "goes on after the 72 values"),
        (b"\x00\x00\x08\x03" + b"\xff" * 12 + GOOD[16:], "announces"),
        (b"<html><body>404 Not Found</body></html>", "a web page"),
        (zipped(b"<html><body>404 Not Found</body></html>"), "a web page"),
        (zipped(GOOD[:-1]), "ends after"),
        (zipped(GOOD + b"x"), "goes on after the 72 values"),
        (zipped(zipped(GOOD)), "it is gzipped data"),
        (zipped(b""), "an empty file"),
        (zipped(idx(np.zeros(4, np.float64))[:-3]), "ends after"),
        (b"\x1f\x8b" + bytes(30), "gzip data"),
    ],
)
def test_other_and_damaged_files_are_errors(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "x").write_bytes(content)
    for scaled in (False, True):
        with pytest.raises(FileFormatError, match=says) as caught:
            read_idx(str(tmp_path / "x"), scaled)
        assert caught.value.path == str(tmp_path / "x")


def test_a_gzipped_file_cut_short_anywhere_is_an_error(
    tmp_path: Path, cut: Callable[[Path], Iterator[int]]
) -> None:
    path = tmp_path / "x"
    path.write_bytes(zipped(GOOD))
    for _ in cut(path):
        with pytest.raises(FileFormatError):
            read_idx(str(path))


def test_no_flipped_bit_changes_what_a_gzipped_file_holds(
    tmp_path: Path, flip: Callable[[Path, int], Iterator[int]]
) -> None:
    path = tmp_path / "x"
    path.write_bytes(zipped(GOOD))
    for place in flip(path, 0x55):
        try:
            np.testing.assert_array_equal(read_idx(str(path)), IMAGES)
        except FileFormatError:
            continue
        assert place < 10, "only the header's flags, time and system may change unnoticed"


def test_a_gzip_bomb_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(zipped(idx(np.zeros(10**6, np.uint8))))
    assert read_idx(str(tmp_path / "x")).size == 10**6
    for make in (idx, lambda x: idx(x.reshape(1000, 1000))):
        (tmp_path / "x").write_bytes(zipped(make(np.zeros(10**6, np.uint8))))
        with pytest.raises(BudgetError, match="its header"):
            read_idx(str(tmp_path / "x"), budget=10**6)
        with pytest.raises(BudgetError, match="announces"):
            read_idx(str(tmp_path / "x"), scaled=True, budget=3 * 10**6)


def test_every_image_needs_a_label(tmp_path: Path) -> None:
    write_four(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(LABELS[:-1]))
    with pytest.raises(DataError, match="6 samples and 5 labels"):
        Idx(str(tmp_path)).load()


def test_training_and_test_images_must_have_the_same_shape(tmp_path: Path) -> None:
    write_four(tmp_path)
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(IMAGES[:2, :3]))
    with pytest.raises(DataError, match=r"\(4, 3, 1\) and \(3, 3, 1\)"):
        Idx(str(tmp_path)).load()


def test_folders_beside_the_files_are_left_alone(tmp_path: Path) -> None:
    write_four(tmp_path)
    (tmp_path / "train-images").mkdir()
    assert len(Idx(str(tmp_path)).load().train.x) == 6


def test_labels_keep_their_numbers(tmp_path: Path) -> None:
    write_four(tmp_path, labels=LABELS + 1)
    splits = Idx(str(tmp_path)).load()
    assert splits.train.y.tolist() == [1, 2, 3, 1, 2, 3]
    assert splits.classes == (1, 2, 3)


def test_the_names_of_emnist(tmp_path: Path) -> None:
    write_four(tmp_path, "test", "-ubyte.gz", prefix="emnist-letters-", labels=LABELS + 1)
    assert Idx(str(tmp_path)).load().classes == (1, 2, 3)
    write_four(tmp_path, "test", "-ubyte", prefix="emnist-balanced-")
    with pytest.raises(
        FileFormatError, match=r"several sets.*'emnist-balanced', 'emnist-letters': say which"
    ):
        Idx(str(tmp_path)).load()
    assert Idx(str(tmp_path), prefix="emnist-balanced").load().classes == (0, 1, 2)
    assert Idx(str(tmp_path), prefix="emnist-letters").load().classes == (1, 2, 3)
    with pytest.raises(FileFormatError, match="no set with the prefix 'emnist'"):
        Idx(str(tmp_path), prefix="emnist").load()
    with pytest.raises(ArgumentError, match="prefix must be"):
        Idx(str(tmp_path), prefix=3)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["train-images.idx3-ubyte", "images_train.gz", "My Train Images"])
def test_other_spellings_of_names(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    (tmp_path / "latest-images").write_bytes(b"no part of any set")
    assert list(find_set(str(tmp_path), None)) == ["train images"]


def test_a_folder_with_no_such_names_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "images").write_bytes(b"")
    with pytest.raises(FileFormatError, match="it holds no set"):
        Idx(str(tmp_path)).load()


CLASSES = Schema("class", classes=(0, 1, 2))


def test_new_images_with_and_without_labels(tmp_path: Path) -> None:
    write_four(tmp_path)
    train, test = Idx(str(tmp_path)).rows(CLASSES)
    assert (list(train.numbers), list(test.numbers)) == ([*range(6)], [6, 7])
    assert train.y is not None
    assert train.y.tolist() == LABELS.tolist()
    assert test.x.shape == (2, 4, 3, 1)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    assert [rows.y for rows in Idx(str(tmp_path)).rows(CLASSES)] == [None, None]
    (tmp_path / "train-images-idx3-ubyte").unlink()
    (only,) = Idx(str(tmp_path)).rows(CLASSES)
    np.testing.assert_allclose(only.x[..., 0] * 255, IMAGES[:2], rtol=1e-6)
    (same,) = Idx(str(tmp_path / "t10k-images-idx3-ubyte"), scaled=False).rows(CLASSES)
    np.testing.assert_array_equal(same.x[..., 0], IMAGES[:2])
    (tmp_path / "t10k-images-idx3-ubyte").unlink()
    with pytest.raises(FileFormatError, match="one file of train images"):
        list(Idx(str(tmp_path)).rows(CLASSES))


def test_files_that_are_missing_or_ambiguous_are_named(tmp_path: Path) -> None:
    write_four(tmp_path)
    (tmp_path / "train-labels-other").write_bytes(idx(LABELS))
    with pytest.raises(FileFormatError, match="train-labels-idx1-ubyte, train-labels-other"):
        Idx(str(tmp_path)).load()
    for path in tmp_path.glob("train-labels*"):
        path.unlink()
    with pytest.raises(FileFormatError, match=r"train-labels\.\.\., but it has none"):
        Idx(str(tmp_path)).load()
    with pytest.raises(FileFormatError, match="must be a folder"):
        Idx(str(tmp_path / "nowhere")).load()


def test_absent_classes_count_from_the_first_on(tmp_path: Path) -> None:
    write_four(tmp_path, labels=np.array([1, 3, 3, 1, 3, 1], np.uint8))
    assert Idx(str(tmp_path)).load().classes == (1, 3)
    found = Idx(str(tmp_path), first_class=0).load()
    assert found.classes == (0, 1, 2, 3)
    assert set(found.train.y.tolist()) == {1, 3}
    with pytest.raises(DataError, match="first_class=2"):
        Idx(str(tmp_path), first_class=2).load()
