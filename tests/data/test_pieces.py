"""Samples that lie in pieces: each row is the right one, and few pieces are read for it."""

import copy
import pickle
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugnet.arrays import Array
from plugnet.data import ArrayBatches, pieces
from plugnet.data.order import Order
from plugnet.data.pieces import PiecedArray, begins_of
from plugnet.errors import DataError
from plugnet.interfaces import Batch


class Numbered(PiecedArray):
    """Rows that hold their numbers, three times each; it counts what is read."""

    def __init__(self, begins: Array) -> None:
        self.begins = begins
        self.shape, self.dtype = (int(begins[-1]), 3), np.dtype(np.int32)
        self.reads: list[int] = []

    def read_pieces(self, numbers: Sequence[int]) -> Iterator[Array]:
        for number in numbers:
            self.reads.append(number)
            yield np.repeat(np.arange(*self.begins[number : number + 2]), 3).reshape(-1, 3)


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=9),
    st.lists(st.lists(st.integers(0, 10**6), max_size=20), max_size=9),
    st.integers(1, 30),
)
def test_any_rows_whatever_is_held(
    sizes: list[int], asked: list[list[int]], most_rows: int
) -> None:
    samples = Numbered(np.cumsum([0, *sizes]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pieces, "HELD", 12 * most_rows)
        for numbers in asked:
            rows = np.array(numbers, np.intp) % len(samples)
            assert samples.read(rows).tolist() == [[row] * 3 for row in rows.tolist()]


def test_a_piece_is_read_once_while_it_is_held() -> None:
    samples = Numbered(begins_of(100, 10))
    for _ in range(3):
        samples.read(np.array([95, 5, 93, 7]))
    assert samples.reads == [0, 9]


def test_a_copy_holds_nothing_and_reads_anew() -> None:
    samples = Numbered(begins_of(100, 10))
    samples.read(np.arange(100))
    for other in (copy.deepcopy(samples), pickle.loads(pickle.dumps(samples))):
        other.reads.clear()
        assert other.read(np.array([42])).tolist() == [[42] * 3]
        assert other.reads == [4]


def test_a_piece_that_cannot_be_read_does_not_spoil_the_others() -> None:
    class Damaged(Numbered):
        def read_pieces(self, numbers: Sequence[int]) -> Iterator[Array]:
            for number, piece in zip(numbers, super().read_pieces(numbers), strict=True):
                if number == 3:
                    raise DataError("damaged", row=30)
                yield piece

    samples = Damaged(begins_of(100, 10))
    for _ in range(2):
        with pytest.raises(DataError, match="damaged"):
            samples.read(np.arange(100))
        assert samples.read(np.array([99, 0])).tolist() == [[99] * 3, [0] * 3]


@given(st.lists(st.integers(1, 50), min_size=1, max_size=40), st.integers(1, 10**6))
def test_an_epoch_in_pieces_has_every_row_once(sizes: list[int], row_bytes: int) -> None:
    begins = np.cumsum([0, *sizes])
    order = Order(int(begins[-1]), row_bytes, [3, 0], begins)
    assert sorted(order.rows().tolist()) == list(range(begins[-1]))


def test_an_epoch_reads_each_piece_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The set is 30 times as large as what is held; a permutation would read 9000 pieces."""
    monkeypatch.setattr(pieces, "HELD", 12 * 100)
    monkeypatch.setattr("plugnet.data.order.BLOCKS_PER_WINDOW", 1)
    monkeypatch.setattr("plugnet.data.order.BLOCK_BYTES", 12 * 40)
    samples = Numbered(begins_of(3000, 10))
    batches = ArrayBatches(Batch(samples, np.arange(3000)), batch_size=30)  # type: ignore[arg-type]
    seen = [next(batches).x[:, 0].copy() for _ in range(100)]
    assert sorted(np.concatenate(seen).tolist()) == list(range(3000))
    assert 300 <= len(samples.reads) < 600


def test_rows_of_a_part_keep_their_pieces() -> None:
    samples = Numbered(begins_of(100, 10))
    part = samples.subset(np.arange(0, 100, 2))
    assert part.begins is not None
    assert part.begins.tolist() == list(range(0, 51, 5))
    assert samples.subset(np.array([5, 95, 3])).begins is None
