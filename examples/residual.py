"""A residual network of nine fully connected layers, on the digits that come with plugnet.

Needs a plugin:  pip install plugnet-composition
"""

from __future__ import annotations

from typing import Any

from plugnet import Network, Trainer, registry

WIDTH = 40


def block() -> tuple[Any, ...]:
    """Return a residual connection past two layers: what they give is added to what they get."""
    return "residual", [("fc", WIDTH, WIDTH), "relu", ("fc", WIDTH, WIDTH)]


def main(iterations: int = 800) -> float:
    """Train, and return the accuracy on the test samples."""
    digits = registry.datasets.build("digits").load()
    blocks = [block() for _ in range(3)]
    narrower = ("residual", ["relu", ("fc", WIDTH, 20)], {"shortcut": ("fc", WIDTH, 20)})
    network = Network([("fc", 64, WIDTH), *blocks, narrower, "relu", ("fc", 20, 10)])
    trainer = Trainer(network, policy=("inv", 0.05))
    trainer.fit(digits.train, iterations=iterations)
    result = trainer.evaluate(digits.test)
    print(network.summary())
    print(f"accuracy: {result['accuracy']:.4f}")
    return result["accuracy"]


if __name__ == "__main__":
    main()
