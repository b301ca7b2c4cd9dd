"""The file format: round trips, a peer's reading, and every kind of damage."""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from plugnet.arrays import Array
from plugnet.errors import ArgumentError, BudgetError, FileFormatError
from plugnet.files import documents, safetensors

ARRAYS: dict[str, Array] = {
    "weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "counter": np.array(7, np.int64),
    "empty": np.zeros((0, 4)),
    "mask": np.array([True, False]),
    "turned": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "big": np.arange(3, dtype=">i4"),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    safetensors.write(tmp_path / "file", ARRAYS, {"note": "größer"})
    return tmp_path / "file"


def write_raw(path: Path, header: bytes, data: bytes = b"", length: int | None = None) -> None:
    path.write_bytes((len(header) if length is None else length).to_bytes(8, "little"))
    with path.open("ab") as file:
        file.write(header + data)


DTYPES = st.sampled_from([*safetensors.NAMES, np.dtype(">i4"), np.dtype(">f8")])
SOME_ARRAYS = st.dictionaries(
    st.text(),
    arrays(DTYPES, array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
    | arrays(DTYPES, (2, 3)).map(np.asfortranarray),
    max_size=3,
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the files of all examples."""
    return tmp_path_factory.mktemp("files")


@pytest.fixture(scope="module", autouse=True)
def _unsynchronized() -> Iterator[None]:
    """Do not wait for the disk, hundreds of times."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@given(SOME_ARRAYS, st.dictionaries(st.text(), st.text(), max_size=3))
def test_arrays_and_metadata_come_back_equal(
    files: Path, written: dict[str, Array], texts: dict[str, str]
) -> None:
    safetensors.write(files / "file", written, texts)
    found, metadata = safetensors.read(files / "file")
    assert metadata.pop("sha256").isalnum()
    assert metadata == texts
    assert found.keys() == written.keys()
    for name, array in written.items():
        assert found[name].shape == array.shape
        assert found[name].dtype == array.dtype.newbyteorder("=")
        assert found[name].tobytes() == array.astype(found[name].dtype).tobytes()
        assert found[name].flags.writeable


@given(st.binary(max_size=4), st.data())
def test_a_changed_file_is_refused(files: Path, others: bytes, data: st.DataObject) -> None:
    """Bytes are replaced, left out or put in, anywhere."""
    documents.write(files / "file", ARRAYS, {"network": {"layers": ["größer"]}})
    intact = (files / "file").read_bytes()
    start = data.draw(st.integers(0, len(intact)))
    end = start + data.draw(st.integers(0, 4) | st.just(len(intact)))
    changed = intact[:start] + others + intact[end:]
    (files / "file").write_bytes(changed)
    with nullcontext() if changed == intact else pytest.raises(FileFormatError):
        documents.read(files / "file")


def test_a_peer_reads_what_we_write_and_we_what_it_writes(path: Path, tmp_path: Path) -> None:
    peer = pytest.importorskip("safetensors.numpy")
    for name, array in peer.load_file(path).items():
        np.testing.assert_array_equal(array, ARRAYS[name])
    native = {name: np.ascontiguousarray(a) for name, a in ARRAYS.items() if name != "big"}
    peer.save_file(native, tmp_path / "theirs", {"by": "peer"})
    arrays, metadata = safetensors.read(tmp_path / "theirs")
    assert metadata == {"by": "peer"}
    for name, array in native.items():
        np.testing.assert_array_equal(arrays[name], array)


@pytest.mark.parametrize("note", ["0" * 64, '"sha256": "', '"sha256": "' + "0" * 64 + '"}}'])
def test_no_text_is_taken_for_the_digest(tmp_path: Path, note: str) -> None:
    safetensors.write(tmp_path / "file", {note: np.arange(3)}, {note: note})
    arrays, metadata = safetensors.read(tmp_path / "file")
    assert metadata[note] == note
    np.testing.assert_array_equal(arrays[note], np.arange(3))


def test_a_digest_of_the_callers_own_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="sha256"):
        safetensors.write(tmp_path / "file", ARRAYS, {"sha256": "0" * 64})
    assert list(tmp_path.iterdir()) == []


def test_every_byte_with_a_flipped_bit_is_seen(tmp_path: Path) -> None:
    documents.write(tmp_path / "intact", ARRAYS, {"network": {"layers": ["größer"]}})
    intact = (tmp_path / "intact").read_bytes()
    assert documents.read(tmp_path / "intact")[1] == {"network": {"layers": ["größer"]}}
    damaged = tmp_path / "damaged"
    for place in range(len(intact)):
        flipped = bytearray(intact)
        flipped[place] ^= 1 << (place % 8)
        damaged.write_bytes(flipped)
        with pytest.raises(FileFormatError):
            documents.read(damaged)


@pytest.mark.parametrize(
    ("text", "says"),
    [("[]", "damaged"), ("{", "damaged"), ("{}", "damaged"), ('{"version": 9}', "newer plugnet")],
)
def test_what_is_not_a_document_is_refused(tmp_path: Path, text: str, says: str) -> None:
    safetensors.write(tmp_path / "file", ARRAYS, {"plugnet": text})
    with pytest.raises(FileFormatError, match=says):
        documents.read(tmp_path / "file")


def entry(shape: list[Any], offsets: list[Any], dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


HEADERS = {
    "not JSON": b"{",
    "not UTF-8": b"\xff\xfe{}",
    "not an object": b"[]",
    "deeply nested": b"[" * 100_000,
    "key twice": b'{"a": {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]},'
    b' "a": {"dtype": "U8", "shape": [8], "data_offsets": [0, 8]}}',
    "gap": json.dumps({"a": entry([1], [0, 4]), "b": entry([0], [8, 8])}).encode(),
    "overlap": json.dumps({"a": entry([2], [0, 8]), "b": entry([1], [4, 8])}).encode(),
    "reversed": json.dumps({"a": entry([2], [8, 0])}).encode(),
    "negative": json.dumps({"a": entry([-2], [0, 8])}).encode(),
    "past the end": json.dumps({"a": entry([3], [0, 12])}).encode(),
    "bytes over": json.dumps({"a": entry([1], [0, 4])}).encode(),
    "wrong size": json.dumps({"a": entry([3], [0, 8])}).encode(),
    "overflow": json.dumps({"a": entry([2**62, 2**62], [0, 8])}).encode(),
    "unknown dtype": json.dumps({"a": entry([2], [0, 8], "O")}).encode(),
    "overflow of an empty one": json.dumps({"a": entry([0, 2**62, 2**62], [0, 0])}).encode(),
    "too many dimensions": json.dumps({"a": entry([1] * 65, [0, 4])}).encode(),
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": {"dtype": "F32", "shape": [-Infinity], "data_offsets": [0, 8]}}',
    "an integer of 10,000 digits": b'{"a": ' + b"9" * 10_000 + b"}",
    "an integer of 4,000 digits": b'{"a": ' + b"9" * 4_000 + b"}",
    "a name of 20,000 characters": json.dumps({"a" * 20_000: entry([2], [0, 8])}).encode(),
    "a long name in the metadata": json.dumps({"__metadata__": {"a" * 20_000: ""}}).encode(),
    "a string without an end": b'{"a": "' + b'\\"' * 100_000,
    "a string that ends in a backslash": b'{"' + b"\\" * 100_001,
    "too many arrays": b"{" + b'"a":{},' * 100_002 + b'"b":{}}',
    "too many texts": json.dumps({"__metadata__": {str(i): "" for i in range(100_001)}}).encode(),
    "fraction": json.dumps({"a": entry([2.0], [0, 8])}).encode(),
    "digest no digest": json.dumps({"__metadata__": {"sha256": "\ud800"}}).encode(),
    "metadata no map": json.dumps({"__metadata__": 3, "a": entry([2], [0, 8])}).encode(),
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS.keys())
def test_a_header_that_lies_is_refused(tmp_path: Path, header: bytes) -> None:
    write_raw(tmp_path / "file", header, b"\0" * 8)
    with pytest.raises(FileFormatError) as caught:
        safetensors.read(tmp_path / "file")
    assert caught.value.path == str(tmp_path / "file")


@pytest.mark.parametrize("length", [2**63, 2**64 - 1, 100_000_001, 50])
def test_a_header_length_beyond_the_file_is_refused(tmp_path: Path, length: int) -> None:
    write_raw(tmp_path / "file", b"{}", length=length)
    with pytest.raises(FileFormatError, match=str(length)):
        safetensors.read(tmp_path / "file")


def test_as_many_dimensions_as_numpy_has_are_read(tmp_path: Path) -> None:
    array = np.arange(2).reshape((2,) + (1,) * 63)
    safetensors.write(tmp_path / "file", {"a": array}, {})
    np.testing.assert_array_equal(safetensors.read(tmp_path / "file")[0]["a"], array)


def test_ten_thousand_arrays_are_read(tmp_path: Path) -> None:
    written = {f"fc{i}.bias": np.full(1, i) for i in range(10_000)}
    safetensors.write(tmp_path / "file", written, {})
    found, _ = safetensors.read(tmp_path / "file")
    assert {name: array[0] for name, array in found.items()} == {
        name: array[0] for name, array in written.items()
    }


def test_a_pipe_or_a_device_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(FileFormatError, match="must be a safetensors file, but: it is a"):
            safetensors.read(path)


@pytest.mark.parametrize("problem", [errno.EMFILE, errno.EACCES, errno.EIO])
def test_a_problem_of_the_system_says_what_it_is(
    path: Path, monkeypatch: pytest.MonkeyPatch, problem: int
) -> None:
    def fail(*arguments: object) -> int:
        raise OSError(problem, os.strerror(problem))

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(FileFormatError, match=os.strerror(problem)) as caught:
        safetensors.read(path)
    assert "intact copy" not in str(caught.value)


def test_a_file_may_not_take_more_than_its_budget(path: Path) -> None:
    size = path.stat().st_size
    with pytest.raises(BudgetError, match=r"budget=\d+ or") as caught:
        safetensors.read(path, budget=size)
    assert (caught.value.path, caught.value.limit) == (str(path), size)
    assert safetensors.read(path, budget=caught.value.needed)[0].keys() == ARRAYS.keys()


def test_other_things_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "html").write_text("<!DOCTYPE html><html></html>" * 10)
    for name in ("empty", "html", "absent", "."):
        with pytest.raises(FileFormatError):
            safetensors.read(tmp_path / name)


@pytest.mark.parametrize("array", [np.array([None]), np.array(["a"]), np.zeros(2, complex)])
def test_arrays_of_other_dtypes_are_not_saved_and_the_old_file_stays(
    path: Path, array: Array
) -> None:
    before = path.read_bytes()
    with pytest.raises(FileFormatError, match="dtype"):
        safetensors.write(path, {"a": array}, {})
    assert path.read_bytes() == before


def test_a_failed_write_leaves_the_old_file_and_no_other(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = path.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        safetensors.write(path, ARRAYS, {})
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
