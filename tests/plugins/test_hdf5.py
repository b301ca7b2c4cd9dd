"""plugnet-hdf5: arrays as h5py reads them, in memory or in chunks; MATLAB 7.3; hostile files."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.aliases import Refused, Shown
from tests.splits import held_out

from plugnet import Model, Network, Trainer
from plugnet.arrays import Array
from plugnet.data import hold_out
from plugnet.data.lazy import LazyArray
from plugnet.errors import ArgumentError, BudgetError, DataError, FileFormatError
from plugnet.interfaces import DataSplits
from plugnet.schema import Schema
from plugnet.testing import check_component

h5py = pytest.importorskip("h5py")
hdf5 = pytest.importorskip("plugnet_hdf5.hdf5")
mat73 = pytest.importorskip("plugnet_hdf5.mat73")
dataset = pytest.importorskip("plugnet_hdf5.dataset")

ROWS = 60
TABLE = np.arange(9000.0).reshape(-1, 3) / 9000


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset, "_PIECE", 100)


@pytest.fixture
def x(rng: np.random.Generator) -> Array:
    return rng.normal(size=(ROWS, 4, 3))


@pytest.fixture
def y(rng: np.random.Generator) -> Array:
    return rng.permutation(np.arange(ROWS) % 3)


def write(path: Path, **arrays: Any) -> str:
    """Write arrays; a tuple is one with options, and __ stands for / in a name."""
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            data, options = array if isinstance(array, tuple) else (array, {})
            file.create_dataset(name.replace("__", "/"), data=data, **options)
    return str(path)


def load(path: str, **options: Any) -> DataSplits:
    found: DataSplits = hdf5.Hdf5(path, **options).load()
    return found


@pytest.mark.parametrize("memory", [0, 1 << 28])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"chunks": (7, 4, 3)},
        {"chunks": (7, 2, 2), "compression": "gzip", "shuffle": True, "fletcher32": True},
        {"chunks": (60, 4, 3), "compression": "lzf"},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f8", "<f2", ">i2", "u1", "<i8"])
def test_numbers_as_h5py_reads_them(
    tmp_path: Path, x: Array, y: Array, memory: int, options: dict[str, Any], kind: str
) -> None:
    path = write(tmp_path / "a.h5", x=((x * 50 + 128).astype(kind), options), y=y)
    with h5py.File(path) as file:
        wanted = file["x"][:]
    splits = load(path, memory=memory, seed=2)
    native = np.dtype(kind).newbyteorder("=")
    dtype = native if np.can_cast(native, np.float32) else np.dtype(np.float32)
    for part, rows in zip(splits_parts(splits), hold_out(y, 0.2, 2), strict=True):
        assert isinstance(part.x, LazyArray) == (memory == 0)
        assert part.x.dtype == dtype
        np.testing.assert_array_equal(part.x[:], wanted[rows].astype(dtype))
        some = np.array([3, 0, 3, len(rows) - 1])
        np.testing.assert_array_equal(part.x[some], wanted[rows][some].astype(dtype))
        np.testing.assert_array_equal(part.y, y[rows])


def splits_parts(splits: DataSplits) -> tuple[Any, Any]:
    return splits.train, held_out(splits)


def test_the_parts_of_groups_and_keys(tmp_path: Path, x: Array, y: Array) -> None:
    arrays = {"train__x": x, "train__y": y, "test__x": x[:5], "test__y": y[:5]}
    path = write(tmp_path / "a.h5", **arrays)
    splits = load(path)
    assert (len(splits.train.x), len(held_out(splits).x)) == (ROWS, 5)
    path = write(tmp_path / "b.h5", deep__er__pixels=x, digit=y, how_much=np.ones(ROWS))
    with pytest.raises(FileFormatError, match="deep/er/pixels") as caught:
        load(path)
    assert '"x": "deep/er/pixels", "y": "digit"' in str(caught.value)
    keys = {"x": "deep/er/pixels", "y": "digit", "weights": "how_much"}
    assert load(path, keys=keys, test_fraction=0).train.weights is not None


def test_texts_name_classes(tmp_path: Path, x: Array) -> None:
    names = np.array(["köln", "bonn", "ulm"] * 20)
    for number, stored in enumerate((names.astype(object), np.char.encode(names, "utf-8"))):
        splits = load(write(tmp_path / f"{number}.h5", x=x, y=stored), test_fraction=0)
        assert splits.classes == ("bonn", "köln", "ulm")
        assert splits.train.y.tolist() == names.tolist()


def test_booleans_and_real_targets(tmp_path: Path, x: Array, y: Array) -> None:
    assert load(write(tmp_path / "a.h5", x=x, y=y > 0)).classes == (0, 1)
    splits = load(write(tmp_path / "b.h5", x=x, y=x[:, :2, 0]), labels="targets")
    assert splits.train.y.shape == (48, 2)


def test_a_lazy_one_is_copied_and_says_what_pieces_there_are(
    tmp_path: Path, x: Array, y: Array
) -> None:
    path = write(tmp_path / "a.h5", x=(x, {"chunks": (7, 4, 3)}), y=y)
    lazy: Any = load(path, memory=0, test_fraction=0).train.x
    assert lazy.begins.tolist() == [*range(0, ROWS, 7), ROWS]
    again = pickle.loads(pickle.dumps(lazy))
    np.testing.assert_array_equal(again[10:20], x[10:20].astype("f4"))
    write(tmp_path / "a.h5", x=x[:50], y=y[:50])
    with pytest.raises(DataError, match=r"Row 0: .*has been replaced"):
        pickle.loads(pickle.dumps(lazy))[:3]
    (tmp_path / "a.h5").unlink()
    with pytest.raises(DataError, match=r"Row 7: .*No such file"):
        pickle.loads(pickle.dumps(lazy))[8:9]


@pytest.mark.parametrize("memory", [0, 1 << 28])
def test_trained_and_asked(tmp_path: Path, x: Array, y: Array, memory: int) -> None:
    x[np.arange(ROWS), y, 0] += 5
    path = write(tmp_path / "a.h5", x=(x, {"chunks": (7, 4, 3)}), y=y)
    trainer = Trainer(Network([("fc", {"outputs": 3})]), batch_size=10)
    trainer.fit(load(path, memory=memory, test_fraction=0), epochs=20)
    assert trainer.model.evaluate(path)["accuracy"] > 0.95
    lone = write(tmp_path / "new.h5", x=x)
    assert np.mean(trainer.model.predict(lone) == y) > 0.95
    blocks = list(hdf5.Hdf5(lone, memory=memory).rows(trainer.model.schema))
    assert [rows.y for rows in blocks] == [None]


@pytest.mark.parametrize("memory", [0, 1 << 28])
def test_from_the_command_line(
    tmp_path: Path, x: Array, y: Array, shown: Shown, sketches: None, memory: int
) -> None:
    path = write(tmp_path / "a.h5", x=x.reshape(ROWS, -1) * 1000, y=y)
    run, reader = str(tmp_path / "run"), f'data.reader=["hdf5", {{memory = {memory}}}]'
    told = shown("train", "--data", path, "--set", reader, "--out", run)
    assert "Network:  standardize1 -> " in told
    assert "On:       60 samples" in shown("evaluate", run, "--data", path)
    assert "test samples" in shown("evaluate", run)
    assert shown("predict", run, "--data", path).count("\n") == ROWS + 1
    assert Model.load(Path(run, "model.safetensors")).classes == (0, 1, 2)


def test_it_keeps_the_contract_of_data_sets(tmp_path: Path, x: Array, y: Array) -> None:
    path = write(tmp_path / "a.h5", x=x, y=y)
    for memory in (0, 1 << 28):
        check_component(("hdf5", path, {"memory": memory}))


# MATLAB ------------------------------------------------------------------------------------------


def matlab(path: Path, **variables: tuple[Any, str]) -> str:
    """Write variables, each with its class, as MATLAB does: axes in the opposite order."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, (value, kind) in variables.items():
            item = file.create_dataset(name, data=np.asarray(value).T)
            item.attrs["MATLAB_class"] = np.bytes_(kind)
        refs = file.create_group("#refs#")
        refs["a"] = np.zeros((2, 2))
        file.create_group("S").attrs["MATLAB_class"] = np.bytes_("struct")
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    return str(path)


