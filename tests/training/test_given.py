"""What fit is given: samples in any form, what to validate and to test on, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tests.small import LAYERS, X, Y, trainer
from tests.trained import weights_of

from plugnet import Network, Trainer
from plugnet.arrays import Array
from plugnet.errors import ArgumentError, DataError
from plugnet.interfaces import Batch, DataSplits
from plugnet.training import Evaluation
from plugnet.training.given import count_iterations, cut

WEIGHTS = np.random.default_rng(1).integers(1, 4, 20).astype(float)


class Judged:
    """Keeps what fit evaluates: after which iteration, which part, and its samples."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, str]] = []
        self.samples: dict[str, Array] = {}
        self.targets: dict[str, Array] = {}

    def plugnet_evaluate_end(
        self, training: Trainer, evaluation: Evaluation, x: Array, targets: Array
    ) -> None:
        assert training.iteration == evaluation.iteration
        self.calls.append((evaluation.iteration, evaluation.part))
        self.samples[evaluation.part], self.targets[evaluation.part] = x, targets


# Samples in any form -----------------------------------------------------------------------------


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
def test_a_batch_and_a_data_set_train_as_their_arrays(weights: Array | None) -> None:
    arrays, batch, splits = (trainer() for _ in range(3))
    test = (X[:7], Y[:7])
    arrays.fit(X, Y, 6, weights=weights, test=test)
    batch.fit(Batch(X, Y, weights), iterations=6, test=test)
    splits.fit(DataSplits(Batch(X, Y, weights), Batch(*test)), iterations=6)
    for each in (batch, splits):
        np.testing.assert_array_equal(weights_of(each), weights_of(arrays))
        assert each.history.evaluations == arrays.history.evaluations
    assert [found.part for found in arrays.history.evaluations] == ["test"]


@pytest.mark.parametrize("argument", ["y", "weights"])
@pytest.mark.parametrize("data", [Batch(X, Y), DataSplits(Batch(X, Y))], ids=["batch", "splits"])
def test_what_has_labels_and_weights_takes_no_others(data: Any, argument: str) -> None:
    given: Any = {argument: np.ones(20)}
    with pytest.raises(ArgumentError, match=f"of its own, but {argument} was given") as caught:
        trainer().fit(data, iterations=2, **given)
    assert caught.value.argument == argument


def test_an_evaluation_takes_one_part_and_one_set_of_weights() -> None:
    trained = trainer()
    trained.fit(X, Y, 2)
    for judge in (trained.evaluate, trained.model.evaluate):
        with pytest.raises(ArgumentError, match="of its own, but weights was given"):
            judge(Batch(X, Y), weights=WEIGHTS)
        with pytest.raises(ArgumentError, match="Name the part"):
            judge(DataSplits(Batch(X, Y)))


def test_another_test_may_take_the_place_of_a_data_sets_own() -> None:
    judged = Judged()
    splits = DataSplits(Batch(X, Y), Batch(X[:7], Y[:7]))
    trainer(hooks=[judged]).fit(splits, iterations=2, test=(X[9:12], Y[9:12]))
    np.testing.assert_array_equal(judged.samples["test"], X[9:12])


def test_a_data_set_says_what_the_classes_and_the_columns_are() -> None:
    names = np.array(["b", "c", "a"])[Y]
    trained = trainer()
    splits = DataSplits(
        Batch(X, names), classes=("c", "a", "b"), columns=("p", "q", "r", "s"), dropped=("id",)
    )
    trained.fit(splits, iterations=2)
    assert trained.schema is not None
    assert trained.schema.classes == ("c", "a", "b")
    assert trained.schema.columns == ("p", "q", "r", "s")
    frame = {"id": np.arange(20), "s": X[:, 3], "r": X[:, 2], "q": X[:, 1], "p": X[:, 0]}
    np.testing.assert_array_equal(trained.model.predict(frame), trained.model.predict(X))
    plain = trainer()
    plain.fit(X, np.array([2, 0, 1])[Y], 2)  # places of b, c, a
    np.testing.assert_array_equal(weights_of(plain), weights_of(trained))


