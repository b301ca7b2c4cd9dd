"""Large sets: shuffled in blocks, and read part by part from a memory map.

A set counts as large from 2000 bytes on here; a row has 12 bytes, a block 3 rows, a window 4
blocks.
"""

import itertools
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.rows import loaded, numbered, pulled

from plugnet import Network, Trainer
from plugnet.arrays import Array
from plugnet.data import as_samples, mapped, order
from plugnet.data.batches import Resumable
from plugnet.errors import DataError, DataWarning
from plugnet.interfaces import Batch

ROWS = 200


@pytest.fixture(autouse=True)
def large_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped, "LARGE_BYTES", 2000)
    monkeypatch.setattr(order, "BLOCK_BYTES", 40)
    monkeypatch.setattr(order, "BLOCKS_PER_WINDOW", 4)


def in_a_file(samples: Array, folder: Path) -> Any:
    np.save(folder / "x.npy", samples)
    return np.load(folder / "x.npy", mmap_mode="r")


def epoch(data: Iterator[Batch]) -> list[int]:
    """Return the numbers of the rows of the next 20 batches."""
    return list(itertools.chain(*pulled(data, 20)))


@given(st.integers(1, 400), st.sampled_from([1, 12, 50]), st.none() | st.lists(st.integers(0, 9)))
def test_windows_cover_an_epoch_that_has_every_row_once(
    rows: int, row_bytes: int, seed: list[int] | None
) -> None:
    whole = order.Order(rows, row_bytes, seed)
    found: list[int] = []
    while len(found) < rows:
        window = whole.window(len(found))
        assert (window.start, whole.window(window.stop - 1).start) == (len(found), len(found))
        found += window.rows[slice(None) if window.order is None else window.order].tolist()
        assert window.stop == len(found)
    assert (found if seed is None else sorted(found)) == list(range(rows))


def test_every_epoch_has_an_order_of_its_own() -> None:
    data = loaded(numbered(ROWS), 10, shuffle=True)
    assert epoch(data) != epoch(data) != list(range(ROWS))


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, ...]:
    """Numbered rows, and the samples once more as a memory map."""
    samples, *others = numbered(2 * ROWS)
    return samples, in_a_file(samples, tmp_path_factory.mktemp("map")), *others


@given(st.integers(1, 2 * ROWS), st.booleans(), st.booleans(), st.data())
def test_from_any_place_it_goes_on_as_if_it_had_walked_there(
    numbers: tuple[Any, ...], rows: int, shuffle: bool, is_map: bool, data: st.DataObject
) -> None:
    samples, read, *others = (each[:rows] for each in numbers)
    options: dict[str, Any] = {"shuffle": shuffle, "seed": 3}
    options["batch_size"] = data.draw(st.integers(1, rows))
    walked = pulled(loaded((samples, *others), **options), 2 * rows // options["batch_size"] + 3)
    sought = loaded((read if is_map else samples, *others), **options)
    for place in data.draw(st.lists(st.integers(0, len(walked) - 2), max_size=3)):
        assert isinstance(sought, Resumable)
        sought.restore({"position": place * options["batch_size"]})
        assert sought.state() == {"position": place * options["batch_size"]}
        assert pulled(sought, 2) == walked[place : place + 2]


def test_a_window_mixes_blocks_from_all_over_the_set() -> None:
    first = pulled(loaded(numbered(201), 12, shuffle=True), 1)[0]
    blocks = {number // 3 for number in first}
    assert len(blocks) == 4
    assert sorted(first) == sorted(3 * block + i for block in blocks for i in range(3))
    assert first != sorted(first)
    assert max(blocks) - min(blocks) > 4


def test_a_set_that_is_not_large_keeps_a_full_permutation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped, "LARGE_BYTES", ROWS * 12 + 1)
    found = epoch(loaded(numbered(ROWS), 10, shuffle=True, seed=5))
    assert found == np.random.default_rng([5, 0]).permutation(ROWS).tolist()


def test_a_row_larger_than_a_block_is_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "BLOCK_BYTES", 1)
    found = epoch(loaded(numbered(ROWS), 10, shuffle=True))
    assert sorted(found) == list(range(ROWS))


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("batch_size", [1, 7, 12, 50, ROWS])
def test_a_map_gives_the_batches_that_an_array_gives(
    tmp_path: Path, shuffle: bool, batch_size: int
) -> None:
    samples, *others = numbered(ROWS)
    held = loaded((samples, *others), batch_size, shuffle=shuffle)
    read = loaded((in_a_file(samples, tmp_path), *others), batch_size, shuffle=shuffle)
    batches = 2 * ROWS // batch_size + 3
    assert pulled(read, batches) == pulled(held, batches)