def load_matlab(path: str, **options: Any) -> DataSplits:
    found: DataSplits = mat73.Mat73(path, **options).load()
    return found


@pytest.mark.parametrize("memory", [0, 1 << 28])
@pytest.mark.parametrize("kind", ["f8", "f4", "u1"])
def test_matrices_have_their_axes_as_matlab_shows_them(
    tmp_path: Path, x: Array, y: Array, memory: int, kind: str
) -> None:
    table = (x.reshape(ROWS, -1) * 20 + 100).astype(kind)
    path = matlab(tmp_path / "a.mat", X=(table, "double"), y=((y + 1.0).reshape(1, -1), "double"))
    splits = load_matlab(path, memory=memory, test_fraction=0, ten_means_zero=True)
    assert isinstance(splits.train.x, LazyArray) == (memory == 0)
    rows = np.array([5, 59, 0, 5])
    np.testing.assert_array_equal(splits.train.x[rows], table[rows].astype(splits.train.x.dtype))
    assert splits.train.y.tolist() == (y + 1).tolist()


def test_logical_and_empty(tmp_path: Path, x: Array, y: Array) -> None:
    table = x.reshape(ROWS, -1)
    path = matlab(
        tmp_path / "a.mat",
        train_data=(table, "double"),
        train_label=((y > 0).astype("u1")[:, None], "logical"),
        test_data=([0, 12], "double"),
        test_label=([0, 0], "double"),
    )
    with h5py.File(path, "r+") as file:
        for name in ("test_data", "test_label"):
            file[name].attrs["MATLAB_empty"] = np.uint8(1)
    splits = load_matlab(path)
    assert splits.classes == (0, 1)
    assert splits.test is None


