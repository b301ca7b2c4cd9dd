"""`plugnet evaluate`: loss and metrics of a trained model, also of each class."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

import numpy as np

from plugnet.arrays import Array
from plugnet.class_counts import ClassCounts
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
    counts = ClassCounts(len(model.classes))
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


def _answered(
    trained: TrainedRun, counts: ClassCounts
) -> Iterator[tuple[Array, Array, Array | None]]:
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
