"""A layer that holds layers: ``y = g h(x) + (1 - g) x``; g learns where h is better than x."""

from plugnet import Network, Trainer, registry
from plugnet.arrays import Array, Shape
from plugnet.chain import Chain
from plugnet.interfaces import Layer


@registry.layers.register("highway")
class Highway(Layer):
    """Srivastava et al. 2015, equation 3: x goes past the layers as far as the gate g says."""

    _kept: tuple[Array, Array, Array]

    def __init__(self, size: int) -> None:
        self.size = size
        self.h, self.g = (Chain([("fc", size, size), f]) for f in ("tanh", "sigmoid"))

    @classmethod
    def examples(cls) -> list[dict[str, int]]:
        return [{"size": 6}]  # for plugnet.testing

    def inner(self) -> dict[str, Layer]:
        return {"h": self.h, "g": self.g}  # named, so there is a "highway1.h.fc1.weight"

    def output_shape(self, shape: Shape) -> Shape:
        return self.h.output_shape(shape)  # which refuses all shapes but (size,)

    def forward(self, x: Array, training: bool = False) -> Array:
        h, g = self.h.forward(x, training), self.g.forward(x, training)
        y: Array = x + g * (h - x)
        if training:
            self._kept = x, h, g
        return y

    def backprop(self, dy: Array, inputs: bool) -> Array | None:
        x, h, g = self._kept
        by_h, by_g = self.h.backprop(dy * g, inputs), self.g.backprop(dy * (h - x), inputs)
        return None if by_h is None or by_g is None else by_h + by_g + dy * (1 - g)

    def flops(self, shape: Shape) -> int:
        return self.h.flops(shape) + self.g.flops(shape) + 3 * self.size


def main(iterations: int = 800) -> float:
    """Train two of them, with other layers around, on the embedded digits."""
    digits = registry.datasets.build("digits").load()
    network = Network([("fc", 64, 40), ("highway", 40), ("highway", 40), ("fc", 40, 10)])
    trainer = Trainer(network, policy=("inv", 0.1))
    trainer.fit(digits.train, iterations=iterations)
    result = trainer.evaluate(digits.test)
    print(f"{network.summary()}\naccuracy: {result['accuracy']:.4f}")
    return result["accuracy"]


if __name__ == "__main__":
    main()
