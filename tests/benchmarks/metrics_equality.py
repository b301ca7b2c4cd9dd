"""Compares all metrics with scikit-learn, and prints the largest differences.

    python tests/benchmarks/metrics_equality.py

Classes are 2, 3 or 10, of which some may be absent, or all but one; real values have 1 or 3
columns, of which one may be constant, or all may be far from 0. With weights and without, in one
block and in several, in float32 and float64. Rows of weight 0 are kept from scikit-learn, which
would still count their classes as present.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise, product
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from plugnet import registry
from plugnet.arrays import Array
from plugnet.interfaces import Metric

ROWS = 60
SEEDS = 2

#: Of targets, scores and weights.
Reference: TypeAlias = Callable[[Array, Array, Array | None], float]


class Samples(NamedTuple):
    """Samples in one dtype, and some rows before which they may be divided."""

    scores: Array
    targets: Array
    weights: Array | None
    cuts: list[int]


class Line(NamedTuple):
    """One line of the table.

    Attributes:
        metric: its name and arguments.
        cases: how many numbers were compared.
        difference: the largest difference, in proportion to numbers above 1.
    """

    metric: str
    cases: int
    difference: float


def _per_class(
    name: str, targets: Array, scores: Array, weights: Array | None, **options: Any
) -> Any:
    from sklearn import metrics

    function = getattr(metrics, f"{name}_score")
    answers = scores.argmax(axis=1)
    return function(targets, answers, sample_weight=weights, zero_division=0, **options)


def _top_k(targets: Array, scores: Array, weights: Array | None, k: int) -> Any:
    from sklearn.metrics import top_k_accuracy_score

    classes = scores.shape[1]
    shown = scores if classes > 2 else scores[:, 1] - scores[:, 0]
    with warnings.catch_warnings(action="ignore"):  # k classes or fewer: always right
        return top_k_accuracy_score(
            targets, shown, k=k, sample_weight=weights, labels=range(classes)
        )


def _plain(name: str, targets: Array, answers: Array, weights: Array | None) -> Any:
    from sklearn import metrics

    answers = answers.argmax(axis=1) if targets.ndim == 1 else answers
    return getattr(metrics, name)(targets, answers, sample_weight=weights)


def _metrics() -> Iterator[tuple[tuple[Any, ...], Reference]]:
    yield ("accuracy",), partial(_plain, "accuracy_score")
    for k in (1, 2, 5):
        yield ("top_k", k), partial(_top_k, k=k)
    for name in ("precision", "recall", "f1"):
        for average in ("macro", "micro", "weighted"):
            yield (name, average), partial(_per_class, name, average=average)
        for positive in (0, 1):
            alone = partial(_per_class, name, labels=[positive], average="macro")
            yield (name, {"positive": positive}), alone
    yield ("rmse",), partial(_plain, "root_mean_squared_error")
    yield ("mae",), partial(_plain, "mean_absolute_error")
    yield ("r2",), partial(_plain, "r2_score")


#: All metrics with arguments, each with its reference.
METRICS = [*_metrics()]


def classes() -> Iterator[Samples]:
    """Yield samples of classes."""
    for seed, columns, present in product(range(SEEDS), (2, 3, 10), ("all", "some", "one")):
        rng = np.random.default_rng(seed)
        targets = rng.integers(0, columns, ROWS)
        scores = np.eye(columns)[targets] + rng.normal(0, 0.5, (ROWS, columns))
        if present == "some":
            targets %= 2  # of the others, some are answered
            scores[:, columns // 2 + 1 :] = -9
        elif present == "one":
            targets[:] = 0
            scores[:, 0] += 9 * (seed % 2)  # everything right, or not
        yield from _weighted(rng, scores, targets)


def real_values() -> Iterator[Samples]:
    """Yield samples of real values."""
    for seed, columns, kind in product(range(SEEDS), (1, 3), ("usual", "far", "constant", "exact")):
        rng = np.random.default_rng(seed)
        targets = rng.normal(0, 2, (ROWS, columns)) + (1e8 if kind == "far" else 0)
        if kind in ("constant", "exact"):
            targets[:, 0] = 0  # of others, scikit-learn's mean is not exact
        scores = targets + rng.normal(0, 1, targets.shape) * (kind != "exact")
        yield from _weighted(rng, scores, targets)


def _weighted(rng: np.random.Generator, scores: Array, targets: Array) -> Iterator[Samples]:
    whole, parts = rng.integers(0, 4, ROWS).astype(np.float64), rng.random(ROWS)
    cuts = np.sort(rng.choice(np.arange(1, ROWS), 6, replace=False)).tolist()
    for dtype, weights in product((np.float32, np.float64), (None, whole, parts)):
        real = targets.astype(dtype) if targets.ndim == 2 else targets
        counts = None if weights is None else weights.astype(dtype)
        yield Samples(scores.astype(dtype), real, counts, cuts)


def values(metric: Metric, samples: Samples) -> Iterator[float]:
    """Yield what a metric gives for samples in one block, in some, and row by row."""
    for cuts in ((), samples.cuts, range(1, ROWS)):
        metric.reset()
        for part in (slice(*ends) for ends in pairwise([0, *cuts, ROWS])):
            weights = None if samples.weights is None else samples.weights[part]
            metric.update(samples.scores[part], samples.targets[part], weights)
        yield metric.compute()


def expected(reference: Reference, samples: Samples) -> float:
    """Return what scikit-learn gives for samples, in float64."""
    scores, targets, weights = samples.scores.astype(np.float64), samples.targets, samples.weights
    targets = targets.astype(np.float64) if targets.ndim == 2 else targets
    if weights is None:
        return float(reference(targets, scores, None))
    kept = weights > 0
    return float(reference(targets[kept], scores[kept], weights[kept].astype(np.float64)))


def line(arguments: tuple[Any, ...], reference: Reference) -> Line:
    """Compare one metric with its reference on all samples of its kind."""
    metric = registry.metrics.resolve(arguments)
    differences = []
    for samples in classes() if metric.kind == "class" else real_values():
        right = expected(reference, samples)
        found = values(metric, samples)
        differences += [abs(value - right) / max(abs(right), 1) for value in found]
    name, *rest = arguments
    return Line(
        f"{name} {' '.join(map(str, rest))}".strip(), len(differences), float(np.max(differences))
    )


def main() -> None:
    """Print the table."""
    import sklearn

    print(f"Largest differences from scikit-learn {sklearn.__version__}")
    for arguments, reference in METRICS:
        name, cases, difference = line(arguments, reference)
        print(f"  {name:<26} {cases:4} cases   {difference:.1e}")


if __name__ == "__main__":
    main()
