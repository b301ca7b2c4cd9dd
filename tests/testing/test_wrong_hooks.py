"""Hooks that break the contract in a training, and some that only look as if they did."""

from __future__ import annotations

import sys
import types
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from tests.checks import failures, names_faults
from tests.testing.strangers import right_hooks, wrong_hooks

from plugnet.testing import check_component
from plugnet.training.protocol import Training


class Silences:
    """Hides all warnings from its start on."""

    observes: ClassVar[bool] = True

    def plugnet_train_start(self) -> None:
        warnings.simplefilter("ignore")


class IgnoresOverflow:
    """Lets NumPy ignore overflow from its start on."""

    observes: ClassVar[bool] = True

    def plugnet_train_start(self) -> None:
        np.seterr(over="ignore")


class UnsaidAndClips:
    """Clips gradients and does not say whether it observes."""

    def plugnet_gradients_ready(self, parameters: Any) -> None:
        np.clip(parameters.grad, -1e-3, 1e-3, out=parameters.grad)


class NeedsAnEvaluation:
    """Takes the last evaluation for granted."""

    observes: ClassVar[bool] = True

    def plugnet_train_end(self, training: Training) -> None:
        self.last = training.history.evaluations[-1]


class NeedsTwoSamples:
    """Computes the spread of the outputs' classes with one degree of freedom less."""

    observes: ClassVar[bool] = True

    def plugnet_evaluate_end(self, outputs: Any) -> None:
        self.spread = float(np.square(outputs - outputs.mean(axis=0)).sum()) // (len(outputs) - 1)


class RefusesLate:
    """Finds at the end only that there was no validation."""

    observes: ClassVar[bool] = False

    def plugnet_train_end(self, training: Training) -> None:
        from plugnet.errors import HookError

        if not training.parts:
            raise HookError("There was no validation.", hook="plugnet_train_end", plugin="late")


test_the_fault_is_named = names_faults(
    {
        # What it remembers.
        wrong_hooks.ForgetsWaiting: {"resumes"},
        wrong_hooks.ResetsAtStart: {"resumes"},
        wrong_hooks.RestoresHalf: {"restores_state", "resumes"},
        wrong_hooks.LateState: {"resumes"},
        wrong_hooks.UnsavedNoise: {"resumes"},
        wrong_hooks.ScalesAtEachStart: {"resumes"},
        wrong_hooks.LiveState: {"state_stays"},
        wrong_hooks.TakesTheState: {"restored_state_stays"},
        wrong_hooks.StateOfASet: {"state_plain"},
        wrong_hooks.StateByNumber: {"state_plain"},
        wrong_hooks.StateBeforeStart: {"trains"},
        # What it changes.
        wrong_hooks.ShrinksWhileWatching: {"observes"},
        wrong_hooks.SlowsWhileWatching: {"observes"},
        wrong_hooks.CentresTheSamples: {"observes"},
        wrong_hooks.SoftmaxesTheOutputs: {"observes"},
        wrong_hooks.EditsHistory: {"observes"},
        UnsaidAndClips: {"observes"},
        wrong_hooks.KeepsTheWeights: {"keeps_copies"},
        wrong_hooks.SeedsTheGlobal: {"process_state"},
        Silences: {"process_state"},
        IgnoresOverflow: {"process_state"},
        # Its files.
        wrong_hooks.WritesOutside: {"files"},
        wrong_hooks.WritesToTemp: {"files"},
        wrong_hooks.LeavesAFileOpen: {"files"},
        wrong_hooks.AppendsTwice: {"resumes_files"},
        # Other trainings.
        wrong_hooks.Stale: {"second_fit"},
        wrong_hooks.OneFitOnly: {"second_fit"},
        # Unusual trainings.
        wrong_hooks.ZeroNorm: {"zero_gradients"},
        wrong_hooks.LogOfLoss: {"zero_gradients"},
        NeedsAnEvaluation: {"no_validation"},
        NeedsTwoSamples: {"one_sample"},
        RefusesLate: {"no_validation"},
        # What never runs, or never works.
        wrong_hooks.Awaits: {"runs_when_called"},
        wrong_hooks.Yields: {"runs_when_called"},
        wrong_hooks.RestoresTooEarly: {"trains"},
    }
)


def test_what_instances_share_is_found() -> None:
    assert "instances_independent" in failures(wrong_hooks.SharedList)


def test_a_state_that_nothing_restores_is_found() -> None:
    assert "no restore" in failures(wrong_hooks.SavesOnly)["state_methods"]


@pytest.mark.parametrize(("name", "given"), right_hooks.COMPONENTS)
def test_right_ones_pass(name: str, given: Any) -> None:
    check_component(given if isinstance(given, type) else given())


def test_the_message_says_what_differs_and_what_to_do() -> None:
    reason = failures(wrong_hooks.SlowsWhileWatching)["observes"]
    assert "the weights, the losses, the rates" in reason
    assert reason.endswith("write observes = False in the class.")


def test_the_message_names_the_file() -> None:
    assert (
        "stranger-losses.txt in the current folder" in failures(wrong_hooks.WritesOutside)["files"]
    )


def test_a_run_keeps_the_files_of_an_absolute_path(tmp_path: Path) -> None:
    check_component(right_hooks.NeedsAPath(str(tmp_path / "count.txt")))
    assert not list(tmp_path.iterdir())


def test_a_stream_that_is_not_its_own_may_stay_open() -> None:
    class Prints:
        """Prints to the standard error stream that it has found at its start."""

        observes: ClassVar[bool] = True

        def plugnet_train_start(self) -> None:
            self._stream = sys.stderr

        def plugnet_step_end(self, loss: float) -> None:
            print(loss, file=self._stream)

    check_component(Prints)


def test_what_changes_between_trainings_need_not_be_the_same() -> None:
    class Named:
        """Remembers a name that is new for each run."""

        observes: ClassVar[bool] = True
        count: ClassVar[int] = 0

        def __init__(self) -> None:
            Named.count += 1
            self._run = f"run {Named.count}"

        def state(self) -> dict[str, Any]:
            return {"run": self._run}

        def restore(self, state: Mapping[str, Any]) -> None:
            self._run = state["run"]

        def plugnet_step_end(self) -> None:
            pass

    check_component(Named)


def test_a_file_that_was_closed_may_stay() -> None:
    class Closes:
        """Keeps its closed file."""

        observes: ClassVar[bool] = True

        def plugnet_train_start(self, training: Training) -> None:
            self._file = training.file("rows").open("wb")

        def plugnet_train_end(self) -> None:
            self._file.close()

    check_component(Closes)


def test_a_hook_may_refuse_a_training_at_its_start() -> None:
    report = check_component(("early_stop", {"metric": "f1"}))
    reasons = {result.check: result.reason for result in report.results}
    assert "follows 'f1'" in reasons["trains"]


def test_a_module_is_checked_like_a_class() -> None:
    module = types.ModuleType("misspelt")

    def plugnet_step_ends(loss: float) -> None:
        pass

    module.plugnet_step_ends = plugnet_step_ends  # type: ignore[attr-defined]
    assert failures(module).keys() == {"documented", "methods", "fits"}
