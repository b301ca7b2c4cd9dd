"""A trained model, and the rows that it is used on."""

from __future__ import annotations

import re
import warnings
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from plugnet import Model
from plugnet.arguments import file_path
from plugnet.arrays import Array
from plugnet.cli import config_file, data_source
from plugnet.cli.config import Config, DataSettings
from plugnet.cli.data_source import STREAM
from plugnet.cli.noticed_warnings import noticed
from plugnet.cli.run_directory import CONFIG, MODEL, check_same_test
from plugnet.cli.run_setup import EXAMPLE, add_set, add_threads
from plugnet.data.lazy import LazyArray
from plugnet.errors import ConfigError, DataError, DataWarning
from plugnet.interfaces import Rows
from plugnet.schema import Label

#: Rows, as errors name them: "row 3", "Rows 3, 4" and "samples[3, 0]".
_ROWS = re.compile(r"\b([Rr]ow) (\d+(?:, \d+)*)|\bsamples\[(\d+)")


#: How an error calls a value of samples that is missing.
_MISSING = "missing (NaN)"


@dataclass
class TrainedRun:
    """A trained model, and the rows that it is used on.

    Attributes:
        model: the trained model.
        rows: block by block.
        part: what to call the rows.
        source: what to call their file.
        ignore_label: the label whose rows do not count, or None.
    """

    model: Model
    rows: Iterator[Rows]
    part: str
    source: str
    ignore_label: Label | None = None
    _has_warned: bool = False

    def counted(self, y: Array) -> tuple[Array, Array]:
        """Return labels that are classes, and which of them count, ``(N,)``; see `ignore_label`."""
        if self.ignore_label is None or y.ndim != 1:
            return y, np.ones(len(y), bool)
        counts = np.asarray(y != self.ignore_label)
        return np.where(counts, y, self.model.classes[0]), counts

    @contextmanager
    def asking(self, rows: Rows) -> Iterator[None]:
        """Let errors about rows name them as their file counts them, by line where it is text.

        Of all warnings about the data only those of the first block that has some are shown.
        """

        def notice(_: str, category: type[Warning]) -> None:
            self._has_warned |= issubclass(category, DataWarning)

        with noticed(notice):
            if self._has_warned:
                warnings.simplefilter("ignore", DataWarning)
            try:
                yield
            except DataError as error:
                if error.row is None:
                    raise
                numbers = rows.numbers if rows.lines is None else rows.lines
                word, number = "row" if rows.lines is None else "line", int(numbers[error.row])
                message = f"{self.source}: {_renamed(str(error), numbers, word)}"
                column = _first_missing(rows.x, error.row, self.model.schema.columns)
                if _MISSING in str(error) and column is not None:
                    message = (
                        f"{self.source}, {word} {number}: column {column!r} is empty, and this "
                        "model cannot fill missing cells. Fill it, or train again with "
                        'missing="mean".'
                    )
                raise DataError(message, row=number) from error


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments that name a model and samples."""
    parser.add_argument("model", metavar="RUN_OR_MODEL", help="a run directory or a model file")
    parser.add_argument(
        "--data",
        metavar="PATH",
        help="a file or folder, all of whose rows are used, or - for the standard input; by "
        "default the run's own test samples",
    )
    add_set(parser, f"change how data are read, for example '{EXAMPLE}'; may be repeated")
    add_threads(parser)


def load(arguments: Namespace) -> TrainedRun:
    """Load the model, and begin to read the rows.

    Without other data they are the test samples of the run, or all where there is none.

    Raises:
        ConfigError: nothing says which data to read, or a setting is wrong.
        FileFormatError: the model or the data cannot be read.
    """
    file = _model_file(Path(file_path("model", arguments.model)))
    model = Model.load(file)
    config, has_config = Config(), file.name == MODEL and file.with_name(CONFIG).is_file()
    if has_config:
        config = config_file.load(file.with_name(CONFIG))
        config = replace(config, data=data_source.relative_to(config.data, file.parent))
    settings = _data_settings(config, arguments)
    ignored = next(iter(model.schema.ignored), None)
    if arguments.data is not None or settings != config.data:
        schema = model.schema
        if ignored is not None and schema.kind == "class":
            schema = replace(schema, classes=(*schema.classes, ignored))
        rows = data_source.rows_of(settings, schema)
        source = arguments.data or settings.path or "the data"
        source = "standard input" if source == STREAM else source
        return TrainedRun(model, rows, "samples", source, ignored)
    if not has_config or settings.path == STREAM:
        why = "Its data came from the standard input." if has_config else f"No {CONFIG} is there."
        raise ConfigError(
            f"{file} needs data: give --data PATH. {why}",
            key="data.path",
        )
    splits = data_source.read(settings)
    given = splits.train if splits.test is None else splits.test
    part = "samples" if splits.test is None else "test samples"
    if splits.test is not None:
        check_same_test(file.parent, splits.test)
    x: Any = given.x
    if splits.columns and x.ndim == 2 and not isinstance(x, LazyArray):
        x = dict(zip(splits.columns, x.T, strict=True))
    rows = iter([Rows(x, given.y, range(len(given.x)), weights=given.weights)])
    return TrainedRun(model, rows, part, settings.path or "the run's data", ignored)


def _model_file(path: Path) -> Path:
    """Return the file of a run or a model."""
    file = path / MODEL if path.is_dir() else path
    if not file.exists():  # a pipe or a device is refused when it is opened
        what = f"it has no {MODEL}" if path.is_dir() else "there is no such file or directory"
        raise ConfigError(
            f"{path} must be the directory of a finished run, or a model file, but {what}.",
            key="model",
        )
    return file


def _data_settings(config: Config, arguments: Namespace) -> DataSettings:
    """Return where data are read, and how, as the arguments say; else as the config does."""
    changed = config_file.override(config, arguments.assignments)
    if replace(changed, data=config.data) != config:
        raise ConfigError(
            "--set must change how data are read here, data.reader or data.path, but it got "
            f"{' and '.join(map(repr, arguments.assignments))}. The model is trained already.",
            key="--set",
        )
    settings = data_source.relative_to(changed.data, Path.cwd())
    asked = data_source.sets_reader(arguments.assignments)
    return data_source.pointed_at(settings, arguments.data, asked)


def _first_missing(x: Any, row: int, columns: Sequence[str]) -> str | int | None:
    """Return the first column that is missing in a row of a table, or None."""
    if isinstance(x, Mapping):
        return next((name for name in columns if np.isnan(x[name][row])), None)
    if x.ndim != 2 or x.dtype.kind != "f" or not np.isnan(x[row]).any():
        return None
    return int(np.argmax(np.isnan(x[row])))


def _renamed(message: str, numbers: Sequence[int], word: str) -> str:
    """Return a message about rows of a block with their numbers, or lines, in the file."""

    def renamed(found: re.Match[str]) -> str:
        named = ", ".join(str(numbers[int(row)]) for row in (found[2] or found[3]).split(", "))
        if found[3]:
            return f"samples[{named}"
        return f"{word.capitalize() if found[1] == 'Row' else word} {named}"

    return _ROWS.sub(renamed, message)