def test_named_classes_are_numbered_in_sorted_order() -> None:
    named, numbered = trainer(), trainer()
    named.fit(X, np.array(["ash", "box", "elm"])[Y], 5, validation=(X, ["box"] * 20))
    numbered.fit(X, Y, 5, validation=(X, [1] * 20))
    np.testing.assert_array_equal(weights_of(named), weights_of(numbered))
    assert named.history.evaluations == numbered.history.evaluations
    assert set(named.model.predict(X)) <= {"ash", "box", "elm"}


@pytest.mark.parametrize("data", [X, [1, 2], None, "digits"], ids=["array", "list", "None", "text"])
def test_samples_without_labels_are_refused(data: Any) -> None:
    with pytest.raises(
        ArgumentError, match=r"a data set or a source of batches.*Write fit\(x, y\)"
    ):
        trainer().fit(data, iterations=1)


# Validation --------------------------------------------------------------------------------------


def test_validation_is_now_and_then_and_the_test_once_at_the_end() -> None:
    judged = Judged()
    trained = trainer(hooks=[judged])
    held, test = (X[:6], Y[:6], WEIGHTS[:6]), (X[6:11], Y[6:11])
    history = trained.fit(X[11:], Y[11:], 7, validation=held, test=test, evaluate_every=3)
    expected = [(3, "validation"), (6, "validation"), (7, "validation"), (7, "test")]
    assert judged.calls == expected
    assert [(found.iteration, found.part) for found in history.evaluations] == expected
    np.testing.assert_array_equal(judged.samples["validation"], held[0])
    np.testing.assert_array_equal(judged.samples["test"], test[0])
    last, tested = history.evaluations[2:]
    assert last.metrics == trained.evaluate(*held).metrics
    assert tested.metrics == trained.evaluate(*test).metrics
    assert (last.loss, tested.loss) == (trained.evaluate(*held).loss, trained.evaluate(*test).loss)


def test_without_samples_to_judge_nothing_is_evaluated() -> None:
    assert trainer().fit(X, Y, 4, evaluate_every=1).evaluations == []


def test_a_test_alone_is_judged_once_whatever_evaluate_every_says() -> None:
    history = trainer().fit(X, Y, 4, test=(X, Y), evaluate_every=1)
    assert [(found.iteration, found.part) for found in history.evaluations] == [(4, "test")]


def test_the_test_may_be_what_is_validated_on() -> None:
    judged = Judged()
    splits = DataSplits(Batch(X[7:], Y[7:]), Batch(X[:7], Y[:7]))
    trained = trainer(hooks=[judged])
    trained.fit(splits, iterations=4, validation="test", evaluate_every=2)
    assert judged.calls == [(2, "validation"), (4, "validation"), (4, "test")]
    np.testing.assert_array_equal(judged.samples["validation"], judged.samples["test"])
    plain = trainer()
    plain.fit(X[7:], Y[7:], 4)
    np.testing.assert_array_equal(weights_of(plain), weights_of(trained))


def test_a_test_to_validate_on_must_be_there() -> None:
    with pytest.raises(ArgumentError, match="validates on the test samples, but there are none"):
        trainer().fit(X, Y, 1, validation="test")


def test_a_fraction_is_set_aside_with_its_share_of_each_class() -> None:
    rng = np.random.default_rng(0)
    y = rng.permutation(np.repeat([0, 1, 2], [60, 30, 10]))
    x = np.column_stack([np.arange(100), rng.normal(size=(100, 3))]) / 100  # the row is told by x
    weights = np.arange(1.0, 101)
    train, held = cut(Batch(x, y, weights), 0.2, seed=3)
    assert np.bincount(held.y).tolist() == [12, 6, 2]
    assert np.bincount(train.y).tolist() == [48, 24, 8]
    for part in (train, held):
        rows = np.round(part.x[:, 0] * 100).astype(int)
        np.testing.assert_array_equal(part.y, y[rows])
        np.testing.assert_array_equal(part.weights, weights[rows])
    rows = np.round(np.concatenate([train.x, held.x])[:, 0] * 100)
    np.testing.assert_array_equal(np.sort(rows), np.arange(100))


