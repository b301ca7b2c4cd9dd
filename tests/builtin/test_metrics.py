"""Metrics: values by hand, and equality with scikit-learn."""

import importlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plugnet import registry
from plugnet.arrays import Array
from plugnet.errors import ArgumentError

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"

#: Six samples of three classes. The answers are 0, 0, 1, 1, 0 and 2.
TARGETS = np.array([0, 0, 0, 1, 1, 2])
SCORES = np.array(
    [[5, 1, 2], [5, 1, 2], [1, 5, 2], [1, 5, 2], [5, 2, 1], [1, 2, 5]], np.float32
)  # fmt: skip


def measured(name: Any, scores: Array, targets: Array, weights: Array | None = None) -> float:
    """Return what a new metric gives for samples in one block."""
    metric = registry.metrics.resolve(name)
    metric.update(scores, targets, weights)
    return metric.compute()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("accuracy", 4 / 6),
        (("top_k", 1), 4 / 6),
        (("top_k", 2), 5 / 6),
        ("top_k", 1),
        ("precision", (2 / 3 + 1 / 2 + 1) / 3),
        (("precision", "micro"), 4 / 6),
        (("precision", "weighted"), (3 * 2 / 3 + 2 * 1 / 2 + 1 * 1) / 6),
        (("precision", {"positive": 0}), 2 / 3),
        ("recall", (2 / 3 + 1 / 2 + 1) / 3),
        (("recall", {"positive": 1}), 1 / 2),
        (("recall", "weighted"), (3 * 2 / 3 + 2 * 1 / 2 + 1 * 1) / 6),
        ("f1", (2 / 3 + 1 / 2 + 1) / 3),
        (("f1", "micro"), 4 / 6),
        (("f1", {"average": "weighted", "positive": 2}), 1),
        (("f1", {"positive": 1}), 1 / 2),
    ],
    ids=str,
)
def test_classes_by_hand(name: Any, expected: float) -> None:
    assert measured(name, SCORES, TARGETS) == pytest.approx(expected, rel=1e-15)


def test_weights_by_hand() -> None:
    weights = np.array([1, 0, 4, 2, 1, 2], np.float32)  # right: 1, 2 and 2 of 10
    assert measured("accuracy", SCORES, TARGETS, weights) == pytest.approx(0.5)
    assert measured(("recall", {"positive": 0}), SCORES, TARGETS, weights) == pytest.approx(1 / 5)
    assert measured(("precision", {"positive": 0}), SCORES, TARGETS, weights) == 1 / 2
    assert measured("recall", SCORES, TARGETS, weights) == pytest.approx((1 / 5 + 2 / 3 + 1) / 3)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("rmse", (math.sqrt(2) + 1) / 2),  # errors 0, 2, 0, 2 and 1, 1, 1, 1
        ("mae", 1),
        ("r2", (1 - 8 / 20 + 1 - 4 / 4) / 2),  # the targets' means are 4 and 1
    ],
)
def test_real_values_by_hand(name: str, expected: float) -> None:
    targets = np.array([[1.0, 0], [3, 0], [5, 2], [7, 2]])
    scores = targets + np.array([[0, 1], [2, 1], [0, -1], [-2, 1]])
    assert measured(name, scores, targets) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("arguments", [(), (1,), (2,)], ids=["k=5", "k=1", "k=2"])
def test_of_equal_scores_the_first_count(arguments: tuple[int, ...]) -> None:
    (k,) = arguments or (5,)
    scores, targets = np.zeros((6, 6)), np.arange(6)
    assert measured(("top_k", *arguments), scores, targets) == pytest.approx(k / 6)
    assert measured("accuracy", scores, targets) == pytest.approx(1 / 6)


@pytest.mark.parametrize("place", range(3))
def test_a_row_with_a_nan_answers_nothing(place: int) -> None:
    scores = np.eye(3)[[0, 0, 1, 2]]
    scores[0, place] = np.nan
    targets = np.array([0, 0, 1, 2])
    for name in ("accuracy", "top_k", ("top_k", 1), ("recall", "micro")):
        assert measured(name, scores, targets) == 3 / 4
    assert measured(("recall", {"positive": 0}), scores, targets) == 1 / 2
    assert measured("precision", scores, targets) == 1
    assert measured(("precision", "micro"), scores, targets) == 1
    assert measured("recall", scores, targets) == pytest.approx((1 / 2 + 1 + 1) / 3)


def test_infinite_scores_are_scores() -> None:
    scores = np.array([[np.inf, 1], [-np.inf, 1], [-np.inf, -np.inf]])
    assert measured("accuracy", scores, np.array([0, 1, 1])) == pytest.approx(2 / 3)
    assert measured(("top_k", 2), scores, np.array([0, 1, 1])) == 1


@pytest.mark.parametrize("name", ["rmse", "mae", "r2"])
@pytest.mark.parametrize("target", [1.0, 2.0])
def test_a_real_nan_gives_nan(name: str, target: float) -> None:
    targets, scores = np.array([[1.0], [target]]), np.array([[1.0], [np.nan]])
    assert math.isnan(measured(name, scores, targets))


@pytest.mark.parametrize("name", registry.metrics.names())
def test_nothing_gathered_gives_nan(name: str) -> None:
    metric = registry.metrics.build(name)
    assert math.isnan(metric.compute())
    scores = np.ones((3, 2))
    targets = scores if metric.kind == "real" else np.ones(3, int)
    metric.update(scores, targets, np.zeros(3))
    metric.update(scores[:0], targets[:0])
    assert math.isnan(metric.compute())
    metric.update(scores, targets)
    assert math.isfinite(metric.compute())


