"""`plugnet predict`: what a trained model answers, row by row.

The model is a run directory or a file, alone. The answers come with the rows' numbers, from 0, with
columns such as an id, and with the true classes or values where the data have them.
"""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TextIO, TypeAlias

import numpy as np

from plugnet import Model
from plugnet.arguments import file_path
from plugnet.arrays import Array
from plugnet.cli import trained_run
from plugnet.cli.data_source import STREAM
from plugnet.cli.json_number import or_null
from plugnet.cli.text_table import TextTable
from plugnet.cli.trained_run import TrainedRun
from plugnet.data.answers import decode, encode
from plugnet.errors import ConfigError, counted
from plugnet.evaluation import class_scores, predicted_classes, true_classes
from plugnet.interfaces import Rows
from plugnet.training.threads import limited

JSON_LINES = (".jsonl", ".ndjson", ".json")
CSV = (".csv", "")

#: An answer: values by the names of columns.
Answer: TypeAlias = dict[str, Any]
Write: TypeAlias = Callable[[Sequence[Answer]], None]


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    trained_run.add_arguments(parser)
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="write the answers to a .csv file, or as JSON lines to a .jsonl file; - is the "
        "standard output, as CSV",
    )
    parser.add_argument(
        "--proba", action="store_true", help="also give the probability of each class"
    )
    parser.add_argument("--json", action="store_true", help="write JSON lines, an object per row")


def run(arguments: Namespace) -> int:
    """Predict as the arguments say, and return the exit status."""
    _check_out(arguments)
    trained = trained_run.load(arguments)
    with limited(arguments.threads), _writing(arguments, trained.model) as write:
        for rows in trained.rows:
            with trained.asking(rows):
                answers = _answers(trained, rows, arguments.proba)
            write(answers)
    return 0


def _check_out(arguments: Namespace) -> None:
    """Check that answers can be written to ``--out``.

    Raises:
        ConfigError: it is a file of another kind, or the one that is read.
    """
    out, data = arguments.out, arguments.data
    if out is None or out == STREAM:
        return
    path = Path(file_path("--out", out))
    if path.suffix.lower() not in (*CSV, *JSON_LINES):
        raise ConfigError(
            f"--out writes a .csv file or JSON lines, .jsonl, but it is {out!r}. Give the file "
            "such a name.",
            key="out",
        )
    if not path.parent.is_dir():
        raise ConfigError(
            f"--out {out}: there is no folder {path.parent}. Make it, or name another file.",
            key="out",
        )
    if arguments.json and path.suffix.lower() in CSV:
        raise ConfigError(
            f"--json writes JSON lines, but --out {out} names a CSV file. Leave out --json, or "
            "give the file a name that ends in .jsonl.",
            key="out",
        )
    if data not in (None, STREAM) and path.exists():
        source = Path(file_path("--data", data))
        if source.exists() and path.samefile(source):
            raise ConfigError(
                f"--out and --data must be different files, but both are {out}.", key="out"
            )


def _answers(trained: TrainedRun, rows: Rows, with_probabilities: bool) -> list[Answer]:
    """Return what is answered to each row, beside its number and what else the file says of it."""
    model = trained.model
    outputs = model.outputs(rows.x)
    if model.schema.kind == "class":
        found = _classes(trained, outputs, rows.y, with_probabilities)
    else:
        found = _values(model, outputs, rows.y)
    columns: dict[str, Sequence[Any]] = {"row": list(rows.numbers)}
    for name, values in rows.others.items():
        is_taken = name in columns or name in found
        held = values.tolist() if isinstance(values, np.ndarray) else values
        columns[f"{name} of the data" if is_taken else name] = held
    columns |= found
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _classes(
    trained: TrainedRun, outputs: Array, y: Array | None, with_probabilities: bool
) -> dict[str, Sequence[Any]]:
    """Return the predicted class of each row, how strongly it is predicted, and the true one."""
    model = trained.model
    predicted = model.names(predicted_classes(outputs, model.loss.threshold)).tolist()
    if with_probabilities or model.gives_probabilities:
        strength, word = model.probabilities(outputs), "probability"
    else:
        strength, word = class_scores(outputs, model.loss.threshold), "score"
    found: dict[str, Sequence[Any]] = {
        "predicted_class": predicted,
        word: _finite(strength.max(axis=1)),
    }
    if with_probabilities:
        for label, column in zip(model.classes, strength.T, strict=True):
            found[f"probability_{label}"] = _finite(column)
    if y is not None:
        labels, counts = trained.counted(y)
        targets = encode(labels, model.schema, len(outputs), model.network.dtype)
        true = true_classes(targets, outputs.shape[1])
        held = targets if true is None else np.array(model.classes)[true]
        if not counts.all():
            held = np.where(counts, held, np.array(trained.ignore_label))
        found["true_class"] = held.tolist()
    return found


