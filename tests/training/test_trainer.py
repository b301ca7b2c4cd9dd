"""Trainer: the loop, evaluation, reproducibility and what it refuses."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from tests.trained import weights_of

from plugnet import Network, Trainer, registry
from plugnet.arrays import Array
from plugnet.errors import ArgumentError, DataError, DataWarning, DivergenceError, ShapeError
from plugnet.training import Evaluation

LAYERS: list[Any] = [("fc", 4, 8), "tanh", ("fc", 8, 3)]


def blobs(rows: int = 90, seed: int = 0) -> tuple[Array, Array]:
    """Return three separable classes in four dimensions."""
    rng = np.random.default_rng(seed)
    labels = np.arange(rows) % 3
    return rng.normal(size=(rows, 4)) * 0.3 + np.eye(3, 4)[labels], labels


def test_a_network_learns_separable_classes() -> None:
    x, y = blobs()
    trainer = Trainer(Network(LAYERS), batch_size=30)
    history = trainer.fit(x, y, 200, test=blobs(60, seed=1))
    assert history.loss[-1] < 0.3 < 0.9 < history.loss[0]
    assert history.evaluations[-1]["accuracy"] > 0.95


def test_history_has_one_entry_per_iteration_and_the_policys_rates() -> None:
    x, y = blobs()
    trainer = Trainer(Network(LAYERS), policy=("inv", 0.1), batch_size=30)
    trainer.fit(x, y, 5)
    history = trainer.fit(x, y, 3)
    assert trainer.iteration == len(history.loss) == len(history.rate) == 8
    assert history.rate == [0.1 * (1 + 0.0005 * n) ** -0.75 for n in range(8)]
    assert history.seconds > 0
    assert history.stopped is None


@pytest.mark.parametrize("shuffle", [False, True])
def test_same_seed_same_bits(shuffle: bool) -> None:
    x, y = blobs()
    runs = []
    for _ in range(2):
        trainer = Trainer(Network(LAYERS, seed=1), batch_size=32, seed=4, shuffle=shuffle)
        trainer.fit(x, y, 30)
        runs.append(weights_of(trainer))
    np.testing.assert_array_equal(runs[0], runs[1])


def test_the_seed_decides_the_order_only_when_shuffling() -> None:
    x, y = blobs()

    def trained(seed: int, shuffle: bool) -> Array:
        trainer = Trainer(Network(LAYERS), batch_size=32, seed=seed, shuffle=shuffle)
        trainer.fit(x, y, 10)
        return weights_of(trainer)

    np.testing.assert_array_equal(trained(0, False), trained(1, False))
    assert np.abs(trained(0, True) - trained(1, True)).max() > 1e-4


def test_fitting_twice_equals_fitting_once_for_as_long() -> None:
    x, y = blobs()
    whole = Trainer(Network(LAYERS), batch_size=32)
    whole.fit(x, y, 25)
    parts = Trainer(Network(LAYERS), batch_size=32)
    parts.fit(x, y, 11)
    parts.fit(x, y, 14)
    np.testing.assert_array_equal(weights_of(whole), weights_of(parts))


def test_evaluating_between_changes_no_bit_of_the_training() -> None:
    x, y = blobs()
    quiet, watched = (Trainer(Network(LAYERS), batch_size=32) for _ in range(2))
    quiet.fit(x, y, 20)
    history = watched.fit(x, y, 20, validation=blobs(33, 2), evaluate_every=3)
    np.testing.assert_array_equal(weights_of(quiet), weights_of(watched))
    assert [e.iteration for e in history.evaluations] == [3, 6, 9, 12, 15, 18, 20]


def test_evaluation_equals_the_formulas() -> None:
    x, y = blobs(50)
    trainer = Trainer(Network(LAYERS, dtype="float64"), batch_size=10)
    scores = trainer.network.forward(x)
    losses = np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(50), y]
    expected = np.mean(scores.argmax(axis=1) == y)
    result = trainer.evaluate(x, y)
    assert result.loss == pytest.approx(losses.mean(), rel=1e-12)
    assert result == Evaluation(0, result.loss, {"accuracy": expected})
    assert trainer.evaluate(x, np.eye(3)[y])["accuracy"] == expected


def test_rows_whose_scores_are_nan_count_as_wrong() -> None:
    trainer = Trainer(Network(LAYERS), batch_size=10)
    trainer.network.parameters().value[...] = np.nan
    x = blobs()[0]
    assert trainer.evaluate(x, np.zeros(90, int))["accuracy"] == 0.0


def test_real_targets_are_learned_and_judged_by_rmse_and_r2() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 4))
    y = x @ np.array([1.0, -2.0, 0.5, 0.0]) + 3.0
    trainer = Trainer(
        Network([("fc", 4, 1)], dtype="float64"), "least_square_error", regularizer=None
    )
    history = trainer.fit(x, y, 300, test=(x, y))
    (found,) = history.evaluations
    errors = trainer.network.predict(x)[:, 0] - y
    assert found.loss == pytest.approx(np.mean(errors**2) / 2, rel=1e-12)
    assert found.loss < 1e-6
    rmse = np.sqrt(np.mean(errors**2))
    assert found.metrics == pytest.approx({"rmse": rmse, "r2": 1 - (rmse / y.std()) ** 2}, rel=1e-9)


def test_a_single_score_answers_by_the_losss_threshold() -> None:
    x, labels = blobs()
    y = (labels == 1).astype(int)
    trainer = Trainer(
        Network([("fc", 4, 8), "tanh", ("fc", 8, 1)]), "sigmoid_cross_entropy", batch_size=30
    )
    trainer.fit(x, y, 300)
    scores = trainer.network.predict(x)[:, 0]
    assert trainer.evaluate(x, y)["accuracy"] == np.mean((scores > 0) == y)
    assert np.mean((scores > 0) == y) > 0.95


def test_penalty_is_reported_apart_from_the_loss() -> None:
    x, y = blobs()
    trainers = [Trainer(Network(LAYERS), regularizer=r) for r in (("l2", 0.5), None)]
    assert trainers[0].evaluate(x, y) == trainers[1].evaluate(x, y)
    state = trainers[0].network.state()
    squares = sum(float(np.sum(state[f"fc{n}.weight"] ** 2)) for n in (1, 2))
    assert trainers[0].penalty() == pytest.approx(0.25 * squares, rel=1e-6)
    assert trainers[1].penalty() == 0.0


def test_components_may_be_objects() -> None:
    policy = registry.lr_policies.build("fixed", 0.05)
    trainer = Trainer(Network(LAYERS), policy=policy, batch_size=30)
    assert trainer.policy is policy
    trainer.fit(*blobs(), 2)
    assert trainer.history.rate == [0.05, 0.05]


def test_one_row_trains() -> None:
    x, y = blobs(1)
    trainer = Trainer(Network(LAYERS), batch_size=1)
    history = trainer.fit(x, y, 20)
    assert history.loss[-1] < history.loss[0]


def test_divergence_is_an_error_at_the_first_loss_that_is_not_finite() -> None:
    x, y = blobs()
    trainer = Trainer(Network(LAYERS), policy=("fixed", 1e30), batch_size=30)
    with pytest.raises(DivergenceError) as caught:  # and no RuntimeWarning: it would be an error
        trainer.fit(x, y, 50)
    assert caught.value.iteration == len(trainer.history.loss) < 50
    assert caught.value.layer == "fc1"
    assert trainer.iteration == trainer.history.iteration == 0
    assert not np.isfinite(caught.value.loss)
    assert caught.value.rate == 1e30
    assert caught.value.exit_code == 3
    assert np.isfinite(trainer.history.loss).all()
    assert np.isfinite(trainer.network.parameters().value).all()


def test_no_update_follows_a_loss_that_is_not_finite() -> None:
    x, y = blobs()
    trainer = Trainer(Network(LAYERS), batch_size=30, shuffle=False)
    trainer.network.state()["fc2.bias"][0] = np.nan
    before = weights_of(trainer)
    with pytest.raises(DivergenceError):
        trainer.fit(x, y, 5)
    np.testing.assert_array_equal(weights_of(trainer), before)


def test_an_update_that_ends_in_infinity_does_not_go_unseen() -> None:
    trainer = Trainer(Network(LAYERS), policy=("fixed", 1e39), batch_size=30)
    with pytest.raises(DivergenceError, match=r"fc1\.weight is the first parameter that is not"):
        trainer.fit(*blobs(), 1)


def test_a_rate_beyond_all_numbers_is_an_error() -> None:
    trainer = Trainer(Network(LAYERS), policy=("exp", 1e-30, 1e300), batch_size=30)
    with pytest.raises(DivergenceError, match="the learning rate is inf") as caught:
        trainer.fit(*blobs(), 5)
    assert caught.value.iteration == 2


def test_floating_point_errors_are_not_silenced_outside_of_training() -> None:
    before = np.geterr()
    trainer = Trainer(Network(LAYERS), policy=("fixed", 1e30), batch_size=30)
    with pytest.raises(DivergenceError):
        trainer.fit(*blobs(), 50)
    assert np.geterr() == before


@pytest.mark.parametrize("value", [0, -1, 2.0, True, "8"])
def test_the_batch_size_must_be_a_positive_integer(value: Any) -> None:
    with pytest.raises(ArgumentError, match="batch_size") as caught:
        Trainer(Network(LAYERS), batch_size=value)
    assert caught.value.argument == "batch_size"


@pytest.mark.parametrize("name", ["iterations", "evaluate_every"])
@pytest.mark.parametrize("value", [0, -1, 2.0, True, "8"])
def test_iterations_must_be_a_positive_integer(name: str, value: Any) -> None:
    trainer = Trainer(Network(LAYERS), batch_size=5)
    with pytest.raises(ArgumentError, match=name) as caught:
        trainer.fit(*blobs(), **{name: value})
    assert caught.value.argument == name
    assert trainer.iteration == 0


def wrong_data() -> Iterator[Any]:
    x, y = blobs()
    with_nan = x.copy()
    with_nan[7, 2] = np.nan
    yield pytest.param(x[:50], y, DataError, r"50", id="fewer samples than labels")
    yield pytest.param(x[:0], y[:0], DataError, "at least one", id="no rows")
    yield pytest.param(with_nan, y, DataError, r"\[7, 2\]", id="nan")
    yield pytest.param(x[:5], y[:5], DataError, "batch", id="fewer rows than a batch")
    yield pytest.param(x[:, :3], y, ShapeError, r"\(4,\)", id="too few features")
    yield pytest.param(x, y + 1, DataError, "3", id="class id beyond the outputs")
    yield pytest.param(x, y - 1, DataError, "-1", id="negative class id")
    yield pytest.param(x, y.astype(float), ShapeError, "integer class ids", id="one real target")
    yield pytest.param(x, np.eye(4)[y], ShapeError, "4", id="one column too many")
    yield pytest.param(x.astype(str), y, DataError, "numbers", id="text")
    objects = x.astype(object)
    objects[7, 2] = "2"
    yield pytest.param(objects, y, DataError, r"\[7, 2\] is '2', a str", id="objects")


@pytest.mark.parametrize(("x", "y", "error", "text"), list(wrong_data()))
def test_wrong_data_are_refused_and_the_network_is_untouched(
    x: Array, y: Array, error: type[Exception], text: str
) -> None:
    trainer = Trainer(Network(LAYERS), batch_size=30)
    before = weights_of(trainer)
    with pytest.raises(error, match=text):
        trainer.fit(x, y, 10)
    np.testing.assert_array_equal(weights_of(trainer), before)
    assert trainer.iteration == 0


def test_unscaled_pixels_give_a_warning() -> None:
    x, y = blobs()
    with pytest.warns(DataWarning, match="Begin the network with 'standardize'"):
        Trainer(Network(LAYERS), batch_size=30).fit(np.abs(x) * 200, y, 1)


def test_labels_in_matlabs_orientations_mean_the_same() -> None:
    x, y = blobs()
    runs = []
    for labels in (y, y.reshape(-1, 1), y.reshape(1, -1), y.astype(np.uint8)):
        trainer = Trainer(Network(LAYERS), batch_size=32)
        trainer.fit(x, labels, 5)
        runs.append(weights_of(trainer))
    for run in runs[1:]:
        np.testing.assert_array_equal(run, runs[0])


def test_foreign_arrays_are_taken() -> None:
    torch = pytest.importorskip("torch")
    x, y = blobs()
    plain, foreign = (Trainer(Network(LAYERS), batch_size=30) for _ in range(2))
    plain.fit(x, y, 5)
    foreign.fit(torch.from_numpy(x), torch.from_numpy(y), 5)
    np.testing.assert_array_equal(weights_of(plain), weights_of(foreign))


def test_read_only_memory_maps_are_taken(tmp_path: Any) -> None:
    x, y = blobs()
    np.save(tmp_path / "x.npy", x.astype(np.float32))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    plain, other = (Trainer(Network(LAYERS), batch_size=30) for _ in range(2))
    plain.fit(x, y, 5)
    other.fit(mapped, y, 5)
    np.testing.assert_array_equal(weights_of(plain), weights_of(other))


def test_a_single_class_gives_a_warning() -> None:
    x, y = blobs()
    with pytest.warns(DataWarning, match="of class 0"):
        Trainer(Network(LAYERS), batch_size=30).fit(x, y * 0, 1)


def test_without_evaluate_every_each_fit_evaluates_once_at_its_end() -> None:
    x, y = blobs()
    trainer = Trainer(Network(LAYERS), batch_size=30)
    trainer.fit(x, y, 11, validation=(x, y))
    history = trainer.fit(x, y, 14, validation=(x, y))
    assert [evaluation.iteration for evaluation in history.evaluations] == [11, 25]


def test_a_stop_before_fit_ends_it_at_its_start_and_only_once() -> None:
    trainer = Trainer(Network(LAYERS), batch_size=30)
    trainer.stop("not now")
    assert trainer.fit(*blobs(), 5).stopped == "not now"
    assert trainer.iteration == 0
    assert trainer.fit(*blobs(), 5).stopped is None
    assert trainer.iteration == 5


def test_a_larger_batch_goes_on_from_the_place_in_the_data() -> None:
    x, y = blobs()
    trainer = Trainer(Network(LAYERS), batch_size=30, shuffle=False)
    trainer.fit(x, y, 4)
    trainer.batch_size = 45
    seen: list[Array] = []
    forward = trainer.network.forward
    trainer.network.forward = lambda x, training=False: seen.append(x) or forward(x, training)  # type: ignore[method-assign, func-returns-value]
    trainer.fit(x, y, 1)
    np.testing.assert_array_equal(seen[0], x[30:75].astype(np.float32))


@pytest.mark.parametrize(
    ("settings", "culprit"),
    [({"seed": -1}, "seed"), ({"seed": 1.0}, "seed"), ({"shuffle": "no"}, "shuffle")],
)
def test_wrong_settings_are_named(settings: dict[str, Any], culprit: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        Trainer(Network(LAYERS), **settings)
    assert caught.value.argument == culprit


@pytest.mark.parametrize("test", [np.zeros((5, 4)), (np.zeros((5, 4)),), "test"])
def test_the_test_samples_come_with_their_targets(test: Any) -> None:
    trainer = Trainer(Network(LAYERS), batch_size=5)
    with pytest.raises(ArgumentError, match="pair"):
        trainer.fit(*blobs(), 5, test=test)


def test_two_trainers_may_share_an_optimizer_as_it_keeps_nothing() -> None:
    optimizer = registry.optimizers.build("sgd", 0.9)
    first, second, own = (
        Trainer(Network(LAYERS), optimizer=o) for o in (optimizer,) * 2 + (("sgd", 0.9),)
    )
    for _ in range(3):
        for trainer in (first, second, own):
            trainer.fit(*blobs(100), 2)
    np.testing.assert_array_equal(weights_of(first), weights_of(own))
    np.testing.assert_array_equal(weights_of(second), weights_of(own))


def test_two_networks_are_trained_in_two_threads_as_in_one() -> None:
    def losses(seed: int) -> list[float]:
        trainer = Trainer(Network(LAYERS, seed=seed), batch_size=16, seed=seed)
        return trainer.fit(*blobs(), 300).loss

    with ThreadPoolExecutor(2) as threads:
        together = list(threads.map(losses, (1, 2)))
    assert together == [losses(1), losses(2)]