@pytest.mark.parametrize("form", ["column", "row", "one-hot"])
def test_each_form_of_labels_is_cut_by_class(form: str) -> None:
    y = np.repeat([0, 1], [90, 10])
    labels = {"column": y[:, np.newaxis], "row": y[np.newaxis], "one-hot": np.eye(2)[y]}[form]
    for seed in range(3):
        _, held = cut(Batch(np.arange(100.0)[:, np.newaxis], labels), 0.2, seed)
        assert np.count_nonzero(held.x >= 90) == 2


def test_a_fraction_needs_a_weight_for_each_sample() -> None:
    with pytest.raises(DataError, match=r"one weight per sample, \(20,\)"):
        trainer().fit(X, Y, 2, validation=0.25, weights=np.ones(25))


def test_a_fraction_trains_on_the_others_only() -> None:
    judged = Judged()
    trained = trainer(hooks=[judged], seed=4)
    trained.fit(X, Y, 8, validation=0.3, weights=WEIGHTS)
    train, held = cut(Batch(X, Y, WEIGHTS), 0.3, seed=4)
    np.testing.assert_array_equal(judged.samples["validation"], held.x)
    np.testing.assert_array_equal(judged.targets["validation"], held.y)
    alone = trainer(seed=4)
    alone.fit(train, iterations=8, validation=held)
    np.testing.assert_array_equal(weights_of(alone), weights_of(trained))
    assert alone.history.evaluations == trained.history.evaluations


def test_the_same_fraction_is_set_aside_in_a_second_fit() -> None:
    judged = Judged()
    trained = trainer(hooks=[judged])
    trained.fit(X, Y, 2, validation=0.25)
    first = judged.samples["validation"]
    trained.fit(X, Y, 2, validation=0.25)
    np.testing.assert_array_equal(judged.samples["validation"], first)
    assert len(first) == 5


def test_nothing_is_learnt_from_what_is_set_aside() -> None:
    x = X.astype(float)
    _, held = cut(Batch(np.arange(20)[:, None], Y), 0.25, seed=0)
    x[held.x[:, 0]] *= 1e6  # would move mean and deviation far away
    layers = ["standardize", *LAYERS]
    trained = Trainer(Network(layers), batch_size=5)
    trained.fit(x, Y, 1, validation=0.25)
    rest = np.delete(x, held.x[:, 0], axis=0)
    state = trained.network.state()
    np.testing.assert_allclose(state["standardize1.mean"], rest.mean(axis=0), rtol=1e-6)


def test_real_targets_are_cut_without_classes() -> None:
    y = np.linspace(0, 1, 20)
    train, held = cut(Batch(X, y), 0.3, seed=0)
    assert (len(train.y), len(held.y)) == (14, 6)
    judged = Judged()
    network = Network([("fc", 4, 1)])
    Trainer(network, "least_square_error", batch_size=5, hooks=[judged]).fit(
        X, y, 2, validation=0.3
    )
    np.testing.assert_array_equal(judged.targets["validation"][:, 0], held.y.astype(np.float32))


def test_a_fraction_may_be_numpys() -> None:
    fraction: Any = np.float32(0.25)
    assert len(trainer().fit(X, Y, 1, validation=fraction).evaluations) == 1


def test_a_fraction_of_0_sets_nothing_aside() -> None:
    plain, none = trainer(), trainer()
    plain.fit(X, Y, 3)
    assert none.fit(X, Y, 3, validation=0).evaluations == []
    np.testing.assert_array_equal(weights_of(plain), weights_of(none))


@pytest.mark.parametrize("value", [1, 1.0, 1.5, -0.1, float("nan")])
def test_a_fraction_lies_from_0_to_below_1(value: float) -> None:
    with pytest.raises(ArgumentError, match="validation") as caught:
        trainer().fit(X, Y, 1, validation=value)
    assert caught.value.argument == "validation"


