"""`plugnet predict`: what a trained network answers, sample by sample."""

from __future__ import annotations

import json
import math
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import Any

import numpy as np

from plugnet.arrays import Array
from plugnet.cli import model
from plugnet.data import as_samples
from plugnet.errors import ShapeError
from plugnet.training.evaluation import predicted_classes, true_classes
from plugnet.training.threads import limited


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    model.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object per sample")


def run(arguments: Namespace) -> int:
    """Predict as the arguments say, and return the exit status."""
    exam = model.examination(arguments)
    network = exam.network
    x = as_samples(exam.x, network.dtype, exam.part, network.chain.input_scale())
    with limited(arguments.threads):
        outputs = network.predict(x)
    if outputs.ndim != 2:
        raise ShapeError(
            f"The network must answer each sample with a row of numbers, but its outputs have the "
            f"shape {outputs.shape}. End it with a layer whose output is flat, such as fc.",
            expected=("N", "K"),
            got=outputs.shape,
        )
    named = predicted_classes(outputs, exam.loss.threshold)
    rows = _values(exam, outputs) if named is None else _classes(exam, outputs, named)
    for number, row in enumerate(rows):
        if arguments.json:
            print(json.dumps(row, allow_nan=False))
            continue
        if number == 0:
            print("".join(f"{heading:>13}" for heading in row))
        print("".join(f"{_text(value):>13}" for value in row.values()))
    return 0


def _classes(exam: model.Examination, outputs: Array, named: Array) -> Iterator[dict[str, Any]]:
    """Yield each sample's answer, how strong it is, and the truth."""
    labels = true_classes(exam.targets, outputs.shape[1])
    strength, column = exam.loss.probabilities(outputs), "probability"
    if strength is None:
        strength, column = outputs, "score"
    elif strength.shape[1] == 1:
        strength = np.hstack([1 - strength, strength])  # of class 0, and of class 1
    for number, answer in enumerate(named):
        row = {
            "row": number,
            "answer": exam.name(answer),
            column: _finite(strength[number].max()),
        }
        if labels is not None:
            row["truth"] = exam.name(int(labels[number]))
        yield row


def _values(exam: model.Examination, outputs: Array) -> Iterator[dict[str, Any]]:
    """Yield each sample's outputs and targets, which are not classes."""
    targets = exam.targets.reshape(len(outputs), -1)
    for number, (answer, target) in enumerate(zip(outputs, targets, strict=True)):
        yield {
            "row": number,
            "answer": [_finite(value) for value in answer],
            "truth": [_finite(value) for value in target],
        }


def _finite(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(_text, value))
    if isinstance(value, float):
        return f"{value:.4f}"
    return "-" if value is None else str(value)
