"""What counts as a right answer, what judges the answers, and when they are no classes at all."""

from typing import Any

import numpy as np
import pytest
from tests.squared import Squared

from plugnet import Model, Network, Trainer, registry
from plugnet.errors import ArgumentError, DataError
from plugnet.evaluation import Evaluation, predicted_classes, true_classes
from plugnet.interfaces import Loss
from plugnet.schema import Schema

SCORES = np.array([[0.5], [-0.5], [2.0], [np.nan]])


@pytest.mark.parametrize("dtype", ["int64", "uint8", "float32"])
@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_a_single_score_above_the_threshold_means_class_1(
    dtype: str, shape: tuple[int, ...]
) -> None:
    targets = np.array([1, 1, 1, 0], dtype).reshape(shape)
    true = true_classes(targets, 1)
    assert true is not None
    assert true.tolist() == [1, 1, 1, 0]
    assert predicted_classes(SCORES, 0.0).tolist() == [1, 0, 1, -1]
    assert predicted_classes(SCORES, 1.0).tolist() == [0, 0, 1, -1]


@pytest.mark.parametrize("odd", [0.5, -1.0, 2.0, np.nan])
def test_a_single_score_names_no_class_beside_other_targets(odd: float) -> None:
    assert true_classes(np.array([[1.0], [0.0], [odd], [1.0]]), 1) is None


def test_soft_targets_give_a_loss_and_no_metric() -> None:
    rng = np.random.default_rng(0)
    x, soft = rng.normal(size=(40, 3)), rng.uniform(0.1, 0.9, size=(40, 1))
    trainer = Trainer(Network([("fc", 3, 1)]), "sigmoid_cross_entropy", batch_size=10)
    (found,) = trainer.fit(x, soft, 5, test=(x, soft)).evaluations
    assert found.metrics == {}
    assert found.loss > 0


def test_a_classifier_judged_on_soft_targets_has_a_loss_only() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 3)), rng.integers(0, 2, 40)
    trainer = Trainer(Network([("fc", 3, 2)]), batch_size=10)
    trainer.fit(x, y, 5)
    assert list(trainer.evaluate(x, y).metrics) == ["accuracy"]
    assert trainer.evaluate(x, rng.dirichlet(np.ones(2), 40)).metrics == {}


def test_metrics_are_those_of_scikit_learn() -> None:
    judge = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    x, y, weights = rng.normal(size=(1500, 3)), rng.integers(0, 3, 1500), rng.random(1500)
    metrics = ["f1", ("precision", {"positive": 1}), "accuracy"]
    trainer = Trainer(Network([("fc", 3, 3)]), batch_size=10, metrics=metrics)
    found = trainer.evaluate(x, y, weights)
    answers = trainer.network.predict(x).argmax(axis=1)
    expected = {
        "f1": judge.f1_score(y, answers, average="macro", sample_weight=weights),
        "precision": judge.precision_score(
            y, answers, labels=[1], average="macro", sample_weight=weights
        ),
        "accuracy": judge.accuracy_score(y, answers, sample_weight=weights),
    }
    assert found.metrics == pytest.approx(expected, rel=1e-5)
    assert list(found.metrics) == list(expected)


def test_a_positive_class_is_called_by_its_name() -> None:
    x, y = np.eye(4), ["yes", "no", "no", "yes"]
    metrics: list[Any] = [("recall", {"positive": "yes"}), ("precision", {"positive": "no"})]
    trainer = Trainer(Network([("fc", 4, 2)]), batch_size=4, metrics=metrics)
    trainer.fit(x, y, iterations=1, test=(x, y))
    answers = trainer.model.predict(x).tolist()
    expected = {
        "recall": np.mean([answers[row] == "yes" for row in (0, 3)]),
        "precision": np.mean(
            [y[row] == "no" for row in range(4) if answers[row] == "no"] or [False]
        ),
    }
    assert trainer.model.evaluate(x, y).metrics == expected
    assert trainer.history.evaluations[-1].metrics == expected
    trainer = Trainer(
        Network([("fc", 4, 2)]), batch_size=4, metrics=[("f1", {"positive": "maybe"})]
    )
    with pytest.raises(ArgumentError, match="one of the classes, 'no', 'yes', but it is 'maybe'"):
        trainer.fit(x, y, iterations=1, test=(x, y))