@pytest.mark.parametrize("value", [True, "part", X, (X,), {"x": X}], ids=repr)
def test_what_is_no_validation_is_refused(value: Any) -> None:
    with pytest.raises(ArgumentError, match=r"validation must be a pair .* Write validation=\(x"):
        trainer().fit(X, Y, 1, validation=value)


def test_a_fraction_too_small_for_one_sample_is_refused() -> None:
    with pytest.raises(DataError, match=r"validation=0\.01 of 20 samples leaves none"):
        trainer().fit(X, Y, 1, validation=0.01)


# For how long ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("epochs", "rows", "batch_size", "iterations"),
    [
        (1, 100, 10, 10),
        (1, 101, 10, 11),
        (2, 101, 10, 21),  # an epoch begins where the last one ended, within a batch
        (0.25, 100, 10, 3),
        (1.1, 100, 10, 11),
        (0.001, 100, 10, 1),
        (3, 20, 20, 3),
    ],
)
def test_epochs_are_iterations_rounded_up(
    epochs: float, rows: int, batch_size: int, iterations: int
) -> None:
    assert count_iterations(None, epochs, rows, batch_size) == iterations


def test_without_either_there_are_800_iterations() -> None:
    assert count_iterations(None, None, 20, 5) == 800


def test_an_epoch_goes_once_through_all_that_is_trained_on() -> None:
    trained = trainer(batch_size=4)
    assert len(trained.fit(X, Y, epochs=2, validation=0.25).loss) == 8  # 15 samples are left
    assert trained.position == 32


def test_iterations_and_epochs_are_not_both_given() -> None:
    trained = trainer()
    with pytest.raises(ArgumentError, match="iterations=5 and epochs=1 were both given") as caught:
        trained.fit(X, Y, 5, epochs=1)
    assert caught.value.argument == "epochs"
    assert trained.iteration == 0


@pytest.mark.parametrize("epochs", [0, -1, "2", float("nan"), float("inf")])
def test_epochs_are_a_number_above_0(epochs: Any) -> None:
    with pytest.raises(ArgumentError, match="epochs"):
        trainer().fit(X, Y, epochs=epochs)


class Source:
    """Batches of five rows, over and over."""

    def __init__(self) -> None:
        self.place = 0

    def __iter__(self) -> Iterator[tuple[Array, Array]]:
        return self

    def __next__(self) -> tuple[Array, Array]:
        rows = np.arange(self.place, self.place + 5) % 20
        self.place += 5
        return X[rows], Y[rows]


class Counted(Source):
    """A source that says how many rows it goes through."""

    rows = 20


def test_a_source_has_epochs_if_it_says_how_many_rows_it_has() -> None:
    trained = trainer()
    trained.fit(Counted(), epochs=2)
    assert trained.iteration == 8
    with pytest.raises(ArgumentError, match="no attribute 'rows'"):
        trainer().fit(Source(), epochs=2)


def test_a_source_is_validated_and_tested_like_arrays() -> None:
    judged = Judged()
    trained, plain = trainer(hooks=[judged]), trainer(shuffle=False)
    parts: dict[str, Any] = {"validation": (X[:6], Y[:6]), "test": (X[6:9], Y[6:9])}
    trained.fit(Source(), iterations=4, evaluate_every=2, **parts)
    plain.fit(X, Y, 4, evaluate_every=2, **parts)
    assert judged.calls == [(2, "validation"), (4, "validation"), (4, "test")]
    assert trained.history.evaluations == plain.history.evaluations


def test_a_source_and_its_validation_mean_the_same_by_a_label() -> None:
    words = np.array(["ash", "box", "elm", "fir"])

    def batches() -> Iterator[tuple[Array, Array]]:
        while True:
            yield X, words[[0, 1, 3]][Y]

    with pytest.raises(DataError, match="'ash', 'box', 'elm', but 'fir' came"):
        trainer().fit(batches(), iterations=2, validation=(X, words[[0, 1, 2]][Y]))
