"""A lazy array stands for an array, and is read only where rows are asked for."""

import itertools
import pickle

import numpy as np
import pytest
from tests.lazy import Held
from tests.rows import loaded, numbered, pulled

from plugnet.arrays import Array
from plugnet.data import ArrayBatches, LazyArray, as_samples, hold_out, mapped, order, take_rows
from plugnet.data.batches import Resumable
from plugnet.errors import DataError, DataWarning
from plugnet.interfaces import Batch

RNG = np.random.default_rng(0)
X = RNG.random((30, 2, 3))
LAZY = Held(X)


@pytest.mark.parametrize(
    "index",
    [
        slice(3, 9),
        slice(None),
        slice(20, 99),
        slice(None, None, -2),
        [4, 4, -1],
        np.arange(30) > 25,
    ],
)
def test_rows_are_those_of_the_array(index: slice | list[int] | Array) -> None:
    np.testing.assert_array_equal(LAZY[index], X[index])
    part = LAZY.subset(index)
    assert isinstance(part, LazyArray)
    np.testing.assert_array_equal(part[:], X[index])
    np.testing.assert_array_equal(part.subset([2, 0])[:], X[index][[2, 0]])


def test_it_has_the_size_of_the_array() -> None:
    for name in ("shape", "ndim", "size", "nbytes", "dtype"):
        assert getattr(LAZY, name) == getattr(X, name)
    assert len(LAZY) == 30
    assert repr(LAZY) == "Held(shape=(30, 2, 3), dtype=float64)"
    np.testing.assert_array_equal(LAZY[-2], X[-2])
    flat = LAZY.subset([3, 1]).reshape(2, 6)
    np.testing.assert_array_equal(flat[:], X[[3, 1]].reshape(2, 6))


def test_it_never_becomes_an_array_by_accident() -> None:
    with pytest.raises(TypeError, match=r"as a whole it would take .* MB. .* x\[:\]"):
        np.asarray(LAZY)
    with pytest.raises(IndexError):
        LAZY[30]


def test_samples_are_converted_as_they_are_read() -> None:
    samples = as_samples(LAZY)
    assert isinstance(samples, LazyArray)
    assert samples.dtype == np.float32
    np.testing.assert_array_equal(samples[4:7], as_samples(X)[4:7], strict=True)
    assert as_samples(samples) is samples
    stored = as_samples(Held(np.arange(60, dtype=np.uint8).reshape(20, 3)))
    assert stored[:2].dtype == np.uint8


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_a_bad_value_is_found_when_its_row_is_read(value: float) -> None:
    bad = RNG.random((200_000, 3))
    bad[150_000, 1] = value
    samples = as_samples(Held(bad).subset(np.arange(199_999, -1, -1)))
    assert len(samples[:1000]) == 1000
    with pytest.raises(DataError, match=r"samples\[150000, 1\] is (nan|inf)") as caught:
        samples[[3, 49_999]]
    assert caught.value.row == 150_000
    with pytest.raises(DataError, match=r"samples\[2, 0\] is nan"):
        as_samples(Held(np.array([[1.0], [2.0], [np.nan]])))
    kept = as_samples(Held(np.array([[1.0], [np.nan]])), allow_missing=True)
    assert np.isnan(kept[1, ...])


def test_large_values_whose_squares_are_not_finite_are_no_error() -> None:
    samples = as_samples(Held(np.array([[1e30, 0], [0, 1]], np.float32)))
    assert samples[:].max() == np.float32(1e30)


def test_the_beginning_shows_samples_that_are_not_scaled() -> None:
    with pytest.warns(DataWarning, match="samples reach a magnitude of 199"):
        as_samples(Held(numbered(200)[0]), scale=1.0)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros(3), "one row per sample"),
        (np.zeros((0, 3)), "at least one sample"),
        (np.array([["a"]]), "must be real numbers, but Held gives <U1"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused(array: Array, words: str) -> None:
    with pytest.raises(DataError, match=words):
        as_samples(Held(array))


def test_a_read_that_breaks_the_contract_is_refused() -> None:
    class Wrong(Held):
        def read(self, rows: Array) -> Array:
            return self.array[: len(rows) - 1].astype(np.float32)

    with pytest.raises(DataError, match=r"Wrong.read must return .*\(30, 2, 3\).* \(29, 2, 3\)"):
        as_samples(Wrong(X))


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("is_large", [True, False])
@pytest.mark.parametrize("batch_size", [1, 7, 50, 200])
def test_batches_are_those_of_the_array(
    monkeypatch: pytest.MonkeyPatch, shuffle: bool, is_large: bool, batch_size: int
) -> None:
    if is_large:
        monkeypatch.setattr(mapped, "LARGE_BYTES", 2000)
        monkeypatch.setattr(order, "BLOCK_BYTES", 40)
        monkeypatch.setattr(order, "BLOCKS_PER_WINDOW", 4)
    samples, *others = numbered(200)
    held = loaded((samples, *others), batch_size, shuffle, seed=3, position=14)
    lazy = loaded((Held(samples), *others), batch_size, shuffle, seed=3, position=14)
    count = 2 * 200 // batch_size + 3
    expected = pulled(held, count)
    assert pulled(lazy, count) == expected
    assert isinstance(lazy, Resumable)
    lazy.restore({"position": 14 + 2 * batch_size})
    assert pulled(lazy, 1) == expected[2:3]
    assert lazy.state() == {"position": 14 + 3 * batch_size}


def test_a_read_that_fails_is_tried_again() -> None:
    samples, *others = numbered(20)
    shown = Held(samples.copy())
    shown.array[13] = np.nan
    data = loaded((as_samples(shown, allow_missing=True), *others), 5)
    assert len(pulled(data, 2)) == 2
    data = loaded((as_samples(Held(samples)), *others), 5)
    good = pulled(data, 4)
    broken = True

    class Flaky(Held):
        def read(self, rows: Array) -> Array:
            if broken and 12 in rows:
                raise OSError("the disk is away")
            return super().read(rows)

    data = loaded((Flaky(samples), *others), 5)
    assert pulled(data, 2) == good[:2]
    for _ in range(2):
        with pytest.raises(OSError, match="the disk is away"):
            next(data)
    broken = False
    assert pulled(data, 2) == good[2:]


def test_plain_batches_take_it_too() -> None:
    samples, *others = numbered(20)
    plain = ArrayBatches(Batch(samples, *others), 8, seed=1)
    lazy = ArrayBatches(Batch(Held(samples), *others), 8, seed=1)  # type: ignore[arg-type]
    assert pulled(lazy, 4) == pulled(plain, 4)
    np.testing.assert_array_equal(lazy.fetch(3, 1, 2).x, plain.fetch(3, 1, 2).x)
    np.testing.assert_array_equal(list(itertools.chain(*lazy.blocks(7))), samples)


def test_a_part_is_held_out_without_reading_any_row() -> None:
    lazy = Held(X)
    labels = np.arange(30) % 3
    batch = Batch(lazy, labels)  # type: ignore[arg-type]
    train, held = (take_rows(batch, rows) for rows in hold_out(labels, 0.2, 0))
    assert lazy.most == 0
    assert (len(train.x), len(held.x)) == (24, 6)
    np.testing.assert_array_equal(held.x[:], X[hold_out(labels, 0.2, 0)[1]])


def test_views_can_be_pickled() -> None:
    view = as_samples(Held(X).subset([5, 3]).reshape(2, 6))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(view))[:], view[:])
