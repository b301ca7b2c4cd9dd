"""What counts as a right answer, and when answers are no classes at all."""

import numpy as np
import pytest

from plugnet import Network, Trainer
from plugnet.training.evaluation import count_correct

SCORES = np.array([[0.5], [-0.5], [2.0], [np.nan]])


@pytest.mark.parametrize("dtype", ["int64", "uint8", "float32"])
@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_a_single_score_above_the_threshold_means_class_1(
    dtype: str, shape: tuple[int, ...]
) -> None:
    targets = np.array([1, 1, 1, 0], dtype).reshape(shape)
    assert count_correct(SCORES, targets, 0.0) == 2
    assert count_correct(SCORES, targets, 1.0) == 1
    assert count_correct(SCORES, targets, None) is None


@pytest.mark.parametrize("odd", [0.5, -1.0, 2.0, np.nan])
def test_a_single_score_names_no_class_beside_other_targets(odd: float) -> None:
    assert count_correct(SCORES, np.array([[1.0], [0.0], [odd], [1.0]]), 0.0) is None


def test_soft_targets_give_a_loss_and_no_accuracy() -> None:
    rng = np.random.default_rng(0)
    x, soft = rng.normal(size=(40, 3)), rng.uniform(0.1, 0.9, size=(40, 1))
    trainer = Trainer(Network([("fc", 3, 1)]), "sigmoid_cross_entropy", batch_size=10)
    history = trainer.fit(x, soft, 5, test=(x, soft))
    assert history.evaluations[-1].accuracy is None
    assert history.evaluations[-1].loss > 0
    assert trainer.evaluate(x, np.round(soft)).accuracy is not None
