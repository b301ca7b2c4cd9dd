"""A layer of one's own, next to the built-in ones: ``y = gain * x``, a trained gain per feature."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from plugnet import Network, Parameter, Trainer, registry
from plugnet.arrays import Array, Shape
from plugnet.interfaces import Layer


@registry.layers.register("gain")
class Gain(Layer):
    """Multiplies every feature by a gain of its own, which is trained."""

    _gain: Parameter
    _x: Array

    def initialize(
        self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[np.float64]
    ) -> None:
        self._gain = Parameter(np.ones(shape, dtype))

    def parameters(self) -> Mapping[str, Parameter]:
        return {"gain": self._gain}

    def forward(self, x: Array, training: bool = False) -> Array:
        if training:
            self._x = x
        return self._gain.value * x

    def gradients(self, dy: Array) -> None:
        np.sum(dy * self._x, axis=0, out=self._gain.grad)

    def backward(self, dy: Array) -> Array:
        return dy * self._gain.value


def main(iterations: int = 800) -> float:
    """Train a network with the layer above on the embedded digits; return its accuracy."""
    digits = registry.datasets.build("digits").load()
    network = Network(["flatten", "gain", ("fc", 64, 50), "tanh", ("fc", 50, 10)], (8, 8, 1))
    trainer = Trainer(network, policy=("inv", 0.1))
    trainer.fit(digits.train, iterations=iterations)
    result = trainer.evaluate(digits.test)
    gains = network.state()["gain1.gain"]
    print(network.summary())
    print(f"gains from {gains.min():.2f} to {gains.max():.2f}")
    print(f"accuracy: {result['accuracy']:.4f}")
    return result["accuracy"]


if __name__ == "__main__":
    main()
