"""Standardize: what it learns, what it makes of samples as they are stored, what it refuses."""

import copy
import pickle
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plugnet import Network, Trainer, registry
from plugnet.arrays import Array
from plugnet.data import mapped, samples
from plugnet.errors import ArgumentError, DataError
from plugnet.interfaces import Batch

RNG = np.random.default_rng(0)
LEARNED = ["mean", "mean_rest", "scale", "exponent", "seen"]


def adapted(x: Any, missing: Any = None, dtype: str = "float32") -> Network:
    network = Network([("standardize", missing)], dtype=dtype)
    network.adapt(x)
    return network


def standardized(x: Array) -> Array:
    """Return the same by the formula, in float64 or better."""
    x = x.astype(np.longdouble)
    return np.asarray((x - x.mean(axis=0)) / x.std(axis=0), np.float64)


def in_a_file(x: Array, folder: Path) -> Array:
    np.save(folder / "x.npy", x)
    found: Array = np.load(folder / "x.npy", mmap_mode="r")
    return found


# What it learns ----------------------------------------------------------------------------------


def test_mean_and_scale_are_those_worked_out_by_hand() -> None:
    network = adapted([[1, 10], [3, 10], [5, 40], [7, 20]], dtype="float64")
    state = network.state()
    assert list(state) == [f"standardize1.{name}" for name in LEARNED]
    assert state["standardize1.mean"].tolist() == [4, 20]
    np.testing.assert_allclose(state["standardize1.scale"], [5**-0.5, 150**-0.5], rtol=1e-15)
    assert state["standardize1.seen"].tolist() == [4]
    y = network.predict([[4, 20], [9, 20 - 150**0.5]])
    np.testing.assert_allclose(y, [[0.0, 0.0], [5**0.5, -1.0]], atol=1e-15)


