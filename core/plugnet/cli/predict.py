"""`plugnet predict`: what a trained model answers, row by row."""

from __future__ import annotations

import json
import math
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TextIO

from plugnet import Model
from plugnet.arrays import Array
from plugnet.cli import trained_run
from plugnet.cli.data_source import STREAM
from plugnet.cli.trained_run import named_rows
from plugnet.data.answers import as_labels, decode, encode
from plugnet.evaluation import class_scores, predicted_classes
from plugnet.interfaces import Rows
from plugnet.training.threads import limited

JSON_LINES = (".jsonl", ".ndjson", ".json")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    trained_run.add_arguments(parser)
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="write a CSV file, or JSON lines if its name ends in .jsonl; - is the standard output",
    )
    parser.add_argument(
        "--proba", action="store_true", help="give the probability of each class, too"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per row")


def run(arguments: Namespace) -> int:
    """Predict as the arguments say, and return the exit status."""
    trained = trained_run.load(arguments)
    with limited(arguments.threads), _written(arguments) as write:
        for rows in trained.rows:
            with named_rows(rows, trained.source):
                answered = list(_answers(trained.model, rows, arguments.proba))
            for row in answered:
                write(row)
    return 0


def _answers(model: Model, rows: Rows, with_probabilities: bool) -> Iterator[dict[str, Any]]:
    """Yield what is answered to each row, beside its number and what else the file says of it."""
    outputs = model.outputs(rows.x)
    columns: dict[str, Any] = {"row": list(rows.numbers)}
    columns |= {name: list(values) for name, values in rows.others.items()}
    if model.schema.kind == "class":
        columns |= _classes(model, outputs, rows.y, with_probabilities)
    else:
        columns |= _values(model, outputs, rows.y)
    for values in zip(*columns.values(), strict=True):
        yield dict(zip(columns, values, strict=True))


def _classes(
    model: Model, outputs: Array, y: Array | None, with_probabilities: bool
) -> dict[str, list[Any]]:
    """Return the predicted class of each row, how strongly it is predicted, and the true one."""
    predicted = model.names(predicted_classes(outputs, model.loss.threshold)).tolist()
    if with_probabilities or model.gives_probabilities:
        strength, word = model.probabilities(outputs), "probability"
    else:
        strength, word = class_scores(outputs, model.loss.threshold), "score"
    found: dict[str, list[Any]] = {
        "predicted_class": predicted,
        word: [_finite(value) for value in strength.max(axis=1)],
    }
    if with_probabilities:
        for label, column in zip(model.classes, strength.T, strict=True):
            found[f"probability_{label}"] = [_finite(value) for value in column]
    if y is not None:
        ids = encode(y, model.schema, len(outputs))
        found["true_class"] = as_labels(y).tolist() if ids.ndim == 1 else ids.tolist()
    return found


def _values(model: Model, outputs: Array, y: Array | None) -> dict[str, list[Any]]:
    """Return the predicted real values of each row, and the true ones."""
    found = _by_target(model, "predicted", decode(outputs, model.schema))
    if y is not None:
        targets = encode(y, model.schema, len(outputs), model.network.dtype)
        found |= _by_target(model, "true", decode(targets, model.schema))
    return found


def _by_target(model: Model, word: str, values: Array) -> dict[str, list[Any]]:
    """Return a column for each target: "predicted_price"."""
    count = values.shape[1]
    names = model.schema.targets
    if len(names) != count:
        names = ("value",) if count == 1 else tuple(f"value_{i}" for i in range(count))
    return {
        f"{word}_{name}": [_finite(value) for value in column]
        for name, column in zip(names, values.T, strict=True)
    }


@contextmanager
def _written(arguments: Namespace) -> Iterator[Any]:
    """Yield a function that writes one answer; a file is written wholly or not at all."""
    out = arguments.out
    if out is None or out == STREAM:
        as_csv = out == STREAM and not arguments.json
        yield _writer(sys.stdout, as_csv) if as_csv or arguments.json else _Table().write
        return
    from plugnet.files.atomic import replacing  # late: most predictions are printed

    is_json = arguments.json or Path(out).suffix.lower() in JSON_LINES
    with replacing(Path(out).expanduser()) as file:
        text = TextIOWrapper(file, "utf-8", newline="")
        yield _writer(text, as_csv=not is_json)
        text.flush()
        text.detach()


def _writer(file: TextIO, as_csv: bool) -> Any:
    """Return a function that writes an answer as a line of CSV or of JSON."""
    if not as_csv:
        return lambda row: file.write(json.dumps(row, allow_nan=False) + "\n")
    import csv

    writer = csv.writer(file, lineterminator="\n")
    is_first = True

    def write(row: dict[str, Any]) -> None:
        nonlocal is_first
        if is_first:
            writer.writerow(row)
            is_first = False
        writer.writerow(["" if value is None else value for value in row.values()])

    return write


class _Table:
    """Prints answers in columns."""

    WIDTH = 18

    def __init__(self) -> None:
        self._has_heading = False

    def write(self, row: dict[str, Any]) -> None:
        """Print one answer."""
        if not self._has_heading:
            self._has_heading = True
            self._print([heading.replace("_", " ") for heading in row])
        self._print([_text(value) for value in row.values()])

    def _print(self, cells: list[str]) -> None:
        print("".join(f"{cell:>{self.WIDTH}}" for cell in cells))


def _finite(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4f}" if abs(value) < 1e6 else f"{value:.6g}"
    return "-" if value is None else str(value)
