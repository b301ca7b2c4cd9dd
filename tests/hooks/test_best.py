"""early_stop and best_model: which weights are kept, and when training ends."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.small import X, Y
from tests.trained import weights_of

from plugnet import Model, Network, Trainer, registry
from plugnet.errors import ArgumentError, HookError, TrainingWarning
from plugnet.schema import Schema
from plugnet.training import Evaluation, History
from plugnet.training.hooks import HookCaller


class Scripted:
    """Plays validations with given losses to a hook, moving the weights in between."""

    parts = frozenset({"validation"})
    schema = None
    is_interrupted = False

    def __init__(self, hook: Any, losses: list[float]) -> None:
        self.weight = 0
        self.saved: list[int] = []
        self.stopped: list[tuple[int, str]] = []
        self.iteration = 0
        self.is_ending = False
        self.history = History()
        start = HookCaller([hook]).caller("plugnet_train_start")
        assert start is not None
        start(training=self, iterations=len(losses))
        for number, loss in enumerate(losses):
            self.iteration = self.weight = number
            self.is_ending = number + 1 == len(losses)
            evaluation = Evaluation(number, loss, {}, "validation")
            hook.plugnet_evaluate_end(training=self, evaluation=evaluation)

    def stop(self, reason: str) -> None:
        self.stopped.append((self.iteration, reason))

    def file(self, name: str) -> Path:
        return Path(name)

    def snapshot(self) -> dict[str, Any]:
        return {"weight": self.weight}

    def restore(self, snapshot: dict[str, Any]) -> None:
        assert self.is_ending
        self.weight = snapshot["weight"]

    @property
    def model(self) -> Any:
        return self

    def save(self, path: str) -> None:
        self.saved.append(self.weight)


@pytest.mark.parametrize(
    ("losses", "patience", "change", "stops_at", "best"),
    [
        ([5.0, 4.0, 3.0, 2.0], 2, 0.0, None, 3),
        ([5.0, 4.0, 4.0, 4.5], 2, 0.0, 3, 1),
        ([5.0, 6.0, 4.0, 6.0, 7.0], 2, 0.0, 4, 2),
        ([5.0, 4.95, 4.9, 1.0], 2, 0.2, 2, 3),
        ([5.0, 4.9, 4.7, 4.6], 2, 0.2, None, 3),
        ([1.242, 1.180, 1.116, 1.065], 9, 10.0, None, 3),
        ([1.242, 1.180, 1.065, 1.116], 3, 10.0, 3, 2),
        ([5.0, float("nan"), 4.0], 1, 0.0, 1, 2),
        ([float("nan"), float("inf"), 4.0], 9, 0.0, None, 2),
    ],
)
def test_early_stop_waits_for_progress_and_restores_the_best(
    losses: list[float], patience: int, change: float, stops_at: int | None, best: int
) -> None:
    hook = registry.hooks.build("early_stop", patience, change)
    trainer = Scripted(hook, losses)
    assert [at for at, _ in trainer.stopped[:1]] == ([] if stops_at is None else [stops_at])
    assert trainer.weight == best


def test_early_stop_ends_a_real_run_with_a_reason() -> None:
    hook = registry.hooks.build("early_stop", 2)
    trainer = Trainer(Network([("fc", 4, 3)]), policy=("fixed", 0.5), batch_size=5, hooks=[hook])
    labels = (X[:, 0] > 0.5).astype(int)
    # Validation samples with the labels turned round: what training gains, they lose.
    history = trainer.fit(X, labels, 100, validation=(X, 1 - labels), evaluate_every=5)
    assert history.stopped is not None
    assert history.stopped.startswith("early_stop: ")
    assert len(history.loss) == 5 * len(history.evaluations) < 100
    best = min(history.evaluations, key=lambda evaluation: evaluation.loss)
    assert trainer.iteration == history.iteration == best.iteration
    assert trainer.evaluate(X, 1 - labels).loss == best.loss


def restored(tmp_path: Path) -> Trainer:
    """Return a trainer that early_stop has taken back, after a test and with two pictures."""
    hooks = [
        registry.hooks.build("early_stop", 2),
        registry.hooks.build("csv_log", str(tmp_path / "log.csv")),
    ]
    trainer = Trainer(Network([("fc", 4, 3)]), policy=("fixed", 0.5), batch_size=5, hooks=hooks)
    labels = (X[:, 0] > 0.5).astype(int)
    held = (X, np.where(np.arange(20) < 13, labels, 1 - labels))
    trainer.fit(X, labels, 100, validation=held, test=(X, labels), evaluate_every=1)
    return trainer


def test_what_is_tested_saved_and_predicted_are_the_restored_weights(tmp_path: Path) -> None:
    trainer = restored(tmp_path)
    history = trainer.history
    assert trainer.iteration < len(history.loss) < 100
    test, validation = history.at_end("test"), history.at_end("validation")
    assert test is not None
    assert validation is not None
    assert test.iteration == validation.iteration == trainer.iteration
    labels = (X[:, 0] > 0.5).astype(int)
    assert trainer.evaluate(X, labels).metrics == test.metrics
    trainer.save(tmp_path / "run")
    again = Trainer.resume(tmp_path / "run")
    assert again.iteration == again.history.iteration == trainer.iteration
    np.testing.assert_array_equal(weights_of(again), weights_of(trainer))
    np.testing.assert_array_equal(Model.load(tmp_path / "run").predict(X), trainer.model.predict(X))


def test_going_back_at_the_last_iteration_ends_the_training(tmp_path: Path) -> None:
    labels = (X[:, 0] > 0.5).astype(int)
    held = (X, np.where(np.arange(20) < 13, labels, 1 - labels))
    hooks = [("early_stop", 50), ("csv_log", str(tmp_path / "log.csv"))]
    trainer = Trainer(Network([("fc", 4, 3)]), policy=("fixed", 0.5), batch_size=5, hooks=hooks)
    history = trainer.fit(X, labels, 40, validation=held, test=(X, labels), evaluate_every=4)
    assert len(history.loss) == 40
    assert len(history["validation_loss"]) == 10
    assert trainer.iteration == 4 * (1 + int(np.argmin(history["validation_loss"]))) < 40
    assert history.stopped is None
    assert trainer.evaluate(*held).loss == pytest.approx(min(history["validation_loss"]))
    rows = (tmp_path / "log.csv").read_text().splitlines()[1:]
    assert [int(row.split(",")[0]) for row in rows] == list(range(1, 41))


def test_early_stop_with_nothing_to_compare_says_so() -> None:
    labels = (X[:, 0] > 0.5).astype(int)
    trainer = Trainer(Network([("fc", 4, 3)]), batch_size=5, hooks=["early_stop"])
    with pytest.warns(TrainingWarning, match="one evaluation only"):
        trainer.fit(X, labels, 10, validation=(X, labels))


def test_going_on_from_the_best_equals_never_having_passed_it(tmp_path: Path) -> None:
    labels = (X[:, 0] > 0.5).astype(int)
    trainer = restored(tmp_path)
    best = trainer.iteration
    plain = Trainer(Network([("fc", 4, 3)]), policy=("fixed", 0.5), batch_size=5)
    plain.fit(X, labels, best)
    np.testing.assert_array_equal(weights_of(plain), weights_of(trainer))
    trainer.hooks = trainer.hooks[1:]
    for each in (plain, trainer):
        each.fit(X, labels, 7)
    assert trainer.history.loss == plain.history.loss
    assert trainer.history.evaluations[-1].iteration == best
    assert saved_weights_and_slots(trainer) == saved_weights_and_slots(plain)
    rows = (tmp_path / "log.csv").read_text().splitlines()[1:]
    assert [int(row.split(",")[0]) for row in rows] == list(range(1, best + 8))


def saved_weights_and_slots(trainer: Trainer) -> dict[str, list[Any]]:
    arrays = {**trainer.network.state(), **trainer.update.state()}
    return {name: array.tolist() for name, array in arrays.items()}


def test_after_another_hooks_error_the_training_goes_on_as_without() -> None:
    class Failing:
        def plugnet_step_end(self, iteration: int) -> None:
            if iteration == 8:
                raise OSError("no disk")

    def run(*others: object) -> Trainer:
        return Trainer(
            Network([("fc", 4, 3)]), policy=("fixed", 0.5), batch_size=5,
            hooks=[registry.hooks.build("early_stop", 9), *others],
        )  # fmt: skip

    whole, failing = run(), run(Failing())
    whole.fit(X, Y, 20, validation=(X[::-1], Y), evaluate_every=2)
    with pytest.raises(OSError, match="no disk"):
        failing.fit(X, Y, 20, validation=(X[::-1], Y), evaluate_every=2)
    assert (failing.iteration, failing.goal) == (9, 20)
    failing.fit(X, Y, validation=(X[::-1], Y), evaluate_every=2)
    assert failing.history.loss == whole.history.loss
    assert failing.iteration == whole.iteration < 8
    assert saved_weights_and_slots(failing) == saved_weights_and_slots(whole)


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        ({"patience": 0}, "patience"),
        ({"patience": 1.5}, "patience"),
        ({"patience": True}, "patience"),
        ({"minimum_change": -0.1}, "minimum_change"),
        ({"minimum_change": float("nan")}, "minimum_change"),
        ({"metric": ""}, "metric"),
        ({"metric": 3}, "metric"),
    ],
)
def test_early_stop_refuses_bad_arguments(arguments: dict[str, Any], culprit: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        registry.hooks.build("early_stop", **arguments)
    assert caught.value.argument == culprit


@pytest.mark.parametrize(
    ("losses", "saved"),
    [
        ([3.0, 2.0, 2.5], [0, 1]),
        ([3.0], [0]),
        ([3.0, 3.0, float("nan"), 1.0], [0, 3]),
        ([float("nan"), float("inf"), 4.0], [2]),
    ],
)
def test_best_model_saves_exactly_when_the_loss_falls(
    tmp_path: Path, losses: list[float], saved: list[int]
) -> None:
    hook = registry.hooks.build("best_model", str(tmp_path / "best.safetensors"))
    assert Scripted(hook, losses).saved == saved


def test_early_stop_says_which_loss_it_waited_for() -> None:
    hook = registry.hooks.build("early_stop", 2, 0.5)
    assert Scripted(hook, [5.0, 4.8, 4.6]).stopped == [
        (2, "early_stop: no validation loss better than 4.5000 in 2 evaluations")
    ]


def test_best_model_of_a_real_run_has_the_least_validation_loss(tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    trainer = Trainer(
        Network([("fc", 4, 3)]),
        policy=("fixed", 1.0),
        batch_size=5,
        hooks=[registry.hooks.build("best_model", str(path))],
    )
    history = trainer.fit(X, Y, 40, validation=(X[::-1], Y), test=(X, Y), evaluate_every=4)
    least = min(history["validation_loss"])
    assert least < history["validation_loss"][-1]
    assert Model.load(path).evaluate(X[::-1], Y).loss == least


def test_best_model_outlives_a_second_fit_and_a_resumed_run(tmp_path: Path) -> None:
    path, saved = tmp_path / "best.safetensors", tmp_path / "trainer.safetensors"
    hook = registry.hooks.build("best_model", str(path))
    trainer = Trainer(Network([("fc", 4, 3)]), policy=("fixed", 0.5), batch_size=5, hooks=[hook])
    labels = (X[:, 0] > 0.5).astype(int)
    wrong = (X, 1 - labels)
    trainer.fit(X, labels, 20, validation=(X, labels), evaluate_every=10)
    trainer.save(saved)
    best = path.read_bytes()
    # From here on the labels to validate on are turned round, so that every evaluation is worse.
    trainer.fit(X, labels, 10, validation=wrong, evaluate_every=2)
    assert path.read_bytes() == best
    Trainer.resume(saved, [hook]).fit(X, labels, 10, validation=wrong, evaluate_every=2)
    assert path.read_bytes() == best
    path.unlink()
    trainer.fit(X, labels, 10, validation=wrong, evaluate_every=2)
    assert path.exists()
    again = Trainer(Network([("fc", 4, 3)]), batch_size=5, hooks=[hook])
    again.fit(X, labels, 2, validation=wrong)
    assert Model.load(path).evaluate(*wrong).loss == again.history.evaluations[-1].loss


# Which number is followed ------------------------------------------------------------------------


class Judged:
    """Plays validations with given values of a metric, loss falling all the time, to a hook."""

    parts = frozenset({"validation"})
    schema = Schema("class", (0, 1))
    is_ending = is_interrupted = False
    iteration = 0
    rate_scale = 1.0

    def __init__(self, hook: Any, metric: str, values: list[float]) -> None:
        self.history = History()
        self.metrics = {metric: registry.metrics.build(metric)}
        self.model = self
        self.kept: list[int] = []
        self.saved: list[int] = []
        self.stopped: list[str] = []
        self.scales: list[float] = []
        hook.plugnet_train_start(training=self)
        for self.iteration, value in enumerate(values):
            found = Evaluation(self.iteration, 9.0 - self.iteration, {metric: value}, "validation")
            hook.plugnet_evaluate_end(training=self, evaluation=found)
            self.scales.append(self.rate_scale)
        before = (list(self.kept), list(self.saved), list(self.stopped), self.rate_scale)
        for value in (0.0, 1.0, 0.5):  # the test samples are not followed
            test = Evaluation(self.iteration, value, {metric: value}, "test")
            hook.plugnet_evaluate_end(training=self, evaluation=test)
        assert (self.kept, self.saved, self.stopped, self.rate_scale) == before

    def file(self, name: str) -> Path:
        return Path(name)

    def snapshot(self) -> dict[str, Any]:
        self.kept.append(self.iteration)
        return {}

    def save(self, path: str) -> None:
        self.saved.append(self.iteration)

    def stop(self, reason: str) -> None:
        self.stopped.append(reason)


RISING, FALLING = [0.5, 0.7, 0.6, 0.8, 0.8], [0.5, 0.3, 0.4, 0.2, 0.2]


@pytest.mark.parametrize(
    ("metric", "values"), [("accuracy", RISING), ("r2", RISING), ("rmse", FALLING)]
)
def test_the_direction_is_the_metrics_own(metric: str, values: list[float], tmp_path: Path) -> None:
    stop = registry.hooks.build("early_stop", 9, metric=metric)
    assert Judged(stop, metric, values).kept == [0, 1, 3]
    best = registry.hooks.build("best_model", str(tmp_path / "best"), metric)
    assert Judged(best, metric, values).saved == [0, 1, 3]
    plateau = registry.hooks.build("plateau", 0.5, 1, metric=metric)
    assert Judged(plateau, metric, values).scales == [1.0, 1.0, 0.5, 0.5, 0.25]


def test_a_stop_says_the_metrics_value() -> None:
    hook = registry.hooks.build("early_stop", 2, 0.1, "accuracy")
    assert Judged(hook, "accuracy", [0.5, 0.55, 0.6]).stopped == [
        "early_stop: no validation accuracy better than 0.6000 in 2 evaluations"
    ]


def test_a_metric_that_is_not_a_number_is_no_progress(tmp_path: Path) -> None:
    hook = registry.hooks.build("best_model", str(tmp_path / "best"), "accuracy")
    assert Judged(hook, "accuracy", [np.nan, 0.5, np.nan, 0.6]).saved == [1, 3]


FOLLOWING = ["early_stop", "plateau", ("best_model", "best.safetensors")]


@pytest.mark.parametrize("hook", FOLLOWING, ids=str)
def test_without_validation_there_is_nothing_to_follow(hook: Any) -> None:
    trainer = Trainer(Network([("fc", 4, 3)]), batch_size=5, hooks=[hook])
    with pytest.raises(HookError, match="follows the validation loss, but there are no") as caught:
        trainer.fit(X, Y, 3, test=(X, Y))
    assert caught.value.hook == "plugnet_train_start"
    assert trainer.iteration == 0


@pytest.mark.parametrize("hook", ["early_stop", "plateau", "best_model"])
def test_a_metric_that_is_not_evaluated_is_refused_at_the_start(hook: str, tmp_path: Path) -> None:
    path = {"path": str(tmp_path / "best")} if hook == "best_model" else {}
    built = registry.hooks.build(hook, metric="f1", **path)
    trainer = Trainer(Network([("fc", 4, 3)]), batch_size=5, hooks=[built])
    with pytest.raises(ArgumentError, match="'f1', but what is evaluated is loss, accuracy"):
        trainer.fit(X, Y, 3, validation=(X, Y))
    assert trainer.iteration == 0


def test_a_real_run_follows_the_accuracy(tmp_path: Path) -> None:
    hook = registry.hooks.build("best_model", str(tmp_path / "best"), "accuracy")
    trainer = Trainer(Network([("fc", 4, 3)]), policy=("fixed", 1.0), batch_size=5, hooks=[hook])
    history = trainer.fit(X, Y, 30, validation=(X, Y), evaluate_every=2)
    best = max(history["validation_accuracy"])
    assert best > history["validation_accuracy"][-1]
    assert Model.load(tmp_path / "best").evaluate(X, Y)["accuracy"] == best


def test_plateau_lowers_the_rate_of_what_follows() -> None:
    hook = registry.hooks.build("plateau", 0.1, 2, least=0.02)
    trainer = Trainer(Network([("fc", 4, 3)]), policy=("fixed", 0.5), batch_size=5, hooks=[hook])
    labels = (X[:, 0] > 0.5).astype(int)
    history = trainer.fit(X, labels, 10, validation=(X, 1 - labels), evaluate_every=1)
    assert np.argmin(history["validation_loss"]) == 0  # so that there is never any progress
    expected = [0.5] * 3 + [0.05] * 2 + [0.01] * 5
    np.testing.assert_allclose(history.rate, expected, rtol=1e-12)