@pytest.mark.parametrize("missing", [None, "mean"])
def test_results_equal_those_of_scikit_learn(missing: Any) -> None:
    peer = pytest.importorskip("sklearn.preprocessing").StandardScaler()
    x = RNG.normal([0, 1e3, -7], [1, 5, 1e-4], (500, 3))
    if missing:
        x[RNG.random(x.shape) < 0.1] = np.nan
    expected: Array = np.nan_to_num(peer.fit_transform(x))
    y = adapted(x, missing, "float64").predict(x)
    np.testing.assert_allclose(y, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("size", [1, 7, 64, 1 << 18])
def test_blocks_of_any_size_give_the_same(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "_LEARNT", size)
    x = RNG.normal([1e6, 0], [1, 30], (300, 2))
    y = adapted(x, dtype="float64").predict(x)
    np.testing.assert_allclose(y, standardized(x), rtol=1e-9, atol=1e-9)


def test_every_number_of_an_image_has_its_own_mean() -> None:
    x = RNG.integers(0, 256, (50, 3, 4, 2), np.uint8)
    y = adapted(x).predict(x)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, standardized(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("constant", [0.0, 0.1, -3e7, 1e300, 1e-300])
@pytest.mark.parametrize("stored", ["f4", "f8"])
def test_a_constant_column_gives_0_for_whatever_comes(constant: float, stored: str) -> None:
    x = np.stack([np.full(1001, constant), np.arange(1001) % 7], axis=1)
    x = x.clip(-1e38, 1e38).astype(stored)
    network = adapted(x)
    assert network.predict(x[:3])[:, 0].tolist() == [0, 0, 0]
    assert network.predict(np.array([[5, 3], [-2e5, 3]]))[:, 0].tolist() == [0, 0]


@pytest.mark.parametrize("stored", ["f2", "f4", "f8"])
def test_a_column_that_varies_by_rounding_only_is_constant(stored: str) -> None:
    x = np.full((100, 1), 0.7, stored)
    x[::2] = np.nextafter(x[0, 0], x.dtype.type(1))
    assert adapted(x).state()["standardize1.scale"].tolist() == [0]
    x[::2] = x[1, 0] * (1 + 8 * np.finfo(stored).eps)
    assert adapted(x).state()["standardize1.scale"] > 0


# Samples as they are stored ----------------------------------------------------------------------


@pytest.mark.parametrize("stored", ["f8", "i8", ">f8", "u8"])
def test_timestamps_are_exact_to_float32(stored: str) -> None:
    x = (1_600_000_000 + RNG.integers(-1000, 1000, (400, 2))).astype(stored)
    network = adapted(x)
    wanted = standardized(x)
    for training in (False, True, True):
        y = network.forward(x, training)
        assert y.dtype == np.float32
        np.testing.assert_allclose(y, wanted, rtol=3e-7, atol=1e-7)
    assert abs(adapted(x).state()["standardize1.mean_rest"]).max() > 0


@pytest.mark.parametrize("stored", ["?", "u1", "i2", "u2", "i4", "f2", "f4"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_of_any_type_are_taken(stored: str, dtype: str) -> None:
    x = RNG.integers(0, 2, (60, 3)).astype(stored) * np.array([1], stored)
    y = adapted(x, dtype=dtype).predict(x)
    assert y.dtype == dtype
    np.testing.assert_allclose(y, standardized(x), rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("magnitude", [1e300, 1e-300, 1e30, 1e-30, 1.0])
def test_neither_huge_nor_tiny_values_overflow(magnitude: float, dtype: str) -> None:
    x = np.concatenate([RNG.normal(size=(30, 1)) * 1e-3, RNG.normal(size=(30, 1)) + 4])
    x = np.hstack([x * magnitude, x[::-1]])
    network = adapted(x, dtype=dtype)
    assert all(np.isfinite(value).all() for value in network.state().values())
    wanted = standardized(x)
    for training in (False, True):
        np.testing.assert_allclose(network.forward(x, training), wanted, rtol=1e-5, atol=1e-6)
    if dtype == "float64":
        dx = network.backprop(np.full((60, 2), [magnitude, 1]), inputs=True)
        assert dx is not None
        np.testing.assert_allclose(dx[0], 1 / (x / [magnitude, 1]).std(axis=0), rtol=1e-12)


def test_blocks_of_very_different_magnitudes_are_merged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(samples, "_LEARNT", 1)
    x = np.array([[0.0], [1e-300], [1.0], [1e300], [-1e300], [3e299]])
    np.testing.assert_allclose(adapted(x).predict(x), standardized(x), rtol=1e-6)


# Missing values ----------------------------------------------------------------------------------

GAPS = np.array([[1, np.nan, np.nan], [3, np.nan, 5], [np.nan, np.nan, 5.5]])


def test_missing_values_become_the_mean_of_the_others() -> None:
    network = adapted(GAPS, "mean")
    assert network.fills_missing
    for training in (False, True):
        y = network.forward(GAPS, training)
        np.testing.assert_allclose(y, [[-1, 0, 0], [1, 0, -1], [0, 0, 1]], rtol=1e-6)
    assert network.predict(np.array([[1.0, 77, np.nan]])).tolist() == [[-1, 0, 0]]


@pytest.mark.parametrize("magnitude", [1.0, 1e200])
@pytest.mark.parametrize("number", [0, -2.5])
def test_missing_values_become_a_number_that_counts(number: float, magnitude: float) -> None:
    x, number = GAPS * magnitude, number * magnitude
    network = adapted(x, number)
    filled = np.where(np.isnan(x), number, x)[:, [0, 2]]
    for training in (False, True):
        y = network.forward(x, training)
        np.testing.assert_allclose(y[:, [0, 2]], standardized(filled), rtol=1e-6)
        assert y[:, 1].tolist() == [0, 0, 0]


def test_missing_values_are_refused_without_a_rule() -> None:
    for value in (np.nan, np.inf):
        network = Network([("standardize",)], (1,))
        with pytest.raises(DataError, match=r"samples\[1, 0\] is"):
            network.adapt([[1.0], [value]])
        assert network.needs_adapt
    with pytest.raises(DataError, match="inf"):
        adapted([[1.0], [np.inf]], "mean")


@pytest.mark.parametrize("missing", ["median", True, np.nan, np.inf, [1]])
def test_a_wrong_rule_for_missing_values_is_refused(missing: object) -> None:
    with pytest.raises(ArgumentError, match="'missing' must be"):
        registry.layers.build("standardize", missing)


# In a network ------------------------------------------------------------------------------------


def test_before_it_has_learned_it_changes_nothing() -> None:
    network = Network([("standardize", "mean")])
    assert network.needs_adapt
    x = RNG.normal(size=(3, 2)).astype("f4")
    np.testing.assert_array_equal(network.predict(x), x)
    assert network.needs_adapt


def test_training_leaves_what_was_learned_alone() -> None:
    network = Network([("standardize",), ("fc", None, 2)])
    x = RNG.normal(1.6e9, 1000, (40, 3))
    network.adapt(x)
    before = {path: value.copy() for path, value in network.state().items()}
    trainer = Trainer(network)
    for _ in range(3):
        trainer.step(Batch(x, np.arange(40) % 2))
    for path, value in network.state().items():
        assert np.array_equal(value, before[path]) == path.startswith("standardize1"), path
    assert not any(p.grad.any() for p in list(network.parameters().values())[:5])


def test_files_and_copies_keep_what_was_learned(tmp_path: Path) -> None:
    x = RNG.normal(1.6e9, 1000, (40, 3))
    network = Network([("standardize", "mean"), ("fc", None, 2)])
    network.adapt(x)
    network.save(tmp_path / "net")
    copies = [
        Network.load(tmp_path / "net"),
        pickle.loads(pickle.dumps(network)),
        copy.deepcopy(network),
    ]
    for other in copies:
        assert not other.needs_adapt
        np.testing.assert_array_equal(other.predict(x), network.predict(x))


def test_learning_again_replaces_what_was_learned() -> None:
    network = adapted([[0.0], [2.0]])
    network.adapt([[10.0], [30.0]])
    assert network.predict([[10.0], [30.0], [50.0]]).tolist() == [[-1], [1], [3]]


def test_a_chain_at_the_start_may_begin_with_it() -> None:
    network = Network([("chain", [("standardize", 0), ("fc", None, 2)]), "tanh"])
    assert (network.needs_adapt, network.fills_missing, network.sample_dtype) == (True, True, None)
    x = RNG.normal(1.6e9, 1000, (30, 3))
    network.adapt(x)
    assert not network.needs_adapt
    state = network.state()
    hidden = standardized(x) @ state["chain1.fc1.weight"] + state["chain1.fc1.bias"]
    for training in (False, True):
        np.testing.assert_allclose(network.forward(x, training), np.tanh(hidden), rtol=1e-4)


@pytest.mark.parametrize(
    ("layers", "path"),
    [
        ([("fc", 3, 3), ("standardize",)], "standardize1"),
        ([("standardize",), ("standardize",)], "standardize2"),
        ([("chain", ["tanh", ("standardize",)])], "chain1.standardize1"),
        (["tanh", ("chain", [("standardize",)])], "chain1.standardize1"),
    ],
)
def test_it_must_be_the_first_layer(layers: Any, path: str) -> None:
    with pytest.raises(ArgumentError, match=f"'{path}' learns .* must be the first layer"):
        Network(layers)


def test_gradients_go_back_through_what_it_learned() -> None:
    x = RNG.normal(3, 7, (20, 4))
    network = adapted(x, dtype="float64")
    network.forward(x, training=True)
    dx = network.backprop(np.ones((20, 4)), inputs=True)
    assert dx is not None
    np.testing.assert_allclose(dx, np.tile(1 / x.std(axis=0), (20, 1)), rtol=1e-12)


@pytest.mark.parametrize("stored", ["f4", "f8", "u1"])
def test_a_warm_step_allocates_nothing_large(stored: str, meter: Any) -> None:
    x = RNG.integers(0, 200, (256, 512)).astype(stored)
    network = Network([("standardize", "mean"), ("fc", None, 10)])
    network.adapt(x)
    trainer, batch = Trainer(network), Batch(x, np.arange(256) % 10)
    with meter:
        for _ in range(4):
            trainer.step(batch)
            meter.plugnet_step_end()
    assert max(meter.rises[2:]) < 256 * 512 * 2  # bytes, half a batch in float32


# Larger than the memory --------------------------------------------------------------------------


@pytest.fixture
def _all_maps_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped, "LARGE_BYTES", 1)


@pytest.mark.usefixtures("_all_maps_are_large")
def test_a_memory_map_is_learned_from_in_bounded_memory(tmp_path: Path) -> None:
    x = RNG.random((100_000, 32)) + 1.6e9  # 25.6 MB
    read = in_a_file(x, tmp_path)
    tracemalloc.start()
    network = adapted(read, dtype="float64")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < x.nbytes / 2
    other = adapted(x, dtype="float64").state()
    for path, value in network.state().items():
        np.testing.assert_array_equal(value, other[path])


@pytest.mark.usefixtures("_all_maps_are_large")
def test_a_missing_value_late_in_a_memory_map_is_found(tmp_path: Path) -> None:
    x = np.eye(200_000, 3)
    x[199_990, 1] = np.nan
    read = in_a_file(x, tmp_path)
    with pytest.raises(DataError, match=r"samples\[199990, 1\] is nan"):
        adapted(read)
    assert not adapted(read, "mean").needs_adapt


@pytest.mark.usefixtures("_all_maps_are_large")
def test_a_file_that_has_become_shorter_is_an_error(tmp_path: Path) -> None:
    read = in_a_file(np.eye(200_000, 3), tmp_path)
    with (tmp_path / "x.npy").open("r+b") as file:
        file.truncate(128 + 24 * 150_000)
    with pytest.raises(DataError, match="has become shorter") as caught:
        adapted(read)
    assert caught.value.row == 150_000


def test_a_table_of_raw_numbers_is_learned() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal([1.6e9, 0, 3e5], [1000, 1e-4, 2e4], (400, 3))
    ids = ((x - x.mean(axis=0)) / x.std(axis=0)).sum(axis=1) > 0
    network = Network([("standardize",), ("fc", None, 8), "tanh", ("fc", None, 2)])
    network.adapt(x)
    trainer = Trainer(network, policy=("fixed", 0.1))
    for start in range(0, 400 * 30, 40):
        rows = slice(start % 400, start % 400 + 40)
        trainer.step(Batch(x[rows], ids[rows].astype(int)))
    assert np.mean(network.predict(x).argmax(axis=1) == ids) > 0.97
