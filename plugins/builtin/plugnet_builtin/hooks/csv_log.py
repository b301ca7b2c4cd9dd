"""csv_log: one row per iteration, in a file that any program reads."""

from __future__ import annotations

import os
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING

from plugnet.arguments import file_path

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
        path: the file. A run that starts at iteration 0 replaces it; one that goes on keeps the
            rows up to where it is, and appends.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = file_path("path", path)
        self._file: FileIO | None = None
        self._columns: list[str] = []
        self._row = b""  # the last row, which an evaluation may still complete
        self._steps = 0  # how many steps are in the file, or came before it

    def plugnet_train_start(self, training: Training) -> None:
        path = Path(self.path)
        if training.iteration > 0 and path.exists():
            # Not mode "ab", in which an evaluation could not complete the last row.
            file = path.open("r+b", buffering=0)
            file.truncate(_size(path, training.iteration))
        else:
            file = path.open("wb", buffering=0)
        self._columns = _header(path) if file.seek(0, os.SEEK_END) else []
        self._file, self._row, self._steps = file, b"", training.iteration

    def plugnet_step_end(
        self, training: Training, iteration: int, loss: float, rate: float
    ) -> None:
        if self._file is not None:
            self._begin(self._file, training)
            empty = "," * (len(self._columns) - len(FIXED))
            self._row = f"{iteration + 1},{loss!r},{rate!r}{empty}\n".encode()
            self._file.write(self._row)
            self._steps = iteration + 1

    def plugnet_evaluate_end(self, training: Training, evaluation: Evaluation) -> None:
        """Complete the row of the step that was validated."""
        if self._file is None or evaluation.part != "validation":
            return
        self._begin(self._file, training)
        held = {"loss": evaluation.loss, **evaluation.metrics}
        names = [column.removeprefix(PART) for column in self._columns[len(FIXED) :]]
        step = self._row.rstrip(b",\n") or f"{evaluation.iteration},,".encode()
        values = "".join(f",{held[name]!r}" if name in held else "," for name in names)
        self._file.seek(-len(self._row), os.SEEK_END)
        self._file.write(step + f"{values}\n".encode())
        self._row = b""

    def _begin(self, file: FileIO, training: Training) -> None:
        """Write the header of a new file, once it is known what the metrics are."""
        if not self._columns:
            names = ("loss", *training.model.metrics) if "validation" in training.parts else ()
            self._columns = [*FIXED, *(f"{PART}{name}" for name in names)]
            file.write(f"{','.join(self._columns)}\n".encode())

    def plugnet_train_end(self, training: Training, history: History) -> None:
        """Close the file, after the rows of steps that were not announced to this hook.

        An interrupt, or the error of another hook, may have come first.
        """
        if self._file is not None:
            for iteration in range(self._steps, len(history.loss)):
                loss, rate = history.loss[iteration], history.rate[iteration]
                self.plugnet_step_end(training, iteration, loss, rate)
            self._file.close()
            self._file = None


def _header(path: Path) -> list[str]:
    """Return the columns of a file."""
    with path.open("rb") as file:
        return file.readline().decode().strip().split(",")


def _size(path: Path, iteration: int) -> int:
    """Return the size in bytes of the complete rows up to ``iteration``."""
    size = 0
    with path.open("rb") as file:
        for row in file:
            number = row.partition(b",")[0]
            if not row.endswith(b"\n") or (number.isdigit() and int(number) > iteration):
                break
            size += len(row)
    return size
