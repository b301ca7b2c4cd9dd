"""A sparse matrix gives what its dense array gives, and is never dense as a whole."""

import tracemalloc
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from tests.trained import saved_bits

from plugnet import Network, Trainer
from plugnet.data import LazyArray, as_samples
from plugnet.data.samples import as_stored
from plugnet.data.sparse import SparseArray
from plugnet.errors import DataError, DataWarning

FORMATS = ["bsr", "coo", "csc", "csr", "dia", "dok", "lil"]
Y = np.arange(60) % 3


def matrix(dtype: str = "float64", rows: int = 60, columns: int = 11) -> Any:
    found = sp.random(rows, columns, density=0.3, random_state=np.random.default_rng(1))
    return sp.csr_array((found * 3).astype(dtype))


@pytest.mark.parametrize("make", [sp.csr_array, sp.csr_matrix])
@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("dtype", ["bool", "int8", "int64", "float32", "float64"])
def test_rows_are_those_of_the_dense_array(make: Any, name: str, dtype: str) -> None:
    given = make(matrix(dtype)).asformat(name)
    dense = given.toarray()
    lazy: Any = as_stored(given, "samples")
    assert isinstance(lazy, LazyArray)
    for rows in (slice(None), slice(3, 9), [5, 5, 0], np.arange(60)[::-1]):
        np.testing.assert_array_equal(lazy[rows], dense[rows], strict=True)
    assert lazy[:0].shape == (0, 11)


@pytest.mark.parametrize("dtype", ["bool", "int8", "float32"])
def test_duplicates_explicit_zeros_and_unsorted_indices_mean_what_they_mean_in_scipy(
    dtype: str,
) -> None:
    data = np.array([0.1, 100.0, 0.2, 0.3, 100.0, 0.0, -0.0]).astype(dtype)
    columns, starts = np.array([2, 0, 2, 2, 0, 1, 2]), np.array([0, 5, 5, 7])
    given = sp.csr_array((data, columns, starts), shape=(3, 3))
    np.testing.assert_array_equal(SparseArray(given)[:], given.toarray(), strict=True)
    assert given.nnz == 7
    assert given.indices.tolist() == columns.tolist()  # nothing is changed in place


def test_room_to_spare_at_the_end_holds_no_value() -> None:
    starts = np.array([0, 1, 3])
    data, columns = np.array([1.0, 2, 3, np.nan, 1e6]), np.array([0, 0, 2, 1, 99])
    given = sp.csr_array((2, 3))
    given.data, given.indices, given.indptr = data, columns, starts
    lazy = SparseArray(given)
    np.testing.assert_array_equal(lazy[:], [[1, 0, 0], [2, 0, 3]])
    np.testing.assert_array_equal(lazy.telling(), [0, 1])
    np.testing.assert_array_equal(as_samples(given)[:], lazy[:])


def test_csr_is_used_as_it_is() -> None:
    given = matrix()
    lazy = SparseArray(given)
    given.data *= 2
    np.testing.assert_array_equal(lazy[:], given.toarray())


@pytest.mark.parametrize("dtype", ["bool", "int64", "float32", "float64"])
@pytest.mark.parametrize("first", [(), ("standardize",)])
@pytest.mark.parametrize("name", ["csr", "csc", "dok"])
def test_a_training_has_the_bits_of_the_dense_array(
    dtype: str, first: tuple[str, ...], name: str
) -> None:
    given = matrix(dtype).asformat(name)
    found = []
    for x in (given, given.toarray()):
        run = Trainer(Network([*first, ("fc", 11, 3)]), batch_size=16)
        run.fit(x, Y, 30, test=(x, Y), validation=0.2, evaluate_every=10)
        judged = run.evaluate(x, Y), run.model.evaluate_by_class(x, Y)
        found.append((saved_bits(run), run.model.predict_proba(x).tolist(), judged))
    assert found[0] == found[1]
    model = run.model  # which was trained on the dense array
    assert model.predict(given).tolist() == model.predict(given.toarray()).tolist()
    network = model.network
    np.testing.assert_array_equal(network.predict(given), network.predict(given.toarray()))


