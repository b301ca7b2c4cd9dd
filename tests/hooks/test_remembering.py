"""Hooks that remember: over several fits, in a resumed run, and in another trainer."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.small import X, Y, trainer
from tests.trained import weights_of

from plugnet import Network, Trainer, registry
from plugnet.training import Evaluation
from plugnet.training.remembering import Remembering
from plugnet.training.states import join, split

HELD = (X, (Y + 1) % 3)  # what training gains, they lose


def built(name: str, folder: Path) -> Any:
    paths = {"best_model": [str(folder / "best")], "checkpoint": [str(folder / "run")]}
    return registry.hooks.build(name, *paths.get(name, []))


REMEMBERING = ["best_model", "checkpoint", "early_stop", "plateau"]


@pytest.mark.parametrize("name", REMEMBERING)
def test_a_state_goes_through_a_file_unchanged(name: str, tmp_path: Path) -> None:
    hook = built(name, tmp_path)
    trainer(hooks=[hook]).fit(X, Y, 6, validation=HELD, evaluate_every=2)
    document, arrays = split(hook.state(), "hooks")
    other = built(name, tmp_path)
    other.restore(join(document, arrays))
    if name != "checkpoint":  # which takes it over when training begins
        again, arrays_again = split(other.state(), "hooks")
        assert again == document
        assert arrays_again.keys() == arrays.keys()
        assert all(np.array_equal(arrays_again[key], arrays[key]) for key in arrays)


def test_of_the_other_hooks_none_has_anything_to_remember(tmp_path: Path) -> None:
    paths = {"path": str(tmp_path / "file")}
    for name in {*registry.hooks.names()} - {*REMEMBERING}:
        takes_path = name in ("csv_log", "loss_curve", "confusion_matrix", "mistakes")
        hook = registry.hooks.build(name, **(paths if takes_path else {}))
        assert not isinstance(hook, Remembering), name


def evaluations_until_stop(chunk: int, every: int, patience: int) -> tuple[int, Trainer]:
    """Return how many evaluations early_stop needs if each fit has ``chunk`` iterations."""
    count = 0

    class Count:
        def plugnet_evaluate_end(self) -> None:
            nonlocal count
            count += 1

    hooks = [("early_stop", patience), Count()]
    # The validation loss falls until iteration 13, and rises from there on.
    labels = (X[:, 0] > 0.5).astype(int)
    held = (X, np.where(np.arange(20) < 13, labels, 1 - labels))
    settings: dict[str, Any] = {"policy": ("fixed", 1.0), "optimizer": ("sgd", 0.0)}
    run = Trainer(Network([("fc", 4, 3)]), batch_size=20, hooks=hooks, **settings)
    for _ in range(30):
        history = run.fit(X, labels, chunk, validation=held, evaluate_every=every)
        if history.stopped is not None:
            return count, run
    raise AssertionError("it has never stopped")


@pytest.mark.filterwarnings("ignore:early_stop has seen one evaluation only")
@pytest.mark.parametrize(("chunk", "every"), [(1, 1), (2, 2), (4, 2), (6, 2), (3, 1)])
def test_early_stop_counts_over_several_fits(chunk: int, every: int) -> None:
    whole_count, whole = evaluations_until_stop(100, every, patience=5)
    count, run = evaluations_until_stop(chunk, every, patience=5)
    assert count == whole_count < 30
    assert 8 < run.iteration == whole.iteration
    np.testing.assert_array_equal(weights_of(run), weights_of(whole))


@pytest.mark.filterwarnings("ignore:early_stop has seen one evaluation only")
@pytest.mark.parametrize("is_fresh", [True, False])
def test_early_stop_counts_on_in_a_resumed_run(tmp_path: Path, is_fresh: bool) -> None:
    def stops_after(hooks: list[Any], split_at: int | None) -> int:
        run = trainer(hooks=hooks, policy=("fixed", 1.0))
        if split_at is not None:
            run.fit(X, Y, split_at, validation=HELD, evaluate_every=1)
            run.save(tmp_path / "run")
            hooks = [("early_stop", 3)] if is_fresh else hooks
            run = Trainer.resume(tmp_path / "run", hooks)
        return len(run.fit(X, Y, 50, validation=HELD, evaluate_every=1).loss)

    assert stops_after([("early_stop", 3)], None) == stops_after([("early_stop", 3)], 1) < 50


def test_after_it_has_stopped_it_waits_again() -> None:
    run = trainer(hooks=[("early_stop", 2)], policy=("fixed", 1.0))
    for _ in range(3):
        history = run.fit(X, Y, 50, validation=HELD, evaluate_every=1)
        assert history.stopped is not None
        assert len(history.loss) == run.iteration + 2


@pytest.mark.parametrize("name", ["early_stop", "plateau", "best_model"])
def test_in_another_trainer_a_hook_begins_anew(name: str, tmp_path: Path) -> None:
    used, fresh = built(name, tmp_path), built(name, tmp_path)
    trainer(hooks=[used]).fit(X, Y, 20, validation=(X, Y), evaluate_every=1)  # all progress
    runs = [trainer(hooks=[hook], policy=("fixed", 3.0)) for hook in (used, fresh)]
    bits = []
    for run in runs:
        run.fit(X, Y, 12, validation=HELD, evaluate_every=1)
        bits.append((run.history.loss, run.history.rate, run.history.stopped, run.iteration))
    assert bits[0] == bits[1]
    if name == "best_model":
        assert used.state() == fresh.state()


def test_plateau_counts_on_over_fits_and_files(tmp_path: Path) -> None:
    def rates(chunks: list[int], is_saved: bool = False) -> list[float]:
        run = trainer(hooks=[("plateau", 0.5, 3)], policy=("fixed", 1.0))
        for chunk in chunks:
            run.fit(X, Y, chunk, validation=HELD, evaluate_every=1)
            if is_saved:
                run.save(tmp_path / "run")
                run = Trainer.resume(tmp_path / "run", [("plateau", 0.5, 3)])
        return run.history.rate

    whole = rates([12])
    assert len(set(whole)) > 2
    assert rates([1, 2, 4, 5]) == whole
    assert rates([1, 2, 4, 5], is_saved=True) == whole


def test_best_model_compares_with_the_resumed_run(tmp_path: Path) -> None:
    path = tmp_path / "best"
    run = trainer(hooks=[("best_model", str(path))])
    run.fit(X, Y, 10, validation=(X, Y), evaluate_every=1)
    run.save(tmp_path / "run")
    best = path.read_bytes()
    again = Trainer.resume(tmp_path / "run", [("best_model", str(path))])
    again.fit(X, Y, 3, validation=HELD)
    assert path.read_bytes() == best


def test_hooks_of_one_name_get_back_each_its_own(tmp_path: Path) -> None:
    class Named:
        def __init__(self, value: int = 0) -> None:
            self.value = value

        def plugnet_step_end(self) -> None:
            """Something to call."""

        def state(self) -> dict[str, Any]:
            return {"value": self.value, "array": np.full(2, self.value)}

        def restore(self, state: Any) -> None:
            self.value = state["value"]
            assert state["array"].tolist() == [self.value] * 2

    run = trainer(hooks=[Named(1), "early_stop", Named(2)])
    run.save(tmp_path / "run")
    hooks = [Named(), Named(), Named(7)]
    Trainer.resume(tmp_path / "run", hooks)
    assert [hook.value for hook in hooks] == [1, 2, 7]


def test_the_best_loss_is_not_that_of_a_stop_for_now(tmp_path: Path) -> None:
    """What is evaluated only because of an interrupt would not be without it."""

    class Pause:
        observes = True

        def plugnet_step_end(self, training: Trainer) -> None:
            training.stop("for now", resumable=True)

    class Better:
        def plugnet_evaluate_end(self, evaluation: Evaluation) -> None:
            object.__setattr__(evaluation, "loss", -1.0)

    path = tmp_path / "best"
    hook = registry.hooks.build("best_model", str(path))
    trainer(hooks=[Pause(), Better(), hook]).fit(X, Y, 10, validation=(X, Y), evaluate_every=5)
    assert not path.exists()
    assert hook.state() == {"least": float("inf")}
