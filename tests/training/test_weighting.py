"""class_weight and ignore_label: how much samples count by their labels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests import small
from tests.small import LAYERS, ONE_HOT, X
from tests.trained import weights_of

from plugnet import Network, Trainer
from plugnet.arrays import Array
from plugnet.errors import ArgumentError, DataError
from plugnet.schema import Schema
from plugnet.training.weighting import weights_by_class

#: 12 samples of class 0, 5 of class 1 and 3 of class 2.
Y = np.random.default_rng(5).permutation(np.repeat([0, 1, 2], [12, 5, 3]))
WORDS = np.array(["ash", "box", "elm"])
THREE = Schema("class", (0, 1, 2))


def trained(y: Any, weights: Any = None, iterations: int = 9, **settings: Any) -> Trainer:
    made = Trainer(Network(LAYERS, dtype="float64"), batch_size=5, **settings)
    made.fit(X, y, iterations, weights=weights)
    return made


def assert_same_bits(one: Trainer, other: Trainer) -> None:
    np.testing.assert_array_equal(weights_of(one), weights_of(other))
    assert one.history.loss == other.history.loss


# class_weight ------------------------------------------------------------------------------------


def test_weights_of_classes_are_those_of_their_samples() -> None:
    by_class = np.array([0.5, 2.0, 1.0])
    found = trained(Y, class_weight={1: 2.0, 0: 0.5})  # a class that is not named counts 1
    assert_same_bits(found, trained(Y, by_class[Y]))
    assert np.abs(weights_of(found) - weights_of(trained(Y))).max() > 1e-3


def test_weights_of_classes_and_of_samples_are_multiplied() -> None:
    own = np.random.default_rng(0).uniform(0.5, 2, 20)
    found = trained(Y, own, class_weight={0: 0.25, 1: 2, 2: 4})
    assert_same_bits(found, trained(Y, own * np.array([0.25, 2, 4])[Y]))


def test_classes_with_names_are_weighted_by_them() -> None:
    found = trained(WORDS[Y], class_weight={"elm": 3.0, "ash": 0.5})
    assert_same_bits(found, trained(Y, np.array([0.5, 1, 3])[Y]))


def test_balanced_gives_each_class_the_same_total() -> None:
    found = weights_by_class("balanced", Y, THREE)
    np.testing.assert_allclose(found, [20 / (3 * 12), 20 / (3 * 5), 20 / (3 * 3)], rtol=1e-15)
    np.testing.assert_allclose(np.bincount(Y, found[Y]), [20 / 3] * 3, rtol=1e-14)
    assert_same_bits(trained(Y, class_weight="balanced"), trained(Y, found[Y]))


@pytest.mark.parametrize("classes", [range(3), range(4)], ids=["all occur", "one does not"])
def test_balanced_is_that_of_scikit_learn(classes: range) -> None:
    utils = pytest.importorskip("sklearn.utils.class_weight")
    found = weights_by_class("balanced", Y, Schema("class", tuple(classes)))
    expected = utils.compute_class_weight("balanced", classes=np.unique(Y), y=Y)
    np.testing.assert_allclose(found[:3], expected, rtol=1e-15)


def test_evaluations_do_not_weigh_classes() -> None:
    found = Trainer(Network(LAYERS), batch_size=5, class_weight={0: 9.0})
    (judged,) = found.fit(X, Y, 9, validation=(X, Y)).evaluations
    plain = Trainer(found.network).evaluate(X, Y)
    assert (judged.loss, judged.metrics) == (plain.loss, plain.metrics)


def test_a_source_of_batches_takes_weights_of_classes() -> None:
    def batches() -> Iterator[tuple[Array, Array]]:
        while True:
            yield X, Y

    settings: dict[str, Any] = {"batch_size": 20, "shuffle": False, "class_weight": {1: 3.0}}
    arrays, source = (Trainer(Network(LAYERS), **settings) for _ in range(2))
    arrays.fit(X, Y, 4)
    source.fit(batches(), iterations=4)
    assert_same_bits(arrays, source)
    balanced = Trainer(Network(LAYERS), class_weight="balanced")
    with pytest.raises(ArgumentError, match="has to count all labels, but they come batch by b"):
        balanced.fit(batches(), iterations=4)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("balance", 'must be "balanced" or a mapping'),
        (3.0, 'must be "balanced" or a mapping'),
        ([1.0, 2.0], 'must be "balanced" or a mapping'),
        ({0: -1.0}, r"class_weight\[0\]"),
        ({0: "2"}, r"class_weight\[0\]"),
        ({"cat": float("nan")}, r"class_weight\['cat'\]"),
        ({1.0: 2.0}, "class_weight must name labels, strings or whole numbers, but it names 1.0"),
        ({None: 2.0}, "it names None"),
    ],
)
def test_wrong_weights_of_classes_are_refused(value: Any, text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        Trainer(Network(LAYERS), class_weight=value)


def test_weights_that_leave_no_sample_are_refused() -> None:
    with pytest.raises(DataError, match="together are all 0"):
        trained(Y, (Y == 0) * 1.0, class_weight={0: 0})


def test_an_unknown_class_is_named() -> None:
    with pytest.raises(ArgumentError, match="must name classes, 0, 1, 2, but it names 3, 'ash'"):
        trained(Y, class_weight={0: 1.0, 3: 2.0, "ash": 3.0})


@pytest.mark.parametrize(
    ("y", "what"),
    [(X[:, :3] / X[:, :3].sum(axis=1, keepdims=True), "real values"), (ONE_HOT, "rows")],
    ids=["real", "one-hot"],
)
def test_targets_that_are_no_labels_have_no_classes_to_weigh(y: Array, what: str) -> None:
    with pytest.raises(ArgumentError, match=f"one class for each sample, but the .* are {what}"):
        trained(y, class_weight={0: 2.0})


@pytest.mark.parametrize(
    "weight",
    ["balanced", {2: 3.0, 0: 0.5}, {np.int64(2): np.float32(3)}, {"elm": 2.0}, None],
    ids=repr,
)
def test_weights_of_classes_are_saved(tmp_path: Path, weight: Any) -> None:
    labels = WORDS[Y] if weight == {"elm": 2.0} else Y
    whole = trained(labels, class_weight=weight)
    first = trained(labels, class_weight=weight, iterations=4)
    first.save(tmp_path / "run")
    second = Trainer.resume(tmp_path / "run")
    assert second.class_weight == weight
    second.fit(X, labels, 5)
    assert_same_bits(second, whole)


# ignore_label ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("labels", "ignored"),
    [
        (np.array([0, 1, 2, -1]), -1),
        (np.array([0, 1, 2, 255]), 255),
        (np.array(["ash", "box", "elm", "?"]), "?"),
    ],
)
def test_an_ignored_label_counts_as_a_weight_of_0(labels: Array, ignored: Any) -> None:
    is_ignored = np.arange(20) % 4 == 1
    y = labels[np.where(is_ignored, 3, Y)]
    own = np.random.default_rng(0).uniform(0.5, 2, 20)
    for weights in (None, own):
        found = trained(y, weights, ignore_label=ignored)
        counts = np.where(is_ignored, 0, 1 if weights is None else weights)
        assert_same_bits(found, trained(Y, counts))
        assert found.schema is not None
        assert found.schema.classes == tuple(labels[:3].tolist())


def test_what_is_ignored_might_as_well_not_be_there() -> None:
    is_ignored = np.arange(20) % 4 == 1
    y = np.where(is_ignored, -1, Y)
    settings: dict[str, Any] = {"shuffle": False, "regularizer": None}
    whole = Trainer(Network(LAYERS, dtype="float64"), batch_size=20, ignore_label=-1, **settings)
    rest = Trainer(Network(LAYERS, dtype="float64"), batch_size=15, **settings)
    judged = whole.fit(X, y, 9, validation=(X, y))
    expected = rest.fit(
        X[~is_ignored], Y[~is_ignored], 9, validation=(X[~is_ignored], Y[~is_ignored])
    )
    np.testing.assert_allclose(weights_of(whole), weights_of(rest), rtol=0, atol=1e-13)
    (found,), (wanted,) = judged.evaluations, expected.evaluations
    assert found.loss == pytest.approx(wanted.loss, rel=1e-12)
    assert found.metrics == pytest.approx(wanted.metrics, rel=1e-12)
    again = whole.evaluate(X, y)
    assert (again.loss, again.metrics) == (found.loss, found.metrics)


def test_hooks_are_shown_only_samples_that_count() -> None:
    seen: list[tuple[Array, Array, Array]] = []

    class Seen:
        def plugnet_evaluate_end(self, x: Array, outputs: Array, targets: Array) -> None:
            seen.append((x, outputs, targets))

    is_ignored = np.arange(20) % 4 == 1
    made = Trainer(Network(LAYERS), batch_size=5, ignore_label=-1, hooks=[Seen()])
    made.fit(X, Y, 3, validation=(X, np.where(is_ignored, -1, Y)))
    kept = X[~is_ignored]
    np.testing.assert_array_equal(seen[0][0], kept)
    np.testing.assert_allclose(seen[0][1], made.network.predict(kept), rtol=1e-6)
    np.testing.assert_array_equal(seen[0][2], Y[~is_ignored])


def test_balanced_does_not_count_what_is_ignored() -> None:
    is_ignored = Y == 0
    is_ignored[np.flatnonzero(is_ignored)[:4]] = False  # 4, 5 and 3 samples are left
    y = np.where(is_ignored, -1, Y)
    by_class = np.array([12 / (3 * 4), 12 / (3 * 5), 12 / (3 * 3)])
    found = trained(y, class_weight="balanced", ignore_label=-1)
    assert_same_bits(found, trained(Y, np.where(is_ignored, 0, by_class[Y])))


def test_samples_that_are_all_ignored_are_refused() -> None:
    with pytest.raises(DataError, match="All labels are -1, which is ignored"):
        trained(np.full(20, -1), ignore_label=-1)


@pytest.mark.parametrize(
    "weights", [["1"] * 20, np.ma.masked_array(np.ones(20), Y == 0)], ids=["text", "masked"]
)
def test_weights_beside_an_ignored_label_are_plain_numbers(weights: Any) -> None:
    with pytest.raises(DataError, match="weights must be"):
        trained(Y, weights, ignore_label=2)


@pytest.mark.parametrize(
    ("y", "ignored"), [(Y, "ash"), (WORDS[Y], 3), (ONE_HOT, 1), (X[:, :3], 0)], ids=str
)
def test_an_ignored_label_is_one_of_its_type_for_each_sample(y: Array, ignored: Any) -> None:
    with pytest.raises(DataError, match="needs one label of its type for each sample"):
        trained(y, ignore_label=ignored)


@pytest.mark.parametrize("label", [1.5, [1], b"?"])
def test_an_ignored_label_is_a_string_or_a_whole_number(label: Any) -> None:
    with pytest.raises(ArgumentError, match="ignore_label must name labels") as caught:
        Trainer(Network(LAYERS), ignore_label=label)
    assert caught.value.argument == "ignore_label"


@pytest.mark.parametrize("label", [-1, np.int64(-1)], ids=repr)
def test_an_ignored_label_is_saved(tmp_path: Path, label: Any) -> None:
    y = np.where(np.arange(20) % 4 == 1, -1, Y)
    whole = trained(y, ignore_label=label)
    first = trained(y, ignore_label=label, iterations=4)
    first.save(tmp_path / "run")
    second = Trainer.resume(tmp_path / "run")
    assert second.ignore_label == -1
    second.fit(X, y, 5)
    assert_same_bits(second, whole)


def test_a_weight_of_a_class_beyond_all_numbers_is_refused() -> None:
    with pytest.raises(ArgumentError, match="class_weight must be finite in float32"):
        small.trainer(class_weight={0: 1e300}).fit(small.X, small.Y, 1)
