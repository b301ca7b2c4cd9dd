"""`plugnet predict`: what a trained network predicts, sample by sample."""

from __future__ import annotations

import json
import math
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import Any

import numpy as np

from plugnet.arrays import Array
from plugnet.cli import trained_run
from plugnet.cli.trained_run import TrainedRun
from plugnet.data import as_samples
from plugnet.errors import ShapeError
from plugnet.training.evaluation import predicted_classes, true_classes
from plugnet.training.threads import limited


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    trained_run.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object per sample")


def run(arguments: Namespace) -> int:
    """Predict as the arguments say, and return the exit status."""
    trained = trained_run.load(arguments)
    network = trained.network
    x = as_samples(trained.x, network.dtype, trained.part, network.chain.input_scale())
    with limited(arguments.threads):
        outputs = network.predict(x)
    if outputs.ndim != 2:
        raise ShapeError(
            "The network must give a row of numbers for each sample, but its outputs have the "
            f"shape {outputs.shape}. End it with a layer whose output is flat, such as fc.",
            expected=("N", "K"),
            got=outputs.shape,
        )
    predicted = predicted_classes(outputs, trained.loss.threshold)
    rows = _values(trained, outputs) if predicted is None else _classes(trained, outputs, predicted)
    for number, row in enumerate(rows):
        if arguments.json:
            print(json.dumps(row, allow_nan=False))
            continue
        if number == 0:
            print("".join(f"{heading.replace('_', ' '):>18}" for heading in row))
        print("".join(f"{_text(value):>18}" for value in row.values()))
    return 0


def _classes(trained: TrainedRun, outputs: Array, predicted: Array) -> Iterator[dict[str, Any]]:
    """Yield the predicted class of each sample, how strongly it is predicted, and the true one."""
    labels = true_classes(trained.targets, outputs.shape[1])
    strength, column = trained.loss.probabilities(outputs), "probability"
    if strength is None:
        strength, column = outputs, "score"
    elif strength.shape[1] == 1:
        strength = np.hstack([1 - strength, strength])  # of class 0, and of class 1
    for number, predicted_class in enumerate(predicted):
        row = {
            "row": number,
            "predicted_class": trained.class_name(predicted_class),
            column: _finite(strength[number].max()),
        }
        if labels is not None:
            row["true_class"] = trained.class_name(int(labels[number]))
        yield row


def _values(trained: TrainedRun, outputs: Array) -> Iterator[dict[str, Any]]:
    """Yield the outputs for each sample and its targets, which are not classes."""
    targets = trained.targets.reshape(len(outputs), -1)
    for number, (predicted, true) in enumerate(zip(outputs, targets, strict=True)):
        yield {
            "row": number,
            "predicted_values": [_finite(value) for value in predicted],
            "true_values": [_finite(value) for value in true],
        }


def _finite(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(_text, value))
    if isinstance(value, float):
        return f"{value:.4f}"
    return "-" if value is None else str(value)
