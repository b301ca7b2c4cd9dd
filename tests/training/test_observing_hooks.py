"""Hooks that only observe: their errors end nothing; those of the others do."""

import warnings
from typing import Any

import pytest
from tests.small import X, Y, trainer
from tests.trained import saved_bits

from plugnet import Trainer
from plugnet.errors import DivergenceError, HookError, PluginWarning
from plugnet.training import Evaluation
from plugnet.training.hooks import HookCaller

HELD = (X[::2], Y[::2])
PLACES = ["gradients_ready", "step_end", "evaluate_end", "checkpoint", "train_end"]


class Silent:
    """Raises in one of its hooks, and does not say whether it only observes."""

    def __init__(self, place: str, error: BaseException | None = None) -> None:
        self.place, self.error = place, error or RuntimeError("broken")
        self.calls: list[str] = []

    def plugnet_train_start(self) -> None:
        self._at("train_start")

    def plugnet_gradients_ready(self) -> None:
        self._at("gradients_ready")

    def plugnet_step_end(self) -> None:
        self._at("step_end")

    def plugnet_evaluate_end(self) -> None:
        self._at("evaluate_end")

    def plugnet_checkpoint(self) -> None:
        self._at("checkpoint")

    def plugnet_train_end(self) -> None:
        self._at("train_end")

    def _at(self, place: str) -> None:
        self.calls.append(place)
        if place == self.place:
            raise self.error


class Failing(Silent):
    """Only observes."""

    observes = True


class Needed(Silent):
    """The training needs it."""

    observes = False


def fit(run: Trainer) -> str:
    run.fit(X, Y, 6, validation=HELD, evaluate_every=2, test=HELD)
    return saved_bits(run)


@pytest.mark.parametrize("place", PLACES)
def test_an_error_of_an_observer_changes_no_bit(place: str) -> None:
    failing, run = Failing(place), trainer()
    run.hooks = [failing, *run.hooks]
    with pytest.warns(PluginWarning, match="Failing has failed and is left out: Runtime.*: broken"):
        bits = fit(run)
    assert bits == fit(trainer())
    assert run.history.notes == ["Failing has failed and is left out: RuntimeError: broken"]
    assert failing.calls.count(place) == 1
    after = failing.calls[failing.calls.index(place) + 1 :]
    assert after == ([] if place == "train_end" else ["train_end"])


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", [Needed, Silent])
def test_an_error_of_any_other_hook_ends_it(place: str, kind: type[Silent]) -> None:
    with pytest.raises(RuntimeError, match="broken") as caught:
        fit(trainer(hooks=[kind(place)]))
    assert caught.value.__notes__ == [
        f"Raised by the hook plugnet_{place} of plugin '{kind.__name__}'."
    ]


@pytest.mark.parametrize("kind", [Failing, Needed, Silent])
def test_an_error_at_the_start_always_ends_it(kind: type[Silent]) -> None:
    first, failing, last = Failing(""), kind("train_start"), Failing("")
    run = trainer(hooks=[first, failing, last])
    with pytest.raises(RuntimeError, match="broken"):
        fit(run)
    assert first.calls == ["train_start", "train_end"]
    assert failing.calls == ["train_start"]
    assert last.calls == []
    assert (run.iteration, run.goal) == (0, None)


@pytest.mark.parametrize("kind", [Failing, Needed])
@pytest.mark.parametrize("is_first", [True, False])
def test_no_error_of_the_end_hides_the_first_one(kind: type[Silent], is_first: bool) -> None:
    hooks = [Needed("step_end", KeyError("first")), kind("train_end")]
    run = trainer(hooks=hooks if is_first else hooks[::-1])
    with pytest.warns(PluginWarning, match="broken"), pytest.raises(KeyError, match="first"):
        fit(run)
    assert len(run.history.notes) == 1


def test_no_warning_that_is_an_error_hides_the_first_one() -> None:
    run = trainer(hooks=[Needed("step_end", KeyError("first")), Needed("train_end")])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(KeyError, match="first"):
            fit(run)


def test_of_two_errors_at_the_end_the_first_is_raised() -> None:
    run = trainer(hooks=[Needed("train_end", KeyError("one")), Needed("train_end")])
    with pytest.warns(PluginWarning, match="broken"), pytest.raises(KeyError, match="one"):
        fit(run)


@pytest.mark.parametrize("place", PLACES)
def test_an_interrupt_in_an_observer_gets_through(place: str) -> None:
    last = Failing("")
    with pytest.raises(KeyboardInterrupt):
        fit(trainer(hooks=[Failing(place, KeyboardInterrupt()), last]))
    assert last.calls[-1] == "train_end"


@pytest.mark.parametrize("place", [*PLACES, "train_start"])
def test_divergence_in_an_observer_gets_through(place: str) -> None:
    error = DivergenceError("far", iteration=1, loss=1.0, rate=1.0)
    with pytest.raises(DivergenceError, match="far"):
        fit(trainer(hooks=[Failing(place, error)]))


def test_a_wrapper_around_other_hooks_is_refused() -> None:
    import pluggy

    class Wrapper:
        @pluggy.HookimplMarker("plugnet")(wrapper=True)
        def plugnet_step_end(self) -> Any:
            yield

    class OldWrapper:
        @pluggy.HookimplMarker("plugnet")(hookwrapper=True)
        def plugnet_step_end(self) -> Any:
            yield

    for hook in (Wrapper(), OldWrapper()):
        with pytest.raises(HookError, match="no wrapper around others"):
            HookCaller([hook])


def test_a_lenient_caller_leaves_out_who_does_not_say() -> None:
    """So it is in a run of the command line."""
    caller = HookCaller([Silent("step_end")], lenient=True)
    call = caller.caller("plugnet_step_end")
    assert call is not None
    with pytest.warns(PluginWarning, match="Silent has failed"):
        call(training=None, iteration=0, loss=1.0, rate=1.0)
    assert caller.caller("plugnet_step_end") is None
    assert caller.caller("plugnet_checkpoint") is None
    needed = HookCaller([Needed("step_end")], lenient=True).caller("plugnet_step_end")
    assert needed is not None
    with pytest.raises(RuntimeError):
        needed(training=None, iteration=0, loss=1.0, rate=1.0)


def test_an_evaluation_reaches_those_after_a_failed_observer() -> None:
    seen: list[int] = []

    class Last:
        def plugnet_evaluate_end(self, evaluation: Evaluation) -> None:
            seen.append(evaluation.iteration)

    with pytest.warns(PluginWarning):
        fit(trainer(hooks=[Failing("evaluate_end"), Last()]))
    assert seen == [2, 4, 6, 6]
