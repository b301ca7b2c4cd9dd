"""checkpoint: when it saves, what it keeps, and what becomes of failures."""

import copy
import errno
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.layers import Same
from tests.small import X, Y, trainer
from tests.trained import saved_bits

from plugnet import Network, Trainer, registry
from plugnet.arrays import Array
from plugnet.errors import (
    DivergenceError,
    FileFormatError,
    HookError,
    PluginWarning,
    TrainingWarning,
)
from plugnet.training import Evaluation
from plugnet.training.checkpoints import Checkpoints
from plugnet.training.journal import Journal

HELD = (X[::2], Y[::2])


def hook(folder: Path, **options: Any) -> Any:
    return registry.hooks.build("checkpoint", str(folder), **{"seconds": None} | options)


def kept(folder: Path) -> list[int]:
    """Return the iterations of the checkpoints in a folder."""
    return sorted(int(path.stem.split("-")[1]) for path in folder.glob("iteration-*"))


class Clock:
    """Stands in for the time: each step takes a second, each save a given time."""

    observes = True

    def __init__(self, monkeypatch: pytest.MonkeyPatch, save: float = 0.0) -> None:
        self.now, self.save = 100.0, save
        self.saved: list[int] = []
        monkeypatch.setattr("plugnet_builtin.hooks.checkpoint.time.monotonic", lambda: self.now)
        before = Checkpoints.save

        def save_slowly(checkpoints: Checkpoints, training: Any) -> None:
            self.saved.append(training.iteration)
            self.now += self.save
            before(checkpoints, training)

        monkeypatch.setattr(Checkpoints, "save", save_slowly)

    def plugnet_step_end(self) -> None:
        self.now += 1.0


def saves(clock: Clock, folder: Path, length: int, **options: Any) -> list[int]:
    """Return at which iterations a run is saved."""
    trainer(hooks=[clock, hook(folder, **options)]).fit(X, Y, length)
    return clock.saved


def test_by_iterations_it_saves_at_each_multiple(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert saves(Clock(monkeypatch), tmp_path / "run", 10, iterations=3) == [3, 6, 9, 10]


def test_by_time_it_saves_when_the_seconds_have_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert saves(Clock(monkeypatch), tmp_path / "run", 11, seconds=4) == [4, 8, 11]


def test_saving_takes_at_most_a_hundredth_of_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch, save=0.25)
    assert saves(clock, tmp_path / "run", 60, seconds=2) == [2, 27, 52, 60]


def test_without_a_number_it_saves_at_the_end_only(tmp_path: Path) -> None:
    trainer(hooks=[hook(tmp_path / "run")]).fit(X, Y, 5)
    assert kept(tmp_path / "run") == [5]


def test_it_saves_after_the_next_step_if_it_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, saving = Clock(monkeypatch), hook(tmp_path / "run")

    class Asking:
        def plugnet_step_end(self, iteration: int) -> None:
            if iteration == 2:
                saving.ask()

    trainer(hooks=[clock, Asking(), saving]).fit(X, Y, 6)
    assert clock.saved == [3, 6]


@pytest.mark.parametrize(("keep", "expected"), [(1, [6]), (2, [4, 6]), (9, [2, 4, 6])])
def test_the_last_ones_stay(tmp_path: Path, keep: int, expected: list[int]) -> None:
    trainer(hooks=[hook(tmp_path / "run", iterations=2, keep=keep)]).fit(X, Y, 6)
    assert kept(tmp_path / "run") == expected


class Judge:
    """Replaces the validation loss by scripted ones, before the hooks that follow."""

    def __init__(self, losses: dict[int, float]) -> None:
        self.losses = losses

    def plugnet_evaluate_end(self, evaluation: Evaluation) -> None:
        object.__setattr__(evaluation, "loss", self.losses[evaluation.iteration])


