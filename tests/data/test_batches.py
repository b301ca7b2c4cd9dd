"""Data: the order of the batches, the wrap, the seeds and the place to resume from."""

from pathlib import Path

import numpy as np
import pytest
from tests.rows import loaded, numbered, pulled

from plugnet.errors import ArgumentError, CallOrderError, DataError
from plugnet.training.data import Data


def test_batches_wrap_with_tail_then_head() -> None:
    data = loaded(numbered(5), 3)
    assert pulled(data, 4) == [[0, 1, 2], [3, 4, 0], [1, 2, 3], [4, 0, 1]]
    assert (data.point, data.epoch, data.position) == (2, 2, 12)


def test_an_end_that_is_exactly_met_is_no_wrap() -> None:
    data = loaded(numbered(60), 10)
    pulled(data, 6)
    assert (data.point, data.epoch) == (0, 1)
    assert pulled(data, 1) == [list(range(10))]


def test_a_batch_of_the_whole_set_repeats_it() -> None:
    assert pulled(loaded(numbered(4), 4), 2) == [[0, 1, 2, 3]] * 2


def test_a_batch_larger_than_the_set_must_be_allowed() -> None:
    with pytest.raises(DataError, match=r"batch_size is 8 and there are 5.*allow_repeat=True"):
        loaded(numbered(5), 8)
    data = loaded(numbered(5), 8, allow_repeat=True)
    assert pulled(data, 2) == [[0, 1, 2, 3, 4, 0, 1, 2], [3, 4, 0, 1, 2, 3, 4, 0]]


def test_pulling_before_loading_is_an_error() -> None:
    for method in (Data().pull_data, Data().shuffle):
        with pytest.raises(CallOrderError, match="get_data"):
            method()


def test_loading_again_starts_over_and_may_be_smaller() -> None:
    data = loaded(numbered(50), 3)
    pulled(data, 10)
    data.shuffle()
    data.get_data(*numbered(4))
    assert (data.point, data.epoch, len(data)) == (0, 0, 4)
    assert pulled(data, 2) == [[0, 1, 2], [3, 0, 1]]


@pytest.mark.parametrize(("rows", "labels"), [(3, 2), (0, 0)])
def test_rows_must_be_equal_in_number_and_not_none(rows: int, labels: int) -> None:
    with pytest.raises(DataError):
        Data(1).get_data(np.zeros((rows, 2)), np.zeros(labels))


def test_a_batch_that_does_not_wrap_is_a_view_and_nothing_is_written() -> None:
    samples, labels, weights = numbered(5)
    samples.flags.writeable = labels.flags.writeable = False
    data = loaded((samples, labels, weights), 3)
    x, y = data.pull_data()
    assert np.shares_memory(x, samples)
    assert np.shares_memory(y, labels)
    data.shuffle()
    pulled(data, 5)
    assert samples.tolist() == numbered(5)[0].tolist()


def test_gathered_batches_use_the_same_buffers_again() -> None:
    data = loaded(numbered(50), 7, shuffle=True)
    first, first_labels = data.pull_data()
    second, second_labels = data.pull_data()
    assert first is second
    assert first_labels is second_labels


def test_shuffle_is_one_order_for_samples_and_labels() -> None:
    data = loaded(numbered(100), 100)
    data.shuffle()
    (once,) = pulled(data, 1)
    assert sorted(once) == list(range(100)) != once
    assert pulled(data, 1) == [once], "the order stays until the next shuffle"
    data.shuffle()
    assert pulled(data, 1) != [once]


def test_orders_are_functions_of_the_seed() -> None:
    one, same, other = (loaded(numbered(40), 8, shuffle=True, seed=seed) for seed in (3, 3, 4))
    expected = pulled(one, 20)
    assert pulled(same, 20) == expected
    assert pulled(other, 20) != expected


def test_a_wrapping_batch_takes_its_head_from_the_next_epochs_order() -> None:
    orders = [np.random.default_rng([9, epoch]).permutation(5).tolist() for epoch in range(5)]
    stream = [row for order in orders for row in order]
    data = loaded(numbered(5), 3, shuffle=True, seed=9)
    assert np.ravel(pulled(data, 8)).tolist() == stream[:24]
    data = loaded(numbered(5), 12, shuffle=True, seed=9, allow_repeat=True)
    assert np.ravel(pulled(data, 2)).tolist() == stream[:24]


def test_the_global_generator_is_left_alone() -> None:
    np.random.seed(1)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    pulled(loaded(numbered(20), 3, shuffle=True), 20)
    assert np.random.random() == expected  # noqa: NPY002


def test_two_sets_have_cursors_of_their_own() -> None:
    train, test = loaded(numbered(10), 4), loaded(numbered(10), 5)
    pulled(test, 1)
    assert pulled(train, 1) == [[0, 1, 2, 3]]
    assert test.point == 5


@pytest.mark.parametrize("shuffle", [False, True])
def test_memory_maps_are_read_in_place(tmp_path: Path, shuffle: bool) -> None:
    samples, *others = numbered(7)
    np.save(tmp_path / "x.npy", samples)
    read = np.load(tmp_path / "x.npy", mmap_mode="r")
    data = loaded((read, *others), 3, shuffle=shuffle)
    assert isinstance(data.samples, np.ndarray)
    assert isinstance(data.samples.base, np.memmap)
    assert sorted(np.ravel(pulled(data, 7))) == sorted([*range(7)] * 3)


def test_images_and_one_hot_labels_keep_their_shapes() -> None:
    data = Data(2, shuffle=True)
    data.get_data(np.zeros((3, 4, 5, 2), np.float64), np.eye(3, dtype=np.uint8))
    x, y = data.pull_data()
    assert x.shape == (2, 4, 5, 2)
    assert x.dtype == np.float64
    assert y.shape == (2, 3)
    assert y.dtype == np.uint8


@pytest.mark.parametrize("argument", ["batch_size", "seed", "shuffle", "allow_repeat"])
@pytest.mark.parametrize("value", [-1, 2.5, "3", None])
def test_wrong_arguments_are_named(argument: str, value: object) -> None:
    with pytest.raises(ArgumentError) as caught:
        Data(**{argument: value})  # type: ignore[arg-type]
    assert (caught.value.argument, caught.value.value) == (argument, value)


def test_a_bool_is_no_batch_size_and_no_batch_is_empty() -> None:
    for value in (True, 0):
        with pytest.raises(ArgumentError):
            Data(batch_size=value)
