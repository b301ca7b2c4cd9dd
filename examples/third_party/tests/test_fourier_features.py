"""The layer keeps plugnet's contract, computes what its paper says, and helps."""

from collections.abc import Callable

import numpy as np
import pytest
from plugnet import Network, Trainer
from plugnet.errors import ShapeError
from plugnet.testing import parametrize_with_checks

from nn_fourier.fourier_features import FourierFeatures


@parametrize_with_checks(["fourier_features", FourierFeatures(5, scale=0.3)])
def test_conformance(component: object, check: Callable[[object], None]) -> None:
    check(component)


def test_features_of_two_points_approximate_a_gaussian_kernel() -> None:
    """Rahimi and Recht 2007, theorem 1: their product is a function of the distance."""
    scale, dimensions, features = 0.2, 3, 50_000
    layer = FourierFeatures(features, scale)
    layer.initialize((dimensions,), np.random.default_rng(0), np.dtype("float64"))
    points = np.random.default_rng(1).normal(size=(6, dimensions))
    y = layer.forward(points)
    distances = np.linalg.norm(points[:, None] - points[None], axis=-1)
    kernel = np.exp(-0.5 * (2 * np.pi * scale * distances) ** 2)
    np.testing.assert_allclose(y @ y.T / features, kernel, atol=0.02)


def test_frequencies_are_saved_but_not_trained() -> None:
    network = Network([("fourier_features", 4), ("fc", 8, 1)], input_shape=(2,))
    assert "fourier_features1.frequencies" in network.state()
    trained = [path for path, parameter in network.parameters().items() if parameter.trainable]
    assert trained == ["fc1.weight", "fc1.bias"]


def test_images_are_refused_with_advice() -> None:
    with pytest.raises(ShapeError, match="flatten"):
        FourierFeatures().output_shape((8, 8, 1))


def test_a_network_learns_a_fast_oscillation_with_it_only() -> None:
    x = np.linspace(0, 1, 200)[:, None]
    targets = np.sin(2 * np.pi * 8 * x)
    rest: list[object] = [("fc", None, 32), "tanh", ("fc", 32, 1)]

    def error(layers: list[object]) -> float:
        network = Network(layers, input_shape=(1,))
        trainer = Trainer(
            network, loss="least_square_error", optimizer="adam", policy=("fixed", 0.01)
        )
        trainer.fit(x, targets, iterations=300)
        return float(np.mean((network.predict(x) - targets) ** 2))

    assert error([("fourier_features", 32, 6.0), *rest]) < 0.01
    assert error(rest) > 0.2
