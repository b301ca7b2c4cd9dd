"""Checks of metrics: of 2, 3 and 10 classes, or of 1 and 3 columns of real values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from itertools import pairwise, product
from typing import Final

import numpy as np

from plugnet.arrays import Array
from plugnet.errors import PlugnetError
from plugnet.interfaces import Metric
from plugnet.testing.comparison import allclose, identical, writes_to
from plugnet.testing.report import NotApplicable, fail, raised, require
from plugnet.testing.snapshot import Snapshot
from plugnet.testing.target import Example, Target, argument_text, for_each

ROWS: Final = 24
COLUMNS: Final = {"class": (2, 3, 10), "real": (1, 3)}
#: Where samples are divided into blocks: in two, after the first row, and row by row.
DIVISIONS: Final[tuple[Sequence[int], ...]] = ((ROWS // 2,), (1,), range(1, ROWS))


class MetricHarness:
    """A metric with answers that are partly right.

    Attributes:
        columns: the number of classes or of real values, K.
        targets: ``(N,)`` class ids, or ``(N, K)`` real values.
        scores: ``(N, K)``, the answers.
        perfect: ``(N, K)``, the right answers.
        weights: ``(N,)``, whole numbers from 0; the first is 0.
    """

    def __init__(self, target: Target, example: Example, columns: int, dtype: str) -> None:
        self.target, self.example, self.columns = target, example, columns
        rng = np.random.default_rng(1)
        self.targets: Array = rng.normal(3, 2, (ROWS, columns)).astype(dtype)
        self.perfect: Array = self.targets
        if self.build().kind == "class":
            self.targets = rng.permutation(np.arange(ROWS) % columns)
            self.perfect = np.eye(columns, dtype=dtype)[self.targets]
        self.scores: Array = self.perfect + rng.normal(0, 1, (ROWS, columns)).astype(dtype)
        self.weights: Array = rng.permutation(np.arange(ROWS) % 4).astype(dtype)
        self.weights[0] = 0

    def build(self) -> Metric:
        """Return a new metric."""
        metric: Metric = self.target.build(self.example)
        metric.reset()
        return metric

    def update(
        self,
        metric: Metric,
        scores: Array | None = None,
        weights: Array | None = None,
        cuts: Sequence[int] = (),
    ) -> None:
        """Give a metric copies of all samples, divided into blocks at the ``cuts``."""
        scores = self.scores if scores is None else scores
        for part in (slice(*ends) for ends in pairwise([0, *cuts, len(scores)])):
            counts = None if weights is None else weights[part].copy()
            metric.update(scores[part].copy(), self.targets[part].copy(), counts)

    def value(
        self,
        scores: Array | None = None,
        weights: Array | None = None,
        cuts: Sequence[int] = (),
    ) -> float:
        """Return what a new metric gives for all samples."""
        metric = self.build()
        self.update(metric, scores, weights, cuts)
        return metric.compute()


def harnesses(target: Target, dtype: str = "float64") -> list[MetricHarness]:
    """Return a harness for each example and each K that its metric accepts.

    Raises:
        NotApplicable: there is none; `check_number` or `check_declared` says why.
    """
    accepted = []
    for harness in _all_harnesses(target, dtype):
        try:
            harness.value()
        except PlugnetError:
            continue
        accepted.append(harness)
    if not accepted:
        raise NotApplicable("it takes no samples: see number")
    return accepted


def _all_harnesses(target: Target, dtype: str = "float64") -> list[MetricHarness]:
    if target.cls.kind not in COLUMNS:
        raise NotApplicable("it does not say what it judges: see declared")
    tried = product(target.usable_examples, COLUMNS[target.cls.kind])
    return [MetricHarness(target, example, columns, dtype) for example, columns in tried]


def exercise(target: Target) -> list[Array]:
    """Return the numbers for all samples, with weights and without."""
    values = [
        (harness.value(), harness.value(None, harness.weights)) for harness in harnesses(target)
    ]
    return [np.array(pair) for pair in values]


def check_declared(target: Target) -> None:
    """``kind`` is "class" or "real", and ``greater_is_better`` is True or False."""
    kind, greater = target.cls.kind, target.cls.greater_is_better
    require(
        kind in COLUMNS and isinstance(greater, bool),
        f'kind must be "class" or "real", and greater_is_better True or False, but they are '
        f"{kind!r} and {greater!r}.",
    )


def check_number(target: Target) -> None:
    """`compute` returns a finite float for ordinary samples."""
    refused: list[PlugnetError] = []
    every = [*_all_harnesses(target, "float32"), *_all_harnesses(target)]
    for harness in every:
        try:
            value = harness.value()
        except PlugnetError as error:
            refused.append(error)
            continue
        require(
            isinstance(value, float)
            and not isinstance(value, np.floating)
            and math.isfinite(value),
            f"For K = {harness.columns}, compute must return a Python float that is finite, but it "
            f"returned {value!r}, of type {type(value).__name__}.",
        )
    if len(refused) == len(every):
        fail(f"update must take ordinary samples for some K, but {raised(refused[0])}.")


@for_each(harnesses)
def check_nothing(harness: MetricHarness) -> None:
    """Without samples, or if all weights are 0, the number is NaN."""
    value, weightless = harness.build().compute(), harness.value(None, 0 * harness.weights)
    require(
        math.isnan(value) and math.isnan(weightless),
        f"After reset, compute must return NaN, but it returned {value!r}; and {weightless!r} for "
        "samples whose weights are all 0.",
    )


@for_each(harnesses)
def check_reset(harness: MetricHarness) -> None:
    """`reset` forgets all samples."""
    metric = harness.build()
    harness.update(metric, harness.perfect[::-1], harness.weights)
    metric.reset()
    harness.update(metric)
    _require_same(metric.compute(), harness.value(), "a new metric instead of reset")


@for_each(harnesses)
def check_blocks(harness: MetricHarness) -> None:
    """The number does not depend on how the samples are divided into blocks."""
    for weights, cuts in product((None, harness.weights), DIVISIONS):
        whole, blocks = (harness.value(None, weights, each) for each in ((), cuts))
        _require_same(blocks, whole, f"one block instead of {len(cuts) + 1}")


@for_each(harnesses)
def check_weights(harness: MetricHarness) -> None:
    """A sample of weight 2 counts as two such samples, and one of weight 0 is ignored."""
    _require_same(harness.value(), harness.value(None, np.ones(ROWS)), "weights of 1, not None")
    counts, metric = harness.weights.astype(int), harness.build()
    metric.update(harness.scores.repeat(counts, axis=0), harness.targets.repeat(counts, axis=0))
    copies = metric.compute()
    _require_same(harness.value(None, harness.weights), copies, "copies instead of the weights")
    spoilt = harness.scores.copy()
    spoilt[harness.weights == 0] = np.nan
    found = harness.value(spoilt, harness.weights)
    _require_same(found, copies, "rows without a NaN where the weight is 0")


@for_each(harnesses)
def check_inputs_unchanged(harness: MetricHarness) -> None:
    """Scores, targets and weights are not written to, and read-only arrays are accepted."""
    require(
        not writes_to(harness.build().update, harness.scores, harness.targets, harness.weights),
        "update writes to scores, targets or weights, which belong to the caller.",
    )


@for_each(harnesses)
def check_inputs_not_kept(harness: MetricHarness) -> None:
    """What the caller does with the arrays after `update` has no effect."""
    arrays = harness.scores.copy(), harness.targets.copy(), harness.weights.copy()
    metric = harness.build()
    metric.update(*arrays)
    for array in arrays:
        array.fill(1)
    expected = harness.value(None, harness.weights)
    _require_same(metric.compute(), expected, "arrays that stay the same after update")


@for_each(harnesses)
def check_compute(harness: MetricHarness) -> None:
    """`compute` changes nothing: it can be called again, and between updates."""
    metric, middle = harness.build(), ROWS // 2
    arguments = argument_text(metric)
    metric.compute()
    metric.update(harness.scores[:middle].copy(), harness.targets[:middle].copy())
    before = Snapshot(metric)
    first, second = metric.compute(), metric.compute()
    before.require_unchanged("compute", "It must change no attribute.")
    require(identical(first, second), f"compute returned {first!r}, and then {second!r}.")
    metric.update(harness.scores[middle:].copy(), harness.targets[middle:].copy())
    _require_same(metric.compute(), harness.value(None, None, (middle,)), "no compute in between")
    require(argument_text(metric) == arguments, "An update changes a constructor argument.")


@for_each(partial(harnesses, dtype="float32"))
def check_dtype(harness: MetricHarness) -> None:
    """The number for samples in float32 is that for the same samples in float64."""
    metric, targets = harness.build(), harness.targets
    wide = targets.astype(np.float64) if targets.ndim == 2 else targets
    metric.update(harness.scores.astype(np.float64), wide, harness.weights.astype(np.float64))
    _require_same(
        harness.value(None, harness.weights),
        metric.compute(),
        "the same samples in float64; compute in float64",
    )


@for_each(harnesses)
def check_perfect(harness: MetricHarness) -> None:
    """Perfect answers are at least as good as others, by ``greater_is_better``."""
    best, sign = harness.value(harness.perfect), 1 if harness.build().greater_is_better else -1
    for other in (harness.scores, -harness.scores, np.roll(harness.perfect, 1, axis=0)):
        value = harness.value(other)
        require(
            sign * best >= sign * value,
            f"The number of perfect answers is {best:.6g}, and that of others is {value:.6g}. If "
            "less is better, say greater_is_better = False in the class.",
        )


@for_each(harnesses)
def check_nan(harness: MetricHarness) -> None:
    """A NaN among scores is no right answer of a class; for real values the number is NaN."""
    metric, scores = harness.build(), harness.perfect.copy()
    if metric.kind == "class":
        scores[scores > 0] = np.nan
    else:
        scores[ROWS // 2, -1] = np.nan
    value, best = harness.value(scores), harness.value(harness.perfect)
    sign = 1 if metric.greater_is_better else -1
    require(
        math.isnan(value) or (metric.kind == "class" and sign * value < sign * best),
        f"With NaN for the right answers the number is {value:.6g}, and {best:.6g} with right "
        "answers. A row with a NaN answers no class; for real values the number must be NaN.",
    )


@for_each(harnesses)
def check_instances_independent(harness: MetricHarness) -> None:
    """Two metrics with the same arguments do not affect each other."""
    one, other = harness.build(), harness.build()
    harness.update(one)
    harness.update(other, harness.perfect, harness.weights)
    _require_same(one.compute(), harness.value(), "no other metric of the same class in use")


def _require_same(found: float, expected: float, difference: str) -> None:
    require(
        allclose(found, expected),
        f"The number is {found:.9g}, but {expected:.9g} with {difference}.",
    )