@pytest.mark.parametrize(
    ("name", "value", "kind", "says"),
    [
        ("y", np.array([[65, 66]], "u2"), "char", "it is char.*findgroups"),
        ("y", np.array([[1, 2]], "u8"), "cell", "it is cell"),
        ("y", np.zeros((2, 2), complex), "double", "it is complex"),
        ("y", np.zeros((2, 2, 2)), "double", "it is 3-D"),
        ("S", None, "", "it is struct"),
    ],
)
def test_what_is_no_matrix_of_numbers_is_refused_by_name(
    tmp_path: Path, name: str, value: Any, kind: str, says: str
) -> None:
    variables = {"y": (value, kind)} if value is not None else {}
    path = matlab(tmp_path / "a.mat", X=(TABLE[:2], "double"), **variables)
    with pytest.raises(FileFormatError, match=f"{name} must be a full.*{says}"):
        load_matlab(path, keys={"x": "X", "y": name})


def test_sparse(tmp_path: Path) -> None:
    path = matlab(tmp_path / "a.mat", X=(TABLE[:2], "double"))
    with h5py.File(path, "r+") as file:
        file.create_group("y").attrs["MATLAB_sparse"] = np.uint64(3)
    with pytest.raises(FileFormatError, match=r"it is sparse\. Save full"):
        load_matlab(path)


def test_the_command_line_finds_the_reader_by_the_beginning(
    tmp_path: Path, x: Array, y: Array, shown: Shown, sketches: None
) -> None:
    table = x.reshape(ROWS, -1)
    path = matlab(tmp_path / "a.mat", X=(table, "double"), y=(y[:, None] + 1.0, "double"))
    assert "mat73" in shown("train", "--data", path, "--out", str(tmp_path / "run"))


# Hostile files -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "an empty file"),
        (b"<html>", "HTML"),
        (b"PK\3\4" * 50, "zip"),
        (b"\x89HDF\r\n\x1a\n", "can be read"),
        (b"\x89HDF\r\n\x1a\n" + b"\xff" * 500, "can be read"),
    ],
)
def test_what_is_no_hdf5(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "a.h5").write_bytes(content)
    with pytest.raises(FileFormatError, match=says):
        load(str(tmp_path / "a.h5"))


def test_cut_short_a_folder_a_pipe_and_nothing(tmp_path: Path, x: Array, y: Array) -> None:
    path = Path(write(tmp_path / "a.h5", x=x, y=y))
    path.write_bytes(path.read_bytes()[:-100])
    os.mkfifo(tmp_path / "pipe.h5")
    for name, says in (
        ("a.h5", "truncated"),
        (".", "a folder"),
        ("pipe.h5", "a pipe"),
        ("none.h5", "No such file"),
    ):
        with pytest.raises(FileFormatError, match=says):
            load(str(tmp_path / name))


def huge(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (10**9, 1000), "f4", chunks=(1000, 1000))
        file.create_dataset("y", (10**9,), "i8", chunks=(1000,))


def huge_chunk(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (3, 1000), "f4", chunks=(1, 1000), maxshape=(None, None))
        file.create_dataset("y", data=np.arange(3))
        file.create_dataset("z", (3, 10**8), "f4", chunks=(3, 10**8))


def elsewhere(path: Path) -> None:
    other = str(path.with_name("other.h5"))
    with h5py.File(other, "w") as file:
        file["x"], file["y"] = np.ones((5, 2)), np.arange(5)
    with h5py.File(path, "w") as file:
        file["x"], file["y"] = (h5py.ExternalLink(other, f"/{name}") for name in "xy")


def virtual(path: Path) -> None:
    elsewhere(path)
    with h5py.File(path, "w") as file:
        layout = h5py.VirtualLayout((5, 2), "f8")
        layout[:] = h5py.VirtualSource(str(path.with_name("other.h5")), "x", (5, 2))
        file.create_virtual_dataset("x", layout)
        file["y"] = np.arange(5)


def external(path: Path) -> None:
    with h5py.File(path, "w") as file:
        raw = [(str(path.with_name("raw")), 0, h5py.h5f.UNLIMITED)]
        file.create_dataset("x", (5, 2), "f8", external=raw)
        file["y"] = np.arange(5)


