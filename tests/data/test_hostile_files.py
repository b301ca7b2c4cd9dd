"""Files that are made to fill the memory or to take long: refused, soon and at little cost."""

import gzip
import io
import os
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plugnet import registry
from plugnet.arrays import Array, Shape
from plugnet.errors import BudgetError, FileFormatError, PlugnetError

#: What is announced or unpacked: more than any of these files may take.
HUGE = 10**8

#: MB above the idle process, and seconds of its time, that reading a file under 1 MB may take.
MOST_MEMORY, MOST_SECONDS = 200, 2

MEASURE = """
import resource, sys, time, warnings
from plugnet import registry
from plugnet.errors import PlugnetError
for name in registry.datasets.names():
    registry.datasets.get(name)
registry.datasets.build("digits").load()
warnings.simplefilter("ignore")
for reader, path in zip(sys.argv[1::2], sys.argv[2::2]):
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    try:
        registry.datasets.build(reader, path).load()
    except PlugnetError:
        pass
    after, end = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    print((after - before) * 1024 / 1e6, end - start)
"""


def packed(*parts: bytes, zeros: int = 0, format: int = 31) -> bytes:
    """Return parts, and then zeros, compressed; the format is gzip or, if 15, zlib."""
    packer = zlib.compressobj(1, wbits=format)
    out = [packer.compress(part) for part in parts]
    out += [packer.compress(bytes(zeros // 100)) for _ in range(100 if zeros else 0)]
    return b"".join([*out, packer.flush()])


def header(descr: str, shape: Shape) -> bytes:
    """Return the header of a .npy file."""
    file = io.BytesIO()
    found = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, found)
    return file.getvalue()


def npz(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


def element(kind: int, data: bytes) -> bytes:
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)


def matrix(name: bytes, kind: int, dims: Shape, data: bytes = b"") -> bytes:
    """Return an element of a MATLAB file, whose numbers are bytes."""
    flags, sizes = struct.pack("<II", kind, 0), struct.pack(f"<{len(dims)}i", *dims)
    return element(14, element(6, flags) + element(5, sizes) + element(1, name) + element(2, data))


def matlab(*matrices: bytes) -> bytes:
    compressed = [zlib.compress(each, 1) for each in matrices]
    head = b"MATLAB 5.0".ljust(124) + b"\x00\x01IM"
    return head + b"".join(struct.pack("<II", 15, len(each)) + each for each in compressed)


def idx(path: Path, shape: Shape, zeros: int) -> Path:
    """Write a set of which the training images announce a shape and have so many zeros."""
    path.mkdir()
    small = bytes([0, 0, 8, 1]) + struct.pack(">I", 2) + b"\0\1"
    for name in ("train-labels", "t10k-labels", "t10k-images"):
        (path / name).write_bytes(small)
    head = bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)
    (path / "train-images").write_bytes(packed(head, zeros=zeros))
    return path


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def measured(*files: tuple[str, Path]) -> list[tuple[float, float]]:
    """Return MB above those of a process that read the files before, and seconds."""
    words = [str(word) for each in files for word in each]
    command = [sys.executable, "-c", MEASURE, *words]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not shown.returncode, shown.stderr
    lines = [line.split() for line in shown.stdout.splitlines()]
    return [(float(memory), float(seconds)) for memory, seconds in lines]


def test_hostile_files_take_little_memory_and_time(tmp_path: Path) -> None:
    files = [
        ("idx", idx(tmp_path / "idx", (HUGE // 100, 10, 10), 0)),
        ("idx", idx(tmp_path / "wide", (6 * 10**5, 10, 10), 0)),
        ("npz", npz(tmp_path / "a.npz", x=header("|u1", (HUGE, 1)) + bytes(HUGE), y=b"")),
        ("mat", written(tmp_path / "a.mat", matlab(element(14, bytes(6 * 10**7))))),
        ("mat", written(tmp_path / "b.mat", matlab(matrix(b"x", 9, (1, 1)) + bytes(3 * 10**7)))),
        ("csv", written(tmp_path / "a.csv.gz", packed(b"1,0\n2,1\n" * 10**6))),
        ("csv", written(tmp_path / "b.csv.gz", packed(b"1," * 10**7))),
        ("csv", written(tmp_path / "c.csv", b"," * 999_999 + b"\n")),
        ("csv", written(tmp_path / "d.csv", b"a,b\n1," + b"q" * 10**5 + b"\n" + b"2,c\n" * 10**5)),
    ]
    for (reader, path), (memory, seconds) in zip(files, measured(*files), strict=True):
        assert memory < MOST_MEMORY, (reader, path, memory)
        assert seconds < MOST_SECONDS, (reader, path, seconds)


@pytest.mark.parametrize("reader", ["csv", "idx"])
def test_a_file_of_many_empty_gzip_members_is_refused(tmp_path: Path, reader: str) -> None:
    path = tmp_path / "x.csv" if reader == "csv" else idx(tmp_path / "idx", (1,), 0)
    members = gzip.compress(b"") * 2000
    (path if reader == "csv" else path / "train-images").write_bytes(members)
    with pytest.raises(FileFormatError, match="1000 members with hardly any content"):
        registry.datasets.build(reader, str(path)).load()


def test_gzip_members_that_hold_something_are_read_on(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    block = gzip.compress(b"1.%0200d,0\n2,1\n" % 0 * 10)
    path.write_bytes(b"".join(block for _ in range(1200)) + bytes(100))  # padded, as on a tape
    assert len(registry.datasets.build("csv", str(path), test_fraction=0).load().train.x) == 24_000


SHAPES: list[tuple[str, Shape]] = [
    ("<f8", (2**40, 4)), ("<f8", (1,) * 65), ("<f8", (0, 2**62)), ("<f8", (0, 2**62, 2**62)),
    ("<f8", (-2, -2)), ("|S0", (2**40, 1)), ("<U0", (2**50, 1)), ("|V8", (4, 1)),
]  # fmt: skip


@pytest.mark.parametrize(("descr", "shape"), SHAPES)
def test_impossible_headers_of_numpy_are_refused(tmp_path: Path, descr: str, shape: Shape) -> None:
    head = header(descr, shape) + bytes(32)
    written(tmp_path / "x.npy", head)
    np.save(tmp_path / "y.npy", np.arange(4))
    npz(tmp_path / "a.npz", x=head, y=(tmp_path / "y.npy").read_bytes())
    for reader, path in (("npy", tmp_path), ("npz", tmp_path / "a.npz")):
        with pytest.raises(FileFormatError):
            registry.datasets.build(reader, str(path)).load()


def test_a_header_of_numpy_that_is_long_is_not_read(tmp_path: Path) -> None:
    path = npz(tmp_path / "a.npz", x=b"\x93NUMPY\2\0" + struct.pack("<I", HUGE), y=b"")
    with pytest.raises(FileFormatError, match="100000000 characters"):
        registry.datasets.build("npz", str(path), keys={"x": "x", "y": "y"}).load()


def test_an_impossible_header_of_idx_is_refused(tmp_path: Path) -> None:
    for number, shape in enumerate([(0, *[2**32 - 1] * 7), (2**32 - 1,) * 8]):
        path = idx(tmp_path / str(number), shape, 0)
        with pytest.raises(FileFormatError, match="impossible shape"):
            registry.datasets.build("idx", str(path)).load()


def test_an_archive_of_very_many_arrays_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(4097):
            archive.writestr(f"{number}.npy", b"")
    with pytest.raises(FileFormatError, match="at most 4096 arrays"):
        registry.datasets.build("npz", str(path)).load()


def test_an_archive_packed_unlike_numpys_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        for name in "xy":
            archive.writestr(f"{name}.npy", header("<f8", (4, 1)) + bytes(32))
    with pytest.raises(FileFormatError, match=r"numpy\.savez does not use"):
        registry.datasets.build("npz", str(path)).load()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (matlab(matrix(b"x" * 300, 9, (1, 1), b"1")), "name"),
        (matlab(matrix(b"x", 9, (1,) * 33, b"1")), "dimensions"),
        (matlab(*[matrix(f"v{i}".encode(), 9, (1, 1)) for i in range(4097)]), "at most 4096"),
    ],
)
def test_matlab_files_of_strange_sizes_are_refused(
    tmp_path: Path, content: bytes, says: str
) -> None:
    path = written(tmp_path / "x.mat", content)
    with pytest.raises(FileFormatError, match=says):
        registry.datasets.build("mat", str(path)).load()


def test_blank_lines_beyond_number_are_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "x.csv", b"1,0\n2,1\n" + b"\n" * 1100)
    with pytest.raises(FileFormatError, match=r"Line 1\d\d\d .* more blank lines than rows"):
        registry.datasets.build("csv", str(path)).load()
    path.write_bytes(b"1,0\n\n2,1\n\n" * 2000)  # as many as there are rows
    assert len(registry.datasets.build("csv", str(path), test_fraction=0).load().train.x) == 4000


def save_npz(path: Path, x: Array, y: Array) -> None:
    np.savez_compressed(path, x=x, y=y)


def save_mat(path: Path, x: Array, y: Array) -> None:
    numbers = matrix(b"x", 6, x.shape, x.tobytes()), matrix(b"y", 9, (len(y), 1), y.tobytes())
    path.write_bytes(matlab(*numbers))


@pytest.mark.parametrize(
    ("reader", "save", "enough"), [("npz", save_npz, 5 * 10**4), ("mat", save_mat, 5 * 10**5)]
)
def test_a_budget_holds_for_all_that_becomes_of_a_file(
    tmp_path: Path, reader: str, save: Callable[[Path, Array, Array], None], enough: int
) -> None:
    """In bytes: 20,000 are stored, which MATLAB widens to double."""
    path = tmp_path / f"x.{reader}"
    save(path, np.eye(200, 100, dtype=np.uint8), (np.arange(200) % 2).astype(np.uint8))
    for budget in (10**4, enough // 4):
        with pytest.raises(BudgetError, match=r"budget=.*PLUGNET_BUDGET") as caught:
            registry.datasets.build(reader, str(path), budget=budget).load()
        assert caught.value.needed > budget == caught.value.limit
    registry.datasets.build(reader, str(path), budget=enough).load()


def test_the_environment_sets_the_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "x.csv", b"1,0\n2,1\n" * 100)
    monkeypatch.setenv("PLUGNET_BUDGET", "1000")
    with pytest.raises(BudgetError):
        registry.datasets.build("csv", str(path)).load()
    registry.datasets.build("csv", str(path), budget=10**6).load()


@pytest.mark.parametrize("reader", ["csv", "idx", "mat", "mnist", "npy", "npz"])
def test_a_budget_must_be_a_number_of_bytes(reader: str) -> None:
    with pytest.raises(PlugnetError, match="'budget' must be an integer"):
        registry.datasets.build(reader, "x", budget=-1)


def test_standard_input_may_grow_with_what_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    def given(content: bytes) -> Any:
        return io.TextIOWrapper(io.BytesIO(content))

    csv = registry.datasets.build("csv", "-")
    monkeypatch.setattr(sys, "stdin", given(gzip.compress(b"1,0\n2,1\n" * 10**6)))
    with pytest.raises(BudgetError, match="standard input"):
        csv.load()
    monkeypatch.setattr(sys, "stdin", given(b"1.125,0\n2.125,1\n" * 10**4))
    assert len(csv.load().train.x) == 16_000


@pytest.mark.parametrize("reader", ["csv", "idx", "mat", "npy", "npz"])
def test_pipes_and_devices_are_refused_at_once(tmp_path: Path, reader: str) -> None:
    pipe = tmp_path / "x.npy"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero")):
        with pytest.raises(FileFormatError, match="but"):
            registry.datasets.build(reader, str(path)).load()