@pytest.mark.parametrize(("value", "said"), [(np.nan, "nan"), (-np.inf, "-inf"), (1e300, "inf")])
@pytest.mark.parametrize("validation", [None, 0.5])
def test_a_bad_value_is_named_before_the_training(
    value: float, said: str, validation: float | None
) -> None:
    given = sp.lil_array((30_000, 20), dtype=np.float64)
    given[29_000, 7] = value
    given[29_001, 7] = value
    run = Trainer(Network([("fc", 20, 3)]))
    with pytest.raises(DataError, match=rf"samples\[29000, 7\] is {said}") as caught:
        run.fit(given, np.arange(30_000) % 3, 5, validation=validation)
    assert caught.value.row == 29_000


def test_missing_values_may_be_filled() -> None:
    given = matrix()
    given.data[40] = np.nan
    found = []
    for x in (given, given.toarray()):
        run = Trainer(Network([("standardize", {"missing": "mean"}), ("fc", 11, 3)]), batch_size=9)
        run.fit(x, Y, 10)
        found.append((saved_bits(run), run.model.predict(x).tolist()))
    assert found[0] == found[1]
    given.data[41] = np.inf
    with pytest.raises(DataError, match="is inf"):
        run.fit(given, Y, 10)


def test_the_largest_value_is_seen_wherever_it_is() -> None:
    given = sp.lil_array((30_000, 20))
    given[29_000, 7] = -1000
    with pytest.warns(DataWarning, match=r"column 7 of samples reach .* 1000"):
        as_samples(given, scale=1.0)
    assert as_samples(sp.csr_array((5, 3)))[:].sum() == 0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (matrix().astype(complex), "must be real numbers, but SparseArray gives complex128"),
        (sp.csr_array((0, 3)), "at least one sample"),
    ],
)
def test_what_is_no_table_of_numbers_is_refused(given: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        as_samples(given)


def test_a_source_may_yield_sparse_batches_and_blocks() -> None:
    class Source:
        def __init__(self, x: Any) -> None:
            self._x = x
            self._batches = iter([(x[:20], Y[:20]), (x[20:], Y[20:])] * 5)

        def __next__(self) -> Any:
            return next(self._batches)

        def blocks(self) -> Any:
            yield from (self._x[:9], self._x[9:])

    found = []
    for x in (matrix(), matrix().toarray()):
        run = Trainer(Network(["standardize", ("fc", 11, 3)]))
        run.fit(Source(x), iterations=8)
        found.append(saved_bits(run))
    assert found[0] == found[1]


def test_labels_and_weights_must_be_dense() -> None:
    run = Trainer(Network([("fc", 11, 3)]), batch_size=16)
    labels = sp.csr_array(np.eye(3)[Y])
    words = r"labels must be a dense array .* a csr_array. Write toarray\(\)"
    for validation in (None, 0.1):
        with pytest.raises(DataError, match=words):
            run.fit(matrix(), labels, 5, validation=validation)
    with pytest.raises(DataError, match="weights must be a dense array"):
        run.fit(matrix(), Y, 5, weights=labels[:, [0]])
    with pytest.raises(DataError, match="samples must be a dense array"):
        run.network.forward(matrix())


def test_a_wide_matrix_trains_and_answers_in_little_memory() -> None:
    rows, columns, most = 4000, 20_000, 120e6  # 640 MB if dense
    rng = np.random.default_rng(0)
    data, places = rng.random(40 * rows), rng.integers(0, columns, 40 * rows)
    starts = np.arange(0, 40 * rows + 1, 40)
    given = sp.csr_array((data, places, starts), shape=(rows, columns))  # with duplicates
    run = Trainer(Network([("fc", columns, 2)]), batch_size=50)
    tracemalloc.start()
    try:
        run.fit(given, np.arange(rows) % 2, 20, validation=0.1)
        run.model.evaluate(given, np.arange(rows) % 2)
        assert run.model.predict(given.tocsc()).shape == (rows,)
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()
