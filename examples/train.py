"""The tutorial's train.py: load the samples, build the net, 800 iterations, plot the error.

python examples/train.py               the digits that come with plugnet
python examples/train.py data.mat      a file with train_data, train_label, test_data, test_label
"""

from __future__ import annotations

import sys

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from plugnet import Network, Trainer, registry


def main(path: str | None = None, iterations: int = 800, picture: str = "train_error.png") -> float:
    """Train as the tutorial does, and return the accuracy on the test samples."""
    reader = registry.datasets.build("mat", path) if path else registry.datasets.build("digits")
    samples = reader.load()
    features = samples.train.x[0].size

    network = Network([("fc", features, 50), "tanh", ("fc", 50, 50), "tanh", ("fc", 50, 10)])
    trainer = Trainer(
        network,
        loss="softmax_with_loss",
        optimizer=("sgd", 0.9),
        policy=("inv", 0.1),
        regularizer=("l2", 0.001),
        batch_size=100,
        shuffle=False,
        hooks=["progress"],
    )
    history = trainer.fit(samples.train, iterations=iterations)

    figure = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(xlabel="iteration", ylabel="training error")
    axes.plot(history.loss)
    figure.savefig(picture)

    result = trainer.evaluate(samples.test)
    print(f"training error: {history.loss[0]:.3f} at first, {history.loss[-1]:.3f} at the end")
    print(f"the curve is in {picture}")
    print(f"accuracy: {result['accuracy']:.4f}")
    return result["accuracy"]


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
