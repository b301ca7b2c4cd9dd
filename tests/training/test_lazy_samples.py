"""Training, evaluation and predictions on samples that are read when they are wanted."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.lazy import Held
from tests.trained import saved_bits

from plugnet import Network, Trainer
from plugnet.arrays import Array
from plugnet.data import ArrayBatches, LazyArray
from plugnet.data.source import from_samples
from plugnet.errors import DataError, ResumeError
from plugnet.interfaces import Batch, DataSplits
from plugnet.training import identity

RNG = np.random.default_rng(0)
X, Y = RNG.random((300, 4, 3, 1)), RNG.integers(0, 3, 300)
WEIGHTS = RNG.random(300)


def trainer(*first: Any, **settings: Any) -> Trainer:
    network = Network([*first, ("fc", 12, 5), "tanh", ("fc", 5, 3)])
    return Trainer(network, **({"batch_size": 32} | settings))


def both(x: Array) -> tuple[Any, Any]:
    return x, Held(x)


@pytest.mark.parametrize("dtype", ["float64", "float32", "uint8"])
@pytest.mark.parametrize("validation", [0.2, "test", None])
def test_all_of_fit_gives_the_bits_of_the_array(dtype: str, validation: Any) -> None:
    x = (X * 200).astype(dtype)
    found = []
    for samples in both(x):
        run = trainer("standardize", class_weight="balanced")
        test = Held(x[:50]) if type(samples) is Held else x[:50]
        run.fit(
            samples, Y, epochs=6.5, evaluate_every=20, weights=WEIGHTS, validation=validation,
            test=(test, Y[:50], WEIGHTS[:50]),
        )  # fmt: skip
        answers = run.model.predict(samples).tolist(), run.model.predict_proba(samples).tolist()
        judged = run.evaluate(samples, Y), run.model.evaluate(samples, Y, WEIGHTS)
        found.append((saved_bits(run), answers, judged, run.model.evaluate_by_class(samples, Y)))
    assert found[0] == found[1]


def test_batch_and_data_splits_take_one() -> None:
    found = []
    for samples in both(X):
        run = trainer()
        run.fit(DataSplits(Batch(samples, Y), Batch(samples, Y)), iterations=10)
        run.fit(Batch(samples, Y, WEIGHTS), iterations=10, validation=(samples, Y))
        found.append((saved_bits(run), run.evaluate(Batch(samples, Y))))
    assert found[0] == found[1]


def test_a_network_answers_and_adapts() -> None:
    found = []
    for samples in both(X):
        network = Network(["standardize", ("fc", 12, 2)])
        network.adapt(samples)
        found.append((network.predict(samples).tobytes(), network.predict(samples[:9]).tobytes()))
    assert found[0] == found[1]


def test_no_more_is_read_at_once_than_a_block() -> None:
    lazy = Held(RNG.random((5000, 600), np.float32))
    run = Trainer(Network([("fc", 600, 3)]))
    run.fit(lazy, np.arange(5000) % 3, 10, validation=0.3)
    run.model.evaluate(lazy, np.arange(5000) % 3)
    assert lazy.most <= 1024


def test_a_network_that_begins_with_a_flat_layer_takes_images() -> None:
    run = trainer()
    run.fit(Held(X), Y, 5)
    assert run.network.input_shape == (12,)
    assert run.model.predict(Held(X.reshape(300, 12))).shape == (300,)


def test_a_bad_row_ends_the_training_where_it_is_read() -> None:
    x = RNG.random((200_000, 12), np.float32)
    x[199_000, 2] = np.nan
    run = trainer(batch_size=1000, shuffle=False)
    with pytest.raises(DataError, match=r"samples\[199000, 2\] is nan") as caught:
        run.fit(Held(x), np.arange(200_000) % 3, 201)
    assert caught.value.row == 199_000
    assert run.iteration == 199
    with pytest.raises(DataError, match="199000"):
        run.model.predict(Held(x))


@pytest.mark.parametrize("is_large", [True, False])
def test_resuming_goes_on_bit_for_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_large: bool
) -> None:
    if is_large:
        for name, size in {"LAZY": 2000, "BLOCK": 40, "BLOCKS": 20}.items():
            monkeypatch.setattr(identity, name, size)
    whole = trainer()
    whole.fit(X, Y, 20)
    first = trainer()
    first.fit(Held(X), Y, 11)
    first.save(tmp_path / "trainer")
    with pytest.raises(ResumeError, match="training samples"):
        Trainer.resume(tmp_path / "trainer").fit(Held(X + 1), Y, 9)
    run = Trainer.resume(tmp_path / "trainer")
    assert run.fit(Held(X), Y, 9).loss == whole.history.loss
    copied = pickle.loads(pickle.dumps(first))
    assert copied.fit(Held(X), Y, 9).loss == whole.history.loss


def test_a_sample_that_no_step_reads_may_be_damaged() -> None:
    class Damaged(Held):
        def read(self, rows: Array) -> Array:
            if 299 in rows:
                raise OSError("damaged")
            return super().read(rows)

    x = RNG.random((300, 12), np.float32)
    run = trainer(shuffle=False)
    with pytest.raises(OSError, match="damaged"):  # the beginning is looked at
        run.fit(Damaged(x), Y, 5)
    wide = RNG.random((300, 4000), np.float32)
    run = Trainer(Network([("fc", 4000, 3)]), batch_size=10, shuffle=False)
    assert len(run.fit(Damaged(wide), Y, 5).loss) == 5
    with pytest.raises(OSError, match="damaged"):
        run.identity()


def test_a_read_that_stops_is_an_error_and_not_the_end() -> None:
    class Ended(Held):
        def read(self, rows: Array) -> Array:
            return super().read(rows) if max(rows) < 280 else next(iter([]))

    samples = Ended(RNG.random((300, 4000), np.float32))
    words = r"Ended.read must return all rows .* raised StopIteration for 10 of them"
    for shuffle in (False, True):
        run = Trainer(Network([("fc", 4000, 3)]), batch_size=10, shuffle=shuffle)
        with pytest.raises(DataError, match=words):
            run.fit(samples, Y, 40)
        source = ArrayBatches(Batch(samples, Y), 10, shuffle)  # type: ignore[arg-type]
        with pytest.raises(DataError, match=words):
            run.fit(source, iterations=40)
    with pytest.raises(DataError, match=r"Ended.read must return all rows"):
        run.model.predict(samples)
    with pytest.raises(DataError, match=r"Ended.read must return all rows"):
        Network(["standardize", ("fc", 4000, 3)]).adapt(samples)


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_read_may_use_one_buffer_again_and_again(shuffle: bool) -> None:
    class Reusing(Held):
        buffer = np.empty((300, 12), np.float32)

        def read(self, rows: Array) -> Array:
            found = self.buffer[: len(rows)]
            found[...] = self.array[rows]
            return found

    x = RNG.random((300, 12), np.float32)
    batches = from_samples(Batch(Reusing(x), Y), 32, shuffle, 0)  # type: ignore[arg-type]
    plain = ArrayBatches(Batch(x, Y), 32, shuffle, 0)
    kept = [next(batches).x for _ in range(12)]
    for found in kept:
        np.testing.assert_array_equal(found, next(plain).x)


@pytest.mark.parametrize("dtype", ["float32", np.float32, "<f4"])
def test_shape_and_dtype_may_be_set_as_numpy_takes_them(dtype: Any) -> None:
    class Loose(Held):
        def __init__(self, array: Array) -> None:
            super().__init__(array)
            self.shape: Any = list(array.shape)
            self.dtype = dtype

    x, found = RNG.random((300, 12), np.float32), []
    for samples in (Loose(x), Held(x)):
        run = trainer("standardize")
        run.fit(samples, Y, 10, validation=0.2)
        found.append((saved_bits(run), run.model.predict(samples).tolist()))
    assert found[0] == found[1]


@pytest.mark.parametrize("name", ["shape", "dtype"])
@pytest.mark.parametrize("value", [None, "nothing", 3.5])
def test_samples_without_a_shape_or_a_dtype_are_refused(name: str, value: Any) -> None:
    class Vague(Held):
        def __init__(self) -> None:
            super().__init__(RNG.random((300, 12)))
            setattr(self, name, value)

    class Silent(LazyArray):
        def read(self, rows: Array) -> Array:
            return X[rows]

    words = "must have a shape, such as .* and a dtype, such as .* Set both"
    for samples in (Vague(), Silent()):
        for validation in (None, 0.2):
            with pytest.raises(DataError, match=words):
                trainer().fit(samples, Y, 5, validation=validation)
        with pytest.raises(DataError, match=words):
            Network(["standardize", ("fc", 12, 3)]).adapt(samples)


def test_hooks_are_given_a_lazy_array_as_well() -> None:
    seen = []

    class Look:
        observes = True

        def plugnet_evaluate_end(self, x: Any) -> None:
            seen.append((type(x[:3]), x.shape))

    run = trainer(hooks=[Look()])
    counted = np.arange(300) < 250
    run.fit(Held(X), Y, 5, test=(Held(X), Y), validation=(Held(X), Y, counted))
    assert seen == [(np.ndarray, (250, 4, 3, 1)), (np.ndarray, (300, 4, 3, 1))]
