"""Evaluation: the mean loss of a network's answers, and the metrics that judge them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, count, islice
from typing import Any, Literal

import numpy as np

from plugnet.arrays import Array
from plugnet.data.answers import decode
from plugnet.errors import ArgumentError, NotRecordedError, shorten
from plugnet.interfaces import Loss, Metric
from plugnet.registry import registry
from plugnet.schema import Schema
from plugnet.targets import is_one_hot, is_zero_or_one

#: The metrics for each kind of answers, unless others are asked for.
DEFAULT: Mapping[str, tuple[str, ...]] = {"class": ("accuracy",), "real": ("rmse", "r2")}


@dataclass(frozen=True)
class Evaluation:
    """How well a network does on a set of samples.

    Attributes:
        iteration: how many training iterations were done before.
        loss: the mean loss over the samples, without regularization.
        metrics: what the metrics say, by their names.
        part: which samples: "validation" or "test".

    >>> found = Evaluation(iteration=800, loss=0.06, metrics={"accuracy": 0.98})
    >>> found["accuracy"], found["loss"]
    (0.98, 0.06)
    """

    iteration: int
    loss: float
    metrics: Mapping[str, float] = field(default_factory=dict)
    part: Literal["validation", "test"] = "test"

    def __getitem__(self, name: str) -> float:
        """Return a metric by its name, or the loss."""
        if name == "loss":
            return self.loss
        if name not in self.metrics:
            known = ("loss", *self.metrics)
            raise NotRecordedError(
                f"{name!r} was not evaluated, but {', '.join(known)}. Name it in metrics=[...].",
                name=name,
                known=known,
            )
        return self.metrics[name]


def in_words(evaluation: Evaluation, most: int) -> str:
    """Return the loss and the first metrics, at most ``most``, as text.

    >>> in_words(Evaluation(800, 0.0625, {"accuracy": 0.98}), 3)
    'loss 0.0625, accuracy 0.98'
    """
    metrics = islice(evaluation.metrics.items(), most)
    return ", ".join(
        f"{shorten(name)} {value:.4g}" for name, value in [("loss", evaluation.loss), *metrics]
    )


def build_metrics(metrics: Iterable[Any] | None, kind: str, loss: Loss) -> dict[str, Metric]:
    """Return metrics by their names; a second one of the same name is numbered, as "f1_2".

    Args:
        metrics: each an object, a name, a tuple or a spec; None: those that suit the kind, but none
            for real values that are probabilities.
        kind: what a network answers, see `Schema`.
        loss: what it was trained to minimise.

    Raises:
        ArgumentError: one is for another kind of answers.
    """
    found: dict[str, Metric] = {}
    if metrics is None:
        are_scores = kind == "real" and gives_probabilities(loss)
        metrics = () if are_scores else DEFAULT[kind]
    for given in metrics:
        metric = registry.metrics.resolve(given)
        name = registry.name_of(metric) or type(metric).__name__.lower()
        if metric.kind != kind:
            what = {"class": "predicted classes", "real": "predicted real values"}
            raise ArgumentError(
                f"The metric '{name}' judges {what[metric.kind]}, but the network gives "
                f"{what[kind]}. Choose others, such as {', '.join(DEFAULT[kind])}.",
                argument="metrics",
                value=given,
            )
        numbered = (f"{name}_{number}" for number in count(2))
        found[next(key for key in chain([name], numbered) if key not in found)] = metric
    return found


def evaluate(
    loss: Loss,
    metrics: Mapping[str, Metric],
    schema: Schema,
    answered: Iterable[tuple[Array, Array, Array | None]],
) -> tuple[float, dict[str, float]]:
    """Return the mean loss and the metrics over all rows, each by its weight.

    Metrics of classes are left out if the targets are not classes, but their probabilities.

    Args:
        loss: what the network was trained to minimise.
        metrics: by name.
        schema: what the outputs mean.
        answered: outputs ``(N, K)``, targets and weights or None of some rows after the other.
    """
    summed, total, judged = 0.0, 0.0, dict(metrics)
    for metric in metrics.values():
        metric.classes = schema.classes
        metric.reset()
    for outputs, targets, weights in answered:
        weight = float(len(outputs) if weights is None else weights.sum(dtype=np.float64))
        if weight:
            summed += weight * loss_value(loss, loss.forward(outputs, targets, weights))
            total += weight
        if schema.kind == "class":
            true = true_classes(targets, outputs.shape[1])
            scores = class_scores(outputs, loss.threshold)
        else:
            true, scores = decode(targets, schema), decode(outputs, schema)
        if true is None:
            judged = {}
            continue
        for metric in judged.values():
            metric.update(scores, true, weights)
    value = summed / total if total else 0.0
    return value, {name: float(metric.compute()) for name, metric in judged.items()}


def gives_probabilities(loss: Loss) -> bool:
    """Tell whether a loss turns outputs into probabilities."""
    return type(loss).probabilities is not Loss.probabilities


def loss_value(loss: Loss, found: Any) -> float:
    """Return what a loss's ``forward`` has returned as a float.

    Raises:
        ArgumentError: it is not a real number.
    """
    if isinstance(found, float):
        return float(found)
    if isinstance(found, np.ndarray | np.generic) and found.ndim == 0 and found.dtype.kind in "iuf":
        return float(found)
    if type(found) is int:
        return float(found)
    what = f"a {type(found).__name__}"
    if isinstance(found, np.ndarray):
        what = f"an array of shape {found.shape} and dtype {found.dtype}"
    raise ArgumentError(
        f"{type(loss).__name__}.forward must return the loss of the batch, a real number, but it "
        f"returned {what}. Correct the loss.",
        argument="loss",
        value=loss,
    )


def class_scores(outputs: Array, threshold: float | None) -> Array:
    """Return scores with a column for each class: those of a single output s are ``(0, s - t)``.

    Args:
        outputs: ``(N, K)``.
        threshold: `Loss.threshold`, the t.
    """
    if outputs.shape[1] > 1 or threshold is None:
        return outputs
    scores = np.zeros((len(outputs), 2), outputs.dtype)
    np.subtract(outputs[:, 0], threshold, out=scores[:, 1])
    return scores


def predicted_classes(outputs: Array, threshold: float | None = None) -> Array:
    """Return the class that each row of outputs predicts, ``(N,)``: that with the highest score.

    The first of several equal ones; -1 for a row with a NaN, which predicts nothing.

    Args:
        outputs: ``(N, K)``.
        threshold: `Loss.threshold`, if there may be a single output for two classes.
    """
    scores = class_scores(outputs, threshold)
    predicted: Array = scores.argmax(axis=1)  # for NumPy, a NaN is the highest
    predicted[np.isnan(scores[np.arange(len(scores)), predicted])] = -1
    return predicted


def true_classes(targets: Array, outputs: int) -> Array | None:
    """Return the ids ``(N,)`` of targets that are classes, or None if they are not.

    Args:
        targets: ``(N,)`` class ids, or ``(N, K)``: one-hot rows, or for a single output 0 and 1.
        outputs: K, how many outputs the network has.
    """
    if targets.ndim == 1:
        return targets
    if outputs == 1:
        return targets.reshape(-1).astype(np.intp) if is_zero_or_one(targets).all() else None
    ids: Array = targets.argmax(axis=1)
    return ids if is_one_hot(targets).all() else None


def blocks(rows: int, size: int) -> Iterator[slice]:
    """Cut the rows into slices of ``size``, the last of which may go beyond the end."""
    return (slice(start, start + size) for start in range(0, rows, size))
