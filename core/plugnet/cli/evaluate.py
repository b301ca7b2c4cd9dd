"""`plugnet evaluate`: loss and accuracy of a trained network, also of each class."""

from __future__ import annotations

import json
import math
from argparse import ArgumentParser, Namespace
from typing import Any

import numpy as np

from plugnet import Trainer
from plugnet.cli import trained_run
from plugnet.cli.trained_run import TrainedRun
from plugnet.training.evaluation import predicted_classes, true_classes
from plugnet.training.threads import limited

ROW = "  {:<20} {:>8} {:>8} {:>9}"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    trained_run.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: Namespace) -> int:
    """Evaluate as the arguments say, and return the exit status."""
    trained = trained_run.load(arguments)
    trainer = Trainer(trained.network, trained.loss, threads=arguments.threads)
    found = trainer.evaluate(trained.x, trained.targets)
    with limited(arguments.threads):
        classes = _by_class(trained)
    if arguments.json:
        report = {
            "accuracy": found.accuracy,
            "loss": found.loss if math.isfinite(found.loss) else None,
            "samples": len(trained.x),
            "classes": classes,
        }
        print(json.dumps(report, allow_nan=False))
        return 0
    if found.accuracy is not None:
        print(f"Accuracy: {found.accuracy:.4f} on {len(trained.x)} {trained.part}")
    print(f"Loss:     {found.loss:.4f}")
    for row in classes[:1]:
        print(ROW.format(*row))
    for row in classes:
        print(ROW.format(row["class"], row["samples"], row["correct"], f"{row['accuracy']:.4f}"))
    return 0


def _by_class(trained: TrainedRun) -> list[dict[str, Any]]:
    """Return the accuracy on the samples of each class that occurs."""
    outputs = trained.network.predict(trained.x)
    predicted = predicted_classes(outputs, trained.loss.threshold)
    labels = true_classes(trained.targets, outputs.shape[1])
    if predicted is None or labels is None:
        return []
    rows = []
    for number in np.unique(labels).astype(int):
        correct = predicted[labels == number] == number
        rows.append(
            {
                "class": trained.class_name(number),
                "samples": len(correct),
                "correct": int(correct.sum()),
                "accuracy": float(correct.mean()),
            }
        )
    return rows
