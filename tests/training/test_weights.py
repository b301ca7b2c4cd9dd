"""Weights of samples: in training, in the test and in evaluation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.small import trainer
from tests.trained import weights_of

from plugnet import Network, Trainer
from plugnet.arrays import Array
from plugnet.errors import ArgumentError, DataError

LAYERS: list[Any] = [("fc", 4, 6), "tanh", ("fc", 6, 3)]
RNG = np.random.default_rng(0)
ROWS = 40
X, Y = RNG.normal(size=(ROWS, 4)), RNG.integers(0, 3, ROWS)
COUNTS = RNG.integers(0, 4, ROWS)
COPIES = np.repeat(np.arange(ROWS), COUNTS)
#: Targets for each loss, of each form that it takes.
TARGETS: list[tuple[Any, Array]] = [
    ("softmax_with_loss", Y),
    ("softmax_with_loss", RNG.dirichlet(np.ones(3), ROWS)),
    ("least_square_error", Y),
    ("least_square_error", RNG.normal(size=(ROWS, 3))),
    ("sigmoid_cross_entropy", Y),
    ("sigmoid_cross_entropy", RNG.uniform(size=(ROWS, 3))),
    ("hinge", np.eye(3)[Y]),
    (("hinge", "L2"), Y),
    ("huber", RNG.normal(size=(ROWS, 3))),
]


def unshuffled(batch_size: int = ROWS, loss: Any = "softmax_with_loss", **settings: Any) -> Trainer:
    network = Network(LAYERS, dtype="float64")
    return trainer(network, loss=loss, batch_size=batch_size, shuffle=False, **settings)


@pytest.mark.parametrize(("loss", "y"), TARGETS)
def test_training_with_whole_weights_is_training_on_copies(loss: Any, y: Array) -> None:
    weighted, copied = unshuffled(ROWS, loss), unshuffled(len(COPIES), loss)
    history = weighted.fit(X, y, 20, test=(X, y, COUNTS), weights=COUNTS)
    expected = copied.fit(X[COPIES], y[COPIES], 20, test=(X[COPIES], y[COPIES]))
    np.testing.assert_allclose(weights_of(weighted), weights_of(copied), rtol=0, atol=1e-12)
    np.testing.assert_allclose(history.loss, expected.loss, rtol=1e-12)
    (found,), (wanted,) = history.evaluations, expected.evaluations
    assert found.loss == pytest.approx(wanted.loss, rel=1e-12)
    assert found.metrics == pytest.approx(wanted.metrics)
    assert np.abs(weights_of(weighted) - weights_of(unshuffled(ROWS, loss))).max() > 1e-3


def test_a_sample_of_weight_0_counts_for_nothing() -> None:
    weights = np.ones(ROWS)
    weights[7] = 0
    other = X.copy()
    other[7] = 1000 - other[7]
    with pytest.warns(match="magnitude"):
        found = unshuffled().fit(other, Y, 10, weights=weights).loss
    without = unshuffled(ROWS - 1).fit(np.delete(X, 7, axis=0), np.delete(Y, 7), 10).loss
    np.testing.assert_allclose(found, without, rtol=1e-12)


def test_weights_count_by_their_ratios_and_equal_ones_not_at_all() -> None:
    weights = RNG.uniform(0.1, 2, ROWS)
    runs = []
    for given in (weights, 4 * weights, np.full(ROWS, 3.0), None):
        trained = unshuffled(8)
        trained.fit(X, Y, 20, weights=given)
        runs.append(weights_of(trained))
    np.testing.assert_array_equal(runs[0], runs[1])
    np.testing.assert_allclose(runs[2], runs[3], rtol=0, atol=1e-13)
    assert np.abs(runs[0] - runs[2]).max() > 1e-4


@pytest.mark.parametrize("shuffle", [False, True])
def test_weights_go_with_their_samples_into_every_batch(shuffle: bool) -> None:
    """Rows that count differ from others by their label alone, which a network can't tell."""
    x, y = np.tile(X, (2, 1)), np.concatenate([Y, (Y + 1) % 3])
    weights = np.concatenate([np.ones(ROWS), np.zeros(ROWS)])
    network = Network([("fc", 4, 32), "tanh", ("fc", 32, 3)])
    trained = Trainer(network, batch_size=16, shuffle=shuffle, regularizer=None)
    trained.fit(x, y, 1500, weights=weights)
    assert trained.evaluate(x, y, weights)["accuracy"] == trained.evaluate(X, Y)["accuracy"]
    assert trained.evaluate(X, Y)["accuracy"] > 0.9


