"""scale_targets: real values learned in units of their own, and answered in the user's."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.trained import weights_of

from plugnet import Model, Network, Trainer
from plugnet.errors import ArgumentError
from plugnet.interfaces import Batch
from plugnet.training.given import cut

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
#: Two columns far from 0, of very different spread.
Y = np.column_stack([2e5 + 3e4 * (X @ [1.0, -1, 0.5]), 1e-3 * X[:, 1] ** 2 - 5])
MEANS, DEVIATIONS = Y.mean(axis=0), Y.std(axis=0)


def scaled(y: Any = Y, iterations: int = 200, **settings: Any) -> Trainer:
    outputs = np.ndim(y) if np.ndim(y) == 1 else np.shape(y)[1]
    network = Network([("fc", 3, 20), "tanh", ("fc", 20, outputs)])
    made = Trainer(network, "least_square_error", batch_size=20, scale_targets=True, **settings)
    made.fit(X, y, iterations)
    return made


def test_answers_are_in_the_users_units() -> None:
    trained = scaled()
    assert trained.schema is not None
    np.testing.assert_allclose(trained.schema.offsets, MEANS, rtol=1e-13)
    np.testing.assert_allclose(trained.schema.scales, DEVIATIONS, rtol=1e-13)
    answers = trained.model.predict(X)
    outputs = trained.network.predict(X)
    np.testing.assert_allclose(answers, outputs * DEVIATIONS + MEANS, rtol=1e-12)
    errors = (answers - Y) / DEVIATIONS
    assert np.sqrt((errors**2).mean()) < 0.3


def test_one_value_for_each_sample_is_answered_by_one() -> None:
    trained = scaled(Y[:, 0])
    answers = trained.model.predict(X)
    assert answers.shape == (60,)
    outputs = trained.network.predict(X)[:, 0]
    np.testing.assert_allclose(answers, outputs * DEVIATIONS[0] + MEANS[0], rtol=1e-12)


def test_metrics_are_in_the_users_units_and_the_loss_in_the_networks() -> None:
    trained = scaled(metrics=["rmse", "mae", "r2"])
    found = trained.evaluate(X, Y)
    errors = trained.model.predict(X) - Y
    expected = {
        "rmse": np.mean(np.sqrt(np.mean(errors**2, axis=0))),
        "mae": np.mean(np.abs(errors)),
        "r2": np.mean(1 - np.sum(errors**2, axis=0) / np.sum((Y - MEANS) ** 2, axis=0)),
    }
    assert found.metrics == pytest.approx(expected, rel=1e-4)  # float32 holds targets to 1e-7
    units = np.sum((errors / DEVIATIONS) ** 2, axis=1)
    assert found.loss == pytest.approx(np.mean(units) / 2, rel=1e-4)


def test_training_is_that_on_targets_scaled_by_hand() -> None:
    by_hand = Trainer(
        Network([("fc", 3, 20), "tanh", ("fc", 20, 2)]), "least_square_error", batch_size=20
    )
    by_hand.fit(X, (Y - MEANS) / DEVIATIONS, 50)
    np.testing.assert_array_equal(weights_of(scaled(iterations=50)), weights_of(by_hand))


def test_what_is_set_aside_does_not_move_mean_and_deviation() -> None:
    network = Network([("fc", 3, 2)])
    trainer = Trainer(network, "least_square_error", batch_size=20, scale_targets=True)
    trainer.fit(X, Y, 1, validation=0.25)
    train, held = cut(Batch(X, Y), 0.25, seed=0)
    assert trainer.schema is not None
    np.testing.assert_allclose(trainer.schema.offsets, train.y.mean(axis=0), rtol=1e-13)
    errors = trainer.model.predict(held.x) - held.y
    (found,) = trainer.history.evaluations
    assert found["rmse"] == pytest.approx(np.mean(np.sqrt(np.mean(errors**2, axis=0))), rel=1e-4)


def test_the_first_fit_fixes_the_units() -> None:
    trained = scaled(iterations=3)
    schema = trained.schema
    trained.fit(X, Y + 1e6, 3)
    assert trained.schema == schema


def test_targets_that_are_all_the_same_are_only_shifted() -> None:
    trained = scaled(np.full(60, 7.5), iterations=30)
    assert trained.schema is not None
    assert (trained.schema.offsets, trained.schema.scales) == ((7.5,), (1.0,))
    np.testing.assert_allclose(trained.model.predict(X), 7.5, atol=1)


@pytest.mark.parametrize("whole", [np.arange(60), np.arange(60)[:, None]], ids=["(N,)", "(N, 1)"])
def test_whole_numbers_are_real_values_for_a_single_output(whole: Any) -> None:
    trained = scaled(whole, iterations=3)
    assert trained.schema is not None
    assert trained.schema.kind == "real"
    assert trained.schema.offsets == (29.5,)


def test_classes_are_not_scaled() -> None:
    network = Network([("fc", 3, 2)])
    trainer = Trainer(network, batch_size=20, scale_targets=True)
    with pytest.raises(ArgumentError, match="for real values, but the labels are classes"):
        trainer.fit(X, np.arange(60) % 2, 1)
    assert trainer.schema is None


@pytest.mark.parametrize("value", [1, "yes", None])
def test_whether_targets_are_scaled_is_a_flag(value: Any) -> None:
    with pytest.raises(ArgumentError, match="scale_targets"):
        Trainer(Network([("fc", 3, 2)]), scale_targets=value)


def from_file(trainer: Trainer, folder: Path) -> Trainer:
    trainer.save(folder / "run")
    return Trainer.resume(folder / "run")


@pytest.mark.parametrize(
    "copied", [from_file, lambda trainer, _: copy.deepcopy(trainer)], ids=["file", "deepcopy"]
)
def test_a_copy_keeps_the_units(tmp_path: Path, copied: Callable[[Trainer, Path], Trainer]) -> None:
    whole, first = scaled(iterations=40), scaled(iterations=25)
    second = copied(first, tmp_path)
    assert second.schema == first.schema
    assert second.scale_targets
    second.fit(X, Y, 15)
    np.testing.assert_array_equal(weights_of(second), weights_of(whole))
    assert second.evaluate(X, Y) == whole.evaluate(X, Y)
    second.model.save(tmp_path / "model")
    model = Model.load(tmp_path / "model")
    np.testing.assert_array_equal(model.predict(X), whole.model.predict(X))


def test_what_does_not_count_does_not_scale() -> None:
    x = np.random.default_rng(0).normal(size=(40, 3))
    y, weights = 5 + x[:, 0], np.ones(40)
    y[7], weights[7] = 1e9, 0
    trainer = Trainer(Network([("fc", 3, 1)]), "least_square_error", scale_targets=True)
    trainer.batch_size = 10
    trainer.fit(x, y, 5, weights=weights)
    rest = np.delete(y, 7)
    assert trainer.schema is not None
    assert trainer.schema.offsets == pytest.approx((rest.mean(),))
    assert trainer.schema.scales == pytest.approx((rest.std(),))