def judged(folder: Path, losses: list[float], resume: bool = False) -> list[int]:
    """Return what is kept after a run with a validation loss after each step."""
    judge = Judge(dict(enumerate(losses, 1)))
    hooks = [judge, hook(folder, iterations=1, keep=1)]
    run = Trainer.resume(folder, hooks) if resume else trainer(hooks=hooks)
    run.fit(X, Y, len(losses) - run.iteration, validation=HELD, evaluate_every=1)
    return kept(folder)


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([3.0, 1.0, 2.0, 2.0], [2, 4]),
        ([3.0, 2.0, 1.0], [3]),
        ([1.0, 1.0, 1.0], [1, 3]),
        ([2.0, 0.0, 1.0, 0.5], [2, 4]),
        ([float("nan"), 2.0, 3.0], [2, 3]),
        ([2.0, float("nan"), 3.0], [1, 3]),
    ],
)
def test_the_best_one_stays(tmp_path: Path, losses: list[float], expected: list[int]) -> None:
    assert judged(tmp_path / "run", losses) == expected


def test_the_best_one_stays_in_a_resumed_run(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert judged(folder, [3.0, 1.0, 2.0]) == [2, 3]
    assert judged(folder, [3.0, 1.0, 2.0, 1.5, 1.5], resume=True) == [2, 5]
    assert judged(folder, [3.0, 1.0, 2.0, 1.5, 1.5, 0.5, 0.7], resume=True) == [6, 7]


def test_the_best_one_is_saved_though_it_is_not_due(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch)
    judge = Judge({1: 3.0, 2: 2.0, 3: 2.5, 4: 1.0, 5: 1.5})
    run = trainer(hooks=[clock, judge, hook(tmp_path / "run")])
    run.fit(X, Y, 5, validation=HELD, evaluate_every=1)
    assert clock.saved == [1, 2, 4, 5]


def test_after_going_back_no_later_checkpoint_stays(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    hooks = [("early_stop", 9), hook(folder, iterations=1, keep=3)]
    run = trainer(hooks=hooks, policy=("fixed", 3.0))
    run.fit(X, Y, 8, validation=(X, (Y + 1) % 3), evaluate_every=1)
    assert run.iteration < 8
    assert max(kept(folder)) == run.iteration
    assert saved_bits(Trainer.resume(folder)) == saved_bits(run)


def test_what_came_after_a_time_gone_back_to_is_forgotten(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    saving = hook(folder, iterations=1)
    judge = Judge({1: 4.0, 2: 3.0, 3: 2.0, 4: 1.0})
    run = trainer(hooks=[judge, saving])
    run.fit(X, Y, 1, validation=HELD)
    first = run.snapshot()
    run.fit(X, Y, 3, validation=HELD, evaluate_every=1)
    run.restore(first)
    run.policy = registry.lr_policies.build("fixed", 0.01)  # so that other losses follow
    judge.losses = {2: 9.0, 3: 8.0, 4: 7.0}
    run.fit(X, Y, 2, validation=HELD, evaluate_every=1)
    assert kept(folder) == [2, 3]
    again = Trainer.resume(folder)
    assert again.history.loss == run.history.loss
    assert again.history.rate[1:] == [0.01, 0.01]
    assert again.history["validation_loss"] == [4.0, 9.0, 8.0]
    assert saving.state()["best"] is None


def test_of_a_best_one_gone_back_from_nothing_is_noted(tmp_path: Path) -> None:
    class Back:
        first: Any = None

        def plugnet_evaluate_end(self, training: Trainer) -> None:
            self.first = self.first or training.snapshot()
            if training.is_ending:
                training.restore(self.first)

    saving = hook(tmp_path / "run", iterations=1)
    run = trainer(hooks=[Judge({1: 2.0, 2: 3.0, 3: 1.0}), Back(), saving])
    run.fit(X, Y, 3, validation=HELD, evaluate_every=1)
    assert run.iteration == 1
    assert (saving.state()["least"], saving.state()["best"]) == (2.0, 1)


# Failures ----------------------------------------------------------------------------------------


def test_a_full_disk_is_a_warning_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, whole = Clock(monkeypatch), trainer()
    whole.fit(X, Y, 30)
    before = Journal.append

    def append(journal: Journal, history: Any) -> Any:
        if len(history.loss) < 14:
            raise OSError(errno.ENOSPC, "No space left on device")
        return before(journal, history)

    monkeypatch.setattr(Journal, "append", append)
    run = trainer(hooks=[clock, hook(tmp_path / "run", seconds=4)])
    with pytest.warns(PluginWarning, match=r"cannot be written: .*No space") as caught:
        run.fit(X, Y, 30)
    assert ["iteration 4 " in str(each.message) for each in caught] == [True, False, False]
    assert clock.saved == [4, 8, 12, 16, 20, 24, 28, 30]
    assert kept(tmp_path / "run") == [28, 30]
    assert saved_bits(run) == saved_bits(whole)


def test_what_could_not_be_saved_when_asked_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, saving = Clock(monkeypatch), hook(tmp_path / "run")
    monkeypatch.setattr(Journal, "append", lambda *_: (_ for _ in ()).throw(OSError("no disk")))

    class Asking:
        def plugnet_step_end(self, iteration: int) -> None:
            if iteration == 2:
                saving.ask()

    with pytest.warns(PluginWarning, match="no disk"):
        trainer(hooks=[clock, Asking(), saving]).fit(X, Y, 27)
    assert clock.saved == [3, 13, 23, 27]


def test_a_best_one_that_could_not_be_saved_is_not_the_best(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = Journal.append

    def append(journal: Journal, history: Any) -> Any:
        if len(history.loss) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return before(journal, history)

    monkeypatch.setattr(Journal, "append", append)
    with pytest.warns(PluginWarning, match="iteration 2 cannot be written"):
        assert judged(tmp_path / "run", [3.0, 1.0, 2.0, 2.5]) == [3, 4]


def test_a_folder_of_another_run_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    trainer(hooks=[hook(folder)]).fit(X, Y, 2)
    bits = {path.name: path.read_bytes() for path in folder.iterdir()}
    other = trainer()
    other.fit(X, Y, 3)
    for run in (trainer(), other):
        run.hooks = [hook(folder)]
        with pytest.raises(HookError, match="checkpoints of another run"):
            run.fit(X, Y, 2)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == bits


def test_resumed_from_one_run_it_writes_over_no_other(tmp_path: Path) -> None:
    for name in ("one", "two"):
        trainer(hooks=[hook(tmp_path / name)]).fit(X, Y, 2)
    run = Trainer.resume(tmp_path / "one", [hook(tmp_path / "two")])
    with pytest.raises(HookError, match="checkpoints of another run"):
        run.fit(X, Y, 2)
    run.hooks = []
    Trainer.resume(tmp_path / "one", [hook(tmp_path / "three")]).fit(X, Y, 2)
    assert kept(tmp_path / "three") == [4]


def test_saved_again_before_it_goes_on_it_is_the_same_run(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    trainer(hooks=[hook(folder)]).fit(X, Y, 2)
    Trainer.resume(folder, [hook(folder)]).save(tmp_path / "again")
    Trainer.resume(tmp_path / "again", [hook(folder)]).fit(X, Y, 2)
    assert kept(folder) == [2, 4]


def test_used_in_another_training_it_begins_anew(tmp_path: Path) -> None:
    saving = hook(tmp_path / "run")
    first = trainer(hooks=[saving])
    first.fit(X, Y, 2)
    first.fit(X, Y, 2)
    with pytest.raises(HookError, match="checkpoints of another run"):
        trainer(hooks=[saving]).fit(X, Y, 2)
    with pytest.raises(HookError, match="checkpoints of another run"):
        copy.deepcopy(first).fit(X, Y, 2)


def test_a_run_stopped_before_its_first_step_is_resumed(tmp_path: Path) -> None:
    class Pause:
        def plugnet_train_start(self, training: Trainer) -> None:
            training.stop("for now", resumable=True)

    folder = tmp_path / "run"
    trainer(hooks=[Pause(), hook(folder)]).fit(X, Y, 4)
    assert kept(folder) == [0]
    Trainer.resume(folder, [Pause(), hook(folder)]).fit(X, Y)
    again = Trainer.resume(folder, [hook(folder, keep=1)])
    again.fit(X, Y)
    assert kept(folder) == [again.iteration] == [4]


@pytest.mark.parametrize("name", ["iteration-00000006.safetensors", "history"])
def test_of_a_damaged_checkpoint_the_one_before_is_taken(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "run"
    trainer(hooks=[hook(folder, iterations=2)]).fit(X, Y, 6)
    if name == "history":  # whose end only the last checkpoint needs
        (path,) = folder.glob("history-*")
        path.write_bytes(path.read_bytes()[:-5])
    else:
        path = folder / name
        path.write_bytes(path.read_bytes()[:100])
    with pytest.warns(TrainingWarning, match="older checkpoint is used"):
        assert Trainer.resume(folder).iteration == 4


def test_if_all_are_damaged_it_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    trainer(hooks=[hook(folder, iterations=2)]).fit(X, Y, 6)
    for path in folder.glob("iteration-*"):
        path.write_bytes(b"")
    with pytest.raises(FileFormatError, match="iteration-00000006"):
        Trainer.resume(folder)
    with pytest.raises(FileFormatError, match="holds no checkpoint"):
        Trainer.resume(tmp_path)


def test_no_checkpoint_holds_numbers_that_are_not_finite(tmp_path: Path) -> None:
    class Spoiler:
        def plugnet_step_end(self, training: Trainer) -> None:
            if training.iteration == 3:
                training.network.state()["fc1.weight"][0, 0] = np.nan

    folder = tmp_path / "run"
    run = trainer(hooks=[Spoiler(), hook(folder, iterations=1)])
    with pytest.raises(DivergenceError):
        run.fit(X, Y, 6)
    assert kept(folder) == [1, 2]
    again = Trainer.resume(folder)
    run.hooks = []
    for each in (run, again):
        each.fit(X, Y)
    assert again.iteration == 6
    assert saved_bits(again) == saved_bits(run)


# Journals ----------------------------------------------------------------------------------------


def journals(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("history-*"))


def test_old_journals_go_when_no_checkpoint_needs_them(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    trainer(hooks=[hook(folder, iterations=1)]).fit(X, Y, 3)
    (first,) = journals(folder)
    run = Trainer.resume(folder, [hook(folder, iterations=1)])
    seen = []

    class Look:
        def plugnet_step_end(self) -> None:
            seen.append(journals(folder))

    run.hooks = [Look(), *run.hooks]
    run.fit(X, Y, 3)
    assert first in seen[1]  # after one checkpoint the one before is still of the old process
    assert len(seen[1]) == 2
    assert first not in seen[2]
    assert len(journals(folder)) == 1
    assert Trainer.resume(folder).history.loss == run.history.loss


def test_a_best_checkpoint_keeps_its_journal(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    judged(folder, [3.0, 1.0, 2.0])
    judged(folder, [3.0, 1.0, 2.0, 1.5, 1.5], resume=True)
    assert len(journals(folder)) == 2
    best = Trainer.resume(folder / "iteration-00000002.safetensors")
    assert len(best.history.loss) == 2


def test_no_process_writes_over_the_journal_of_another(tmp_path: Path) -> None:
    """Killed between the journal and the checkpoint, a run still has its last checkpoint."""
    folder = tmp_path / "run"
    trainer(hooks=[hook(folder)]).fit(X, Y, 3)
    for _ in range(3):  # each saves at the iteration at which it began
        again = Trainer.resume(folder, [hook(folder)])
        again.stop("for now", resumable=True)
        again.fit(X, Y, 2)
    bits = {path: path.read_bytes() for path in folder.glob("history-*")}
    begun = Trainer.resume(folder, [hook(folder)])
    begun.stop("for now", resumable=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("plugnet.files.documents.write", lambda *_: 1 / 0)
        with pytest.warns(PluginWarning, match="ZeroDivisionError"):
            begun.fit(X, Y, 2)
    assert {path: path.read_bytes() for path in bits} == bits
    assert Trainer.resume(folder).iteration == 3


def lengths(folder: Path, iterations: int) -> tuple[int, int]:
    """Return the sizes of the checkpoint, without digits of numbers, and of its journal's end."""
    run = trainer(hooks=[hook(folder, iterations=iterations - 1)])
    run.history.loss, run.history.rate = [1.5] * (iterations - 2), [0.5] * (iterations - 2)
    run.iteration = run.history.iteration = iterations - 2
    run.position, run.history.seconds = 123450, 0.125
    run.fit(X, Y, 2)
    (journal,) = folder.glob("history-*")
    last = journal.read_bytes().splitlines()[-1]
    assert len(json.loads(last)["loss"]) == 1
    return (folder / f"iteration-{iterations:08}.safetensors").stat().st_size, len(last)


def test_what_is_saved_does_not_grow_with_the_history(tmp_path: Path) -> None:
    short, long = lengths(tmp_path / "short", 10), lengths(tmp_path / "long", 10_000)
    assert abs(long[0] - short[0]) <= 64  # digits of counts and seconds
    assert abs(long[1] - short[1]) <= 64


def test_saving_works_on_what_is_new_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The losses that are turned into text, summed over a run, are as many as iterations."""
    written: list[int] = []
    dumps = json.dumps

    def count(entry: Any, *args: Any, **options: Any) -> str:
        if isinstance(entry, dict) and "losses" in entry:
            written.append(len(entry["loss"]) + len(entry["rate"]) + len(entry["new"]))
        return dumps(entry, *args, **options)

    monkeypatch.setattr("plugnet.training.journal.json.dumps", count)
    run = trainer(hooks=[hook(tmp_path / "run", iterations=1)])
    run.fit(X, Y, 30, validation=HELD, evaluate_every=10)
    assert sum(written) == 30 + 30 + 3
    assert max(written) == 3


class Pressed:
    """Has Ctrl-C pressed in a place of a step."""

    observes = True

    def __init__(self, place: str) -> None:
        self.place = place

    def plugnet_gradients_ready(self, iteration: int) -> None:
        if self.place == "gradients_ready" and iteration == 5:
            raise KeyboardInterrupt

    def plugnet_step_end(self, training: Trainer) -> None:
        if self.place == "step_end" and training.iteration == 5:
            raise KeyboardInterrupt


class Sleeping(Same):
    """A layer in whose sixth forward pass Ctrl-C is pressed."""

    passes = 0

    def forward(self, x: Array, training: bool = False) -> Array:
        self.passes += training
        if self.passes == 6:
            raise KeyboardInterrupt
        return super().forward(x, training)


def test_ctrl_c_within_a_step_saves_what_was_before_it(tmp_path: Path) -> None:
    with registry.isolated():
        registry.layers.register("sleeping")(Sleeping)
        layers = [("fc", 4, 3), "sleeping"]
        run = Trainer(Network(layers), batch_size=5, hooks=[hook(tmp_path)], threads=1)
        with pytest.raises(KeyboardInterrupt):
            run.fit(X, Y, 9)
        assert (run.iteration, run.stopping, run.is_interrupted) == (5, None, False)
        again = Trainer.resume(tmp_path, [hook(tmp_path)], 1)
        assert (again.iteration, again.goal) == (5, 9)


def test_an_error_of_a_checkpoint_does_not_hide_ctrl_c() -> None:
    class Broken:
        def plugnet_checkpoint(self, training: Trainer) -> None:
            if training.is_interrupted:
                raise OSError("no disk")

    with registry.isolated():
        registry.layers.register("sleeping")(Sleeping)
        run = Trainer(Network([("fc", 4, 3), "sleeping"]), batch_size=5, hooks=[Broken()])
        with pytest.raises(KeyboardInterrupt) as caught:
            run.fit(X, Y, 9)
    assert caught.value.__notes__ == ["Nothing was saved: OSError: no disk"]
    assert (run.iteration, run.stopping, run.is_interrupted) == (5, None, False)


@pytest.mark.parametrize("place", ["gradients_ready", "step_end"])
def test_where_a_hook_was_interrupted_nothing_is_saved(tmp_path: Path, place: str) -> None:
    """What other hooks remember is of no one moment then."""
    run = trainer(hooks=[Pressed(place), hook(tmp_path)])
    with pytest.raises(KeyboardInterrupt):
        run.fit(X, Y, 9)
    assert kept(tmp_path) == []
