"""csv_log: every iteration has its row, at any moment."""

from pathlib import Path

import numpy as np
import pytest
from tests.small import X, Y, trainer

from plugnet import Network, Trainer, registry
from plugnet.errors import DivergenceError, PluginWarning

HEADER = "iteration,loss,rate,validation_loss,validation_accuracy"


def logged_trainer(path: Path, *hooks: object, rate: float = 0.1) -> Trainer:
    log = registry.hooks.build("csv_log", str(path))
    network = Network([("fc", 4, 3)])
    return trainer(network, policy=("fixed", rate), hooks=[log, *hooks])


def test_rows_hold_exactly_what_history_holds(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    history = logged_trainer(path).fit(X, Y, 7, validation=(X, Y), evaluate_every=3)
    tests = {e.iteration: f"{e.loss!r},{e['accuracy']!r}" for e in history.evaluations}
    assert sorted(tests) == [3, 6, 7]
    assert path.read_text().splitlines() == [
        HEADER,
        *(
            f"{number},{loss!r},{rate!r},{tests.get(number, ',')}"
            for number, (loss, rate) in enumerate(
                zip(history.loss, history.rate, strict=True), start=1
            )
        ),
    ]


def test_a_second_fit_appends_and_a_new_trainer_begins_again(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    first = logged_trainer(path)
    first.fit(X, Y, 3, validation=(X, Y))
    history = first.fit(X, Y, 2, validation=(X, Y))
    rows = path.read_text().splitlines()
    assert rows[0] == HEADER
    assert [row.split(",")[0] for row in rows[1:]] == ["1", "2", "3", "4", "5"]
    tests = {str(test.iteration): repr(test.loss) for test in history.evaluations}
    written = [row.split(",") for row in rows[1:]]
    assert {row[0]: row[3] for row in written if row[3]} == tests
    assert {"3", "5"} <= set(tests)
    logged_trainer(path).fit(X, Y, 1)
    assert len(path.read_text().splitlines()) == 2


def test_going_on_from_an_older_state_replaces_the_rows_since(tmp_path: Path) -> None:
    path, saved = tmp_path / "log.csv", tmp_path / "trainer.safetensors"
    first = logged_trainer(path)
    first.fit(X, Y, 4, validation=(X, Y), evaluate_every=2)
    first.save(saved)
    first.fit(X, Y, 3, validation=(X, Y))
    whole = path.read_text()
    with path.open("a") as file:
        file.write("8,0.7")  # a row that a killed run has not finished
    log = registry.hooks.build("csv_log", str(path))
    Trainer.resume(saved, [log]).fit(X, Y, 3, validation=(X, Y))
    assert path.read_text() == whole
    assert [row.split(",")[0] for row in whole.splitlines()[1:]] == list("1234567")


def test_rows_are_on_disk_while_training_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    counts: list[int] = []

    class Reader:
        def plugnet_step_end(self) -> None:
            counts.append(len(path.read_text().splitlines()))

    logged_trainer(path, Reader()).fit(X, Y, 4, validation=(X, Y), evaluate_every=2)
    assert counts == [2, 3, 4, 5]


def test_after_divergence_the_file_is_complete_and_closed(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    diverging = logged_trainer(path, rate=1e30)
    with pytest.raises(DivergenceError):
        diverging.fit(X, Y, 50)
    rows = path.read_text().splitlines()[1:]
    assert len(rows) == len(diverging.history.loss) > 0
    assert diverging.hooks[0]._file is None


def test_a_step_that_another_hooks_error_kept_from_it_has_its_row_too(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"

    class Failing:
        def plugnet_step_end(self, iteration: int) -> None:
            if iteration in (2, 3):
                raise RuntimeError("enough")

    failing = logged_trainer(path)
    failing.hooks.insert(0, Failing())
    for _ in range(2):
        with pytest.raises(RuntimeError, match="enough"):
            failing.fit(X, Y, 9)
    history = failing.fit(X, Y, 2)
    written = [row.split(",")[:2] for row in path.read_text().splitlines()[1:]]
    assert written == [[str(i), repr(loss)] for i, loss in enumerate(history.loss, 1)]
    assert len(written) == 6


def test_each_metric_has_a_column(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    log = registry.hooks.build("csv_log", str(path))
    logged = trainer(hooks=[log], metrics=["f1", ("f1", "micro"), "recall"])
    history = logged.fit(X, Y, 1, validation=(X, Y), test=(X[:7], Y[:7]))
    header, row = path.read_text().splitlines()
    assert header == (
        "iteration,loss,rate,validation_loss,validation_f1,validation_f1_2,validation_recall"
    )
    found = history.evaluations[0]
    values = history.loss[0], history.rate[0], found.loss, *found.metrics.values()
    assert row == ",".join(map(repr, (1, *values)))


def test_real_values_have_the_columns_of_their_metrics(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    log = registry.hooks.build("csv_log", str(path))
    fitting = Trainer(Network([("fc", 4, 1)]), "least_square_error", batch_size=5, hooks=[log])
    history = fitting.fit(X, X[:, :1], 1, validation=(X, X[:, :1]))
    header, row = path.read_text().splitlines()
    assert header == "iteration,loss,rate,validation_loss,validation_rmse,validation_r2"
    assert row.split(",")[4:] == [repr(history[name][0]) for name in header.split(",")[4:]]


def test_without_validation_there_are_three_columns(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    history = logged_trainer(path).fit(X, Y, 1, test=(X, Y))
    row = f"1,{history.loss[0]!r},{history.rate[0]!r}"
    assert path.read_text().splitlines() == ["iteration,loss,rate", row]


def test_soft_targets_leave_the_metrics_empty(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    logged = logged_trainer(path)
    logged.fit(X, Y, 1, validation=(X, np.full((20, 3), 1 / 3)))
    header, row = path.read_text().splitlines()
    assert header == HEADER
    assert row.endswith(f",{logged.history['validation_loss'][0]!r},")


@pytest.mark.parametrize("iteration", [2, 4, 6])
def test_a_disk_full_for_a_while_leaves_a_whole_file(iteration: int, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    path, whole = tmp_path / "log.csv", tmp_path / "whole.csv"

    class Full:
        """Lets files become no longer than the log is, until training ends."""

        observes = False

        def plugnet_gradients_ready(self, training: Trainer) -> None:
            if training.iteration == iteration - 1:
                limit = path.stat().st_size + 5
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))

        def plugnet_train_end(self) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    try:
        with pytest.warns(PluginWarning, match="csv_log has failed"):
            logged_trainer(path, Full()).fit(X, Y, 6)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    logged_trainer(whole).fit(X, Y, 6)
    assert path.read_bytes() == whole.read_bytes()