def unknown_filter(path: Path) -> None:
    with h5py.File(path, "w") as file:
        made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        made.set_chunk((5, 2))
        made.set_filter(32999, h5py.h5z.FLAG_OPTIONAL)
        space = h5py.h5s.create_simple((5, 2))
        h5py.h5d.create(file.id, b"x", h5py.h5t.IEEE_F64LE, space, made)
        file["y"] = np.arange(5)


def other_types(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["x"], file["y"] = np.ones((5, 2), complex), np.arange(5)


def round_in_circles(path: Path) -> None:
    with h5py.File(path, "w") as file:
        group = file.create_group("a")
        group["b"], group["soft"] = file["/"], h5py.SoftLink("/a")
        file["x"], file["y"] = TABLE[:5], np.ones((7, 2, 2))


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (huge, BudgetError, "bytes of memory"),
        (elsewhere, FileFormatError, "It holds no arrays"),
        (virtual, FileFormatError, "lie in other files"),
        (external, FileFormatError, "lie in other files"),
        (unknown_filter, FileFormatError, "filter 32999"),
        (other_types, FileFormatError, "'x'.*complex128"),
        (round_in_circles, DataError, "one row per sample"),
    ],
)
@pytest.mark.parametrize("memory", [0, 1 << 28])
def test_hostile_and_odd_files(
    tmp_path: Path, make: Callable[[Path], None], error: type[Exception], says: str, memory: int
) -> None:
    make(tmp_path / "a.h5")
    with pytest.raises(error, match=says):
        load(str(tmp_path / "a.h5"), memory=memory)


def test_a_chunk_that_is_too_large(tmp_path: Path) -> None:
    huge_chunk(tmp_path / "a.h5")
    with pytest.raises(BudgetError):
        load(str(tmp_path / "a.h5"), keys={"x": "z", "y": "y"}, memory=0)


def test_asked_about_a_huge_shape_it_refuses_too(tmp_path: Path) -> None:
    huge(tmp_path / "a.h5")
    with pytest.raises(BudgetError):
        next(hdf5.Hdf5(str(tmp_path / "a.h5")).rows(Schema("class", (0, 1))))


def test_texts_that_are_longer_than_the_file(tmp_path: Path, monkeypatch: Any) -> None:
    """One long text makes all of them long in NumPy."""
    names = np.array(["a"] * 2000 + ["b" * 20000], object)
    path = write(tmp_path / "a.h5", x=TABLE[:2001], y=names)
    with pytest.raises(BudgetError, match="y would make"):
        load(path, budget=10**8)


def test_texts_whose_collection_leads_nowhere(tmp_path: Path) -> None:
    """The HDF5 library would go round it for ever."""
    path = Path(write(tmp_path / "a.h5", x=TABLE[:2], y=np.array(["a", "b"], object)))
    content = bytearray(path.read_bytes())
    at = content.index(b"GCOL") + 16 + 2 * 24  # after the two texts: what is free
    assert content[at : at + 2] == b"\0\0"
    content[at + 8 : at + 16] = bytes(8)
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match="texts are damaged"):
        load(str(path))


def test_too_many_arrays(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("plugnet_hdf5.file.MOST_ARRAYS", 5)
    path = write(tmp_path / "a.h5", **{f"a{number}": np.ones(2) for number in range(7)})
    with pytest.raises(FileFormatError, match="at most"):
        load(path)


def test_a_damaged_chunk_is_found_when_it_is_read(tmp_path: Path, x: Array, y: Array) -> None:
    options = {"chunks": (6, 4, 3), "fletcher32": True}
    path = write(tmp_path / "a.h5", x=(x, options), y=y)
    with h5py.File(path) as file:
        offset = file["x"].id.get_chunk_info(2).byte_offset
    content = bytearray(Path(path).read_bytes())
    content[offset + 5] ^= 255
    Path(path).write_bytes(content)
    lazy = load(path, memory=0, test_fraction=0).train.x
    np.testing.assert_array_equal(lazy[:12], x[:12].astype("f4"))
    with pytest.raises(DataError, match=r"Row 12: .*a\.h5") as caught:
        lazy[10:20]
    assert caught.value.row == 12
    with pytest.raises(FileFormatError, match="can be read"):
        load(path)


def test_arguments_and_the_command_line_refuse(tmp_path: Path, refused: Refused) -> None:
    for options in ({"memory": -1}, {"keys": {"y": "a"}}, {"labels": "no"}, {"budget": -1}):
        with pytest.raises(ArgumentError):
            hdf5.Hdf5("a", **options)
    (tmp_path / "a.h5").write_bytes(b"no")
    assert "must be an HDF5 file" in refused("train", "--data", str(tmp_path / "a.h5"))