def test_part_of_a_map_is_read_from_its_own_place(tmp_path: Path) -> None:
    samples, *others = (numbers[ROWS - 7 : -7] for numbers in numbered(2 * ROWS))
    part = in_a_file(numbered(2 * ROWS)[0], tmp_path)[ROWS - 7 : -7]
    assert mapped.mapped_file(part) == (str(tmp_path / "x.npy"), 128 + (ROWS - 7) * 12)
    held = loaded((samples, *others), 10, shuffle=True)
    read = loaded((part, *others), 10, shuffle=True)
    assert pulled(read, 25) == pulled(held, 25)


def test_what_is_not_streamed(tmp_path: Path) -> None:
    samples, *_ = numbered(ROWS)
    read = in_a_file(samples, tmp_path)
    assert mapped.mapped_file(np.asarray(read)) is not None
    assert mapped.mapped_file(samples) is None
    assert mapped.mapped_file(read[:100]) is None
    assert mapped.mapped_file(read[::2]) is None
    assert mapped.mapped_file(np.load(tmp_path / "x.npy", mmap_mode="c")) is None


@pytest.mark.parametrize("shape", [(3,), (1, 3, 1)])
def test_training_on_a_map_gives_the_bits_of_training_on_the_array(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random((ROWS, *shape), dtype=np.float32), rng.integers(0, 2, ROWS)
    runs = [Trainer(Network([("fc", 3, 4), "tanh", ("fc", 4, 2)]), batch_size=30) for _ in "ab"]
    read = in_a_file(x, tmp_path)
    losses = [run.fit(data, y, 25).loss for run, data in zip(runs, (x, read), strict=True)]
    assert losses[0] == losses[1]
    assert runs[0].evaluate(x, y) == runs[1].evaluate(read, y)


def test_resuming_on_a_map_goes_on_bit_for_bit(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, y = in_a_file(rng.random((ROWS, 3), dtype=np.float32), tmp_path), rng.integers(0, 2, ROWS)
    whole = Trainer(Network([("fc", 3, 2)]), batch_size=30)
    whole.fit(x, y, 20)
    first = Trainer(Network([("fc", 3, 2)]), batch_size=30)
    first.fit(x, y, 11)
    first.save(tmp_path / "trainer")
    assert Trainer.resume(tmp_path / "trainer").fit(x, y, 9).loss == whole.history.loss


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_not_finite_is_found_when_it_is_read(tmp_path: Path, value: float) -> None:
    samples = np.random.default_rng(0).random((100_000, 3), dtype=np.float32)  # 1.2 MB
    samples[99_990, 1] = value
    read = in_a_file(samples, tmp_path)
    assert as_samples(read) is not None
    trainer = Trainer(Network([("fc", 3, 2)]), batch_size=1000, shuffle=False)
    with pytest.raises(DataError, match=r"samples\[99990, 1\] is (nan|inf)") as caught:
        trainer.fit(read, np.arange(100_000) % 2, 101)
    assert caught.value.row == 99_990
    assert 90 < trainer.iteration < 100


def test_large_values_whose_squares_are_not_finite_are_no_error(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).random((100_000, 3), dtype=np.float32)
    samples[99_990, 1] = 1e30
    data = loaded((in_a_file(samples, tmp_path), np.arange(100_000)), 1000)
    assert max(float(next(data).x.max()) for _ in range(100)) == np.float32(1e30)


def test_the_beginning_shows_samples_that_are_not_scaled(tmp_path: Path) -> None:
    with pytest.warns(DataWarning, match="samples reach a magnitude of 199"):
        as_samples(in_a_file(numbered(ROWS)[0], tmp_path), scale=1.0)


def test_a_file_that_becomes_shorter_is_an_error(tmp_path: Path) -> None:
    samples, *others = numbered(ROWS)
    data = loaded((in_a_file(samples, tmp_path), *others), 10)
    with (tmp_path / "x.npy").open("r+b") as file:
        file.truncate(128 + 12 * 100)
    with pytest.raises(DataError, match="has become shorter") as caught:
        pulled(data, 20)
    assert caught.value.row == 99


def test_a_large_map_is_neither_copied_nor_kept_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    rows, features = 400_000, 1024  # 1.6 GB in name; the file system keeps no zeros
    with (tmp_path / "x.npy").open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (rows, features)}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + rows * features * 4)
    x, y = np.load(tmp_path / "x.npy", mmap_mode="r"), np.zeros(rows, int)
    y[::2] = 1
    trainer = Trainer(Network([("fc", features, 2)]))
    tracemalloc.start()
    try:
        trainer.fit(x, y, 60)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(trainer.history.loss) == 60
    assert peak < 60e6


def test_a_file_that_was_replaced_is_an_error(tmp_path: Path) -> None:
    samples, *others = numbered(ROWS)
    read = in_a_file(samples, tmp_path)
    np.save(tmp_path / "other.npy", samples + 1)
    (tmp_path / "other.npy").replace(tmp_path / "x.npy")
    with pytest.raises(DataError, match="has been replaced since it was mapped") as caught:
        loaded((read, *others), 10)
    assert caught.value.row == 0
