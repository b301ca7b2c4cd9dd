"""csv_log: one row per iteration, in a file that any program reads."""

from __future__ import annotations

import errno
import os
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from plugnet.arguments import file_path
from plugnet.files.atomic import replacing

if TYPE_CHECKING:
    from plugnet.training import Evaluation, History, Training

FIXED = ("iteration", "loss", "rate")
PART = "validation_"  # before the loss and the metrics of an evaluation


class CsvLog:
    """Write ``iteration,loss,rate,validation_loss`` and a column for each metric.

    ``iteration`` counts finished steps, so the first step is row 1; an evaluation before it is row
    0. The columns of the validation, such as validation_accuracy, are empty where there was none.
    Every row goes to the operating system at once, so a run that is killed keeps all of them.

    Args:
        path: the file. It begins with all that the history has recorded so far, so a run that goes
            on has the rows of before, and none that it has gone back from.
    """

    observes: ClassVar[bool] = True

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = file_path("path", path)
        self._path = Path(self.path)
        self._file: FileIO | None = None
        self._columns: list[str] = []
        self._last = b""  # the last row, which an evaluation may still complete

    def plugnet_train_start(self, training: Training) -> None:
        self._path, self._file = training.file(self.path), None

    def plugnet_step_end(
        self, training: Training, iteration: int, loss: float, rate: float
    ) -> None:
        if self._file is None:
            self._begin(training)
        else:
            self._write(self._file, self._row(iteration + 1, (loss, rate), None))

    def plugnet_evaluate_end(self, training: Training, evaluation: Evaluation) -> None:
        """Complete the row of the step that was validated."""
        if evaluation.part != "validation":
            return
        if self._file is None:
            self._begin(training)
            return
        history, iteration = training.history, evaluation.iteration
        self._file.seek(-len(self._last), os.SEEK_END)
        self._write(self._file, self._row(iteration, _step(history, iteration), evaluation))

    def plugnet_train_end(self, training: Training, history: History) -> None:
        """Close the file, after what was not announced to this hook.

        An interrupt, or the error of another hook, may have come first.
        """
        if not history.loss and not history.evaluations:
            return
        is_complete = self._last.startswith(f"{len(history.loss)},".encode())
        if self._file is not None:
            self._file.close()
        if self._file is None or not is_complete:
            self._write_whole(training)
        self._file = None

    def _write(self, file: FileIO, row: bytes) -> None:
        """Write the last row, of which a full disk may take a part only."""
        self._last = b""
        if (count := file.write(row)) < len(row):
            raise OSError(errno.ENOSPC, f"Only {count} of {len(row)} bytes were written", self.path)
        self._last = row

    def _begin(self, training: Training) -> None:
        """Write all rows so far, and open the file for the next ones."""
        self._write_whole(training)
        # Not mode "ab", in which an evaluation could not complete the last row.
        self._file = self._path.open("r+b", buffering=0)
        self._file.seek(0, os.SEEK_END)

    def _write_whole(self, training: Training) -> None:
        """Write the header and the rows of all that is on record."""
        history = training.history
        judged = {each.iteration: each for each in history.evaluations if each.part == "validation"}
        has_metrics = "validation" in training.parts or bool(judged)
        names = ("loss", *training.model.metrics) if has_metrics else ()
        self._columns = [*FIXED, *(f"{PART}{name}" for name in names)]
        first = 0 if 0 in judged else 1
        rows = [
            self._row(number, _step(history, number), judged.get(number))
            for number in range(first, len(history.loss) + 1)
        ]
        with replacing(self._path) as file:
            file.write(b"".join([f"{','.join(self._columns)}\n".encode(), *rows]))
        self._last = rows[-1] if rows else b""

    def _row(
        self, iteration: int, step: tuple[float, float] | None, evaluation: Evaluation | None
    ) -> bytes:
        """Return the row of an iteration; its parts are empty where there was none."""
        cells = [str(iteration), *(map(repr, step) if step else ("", ""))]
        held = {} if evaluation is None else {"loss": evaluation.loss, **evaluation.metrics}
        names = [column.removeprefix(PART) for column in self._columns[len(FIXED) :]]
        cells += [repr(held[name]) if name in held else "" for name in names]
        return f"{','.join(cells)}\n".encode()


def _step(history: History, iteration: int) -> tuple[float, float] | None:
    """Return the loss and the rate of an iteration, counted from 1; None for 0."""
    return (history.loss[iteration - 1], history.rate[iteration - 1]) if iteration else None
