"""What a run records, by name, and what of it holds for the weights at the end."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.small import LAYERS, X, Y, trainer
from tests.trained import weights_of

from plugnet import Network, Trainer
from plugnet.arrays import Array
from plugnet.errors import CallOrderError, TrainingWarning
from plugnet.training import Evaluation, History

RUN = History(
    loss=[3.0, 2.0, 1.5, 1.0],
    rate=[0.4, 0.3, 0.2, 0.1],
    evaluations=[
        Evaluation(2, 2.5, {"accuracy": 0.5, "f1": 0.4}, "validation"),
        Evaluation(4, 1.5, {"accuracy": 0.75, "f1": 0.6}, "validation"),
        Evaluation(4, 1.75, {"accuracy": 0.625, "f1": 0.5}, "test"),
    ],
    iteration=4,
)


def run() -> History:
    return History(list(RUN.loss), list(RUN.rate), list(RUN.evaluations), iteration=4)


def test_all_that_was_recorded_has_a_name() -> None:
    expected = {
        "loss": [3.0, 2.0, 1.5, 1.0],
        "rate": [0.4, 0.3, 0.2, 0.1],
        "validation_loss": [2.5, 1.5],
        "validation_accuracy": [0.5, 0.75],
        "validation_f1": [0.4, 0.6],
        "test_loss": [1.75],
        "test_accuracy": [0.625],
        "test_f1": [0.5],
    }
    assert RUN.names == tuple(expected)
    assert {name: RUN[name] for name in RUN.names} == expected


def test_what_is_looked_up_is_a_copy() -> None:
    history = run()
    history["loss"].clear()
    assert history.loss == RUN.loss


@pytest.mark.parametrize(
    "name", ["accuracy", "test_rmse", "validation", "validation_", "train_loss", "f1_validation"]
)
def test_what_was_not_recorded_is_a_key_error_with_all_names(name: str) -> None:
    with pytest.raises(KeyError, match=f"'{name}' was not recorded, but loss, rate, validation_l"):
        RUN[name]


def test_metrics_with_an_underscore_or_not_always_there_are_found() -> None:
    judged = [
        Evaluation(1, 2.0, {}, "validation"),
        Evaluation(2, 1.0, {"top_k": 0.5, "f1_2": 0.25}, "validation"),
    ]
    history = History([1.0, 1.0], [0.1, 0.1], judged, iteration=2)
    assert history["validation_top_k"] == [0.5]
    assert history["validation_f1_2"] == [0.25]
    assert history["validation_loss"] == [2.0, 1.0]


def test_at_the_end_is_where_the_weights_are() -> None:
    history = run()
    assert history.at_end("validation") == RUN.evaluations[1]
    assert history.at_end("test") == RUN.evaluations[2]
    history.iteration = 2
    assert history.at_end("validation") == RUN.evaluations[0]
    assert history.at_end("test") is None


@pytest.mark.parametrize(("iteration", "left"), [(0, 0), (2, 1), (3, 1), (4, 3)])
def test_what_came_later_is_cut(iteration: int, left: int) -> None:
    history = run()
    history.cut(iteration)
    assert history.loss == RUN.loss[:iteration]
    assert history.rate == RUN.rate[:iteration]
    assert history.evaluations == RUN.evaluations[:left]
    assert history.iteration == iteration


def test_an_empty_history_has_two_names_and_no_end() -> None:
    assert History().names == ("loss", "rate")
    assert History()["loss"] == []
    assert History().at_end("test") is None


# Snapshots ---------------------------------------------------------------------------------------


def test_a_snapshot_takes_all_back_and_training_goes_on_from_there() -> None:
    layers = ["batch_norm", *LAYERS]
    whole, back = (Trainer(Network(layers), optimizer="adam", batch_size=5) for _ in range(2))
    whole.fit(X, Y, 9)
    back.fit(X, Y, 4)
    snapshot = back.snapshot()
    back.fit(X, Y, 3)
    passed = list(back.history.loss)
    back.rate_scale = 0.1
    back.restore(snapshot)
    assert back.iteration == back.history.iteration == 4
    assert back.history.loss == passed  # until training goes on
    back.fit(X, Y, 5)
    assert back.history.loss == whole.history.loss
    assert back.history.rate == whole.history.rate
    np.testing.assert_array_equal(weights_of(back), weights_of(whole))
    for name, value in whole.network.state().items():
        np.testing.assert_array_equal(back.network.state()[name], value, err_msg=name)


def test_a_restored_trainer_is_saved_as_it_is(tmp_path: Path) -> None:
    whole, back = trainer(), trainer()
    whole.fit(X, Y, 9)
    back.fit(X, Y, 4)
    snapshot = back.snapshot()
    back.fit(X, Y, 3)
    back.restore(snapshot)
    back.save(tmp_path / "run")
    again = Trainer.resume(tmp_path / "run")
    assert (again.iteration, again.history.iteration, len(again.history.loss)) == (4, 4, 7)
    again.fit(X, Y, 5)
    assert again.history.loss == whole.history.loss


def test_a_training_with_steps_to_do_does_not_go_back() -> None:
    class Back:
        def plugnet_step_end(self, training: Any, iteration: int) -> None:
            if iteration == 1:
                training.restore(training.snapshot())

    hasty = trainer(hooks=[Back()])
    with pytest.raises(CallOrderError, match=r"cannot go back\. Call training\.stop first"):
        hasty.fit(X, Y, 5)
    assert hasty.iteration == 2


class Rows:
    """A source of batches that can be taken back."""

    def __init__(self) -> None:
        self.place = 0

    def __iter__(self) -> Iterator[tuple[Array, Array]]:
        return self

    def __next__(self) -> tuple[Array, Array]:
        rows = (self.place + np.arange(5)) % 20
        self.place += 5
        return X[rows], Y[rows]

    def state(self) -> dict[str, int]:
        return {"place": self.place}

    def restore(self, state: dict[str, int]) -> None:
        self.place = state["place"]


def test_a_source_that_can_is_taken_back_too() -> None:
    whole, back = trainer(), trainer()
    whole.fit(Rows(), iterations=9)
    rows = Rows()
    back.fit(rows, iterations=4)
    snapshot = back.snapshot()
    back.fit(rows, iterations=3)
    back.restore(snapshot)
    back.fit(rows, iterations=5)
    assert back.history.loss == whole.history.loss


# A run that learns nothing -----------------------------------------------------------------------


def learnt(policy: Any, iterations: int = 60, network: Network | None = None) -> Trainer:
    made = trainer(network, policy=policy, regularizer=None, batch_size=20)
    made.fit(X, Y, iterations)
    return made


def test_a_run_whose_loss_ends_above_its_beginning_gives_a_warning() -> None:
    with pytest.warns(
        TrainingWarning, match=r"learnt nothing: .* Lower the learning rate"
    ) as given:
        history = learnt(("fixed", 60.0)).history
    end = np.mean(history.loss[-6:])
    assert end > history.loss[0]
    (message,) = (str(one.message) for one in given)
    assert f"was {history.loss[0]:.4g} at the first iteration and {end:.4g} at the last" in message
    assert given[0].filename == __file__  # the user's line


def test_a_run_that_learns_gives_none() -> None:
    history = learnt(("fixed", 0.1)).history
    assert history.loss[-1] < history.loss[0]


def test_a_short_run_cannot_tell() -> None:
    loss = learnt(("fixed", 60.0), 19).history.loss
    assert min(loss[1:]) > loss[0]


def test_a_network_that_was_trained_before_gives_no_false_alarm() -> None:
    trained = trainer(policy=("fixed", 0.5), regularizer=None)
    trained.fit(X, Y, 400)
    higher = 0
    for seed in range(20):
        again = trainer(Network(LAYERS), policy=("fixed", 1e-4), regularizer=None, seed=seed)
        again.network.restore(trained.network.state())
        loss = again.fit(X, Y, 60).loss
        higher += float(np.mean(loss[-6:])) > loss[0]
    assert higher > 5  # though the mean at the end is often higher by chance


def test_what_early_stop_has_taken_back_counts_for_nothing() -> None:
    made = trainer(policy=("fixed", 60.0), regularizer=None, batch_size=20, hooks=["early_stop"])
    history = made.fit(X, Y, 60, validation=(X, Y), evaluate_every=5)
    best = min(history.evaluations, key=lambda found: found.loss)
    assert history.iteration == best.iteration < 20 < len(history.loss)
    assert not math.isnan(best.loss)