def test_labels_that_are_numbers_name_classes_too() -> None:
    x, y = np.eye(2), [5, 9]
    trainer = Trainer(Network([("fc", 2, 2)]), batch_size=2, metrics=[("recall", {"positive": 9})])
    trainer.fit(x, y, iterations=60, classes=[5, 9], test=(x, y))
    assert trainer.history.evaluations[-1]["recall"] == 1


def test_a_single_metric_needs_no_list_and_a_number_is_none() -> None:
    trainer = Trainer(Network([("fc", 3, 2)]), metrics="f1")
    assert list(trainer.evaluate(np.eye(3), [0, 1, 1]).metrics) == ["f1"]
    with pytest.raises(ArgumentError, match=r'metrics must be a list, such as \["f1"\]') as caught:
        Trainer(Network([("fc", 3, 2)]), metrics=3)  # type: ignore[arg-type]
    assert caught.value.argument == "metrics"


def test_metrics_of_one_name_are_numbered() -> None:
    metrics: list[Any] = [("f1", {"positive": 0}), ("f1", {"positive": 1}), ("f1", "micro")]
    metrics += [("top_k", 1), ("top_k", 2), ("top_k", 3)]
    model = Model(
        Network([("fc", 3, 2)]), "softmax_with_loss", Schema("class", (0, 1)), metrics=metrics
    )
    assert list(model.metrics) == ["f1", "f1_2", "f1_3", "top_k", "top_k_2", "top_k_3"]


def test_a_metric_for_other_answers_is_refused() -> None:
    trainer = Trainer(Network([("fc", 3, 2)]), batch_size=2, metrics=["rmse"])
    with pytest.raises(ArgumentError, match="'rmse' judges predicted real values") as caught:
        trainer.fit(np.eye(3)[:2], [0, 1], 1, test=(np.eye(3)[:2], [0, 1]))
    assert caught.value.argument == "metrics"


def test_what_was_not_evaluated_is_named() -> None:
    found = Evaluation(3, 0.5, {"accuracy": 0.25})
    assert (found["loss"], found["accuracy"]) == (0.5, 0.25)
    with pytest.raises(KeyError, match="'f1' was not evaluated, but loss, accuracy"):
        found["f1"]


def judged_by(loss: Loss) -> dict[str, float]:
    x = np.random.default_rng(0).random((20, 3))
    y = np.hstack([x[:, :1], 1 - x[:, :1]])  # real values, and probabilities as well
    return dict(Trainer(Network([("fc", 3, 2)]), loss, batch_size=10).evaluate(x, y).metrics)


def test_only_losses_of_real_values_are_judged_by_rmse_and_r2() -> None:
    assert list(judged_by(Squared())) == ["rmse", "r2"]
    assert judged_by(registry.losses.build("softmax_with_loss")) == {}


@pytest.mark.parametrize("outputs", [1, 2])
def test_real_values_are_no_probabilities(outputs: int) -> None:
    x = np.random.default_rng(0).random((20, 3))
    trainer = Trainer(Network([("fc", 3, outputs)]), batch_size=10)
    with pytest.raises(DataError, match=r"rows that sum to 1.*least_square_error"):
        trainer.fit(x, 1000 * x[:, :outputs], 10)
    trainer.loss = registry.losses.build("least_square_error")
    trainer.fit(x, x[:, :outputs], 10)


def test_the_row_that_is_no_probability_is_named() -> None:
    x = np.random.default_rng(0).random((20, 3))
    y = np.hstack([x[:, :1], 1 - x[:, :1]])
    y[7] = 3, 4
    with pytest.raises(DataError, match=r"row 7 of the labels is \[3. 4.\]") as caught:
        Trainer(Network([("fc", 3, 2)]), batch_size=10).fit(x, y, 10)
    assert caught.value.row == 7