def test_macro_averages_over_the_classes_that_occur() -> None:
    scores = np.eye(9)[[4, 4, 7]]
    assert measured("recall", scores, np.array([4, 4, 4])) == pytest.approx((2 / 3 + 0) / 2)
    assert measured("precision", scores, np.array([4, 4, 4])) == pytest.approx((1 + 0) / 2)
    weights = np.array([1.0, 1.0, 0.0])  # 7 is answered only where the weight is 0
    assert measured("recall", scores, np.array([4, 4, 4]), weights) == 1


def test_a_class_that_is_absent_has_the_score_0() -> None:
    scores = np.eye(3)[[0, 1, 1]]
    for name in ("precision", "recall", "f1"):
        assert measured((name, {"positive": 2}), scores, np.array([0, 1, 1])) == 0


def test_a_positive_class_that_there_is_not_is_refused() -> None:
    for positive in (3, -1, "yes"):
        with pytest.raises(ArgumentError, match="'positive' must be one of the classes, 0, 1, 2,"):
            measured(("f1", {"positive": positive}), SCORES, TARGETS)


def test_a_positive_class_goes_by_its_name_where_there_are_names() -> None:
    scores, targets = np.eye(2)[[0, 1, 1, 0]], np.array([0, 1, 0, 1])
    for classes, positive in ((("no", "yes"), "yes"), ((10, 1), 1), (("0", "1"), "1")):
        found = registry.metrics.build("recall", positive=positive)
        found.classes = classes
        found.update(scores[[0, 1, 2]], targets[[0, 1, 2]])
        assert found.compute() == 1.0
    found.classes = (0, 1)
    with pytest.raises(ArgumentError, match="must be one of the classes, 0, 1, but it is '1'"):
        found.update(scores, targets)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e8 / 3])
@pytest.mark.parametrize("seed", range(3))
def test_r2_of_constant_targets_is_1_or_0(constant: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    targets, weights = np.full((50, 1), constant), rng.random(50)
    metric, wrong = registry.metrics.build("r2"), registry.metrics.build("r2")
    for rows in np.array_split(np.arange(50), 7):
        metric.update(targets[rows], targets[rows], weights[rows])
        wrong.update(targets[rows] + 1, targets[rows], weights[rows])
    assert metric.compute() == 1
    assert wrong.compute() == 0


def test_r2_needs_two_samples() -> None:
    metric = registry.metrics.build("r2")
    metric.update(np.ones((1, 2)), np.ones((1, 2)))
    assert math.isnan(metric.compute())
    metric.update(np.ones((1, 2)), np.ones((1, 2)))
    assert metric.compute() == 1


@pytest.mark.parametrize("rows", [1, 7, 4000])
def test_r2_is_exact_far_from_0(rows: int) -> None:
    rng = np.random.default_rng(0)
    targets = np.round(rng.normal(0, 64, (4000, 2)))
    scores = targets + np.round(rng.normal(0, 32, targets.shape))
    near, far = registry.metrics.build("r2"), registry.metrics.build("r2")
    near.update(scores, targets)
    for start in range(0, len(targets), rows):
        part = slice(start, start + rows)
        far.update(scores[part] + 1e8, targets[part] + 1e8)
    assert far.compute() == pytest.approx(near.compute(), rel=1e-13)


def test_sums_of_float32_lose_nothing() -> None:
    scores = np.full((100_000, 1), 0.1, np.float32)
    metric = registry.metrics.build("mae")
    for _ in range(10):
        metric.update(scores, np.zeros_like(scores), scores[:, 0])
    assert metric.compute() == pytest.approx(float(np.float32(0.1)), rel=1e-12)


@pytest.mark.parametrize("name", registry.metrics.names())
def test_memory_does_not_grow_with_the_samples(name: str, meter: Any) -> None:
    metric = registry.metrics.build(name)
    scores = np.ones((1000, 3))
    targets = scores if metric.kind == "real" else np.ones(1000, int)
    with meter:
        for _ in range(20):
            metric.update(scores, targets)
            meter.plugnet_step_end()
    assert meter.rises[-1] < 200_000
    assert meter.held < 10_000


@pytest.mark.parametrize(
    ("name", "culprit"),
    [
        (("top_k", 0), "k"),
        (("top_k", 1.5), "k"),
        (("f1", "binary"), "average"),
        (("recall", None), "average"),
        (("precision", "macro", 0.5), "positive"),
        (("precision", "macro", True), "positive"),
    ],
)
def test_bad_arguments_are_refused_by_name(name: tuple[Any, ...], culprit: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        registry.metrics.build(*name)
    assert caught.value.argument == culprit


def test_what_is_better() -> None:
    declared = {name: registry.metrics.get(name) for name in registry.metrics.names()}
    assert {n for n, cls in declared.items() if not cls.greater_is_better} == {"rmse", "mae"}
    assert {n for n, cls in declared.items() if cls.kind == "real"} == {"rmse", "mae", "r2"}


@pytest.fixture
def equality(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The comparison with scikit-learn, which is a program of its own, too."""
    pytest.importorskip("sklearn")
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("metrics_equality")


@pytest.mark.parametrize("name", registry.metrics.names())
def test_equal_to_scikit_learn(equality: Any, name: str) -> None:
    compared = [each for each in equality.METRICS if each[0][0] == name]
    assert len(compared) == {"top_k": 3, "precision": 5, "recall": 5, "f1": 5}.get(name, 1)
    for arguments, reference in compared:
        title, cases, difference = equality.line(arguments, reference)
        assert cases > 250, title
        assert difference < 1e-13, title
