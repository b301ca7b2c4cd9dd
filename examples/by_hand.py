"""The tutorial's Net, wired layer by layer: all of training without Network and Trainer.

It does what they do, in the same order, and so comes to the same bits.
"""

from __future__ import annotations

import numpy as np

from plugnet import Parameter, registry
from plugnet.arrays import Array, Shape
from plugnet.data import Data


class Net:
    """784-50-50-10 or the like: fully connected layers, tanh, softmax with loss."""

    def __init__(self, batch_size: int, lr: float, weight_decay: float, inputs: int = 784) -> None:
        """Build the pieces; nothing is drawn yet.

        Args:
            batch_size: samples per iteration.
            lr: the learning rate at iteration 0.
            weight_decay: strength of the penalty on the weights.
            inputs: features of one sample.
        """
        self.inputs = inputs
        self.inputs_train = Data(batch_size)
        self.inputs_test = Data(batch_size)
        self.fc1 = registry.layers.build("fc", inputs, 50)
        self.tanh1 = registry.layers.build("activation", "tanh")
        self.fc2 = registry.layers.build("fc", 50, 50)
        self.tanh2 = registry.layers.build("activation", "tanh")
        self.fc3 = registry.layers.build("fc", 50, 10)
        self.loss = registry.losses.build("softmax_with_loss")
        self.policy = registry.lr_policies.build("inv", lr)
        self.decay = registry.regularizers.build("l2", weight_decay)
        self.optimizer = registry.optimizers.build("sgd", 0.9)
        self.layers = [self.fc1, self.tanh1, self.fc2, self.tanh2, self.fc3]

    def load_sample_and_label_train(self, sample: Array, label: Array) -> None:
        """Take the training samples ``(N, features)`` and their labels."""
        self.inputs_train.get_data(sample, label)

    def load_sample_and_label_test(self, sample: Array, label: Array) -> None:
        """Take the test samples ``(N, features)`` and their labels."""
        self.inputs_test = Data(len(sample))
        self.inputs_test.get_data(sample, label)

    def initial(self, seed: int = 0) -> None:
        """Draw the weights, each layer from a generator of its own."""
        shape: Shape = (self.inputs,)
        generators = np.random.default_rng(seed).spawn(len(self.layers))
        for layer, rng in zip(self.layers, generators, strict=True):
            layer.initialize(shape, rng, np.dtype("float32"))
            shape = layer.output_shape(shape)
        self.parameters: list[Parameter] = [
            parameter for layer in self.layers for parameter in layer.parameters().values()
        ]
        self.velocities = [np.zeros_like(parameter.value) for parameter in self.parameters]

    def forward_train(self) -> float:
        """Push the next batch through the net and return its loss."""
        x, label = self.inputs_train.pull_data()
        h1 = self.tanh1.forward(self.fc1.forward(x, training=True), training=True)
        h2 = self.tanh2.forward(self.fc2.forward(h1, training=True), training=True)
        scores = self.fc3.forward(h2, training=True)
        return self.loss.forward(scores, label, training=True)

    def backward_train(self) -> None:
        """Fill every gradient, from the loss back to the first layer."""
        dy = self.loss.backward()
        self.fc3.gradients(dy)
        dy = self.tanh2.backward(self.fc3.backward(dy))
        self.fc2.gradients(dy)
        dy = self.tanh1.backward(self.fc2.backward(dy))
        self.fc1.gradients(dy)  # and no fc1.backward: nobody reads its dx

    def update(self, iteration: int) -> None:
        """Add the weight decay to the gradients and take one step.

        Both are formulas over arrays, and remember nothing: the velocities are kept here.
        """
        rate = self.policy(iteration)
        for p, velocity in zip(self.parameters, self.velocities, strict=True):
            scratch = np.empty_like(p.value)
            if p.decay_mult:  # 0 for biases
                self.decay.add_gradient(p.value, p.grad, p.decay_mult, scratch)
            self.optimizer.step(
                p.value, p.grad, rate * p.lr_mult, p.decay_mult, iteration + 1, velocity, scratch
            )

    def forward_test(self) -> float:
        """Return the accuracy on the test samples."""
        y, label = self.inputs_test.pull_data()
        for layer in self.layers:
            y = layer.forward(y)
        return float(np.mean(y.argmax(axis=1) == label))


def main(iterations: int = 800) -> tuple[Net, float]:
    """Train on the embedded digits; return the net and its accuracy."""
    digits = registry.datasets.build("digits").load()
    assert digits.test is not None
    net = Net(batch_size=100, lr=0.1, weight_decay=0.001, inputs=64)
    net.load_sample_and_label_train(digits.train.x.reshape(-1, 64), digits.train.y)
    net.load_sample_and_label_test(digits.test.x.reshape(-1, 64), digits.test.y)
    net.initial()
    for iteration in range(iterations):
        loss = net.forward_train()
        net.backward_train()
        net.update(iteration)
    accuracy = net.forward_test()
    print(f"loss of the last batch: {loss:.3f}")
    print(f"accuracy: {accuracy:.4f}")
    return net, accuracy


if __name__ == "__main__":
    main()
