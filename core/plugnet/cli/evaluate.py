"""`plugnet evaluate`: loss and metrics of a trained model, also of each class."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import Any

import numpy as np

from plugnet.arrays import Array
from plugnet.cli import trained_run
from plugnet.cli.json_number import or_null
from plugnet.cli.text_table import SCALED, TextTable, number, title
from plugnet.cli.trained_run import TrainedRun
from plugnet.errors import DataError
from plugnet.evaluation import evaluate, predicted_classes, true_classes
from plugnet.training.threads import limited


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    trained_run.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: Namespace) -> int:
    """Evaluate as the arguments say, and return the exit status."""
    trained = trained_run.load(arguments)
    model = trained.model
    counts = _Counts(len(model.classes))
    with limited(arguments.threads), np.errstate(all="ignore"):
        answered = _answered(trained, counts)
        loss, metrics = evaluate(model.loss, model.metrics, model.schema, answered)
    judged = {**metrics, "loss": loss}
    classes = counts.table(model.classes)
    if arguments.json:
        found = {name: or_null(value) for name, value in judged.items()}
        report = {**found, "samples": counts.samples, "classes": classes}
        print(json.dumps(report, allow_nan=False))
        return 0
    width = max([9, *(len(name) + 1 for name in judged)])
    for name, value in judged.items():
        after = SCALED if name == "loss" and model.schema.scales else ""
        print(f"{title(name) + ':':<{width}} {number(value)}{after}")
    print(f"{'On:':<{width}} {counts.samples} {trained.part}")
    if classes:
        print()
        TextTable().print(classes)
    return 0


def _answered(trained: TrainedRun, counts: _Counts) -> Iterator[tuple[Array, Array, Array | None]]:
    """Yield outputs, targets and weights block by block, and count them by class."""
    model = trained.model
    for rows in trained.rows:
        if rows.y is None:
            named = f" as {', '.join(model.schema.targets)}" if model.schema.targets else ""
            raise DataError(
                f"{trained.source} has no labels to compare with. Add them{named}, or use plugnet "
                "predict.",
                row=None,
            )
        labels, is_counted = trained.counted(rows.y)
        if not is_counted.any():
            continue
        weights = rows.weights
        if not is_counted.all():
            weights = is_counted * (1.0 if weights is None else weights)
        with trained.asking(rows):
            given = model.check(rows.x, labels, weights)
            outputs = model.network.predict(given.x)
        true = true_classes(given.y, outputs.shape[1]) if model.classes else None
        predicted = predicted_classes(outputs, model.loss.threshold)
        counts.add(predicted, true, is_counted)
        yield outputs, given.y, given.weights


class _Counts:
    """How many samples there are of each class, and how many are predicted, rightly or at all."""

    def __init__(self, classes: int) -> None:
        self.samples = 0
        self._true, self._correct, self._predicted = np.zeros((3, classes), np.int64)

    def add(self, predicted: Array, true: Array | None, is_counted: Array) -> None:
        """Count some more, but only those that count."""
        self.samples += int(is_counted.sum())
        if true is not None:
            true, predicted = true[is_counted], predicted[is_counted]
            size = len(self._true)
            self._true += np.bincount(true, minlength=size)
            self._correct += np.bincount(true[true == predicted], minlength=size)
            self._predicted += np.bincount(predicted[predicted >= 0], minlength=size)

    def table(self, classes: tuple[Any, ...]) -> list[dict[str, Any]]:
        """Return a row for each class that occurs or is predicted."""
        counts = zip(
            self._true.tolist(), self._correct.tolist(), self._predicted.tolist(), strict=True
        )
        return [
            {
                "class": label,
                "samples": true,
                "correct": correct,
                "recall": correct / true if true else None,
                "precision": correct / predicted if predicted else None,
            }
            for label, (true, correct, predicted) in zip(classes, counts, strict=True)
            if true or predicted
        ]
