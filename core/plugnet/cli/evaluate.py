"""`plugnet evaluate`: loss and metrics of a trained model, also of each class."""

from __future__ import annotations

import json
import math
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import Any

import numpy as np

from plugnet.arrays import Array
from plugnet.cli import trained_run
from plugnet.cli.trained_run import TrainedRun, named_rows
from plugnet.errors import DataError
from plugnet.evaluation import evaluate, predicted_classes, true_classes
from plugnet.training.threads import limited

ROW = "  {:<20} {:>8} {:>8} {:>9} {:>9}"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    trained_run.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: Namespace) -> int:
    """Evaluate as the arguments say, and return the exit status."""
    trained = trained_run.load(arguments)
    counts = _Counts(len(trained.model.classes))
    model = trained.model
    with limited(arguments.threads), np.errstate(all="ignore"):
        loss, metrics = evaluate(
            model.loss, model.metrics, model.schema, _answered(trained, counts)
        )
    classes = counts.table(model.classes)
    if arguments.json:
        report = {
            **{name: _finite(value) for name, value in metrics.items()},
            "loss": _finite(loss),
            "samples": counts.samples,
            "classes": classes,
        }
        print(json.dumps(report, allow_nan=False))
        return 0
    for name, value in metrics.items():
        print(f"{name.capitalize() + ':':<10}{value:.4f} on {counts.samples} {trained.part}")
    print(f"{'Loss:':<10}{loss:.4f}" + (f" on {counts.samples} {trained.part}" * (not metrics)))
    for row in classes[:1]:
        print(ROW.format(*row))
    for row in classes:
        shown = ("-" if row[key] is None else f"{row[key]:.4f}" for key in ("recall", "precision"))
        print(ROW.format(str(row["class"]), row["samples"], row["correct"], *shown))
    return 0


def _answered(trained: TrainedRun, counts: _Counts) -> Iterator[tuple[Array, Array, Array | None]]:
    """Yield outputs, targets and weights block by block, and count them by class."""
    model = trained.model
    for rows in trained.rows:
        if rows.y is None:
            raise DataError(
                f"{trained.source} has no labels to compare with. Ask for answers with plugnet "
                "predict, or add the labels"
                + (f" as {', '.join(model.schema.targets)}." * bool(model.schema.targets) or "."),
                row=None,
            )
        with named_rows(rows, trained.source):
            given = model.check(rows.x, rows.y)
            outputs = model.network.predict(given.x)
        true = true_classes(given.y, outputs.shape[1]) if model.classes else None
        counts.add(predicted_classes(outputs, model.loss.threshold), true)
        yield outputs, given.y, None


class _Counts:
    """How many samples there are of each class, and how many are predicted, rightly or at all."""

    def __init__(self, classes: int) -> None:
        self.samples = 0
        self._true, self._correct, self._predicted = np.zeros((3, classes), np.int64)

    def add(self, predicted: Array, true: Array | None) -> None:
        """Count some more."""
        self.samples += len(predicted)
        if true is not None:
            number = len(self._true)
            self._true += np.bincount(true, minlength=number)
            self._correct += np.bincount(true[true == predicted], minlength=number)
            self._predicted += np.bincount(predicted[predicted >= 0], minlength=number)

    def table(self, classes: tuple[Any, ...]) -> list[dict[str, Any]]:
        """Return a row for each class that occurs or is predicted."""
        held = zip(
            classes,
            self._true.tolist(),
            self._correct.tolist(),
            self._predicted.tolist(),
            strict=True,
        )
        return [
            {
                "class": label,
                "samples": true,
                "correct": correct,
                "recall": correct / true if true else None,
                "precision": correct / predicted if predicted else None,
            }
            for label, true, correct, predicted in held
            if true or predicted
        ]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