def _values(model: Model, outputs: Array, y: Array | None) -> dict[str, Sequence[Any]]:
    """Return the predicted real values of each row, and the true ones."""
    found = _by_target(model, "predicted", model.values(outputs))
    if y is not None:
        targets = encode(y, model.schema, len(outputs), np.float64)
        found |= _by_target(model, "true", decode(targets, model.schema))
    return found


def _by_target(model: Model, word: str, values: Array) -> dict[str, Sequence[Any]]:
    """Return a column for each target, such as "predicted_price"."""
    count = values.shape[1]
    names = model.schema.targets
    if len(names) != count:
        names = ("value",) if count == 1 else tuple(f"value_{i}" for i in range(count))
    return {f"{word}_{name}": _finite(column) for name, column in zip(names, values.T, strict=True)}


@contextmanager
def _writing(arguments: Namespace, model: Model) -> Iterator[Write]:
    """Yield a function that writes answers; a file is written wholly or not at all."""
    out = arguments.out
    if out is None and not arguments.json:
        yield from _printing(model)
    elif out is None or out == STREAM:
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8")  # as in a file, whatever the terminal's is
        yield _writer(sys.stdout, as_json=arguments.json)
    else:
        from plugnet.files.atomic import replacing  # late: most predictions are printed

        as_json = arguments.json or Path(out).suffix.lower() in JSON_LINES
        with replacing(out) as file:
            text = TextIOWrapper(file, "utf-8", newline="")
            yield _writer(text, as_json)
            text.flush()
            text.detach()


def _printing(model: Model) -> Iterator[Write]:
    """Yield a function that prints answers in columns."""
    by_class = {f"probability_{label}": f"p({label})" for label in model.classes}
    table: TextTable | None = None

    def write(answers: Sequence[Answer]) -> None:
        nonlocal table
        if table is None and answers:
            names = list(answers[0])
            others = names[1 : next(i for i, n in enumerate(names) if n.startswith("predicted_"))]
            table = TextTable(others[::-1], by_class, [*reversed(by_class)])
        if table is not None:
            table.print(answers)

    yield write
    if table is None:
        return
    if not by_class.keys().isdisjoint(table.shown):
        print("p(...) is a class's probability; a file has it in the column probability_...")
    if table.left_out:
        more = counted(len(table.left_out), "more column")
        print(f"No room for {more}: --out FILE.csv writes them all.")


def _writer(file: TextIO, as_json: bool) -> Write:
    """Return a function that writes answers as lines of JSON or of CSV."""
    if as_json:
        return lambda answers: file.writelines(
            json.dumps(answer, allow_nan=False) + "\n" for answer in answers
        )
    import csv

    writer = csv.writer(file, lineterminator="\n")
    is_first = True

    def write(answers: Sequence[Answer]) -> None:
        nonlocal is_first
        if is_first and answers:
            writer.writerow(answers[0])
            is_first = False
        writer.writerows(answer.values() for answer in answers)  # None becomes an empty cell

    return write


def _finite(values: Array) -> list[float | None]:
    """Return numbers as JSON has them: what is not finite is null."""
    return list(map(or_null, values.tolist()))
