"""early_stop and best_model: which weights are kept, and when training ends."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.small import X, Y

from plugnet import Network, Trainer, registry
from plugnet.errors import ArgumentError
from plugnet.training import Evaluation, History
from plugnet.training.hooks import HookCaller


class Scripted:
    """Plays evaluations with given test losses to a hook, moving the weights in between."""

    def __init__(self, hook: Any, losses: list[float]) -> None:
        self.network = Network([("fc", 4, 3)])
        self.stopped: list[tuple[int, str]] = []
        self.seen: list[Any] = []
        self.iteration = 0
        self.history = History()
        start = HookCaller([hook]).caller("plugnet_train_start")
        assert start is not None
        start(training=self, iterations=len(losses))
        for number, loss in enumerate(losses):
            self.iteration = number
            weight = self.network.parameters()["fc1.weight"].value
            weight[...] = number
            hook.plugnet_evaluate_end(training=self, evaluation=Evaluation(number, loss, None))
            self.seen.append(weight)

    def stop(self, reason: str) -> None:
        self.stopped.append((self.iteration, reason))


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
    hook.plugnet_train_end(training=trainer)
    assert np.all(trainer.network.parameters()["fc1.weight"].value == best)


def test_early_stop_ends_a_real_run_with_a_reason() -> None:
    hook = registry.hooks.build("early_stop", 2)
    trainer = Trainer(Network([("fc", 4, 3)]), policy=("fixed", 0.5), batch_size=5, hooks=[hook])
    labels = (X[:, 0] > 0.5).astype(int)
    # A test set with the labels turned round: what training gains, the test loses.
    history = trainer.fit(X, labels, 100, (X, 1 - labels), evaluate_every=5)
    assert history.stopped is not None
    assert history.stopped.startswith("early_stop: ")
    assert trainer.iteration == 5 * len(history.evaluations) < 100
    least = min(test.loss for test in history.evaluations)
    assert trainer.evaluate(X, 1 - labels).loss == pytest.approx(least)


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        ({"patience": 0}, "patience"),
        ({"patience": 1.5}, "patience"),
        ({"patience": True}, "patience"),
        ({"minimum_change": -0.1}, "minimum_change"),
        ({"minimum_change": float("nan")}, "minimum_change"),
    ],
)
def test_early_stop_refuses_bad_arguments(arguments: dict[str, Any], culprit: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        registry.hooks.build("early_stop", **arguments)
    assert caught.value.argument == culprit


def test_best_model_saves_exactly_when_the_loss_falls(tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    for losses, best in [([3.0, 2.0, 2.5], 1), ([3.0], 0), ([3.0, 3.0, float("nan"), 1.0], 3)]:
        Scripted(registry.hooks.build("best_model", str(path)), losses)
        assert np.all(Network.load(path).parameters()["fc1.weight"].value == best)


def test_early_stop_says_which_loss_it_waited_for() -> None:
    hook = registry.hooks.build("early_stop", 2, 0.5)
    assert Scripted(hook, [5.0, 4.8, 4.6]).stopped == [
        (2, "early_stop: no test loss below 4.5000 in 2 evaluations")
    ]


def test_best_model_of_a_real_run_has_the_least_test_loss(tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    trainer = Trainer(
        Network([("fc", 4, 3)]),
        policy=("fixed", 1.0),
        batch_size=5,
        hooks=[registry.hooks.build("best_model", str(path))],
    )
    history = trainer.fit(X, Y, 40, (X[::-1], Y), evaluate_every=4)
    least = min(test.loss for test in history.evaluations)
    assert least < history.evaluations[-1].loss
    assert Trainer(Network.load(path)).evaluate(X[::-1], Y).loss == pytest.approx(least)


def test_best_model_outlives_a_second_fit_and_a_resumed_run(tmp_path: Path) -> None:
    path, saved = tmp_path / "best.safetensors", tmp_path / "trainer.safetensors"
    hook = registry.hooks.build("best_model", str(path))
    trainer = Trainer(Network([("fc", 4, 3)]), policy=("fixed", 0.5), batch_size=5, hooks=[hook])
    labels = (X[:, 0] > 0.5).astype(int)
    trainer.fit(X, labels, 20, (X, labels), evaluate_every=10)
    trainer.save(saved)
    best = path.read_bytes()
    # From here on the test set has its labels turned round, so that every test is worse.
    trainer.fit(X, labels, 10, (X, 1 - labels), evaluate_every=2)
    assert path.read_bytes() == best
    Trainer.resume(saved, [hook]).fit(X, labels, 10, (X, 1 - labels), evaluate_every=2)
    assert path.read_bytes() == best
    path.unlink()
    trainer.fit(X, labels, 10, (X, 1 - labels), evaluate_every=2)
    assert path.exists()
    again = Trainer(Network([("fc", 4, 3)]), batch_size=5, hooks=[hook])
    again.fit(X, labels, 2, (X, 1 - labels))
    assert Trainer(Network.load(path)).evaluate(X, 1 - labels).loss == pytest.approx(
        again.history.evaluations[-1].loss
    )
