"""Arrays with other names: those that are found, `keys`, the part held out, and new samples."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat
from tests.splits import held_out

from plugnet import registry
from plugnet.arrays import Array
from plugnet.data import mapped
from plugnet.errors import ArgumentError, DataError, FileFormatError
from plugnet.interfaces import Dataset
from plugnet.schema import Schema
from plugnet_builtin.datasets.npz import Npz

X = np.arange(20.0, dtype=np.float32).reshape(10, 2) / 20
Y = np.array([1, 2] * 5)
CLASSES, REAL = Schema("class", classes=(1, 2)), Schema("real")


def npz(path: Path, arrays: dict[str, Any]) -> str:
    np.savez(path / "data.npz", **arrays)
    return str(path / "data.npz")


def mat(path: Path, arrays: dict[str, Any]) -> str:
    savemat(path / "data.mat", arrays)
    return str(path / "data.mat")


def npy(path: Path, arrays: dict[str, Any]) -> str:
    (path / "npy").mkdir()
    for name, array in arrays.items():
        np.save(path / "npy" / f"{name}.npy", array)
    return str(path / "npy")


@pytest.fixture(params=[npz, mat, npy])
def saved(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Dataset]:
    """Save arrays, and return the reader of the file or folder."""

    def save(arrays: dict[str, Any], **options: Any) -> Dataset:
        path = request.param(tmp_path, arrays)
        found: Dataset = registry.datasets.build(request.param.__name__, path, **options)
        return found

    return save


def rows(dataset: Dataset, schema: Schema = CLASSES) -> tuple[Any, Any, list[int]]:
    """Return samples, labels and numbers of all rows, with None for labels that are not there."""
    blocks = list(dataset.rows(schema))
    y = None if blocks[0].y is None else [each for rows in blocks for each in np.array(rows.y)]
    return (
        np.concatenate([each.x for each in blocks]),
        y,
        [n for each in blocks for n in each.numbers],
    )


@pytest.mark.parametrize(
    "names",
    [
        ("train_data", "train_label", "test_data", "test_label"),
        ("Train_Data", "Train_Labels", "Test_Data", "Test_Labels"),
        ("x_train", "y_train", "x_test", "y_test"),
        ("X_train", "y_train", "X_test", "y_test"),
        ("train_x", "train_y", "test_x", "test_y"),
        ("train_images", "train_labels", "test_images", "test_labels"),
        ("X", "y", "X_test", "y_test"),
        ("x", "y", "test_x", "test_y"),
    ],
)
def test_common_names_are_found(saved: Callable[..., Dataset], names: tuple[str, ...]) -> None:
    arrays = dict(zip(names, (X, Y, X[:4] + 1, Y[:4] - 1), strict=True))
    dataset = saved(arrays | {"val_images": X, "info": np.ones(1)})
    splits = dataset.load()
    np.testing.assert_array_equal(splits.train.x, X)
    assert splits.train.y.tolist() == Y.tolist()
    assert held_out(splits).x.tolist() == (X[:4] + 1).tolist()
    assert held_out(splits).y.tolist() == [0, 1, 0, 1]
    assert splits.classes == (0, 1, 2)
    x, y, numbers = rows(dataset)
    assert x.tolist() == [*X.tolist(), *(X[:4] + 1).tolist()]
    assert y == [*Y, 0, 1, 0, 1]
    assert numbers == list(range(14))


@pytest.mark.parametrize(
    ("x", "y"), [("X", "y"), ("data", "target"), ("data", "labels"), ("images", "label")]
)
def test_a_part_of_each_class_is_held_out(saved: Callable[..., Dataset], x: str, y: str) -> None:
    dataset = saved({x: X, y: Y}, test_fraction=0.4)
    splits = dataset.load()
    assert sorted(held_out(splits).y.tolist()) == [1, 1, 2, 2]
    assert splits.classes == (1, 2)
    for part in (splits.train, held_out(splits)):
        at = (part.x[:, 0] * 10).round().astype(int)
        assert sorted(at) == at.tolist()
        assert part.y.tolist() == Y[at].tolist()
    assert rows(dataset)[0].tolist() == X.tolist()


def test_the_seed_and_the_fraction_say_what_is_held_out(tmp_path: Path) -> None:
    path = npz(tmp_path, {"x": X, "y": Y})
    assert Npz(path, test_fraction=0).load().test is None
    drawn = {str(held_out(Npz(path, seed=seed).load()).x) for seed in range(5)}
    assert len(drawn) > 1
    assert len(held_out(Npz(path).load()).x) == 2
    for wrong in ({"test_fraction": 1.0}, {"test_fraction": -0.1}, {"seed": -1}):
        with pytest.raises(ArgumentError):
            Npz(path, **wrong)


def test_a_large_map_needs_a_test_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = npy(tmp_path, {"x": X, "y": Y})
    monkeypatch.setattr(mapped, "LARGE_BYTES", 10)
    with pytest.raises(DataError, match="test_fraction=0"):
        registry.datasets.build("npy", folder).load()
    assert registry.datasets.build("npy", folder, test_fraction=0).load().test is None


def test_keys_name_the_arrays(saved: Callable[..., Dataset]) -> None:
    weights = np.arange(10.0)
    keys = {"x": "pixels", "y": "digit", "weights": "w", "test_x": "new", "test_y": "answers"}
    arrays = {"pixels": X, "digit": Y, "w": weights, "new": X[:2], "answers": Y[:2], "x": X, "y": Y}
    dataset = saved(arrays, keys=keys)
    splits = dataset.load()
    assert splits.train.y.tolist() == Y.tolist()
    assert splits.train.weights is not None
    assert splits.train.weights.tolist() == weights.tolist()
    assert held_out(splits).x.tolist() == X[:2].tolist()
    assert held_out(splits).weights is None
    assert rows(dataset)[2] == list(range(12))


def test_weights_are_held_out_with_their_samples(tmp_path: Path) -> None:
    path = npz(tmp_path, {"x": X, "y": Y, "w": np.arange(10.0)})
    splits = Npz(path, keys={"x": "x", "y": "y", "weights": "w"}).load()
    for part in (splits.train, held_out(splits)):
        assert part.weights is not None
        np.testing.assert_allclose(part.weights, part.x[:, 0] * 10, rtol=1e-6)


def test_names_that_say_too_little_are_listed_with_a_way_out(saved: Callable[..., Dataset]) -> None:
    dataset = saved({"digit": Y[:, None], "pixels": X, "text": "about them"})
    with pytest.raises(FileFormatError) as caught:
        dataset.load()
    message = str(caught.value)
    assert "digit (10, 1)" in message
    assert "pixels (10, 2)" in message
    assert 'keys={"x": "pixels", "y": "digit"}' in message
    assert (
        f'["{type(dataset).__name__.lower()}", {{keys = {{x = "pixels", y = "digit"}}}}]' in message
    )


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ("x y data target", "they may be x, y or data, target"),
        ("x X y", "x and X may both be x"),
        ("data label target", "label and target may both be y"),
        ("x y x_test", "x_test is test_x, but nothing is test_y"),
        ("x y y_test", "y_test is test_y, but nothing is test_x"),
        ("x target", "none has a common name for labelled samples"),
        ("", "It holds no arrays"),
    ],
)
def test_names_that_may_mean_several_things_are_errors(
    tmp_path: Path, names: str, says: str
) -> None:
    path = npz(tmp_path, dict.fromkeys(names.split(), X))
    with pytest.raises(FileFormatError, match=says):
        Npz(path).load()


def test_a_long_list_of_arrays_is_cut(tmp_path: Path) -> None:
    path = npz(tmp_path, {f"a{i}": X for i in range(30)})
    with pytest.raises(FileFormatError, match=r"a19 \(10, 2\), 10 more\."):
        Npz(path).load()


def test_keys_that_the_file_lacks_are_named(saved: Callable[..., Dataset]) -> None:
    with pytest.raises(FileFormatError, match=r"keys names pixel, which it lacks.*pixels"):
        saved({"pixels": X, "y": Y}, keys={"x": "pixel", "y": "y"}).load()


@pytest.mark.parametrize(
    "keys",
    [{}, {"y": "y"}, {"x": 3}, {"x": ""}, {"x": "a", "y": "a"}, {"x": "a", "z": "b"}, ["x", "y"]],
)
def test_keys_that_break_a_rule_are_refused(keys: Any) -> None:
    with pytest.raises(ArgumentError, match="keys must give names"):
        Npz("x.npz", keys=keys)


@pytest.mark.parametrize(
    "arrays",
    [{"x": X}, {"X_test": X}, {"data": X, "ids": Y}, {"anything": X}, {"images": X, "names": Y}],
)
def test_samples_without_labels_are_rows(
    saved: Callable[..., Dataset], arrays: dict[str, Array]
) -> None:
    x, y, numbers = rows(saved(arrays))
    assert x.tolist() == X.tolist()
    assert y is None
    assert numbers == list(range(10))


def test_rows_have_labels_only_if_all_samples_do(saved: Callable[..., Dataset]) -> None:
    x, y, _ = rows(saved({"x_train": X, "y_train": Y, "x_test": X + 1}))
    assert len(x) == 20
    assert y is None


def test_labels_without_training_samples_are_rows_too(saved: Callable[..., Dataset]) -> None:
    x, y, _ = rows(saved({"x_test": X, "y_test": Y}))
    assert x.tolist() == X.tolist()
    assert y == Y.tolist()


def test_keys_need_no_labels_for_new_samples(saved: Callable[..., Dataset]) -> None:
    keys = {"x": "pixels", "y": "digit", "test_x": "more", "test_y": "answers"}
    assert rows(saved({"pixels": X, "x": X[:2]}, keys=keys))[1] is None


def test_new_samples_that_keys_lack_are_an_error(tmp_path: Path) -> None:
    path = npz(tmp_path, {"x": X, "y": Y})
    with pytest.raises(FileFormatError, match="keys names pixels, digit, which it lacks"):
        rows(Npz(path, keys={"x": "pixels", "y": "digit"}))
    with pytest.raises(FileFormatError, match="none has a common name for samples"):
        rows(Npz(npz(tmp_path, {"a": X, "b": X})))


def test_the_schema_says_what_new_labels_mean(tmp_path: Path) -> None:
    few = {"x": X[:3], "y": np.array([7, 1, 99])}
    path = npz(tmp_path, few)
    assert rows(Npz(path), CLASSES)[1] == [7, 1, 99]
    assert np.array(rows(Npz(path), REAL)[1]).tolist() == [[7], [1], [99]]
    path = npz(tmp_path, few | {"y": np.eye(3)[[2, 0, 1]]})
    assert rows(Npz(path), CLASSES)[1] == [2, 0, 1]
    assert np.array(rows(Npz(path), REAL)[1]).tolist() == np.eye(3)[[2, 0, 1]].tolist()
    path = npz(tmp_path, few | {"y": np.array(["b", "a", "b"])})
    assert rows(Npz(path), Schema("class", classes=("a", "b")))[1] == ["b", "a", "b"]


def test_large_arrays_come_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("plugnet.data.train_test_arrays._BLOCK", 4 * X[0].nbytes)
    blocks = list(registry.datasets.build("npy", npy(tmp_path, {"x": X, "y": Y})).rows(CLASSES))
    assert [len(each.x) for each in blocks] == [4, 4, 2]
    assert [each.numbers[0] for each in blocks] == [0, 4, 8]
    assert [np.array(each.y).tolist() for each in blocks] == [[1, 2, 1, 2], [1, 2, 1, 2], [1, 2]]


def test_samples_that_are_no_rows_are_an_error(tmp_path: Path) -> None:
    for array, says in ((Y, "row per sample"), (X[:0], "at least one sample")):
        with pytest.raises(DataError, match=says):
            rows(Npz(npz(tmp_path, {"x": array})))


def test_one_file_by_numpy_save_holds_samples(tmp_path: Path) -> None:
    np.save(tmp_path / "new.npy", X)
    x, y, _ = rows(registry.datasets.build("npy", str(tmp_path / "new.npy")))
    assert x.tolist() == X.tolist()
    assert y is None


def test_labels_in_words_and_parts_of_several_kinds(tmp_path: Path) -> None:
    names = np.array(["cat", "dog"] * 5)
    splits = Npz(npz(tmp_path, {"x": X, "y": names})).load()
    assert splits.classes == ("cat", "dog")
    assert set(splits.train.y.tolist()) == {"cat", "dog"}
    test = {"x_test": X, "y_test": Y}
    with pytest.raises(DataError, match="y_train and y_test must mean the same"):
        Npz(npz(tmp_path, {"x_train": X, "y_train": names} | test)).load()
    one_hot = Npz(npz(tmp_path, {"x_train": X, "y_train": np.eye(3)[Y]} | test)).load()
    assert one_hot.classes == (0, 1, 2)
    assert held_out(one_hot).y.tolist() == Y.tolist()


def test_the_test_part_is_read_as_the_training_part_is(tmp_path: Path) -> None:
    prices = {"x_train": X, "y_train": Y + 0.5, "x_test": X[:2], "y_test": np.array([100, 7])}
    assert held_out(Npz(npz(tmp_path, prices)).load()).y.tolist() == [[100], [7]]
    classes = prices | {"y_train": Y}
    assert Npz(npz(tmp_path, classes)).load().classes == (1, 2, 7, 100)


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    npz(tmp_path, {"x": X, "y": Y})
    dataset = Npz("~/data.npz")
    assert dataset.path == str(tmp_path / "data.npz")
    assert len(dataset.load().train.x) == 8
    assert Npz("~nosuchuser/x").path == "~nosuchuser/x"
    assert Npz("./data.npz").path == "./data.npz"
