"""A step of the Trainer against the tutorial's formulas, written out sample by sample."""

import numpy as np
import pytest

from plugnet import Network, Trainer
from plugnet.arrays import Array

RATE, GAMMA, POWER = 0.1, 0.0005, 0.75
MOMENTUM, DECAY, BATCH = 0.9, 0.001, 7


class Tutorial:
    """784-50-50-10 in miniature: the tutorial's own loops, in float64, sharing no code of ours."""

    def __init__(self, weights: list[Array], biases: list[Array]) -> None:
        self.weights = [w.copy() for w in weights]
        self.biases = [b.copy() for b in biases]
        self.weight_directions = [np.zeros_like(w) for w in weights]
        self.bias_directions = [np.zeros_like(b) for b in biases]

    def step(self, x: Array, labels: Array, iteration: int) -> float:
        rate = RATE * (1 + GAMMA * iteration) ** (-POWER)
        weight_grads = [np.zeros_like(w) for w in self.weights]
        bias_grads = [np.zeros_like(b) for b in self.biases]
        loss = 0.0
        for row, label in zip(x, labels, strict=True):
            inputs, outputs = [row], []
            for depth, (w, b) in enumerate(zip(self.weights, self.biases, strict=True)):
                outputs.append(inputs[-1] @ w + b)
                if depth < len(self.weights) - 1:
                    up, down = np.exp(outputs[-1]), np.exp(-outputs[-1])
                    inputs.append((up - down) / (up + down))
            p = np.exp(outputs[-1]) / np.exp(outputs[-1]).sum()
            loss -= np.log(p[label])
            gradient = p.copy()
            gradient[label] -= 1
            for depth in reversed(range(len(self.weights))):
                w = self.weights[depth]
                weight_grads[depth] += np.outer(inputs[depth], gradient) + DECAY * w
                bias_grads[depth] += gradient
                gradient = w @ gradient
                if depth:
                    gradient = gradient * (1 - inputs[depth] ** 2)
        for depth in range(len(self.weights)):
            self.weight_directions[depth] = MOMENTUM * self.weight_directions[
                depth
            ] + rate * weight_grads[depth] / len(x)
            self.bias_directions[depth] = MOMENTUM * self.bias_directions[
                depth
            ] + rate * bias_grads[depth] / len(x)
            self.weights[depth] = self.weights[depth] - self.weight_directions[depth]
            self.biases[depth] = self.biases[depth] - self.bias_directions[depth]
        return float(loss / len(x))


def test_three_iterations_equal_the_tutorials_formulas() -> None:
    rng = np.random.default_rng(4)
    x = rng.random((20, 12))
    labels = rng.integers(0, 10, 20)
    network = Network([("fc", 12, 9), "tanh", ("fc", 9, 8), "tanh", ("fc", 8, 10)], dtype="float64")
    state = network.state()
    weights = [state[f"fc{n}.weight"] for n in (1, 2, 3)]
    biases = [state[f"fc{n}.bias"] for n in (1, 2, 3)]
    reference = Tutorial(weights, biases)

    trainer = Trainer(
        network,
        "softmax_with_loss",
        ("sgd", MOMENTUM),
        ("inv", RATE, GAMMA, POWER),
        ("l2", DECAY),
        batch_size=BATCH,
        shuffle=False,
    )
    trainer.fit(x, labels, iterations=3)  # the third batch wraps: rows 14 to 19, then 0

    expected = [
        reference.step(x[np.arange(n * BATCH, (n + 1) * BATCH) % 20], labels[rows], n)
        for n in range(3)
        for rows in [np.arange(n * BATCH, (n + 1) * BATCH) % 20]
    ]
    np.testing.assert_allclose(trainer.history.loss, expected, rtol=1e-12)
    for n in range(3):
        np.testing.assert_allclose(weights[n], reference.weights[n], rtol=0, atol=1e-12)
        np.testing.assert_allclose(biases[n], reference.biases[n], rtol=0, atol=1e-12)
        assert np.abs(reference.biases[n]).max() > 1e-4  # something has moved


@pytest.mark.parametrize(
    "change",
    [{"optimizer": ("sgd", 0.0)}, {"policy": ("fixed", RATE)}, {"regularizer": None}],
    ids=["no momentum", "fixed rate", "no decay"],
)
def test_the_comparison_would_notice_a_missing_piece(change: dict[str, object]) -> None:
    rng = np.random.default_rng(4)
    x, labels = rng.random((20, 12)), rng.integers(0, 10, 20)

    def weights(**settings: object) -> Array:
        network = Network([("fc", 12, 9), "tanh", ("fc", 9, 10)], dtype="float64")
        pieces = {
            "optimizer": ("sgd", MOMENTUM),
            "policy": ("inv", RATE),
            "regularizer": ("l2", DECAY),
        }
        Trainer(network, **(pieces | settings), batch_size=BATCH).fit(x, labels, iterations=3)  # type: ignore[arg-type]
        return network.state()["fc1.weight"]

    assert np.abs(weights() - weights(**change)).max() > 1e-9