def test_a_batch_whose_weights_are_all_0_has_loss_0_and_moves_nothing() -> None:
    weights = np.ones(ROWS)
    weights[:8] = 0
    trained = unshuffled(8, regularizer=None)
    before = weights_of(trained)
    assert trained.fit(X, Y, 1, weights=weights).loss == [0.0]
    np.testing.assert_array_equal(weights_of(trained), before)
    trained.fit(X, Y, 1, weights=weights)
    assert (weights_of(trained) != before).any()


def test_evaluation_weighs_loss_and_accuracy_over_all_blocks() -> None:
    rows = 3000  # three blocks, of which the second does not count
    x, y = RNG.normal(size=(rows, 4)), RNG.integers(0, 3, rows)
    weights = RNG.uniform(0, 2, rows)
    weights[1024:2048] = 0
    trained = unshuffled()
    scores = trained.network.predict(x)
    losses = np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(rows), y]
    found = trained.evaluate(x, y, weights)
    right = scores.argmax(axis=1) == y
    assert found.loss == pytest.approx(np.average(losses, weights=weights), rel=1e-12)
    assert found["accuracy"] == pytest.approx(np.average(right, weights=weights), rel=1e-12)
    history = trained.fit(x, y, 1, test=(x, y, weights))
    assert history.evaluations[-1]["accuracy"] == trained.evaluate(x, y, weights)["accuracy"]


def test_fitting_twice_with_weights_equals_fitting_once() -> None:
    weights = RNG.integers(0, 3, ROWS)
    whole, parts = (Trainer(Network(LAYERS), batch_size=16) for _ in range(2))
    whole.fit(X, Y, 11, weights=weights)
    for iterations in (4, 7):
        parts.fit(X, Y, iterations, weights=weights)
    assert parts.history.loss == whole.history.loss


@pytest.mark.parametrize(
    ("weights", "text"),
    [
        (np.ones(ROWS - 1), rf"one weight per sample, \({ROWS},\).*\({ROWS - 1},\)"),
        (np.ones((ROWS, 1)), "one weight per sample"),
        (2.0, "one weight per sample"),
        (np.zeros(ROWS), "All weights are 0"),
        (-np.eye(ROWS)[3], "Row 3 is -1"),
        (np.where(np.arange(ROWS) == 5, np.nan, 1), "Row 5 is nan"),
        (np.where(np.arange(ROWS) == 6, np.inf, 1), "Row 6 is inf"),
        (np.full(ROWS, "1"), "numbers"),
        (np.full(ROWS, 1j), "numbers"),
    ],
)
def test_wrong_weights_are_refused_and_nothing_has_moved(weights: Any, text: str) -> None:
    trained = unshuffled()
    before = weights_of(trained)
    for use in (
        lambda: trained.fit(X, Y, 3, weights=weights),
        lambda: trained.fit(X, Y, 3, test=(X, Y, weights)),
        lambda: trained.evaluate(X, Y, weights),
    ):
        with pytest.raises(DataError, match=text):
            use()
    np.testing.assert_array_equal(weights_of(trained), before)
    assert trained.iteration == 0


def test_weights_beyond_the_networks_dtype_are_refused() -> None:
    trained = Trainer(Network(LAYERS), batch_size=8)
    with pytest.raises(DataError, match="Row 2"):
        trained.fit(X, Y, 3, weights=np.where(np.arange(ROWS) == 2, 1e300, 1))


@pytest.mark.parametrize("test", [(X,), (X, Y, COUNTS, 3), {"x": X, "y": Y}])
def test_a_test_is_a_pair_or_three(test: Any) -> None:
    with pytest.raises(ArgumentError, match="pair"):
        unshuffled().fit(X, Y, 1, test=test)
