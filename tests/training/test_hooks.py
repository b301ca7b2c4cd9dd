"""Hooks: who is called, when, with what, and what becomes of errors."""

import functools
from typing import Any

import numpy as np
import pytest
from tests.small import X, Y, trainer

from plugnet import Network, Trainer
from plugnet.arrays import Array
from plugnet.errors import DivergenceError, HookError
from plugnet.parameter import Parameters
from plugnet.training import Evaluation, History
from plugnet.training.hooks import HookCaller, Hooks


class Recorder:
    """Implements every training hook, each with the arguments it cares for."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def plugnet_train_start(self, iterations: int) -> None:
        self.calls.append(("start", iterations))

    def plugnet_gradients_ready(self, iteration: int) -> None:
        self.calls.append(("gradients", iteration))

    def plugnet_step_end(self, iteration: int, loss: float) -> None:
        self.calls.append(("step", iteration, loss))

    def plugnet_evaluate_end(
        self, evaluation: Evaluation, outputs: Array, x: Array, targets: Array
    ) -> None:
        self.calls.append((evaluation.part, outputs.shape, x.shape, targets.shape))

    def plugnet_train_end(self, training: Trainer, history: History) -> None:
        self.calls.append(("end", training.iteration, history is training.history))


def test_hooks_are_called_in_the_order_of_the_loop() -> None:
    recorder = Recorder()
    held, test = (X[:7], Y[:7]), (X[7:], Y[7:])
    history = trainer(hooks=[recorder]).fit(X, Y, 2, validation=held, test=test, evaluate_every=1)
    assert recorder.calls == [
        ("start", 2),
        ("gradients", 0),
        ("step", 0, history.loss[0]),
        ("validation", (7, 3), (7, 4), (7,)),
        ("gradients", 1),
        ("step", 1, history.loss[1]),
        ("validation", (7, 3), (7, 4), (7,)),
        ("test", (13, 3), (13, 4), (13,)),
        ("end", 2, True),
    ]


def test_gradients_can_be_changed_before_the_update() -> None:
    class Freeze:
        def plugnet_gradients_ready(self, parameters: Parameters) -> None:
            parameters.grad[...] = 0

    frozen = trainer(hooks=[Freeze()], regularizer=None)
    before = {name: value.copy() for name, value in frozen.network.state().items()}
    frozen.fit(X, Y, 3)
    for name, value in frozen.network.state().items():
        np.testing.assert_array_equal(value, before[name])


def test_scaling_all_gradients_leaves_statistics_alone() -> None:
    class Scale:
        def plugnet_gradients_ready(self, parameters: Parameters) -> None:
            parameters.grad *= 1e-6

    layers = ["batch_norm", ("fc", {"outputs": 3})]
    scaled, plain = (
        Trainer(Network(layers), policy=("fixed", 1e-9), batch_size=5, hooks=hooks)
        for hooks in ([Scale()], [])
    )
    for each in (scaled, plain):
        each.fit(X, Y, 1)
    name = "batch_norm1.running_mean"
    mean = scaled.network.state()[name]
    np.testing.assert_array_equal(mean, plain.network.state()[name])
    assert mean.any()


def test_hooks_given_first_are_called_first() -> None:
    order: list[int] = []

    class Numbered:
        def __init__(self, number: int) -> None:
            self.number = number

        def plugnet_step_end(self) -> None:
            order.append(self.number)

    trainer(hooks=[Numbered(1), Numbered(2), Numbered(3)]).fit(X, Y, 1)
    assert order == [1, 2, 3]


def test_a_hook_can_end_training() -> None:
    class Enough:
        def plugnet_step_end(self, training: Trainer, iteration: int) -> None:
            if iteration == 4:
                training.stop("that is enough")

    stopped = trainer(hooks=[Enough()])
    history = stopped.fit(X, Y, 100)
    assert stopped.iteration == 5
    assert history.stopped == "that is enough"


def test_without_implementations_there_is_nothing_to_call() -> None:
    assert HookCaller().caller("plugnet_step_end") is None
    assert HookCaller([Recorder()]).caller("plugnet_step_end") is not None
    assert HookCaller([Recorder()]).caller("plugnet_cli") is None


def test_an_error_in_a_hook_names_hook_and_plugin_and_ends_training() -> None:
    class Careless:
        def plugnet_step_end(self, loss: float) -> None:
            raise KeyError("missing")

    recorder = Recorder()
    failing = trainer(hooks=[recorder, Careless()])
    with pytest.raises(KeyError) as caught:
        failing.fit(X, Y, 5)
    note = "".join(caught.value.__notes__)
    assert "plugnet_step_end" in note
    assert "Careless" in note
    assert failing.iteration == 1
    assert recorder.calls[-1] == ("end", 1, True)


def test_others_see_the_end_when_a_hook_fails_at_the_start() -> None:
    class Broken:
        def plugnet_train_start(self) -> None:
            raise OSError("no disk")

    recorder = Recorder()
    with pytest.raises(OSError, match="no disk"):
        trainer(hooks=[recorder, Broken()]).fit(X, Y, 5)
    assert recorder.calls == [("start", 5), ("end", 0, True)]


def test_a_stop_at_the_last_iteration_is_no_early_end() -> None:
    class Late:
        def plugnet_evaluate_end(self, training: Trainer) -> None:
            training.stop("too late")

    history = trainer(hooks=[Late()]).fit(X, Y, 3, validation=(X, Y))
    assert history.stopped is None


def test_training_that_diverges_still_ends_for_the_hooks() -> None:
    recorder = Recorder()
    diverging = trainer(hooks=[recorder], policy=("fixed", 1e30))
    with pytest.raises(DivergenceError):
        diverging.fit(X, Y, 50)
    assert recorder.calls[-1][0] == "end"


class Unknown:
    def plugnet_step_ended(self) -> None:
        """There is no such hook."""


class Extra:
    def plugnet_step_end(self, momentum: float) -> None:
        """There is no such argument."""


class KeywordOnly:
    def plugnet_step_end(self, *, loss: float) -> None:
        """Pluggy would call it without its argument."""


class AnyKeyword:
    def plugnet_step_end(self, **arguments: object) -> None:
        """Pluggy would give it nothing."""


class AnyPosition:
    def plugnet_step_end(self, *arguments: object) -> None:
        """Pluggy would give it nothing."""


class Default:
    def plugnet_step_end(self, loss: float = 0.0) -> None:
        """Pluggy would never pass the loss."""


class Partial:
    plugnet_step_end = functools.partial(print, "step")


class PartialMethod:
    def report(self, text: str, loss: float) -> None:
        """Needs more than the hook gives."""

    plugnet_step_end = functools.partialmethod(report, "step")


class Cached:
    @functools.lru_cache  # noqa: B019
    def plugnet_step_end(self) -> None:
        """No function, but an object that is called."""


class Object:
    plugnet_step_end = Recorder


class Text:
    plugnet_step_end = "no function at all"


@pytest.mark.parametrize(
    ("plugin", "hook", "text"),
    [
        (Unknown(), "", "step_ended"),
        (Extra(), "plugnet_step_end", "takes the positional or keyword argument 'momentum'"),
        (KeywordOnly(), "plugnet_step_end", "takes the keyword-only argument 'loss'"),
        (AnyKeyword(), "plugnet_step_end", r"takes the variadic keyword argument '\*\*arguments'"),
        (AnyPosition(), "plugnet_step_end", r"positional argument '\*arguments'"),
        (Default(), "plugnet_step_end", "argument 'loss=0.0'"),
        (Partial(), "plugnet_step_end", "but it is a partial"),
        (PartialMethod(), "plugnet_step_end", "but it is a partialmethod"),
        (Cached(), "plugnet_step_end", "but it is a _lru_cache_wrapper"),
        (Object(), "plugnet_step_end", "but it is a type"),
        (Text(), "plugnet_step_end", "but it is a str"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_hook_that_fits_no_specification_is_refused(plugin: object, hook: str, text: str) -> None:
    with pytest.raises(HookError, match=text) as caught:
        HookCaller([plugin])
    assert caught.value.plugin == type(plugin).__name__
    assert caught.value.hook == hook


def test_every_plain_way_to_write_a_hook_is_accepted() -> None:
    seen: list[object] = []

    class Plain:
        def __init__(self) -> None:
            self.plugnet_train_start = lambda iterations: seen.append(iterations)

        def plugnet_step_end(self, loss: float, /) -> None:
            seen.append("step")

        @staticmethod
        def plugnet_train_end(history: History) -> None:
            seen.append("end")

        @classmethod
        def plugnet_evaluate_end(cls, targets: Array) -> None:
            seen.append(cls)

    trainer(hooks=[Plain()]).fit(X, Y, 1, test=(X, Y))
    assert seen == [1, "step", Plain, "end"]


def test_every_specification_says_what_it_is_for() -> None:
    specifications = [name for name in vars(Hooks) if name.startswith("plugnet_")]
    assert len(specifications) == 7
    assert all(getattr(Hooks, name).__doc__ for name in specifications)
