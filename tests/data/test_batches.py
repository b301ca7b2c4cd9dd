"""Batches: their order, the wrap, the seeds, the place to go on from; and the tutorial's Data."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.rows import numbered, pulled, rows_of

from plugnet import Network, Trainer
from plugnet.arrays import Array
from plugnet.data import ArrayBatches, Data
from plugnet.errors import ArgumentError, CallOrderError, DataError, DivergenceError, SpecError
from plugnet.interfaces import Batch


def batches_of(rows: int, batch_size: int, **options: Any) -> ArrayBatches:
    return ArrayBatches(Batch(*numbered(rows)), batch_size, **{"shuffle": False, **options})


def test_batches_wrap_with_tail_then_head() -> None:
    batches = batches_of(5, 3)
    assert pulled(batches, 4) == [[0, 1, 2], [3, 4, 0], [1, 2, 3], [4, 0, 1]]
    assert batches.position == 12
    assert pulled(batches_of(60, 10), 7)[5:] == [list(range(50, 60)), list(range(10))]
    assert pulled(batches_of(4, 4), 2) == [[0, 1, 2, 3]] * 2


def test_a_batch_larger_than_the_set_must_be_allowed() -> None:
    with pytest.raises(DataError, match=r"batch_size is 8 and there are 5.*allow_repeat=True"):
        batches_of(5, 8)
    batches = batches_of(5, 8, allow_repeat=True)
    assert pulled(batches, 2) == [[0, 1, 2, 3, 4, 0, 1, 2], [3, 4, 0, 1, 2, 3, 4, 0]]


def test_what_would_train_on_wrong_pairs_is_refused() -> None:
    x, y, weights = numbered(6)
    for others in ((y[:5], None), (y, weights[:5])):
        with pytest.raises(DataError, match="one label"):
            ArrayBatches(Batch(x, *others), 2)
    with pytest.raises(ArgumentError, match="batch_size"):
        ArrayBatches(Batch(x, y), 0)
    with pytest.raises(ArgumentError, match="into 3 equal parts"):
        ArrayBatches(Batch(x, y), 4).fetch(0, 0, 3)


def test_a_batch_in_order_is_a_view_and_nothing_is_written() -> None:
    samples = Batch(*numbered(5))
    for array in samples:
        assert array is not None
        array.flags.writeable = False
    batch = next(ArrayBatches(samples, 3, shuffle=False))
    assert np.shares_memory(batch.x, samples.x)
    assert np.shares_memory(batch.y, samples.y)
    pulled(ArrayBatches(samples, 3), 5)
    assert samples.x.tolist() == numbered(5)[0].tolist()


def test_gathered_batches_use_the_same_buffers_again() -> None:
    batches = batches_of(50, 7, shuffle=True)
    first, second = next(batches), next(batches)
    assert first.x is second.x
    assert first.y is second.y


def test_orders_are_functions_of_the_seed() -> None:
    one, same, other = (batches_of(40, 8, shuffle=True, seed=seed) for seed in (3, 3, 4))
    expected = pulled(one, 20)
    assert pulled(same, 20) == expected
    assert pulled(other, 20) != expected


def test_every_epoch_has_an_order_of_its_own() -> None:
    batches = batches_of(40, 8, shuffle=True)
    first, second = (np.ravel(pulled(batches, 5)) for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(40))
    assert first.tolist() != second.tolist()


def test_a_wrapping_batch_goes_on_in_the_next_epochs_order() -> None:
    orders = [np.random.default_rng([9, epoch]).permutation(5).tolist() for epoch in range(5)]
    stream = [row for order in orders for row in order]
    assert np.ravel(pulled(batches_of(5, 3, shuffle=True, seed=9), 8)).tolist() == stream[:24]
    repeating = batches_of(5, 12, shuffle=True, seed=9, allow_repeat=True)
    assert np.ravel(pulled(repeating, 2)).tolist() == stream[:24]


@pytest.mark.parametrize("shuffle", [False, True])
def test_a_restored_source_goes_on_as_if_never_interrupted(shuffle: bool) -> None:
    first = batches_of(11, 4, shuffle=shuffle, seed=1)
    states, whole = [], []
    for _ in range(30):
        states.append(first.state())
        whole += pulled(first, 1)
    for state, expected in zip(states, whole, strict=True):
        batches = batches_of(11, 4, shuffle=shuffle, seed=1)
        batches.restore(state)
        assert pulled(batches, 1) == [expected]


@pytest.mark.parametrize("shards", [1, 2, 4])
def test_parts_of_any_batch_can_be_fetched(shards: int) -> None:
    batches = batches_of(11, 4, shuffle=True, seed=1)
    whole = pulled(batches_of(11, 4, shuffle=True, seed=1), 9)
    for iteration in (0, 8, 3, 2):  # 2 goes on in a second epoch
        parts = [rows_of(batches.fetch(iteration, shard, shards)) for shard in range(shards)]
        assert [row for part in parts for row in part] == whole[iteration]
    assert batches.position == 0


def test_blocks_give_all_samples_once_in_their_order() -> None:
    blocks = list(batches_of(11, 4, shuffle=True).blocks(rows=5))
    assert [len(block) for block in blocks] == [5, 5, 1]
    assert np.concatenate(blocks).tolist() == numbered(11)[0].tolist()


def test_the_global_generator_is_left_alone() -> None:
    np.random.seed(1)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    pulled(batches_of(20, 3, shuffle=True), 20)
    assert np.random.random() == expected  # noqa: NPY002


@pytest.mark.parametrize("shuffle", [False, True])
def test_memory_maps_are_read_in_place(tmp_path: Path, shuffle: bool) -> None:
    x, y, weights = numbered(7)
    np.save(tmp_path / "x.npy", x)
    batches = ArrayBatches(Batch(np.load(tmp_path / "x.npy", mmap_mode="r"), y, weights), 3)
    assert isinstance(batches.samples.x, np.memmap)
    assert sorted(np.ravel(pulled(batches, 7))) == sorted([*range(7)] * 3)


def test_images_and_one_hot_labels_keep_shape_and_dtype() -> None:
    batch = next(ArrayBatches(Batch(np.zeros((3, 4, 5, 2)), np.eye(3, dtype=np.uint8)), 2))
    assert batch.x.shape == (2, 4, 5, 2)
    assert batch.x.dtype == np.float64
    assert batch.y.shape == (2, 3)
    assert batch.y.dtype == np.uint8
    assert batch.weights is None


# A source of the user's own ----------------------------------------------------------------------


class Endless:
    """Batches that are computed, and can be gone on with."""

    def __init__(self) -> None:
        self.number = 0

    def __next__(self) -> tuple[Array, Array]:
        rng = np.random.default_rng(self.number)
        self.number += 1
        return rng.normal(size=(6, 3)), rng.integers(0, 2, 6)

    def state(self) -> dict[str, int]:
        return {"number": self.number}

    def restore(self, state: dict[str, int]) -> None:
        self.number = state["number"]


class Nameless:
    """Batches that cannot say where they are."""

    def __init__(self) -> None:
        self.source = Endless()

    def __next__(self) -> tuple[Array, Array]:
        return next(self.source)


def untrained() -> Trainer:
    return Trainer(Network([("fc", 3, 2)]))


def test_any_iterator_of_batches_trains() -> None:
    x, y, weights = np.eye(3), np.array([0, 1, 1]), np.array([1.0, 2.0, 1.0])
    one, two = untrained(), Trainer(Network([("fc", 3, 2)]), batch_size=3, shuffle=False)
    one.fit(iter([(x, y, weights), (x, y, weights)]), iterations=2)
    two.fit(x, y, 2, weights=weights)
    assert one.history.loss == two.history.loss
    assert one.network.parameters().value.tolist() == two.network.parameters().value.tolist()


def test_the_end_of_the_batches_ends_the_training() -> None:
    one = untrained()
    history = one.fit(((np.eye(3), np.array([0, 1, 1])) for _ in range(4)), iterations=10)
    assert (one.iteration, history.stopped) == (4, "the batches have ended")


@pytest.mark.parametrize(
    "batch", [(np.eye(3),), np.eye(3), (np.eye(3), [0, 1, 2]), (np.full((3, 3), np.nan), [0, 1, 1])]
)
def test_every_batch_of_a_source_is_checked(batch: Any) -> None:
    good = np.eye(3), np.array([0, 1, 1])
    one = untrained()
    with pytest.raises(DataError):
        one.fit(iter([good, batch]), iterations=2)
    assert one.iteration == 1


def test_a_source_goes_on_from_a_file(tmp_path: Path) -> None:
    whole, first = untrained(), untrained()
    whole.fit(Endless(), iterations=7)
    first.fit(Endless(), iterations=3)
    first.save(tmp_path / "trainer")
    second = Trainer.resume(tmp_path / "trainer")
    second.fit(Endless(), iterations=4)
    assert second.history.loss == whole.history.loss


@pytest.mark.parametrize("at", [0, 3])
def test_a_source_goes_on_after_a_step_that_failed(at: int) -> None:
    class Fails:
        def plugnet_gradients_ready(self, iteration: int) -> None:
            if iteration == at and not failed:
                failed.append(iteration)
                raise ZeroDivisionError

    failed: list[int] = []
    whole = untrained()
    whole.fit(Endless(), iterations=7)
    one, source = Trainer(Network([("fc", 3, 2)]), hooks=[Fails()]), Endless()
    with pytest.raises(ZeroDivisionError):
        one.fit(source, iterations=7)
    assert one.iteration == at
    one.fit(source, iterations=7 - at)
    assert one.history.loss == whole.history.loss


def test_a_second_source_keeps_its_own_place() -> None:
    one, first, second = untrained(), Endless(), Endless()
    one.fit(first, iterations=5)
    second.number = 100
    one.rate_scale = float("inf")  # so that its first step fails
    with pytest.raises(DivergenceError):
        one.fit(second, iterations=1)
    one.rate_scale = 1.0
    one.fit(second, iterations=1)
    assert (first.number, second.number, one.source_state) == (5, 101, {"number": 101})


def test_a_source_moved_on_purpose_stays_where_it_was_put() -> None:
    one, source = untrained(), Endless()
    one.fit(source, iterations=5)
    source.number = 50
    one.fit(source, iterations=2)
    assert source.number == 52


def test_a_buffer_that_a_source_fills_again_is_checked_each_time() -> None:
    x, y = np.zeros((6, 3), np.float32), np.arange(6) % 2

    def refilled() -> Iterator[tuple[Array, Array]]:
        for number in range(5):
            x[:] = np.random.default_rng(number).random((6, 3)) if number < 3 else np.inf
            yield x, y

    one = Trainer(Network([("fc", 3, 4), "tanh", ("fc", 4, 2)]))
    with pytest.raises(DataError, match="finite"):
        one.fit(refilled(), iterations=5)
    assert one.iteration == 3
    assert np.isfinite(one.network.parameters().value).all()


def test_a_state_that_fails_undoes_nothing() -> None:
    class Breaks(Endless):
        def state(self) -> dict[str, int]:
            if self.number == 3:
                raise ZeroDivisionError
            return super().state()

    one = untrained()
    with pytest.raises(ZeroDivisionError):
        one.fit(Breaks(), iterations=5)
    assert one.iteration == 2
    one.fit(Endless(), iterations=1)


def test_arrays_after_a_source_begin_at_their_first_row() -> None:
    one, two = untrained(), Trainer(Network([("fc", 3, 2)]), batch_size=2, shuffle=False)
    one.batch_size, one.shuffle = 2, False
    x, y = np.random.default_rng(0).random((6, 3)), np.arange(6) % 2
    for each in (one, two):
        each.fit(Endless(), iterations=3)
        each.fit(x, y, 1)
        assert each.position == 2


def test_a_source_without_a_state_cannot_go_on_from_a_file(tmp_path: Path) -> None:
    for before, after in ((Nameless(), Endless()), (Endless(), Nameless())):
        one = untrained()
        one.fit(before, iterations=3)
        one.save(tmp_path / "trainer")
        again = Trainer.resume(tmp_path / "trainer")
        with pytest.raises(CallOrderError, match=r"state\(\) and restore\(state\)"):
            again.fit(after, iterations=1)
        again.source_state = None
        again.fit(after, iterations=1)
        assert again.iteration == 4


def test_a_source_that_was_refused_leaves_no_trace() -> None:
    one = untrained()
    with pytest.raises(ArgumentError, match="test must be a pair"):
        one.fit(Endless(), iterations=1, test=(np.eye(3),))
    one.batch_size = 2
    one.fit(np.random.default_rng(0).random((6, 3)), np.arange(6) % 2, 1)
    assert (one.position, one.source_state) == (2, None)


@pytest.mark.parametrize("state", [{"rng": np.random.default_rng()}, {"n": np.int64(3)}, 3])
def test_a_state_that_is_not_json_is_refused_at_once(state: Any) -> None:
    class Odd(Endless):
        def state(self) -> Any:
            return state

    one = untrained()
    with pytest.raises(SpecError, match="must return what JSON can hold"):
        one.fit(Odd(), iterations=1)
    assert one.iteration == 0


@pytest.mark.parametrize("x", [np.eye(3), [(np.eye(3), [0, 1, 1])], 3])
def test_samples_without_targets_are_refused(x: object) -> None:
    with pytest.raises(ArgumentError, match="samples x and labels y, or"):
        untrained().fit(x)
    with pytest.raises(ArgumentError, match="without y and weights"):
        untrained().fit(Endless(), weights=np.ones(3))


# The tutorial's names ----------------------------------------------------------------------------


def test_the_tutorials_data_wraps_and_counts_its_point() -> None:
    data = Data(3)
    samples, labels, _ = numbered(5)
    assert data.point == 0
    data.get_data(samples, labels)
    pulls = [data.pull_data()[1].tolist() for _ in range(4)]
    assert pulls == [[0, 1, 2], [3, 4, 0], [1, 2, 3], [4, 0, 1]]
    assert data.point == 2
    data.pull_data()[0][:] = -1
    assert samples.min() == 0
    data.get_data(samples[:4], labels[:4])
    assert data.point == 0


def test_the_tutorials_shuffle_keeps_samples_and_labels_together() -> None:
    found = []
    for seed in (1, 1, 2):
        data = Data(8, seed=seed)
        samples, labels, _ = numbered(8)
        data.get_data(samples, labels)
        data.shuffle()
        x, y = data.pull_data()
        assert x[:, 0].tolist() == y.tolist()
        assert sorted(y.tolist()) == list(range(8))
        found.append(y.tolist())
        assert labels.tolist() == list(range(8))
    assert found[0] == found[1] != found[2]


def test_the_tutorials_data_say_what_is_wrong() -> None:
    for method in (Data().pull_data, Data().shuffle):
        with pytest.raises(CallOrderError, match="get_data"):
            method()
    for rows, labels in ((3, 2), (0, 0)):
        with pytest.raises(DataError):
            Data(1).get_data(np.zeros((rows, 2)), np.zeros(labels))
    with pytest.raises(DataError, match="allow_repeat"):
        Data(3).get_data(np.zeros((2, 2)), np.zeros(2))
    repeats = Data(3, allow_repeat=True)
    repeats.get_data(np.zeros((2, 2)), np.arange(2))
    assert repeats.pull_data()[1].tolist() == [0, 1, 0]


@pytest.mark.parametrize("argument", ["batch_size", "seed", "allow_repeat"])
@pytest.mark.parametrize("value", [-1, 2.5, "3", None])
def test_wrong_arguments_of_the_tutorials_data_are_named(argument: str, value: Any) -> None:
    with pytest.raises(ArgumentError) as caught:
        Data(**{argument: value})
    assert (caught.value.argument, caught.value.value) == (argument, value)


def test_a_batch_of_a_generator_is_not_lost_by_a_step_that_failed() -> None:
    class Fails:
        def plugnet_gradients_ready(self, iteration: int) -> None:
            if iteration == 2 and not failed:
                failed.append(iteration)
                raise KeyboardInterrupt

    failed: list[int] = []
    whole = untrained()
    whole.fit((next(source) for source in [Endless()] for _ in range(6)), iterations=6)
    one = Trainer(Network([("fc", 3, 2)]), hooks=[Fails()])
    batches = (next(source) for source in [Endless()] for _ in range(6))
    with pytest.raises(KeyboardInterrupt):
        one.fit(batches, iterations=6)
    one.fit(batches, iterations=4)
    assert one.history.loss == whole.history.loss


def test_a_source_is_validated_on_the_test_samples_but_on_no_part_of_itself() -> None:
    x, y = np.random.default_rng(0).random((12, 4)), np.arange(12) % 3
    source = ArrayBatches(Batch(x, y), batch_size=4)
    trainer = Trainer(Network([("fc", 4, 3)]), batch_size=4)
    history = trainer.fit(source, iterations=4, test=(x, y), validation="test", evaluate_every=2)
    assert [e.part for e in history.evaluations] == ["validation", "validation", "test"]
    with pytest.raises(ArgumentError, match="come batch by batch"):
        trainer.fit(source, iterations=4, validation=0.25)
