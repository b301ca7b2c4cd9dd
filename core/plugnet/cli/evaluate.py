"""`plugnet evaluate`: how well a trained network answers."""

from __future__ import annotations

import json
import math
from argparse import ArgumentParser, Namespace
from typing import Any

import numpy as np

from plugnet import Trainer
from plugnet.cli import model
from plugnet.training.evaluation import predicted_classes, true_classes
from plugnet.training.threads import limited

ROW = "  {:<20} {:>8} {:>8} {:>8}"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    model.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: Namespace) -> int:
    """Evaluate as the arguments say, and return the exit status."""
    exam = model.examination(arguments)
    trainer = Trainer(exam.network, exam.loss, threads=arguments.threads)
    found = trainer.evaluate(exam.x, exam.targets)
    with limited(arguments.threads):
        classes = _by_class(exam)
    if arguments.json:
        report = {
            "recognition_rate": found.accuracy,
            "loss": found.loss if math.isfinite(found.loss) else None,
            "samples": len(exam.x),
            "classes": classes,
        }
        print(json.dumps(report, allow_nan=False))
        return 0
    if found.accuracy is not None:
        print(f"Recognition rate: {found.accuracy:.4f} of {len(exam.x)} {exam.part}")
    print(f"Loss:             {found.loss:.4f}")
    if classes:
        print(ROW.format("class", "samples", "right", "rate"))
    for row in classes:
        print(ROW.format(row["class"], row["samples"], row["right"], f"{row['rate']:.4f}"))
    return 0


def _by_class(exam: model.Examination) -> list[dict[str, Any]]:
    """Return, for each class that occurs, how many samples there are and how many are right."""
    outputs = exam.network.predict(exam.x)
    answered = predicted_classes(outputs, exam.loss.threshold)
    labels = true_classes(exam.targets, outputs.shape[1])
    if answered is None or labels is None:
        return []
    rows = []
    for number in np.unique(labels).astype(int):
        right = answered[labels == number] == number
        rows.append(
            {
                "class": exam.name(number),
                "samples": len(right),
                "right": int(right.sum()),
                "rate": float(right.mean()),
            }
        )
    return rows
