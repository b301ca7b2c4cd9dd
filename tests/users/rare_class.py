"""A class that is rare: 5 % of the payments are fraud."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np

from plugnet import Model, Network, Trainer, registry
from plugnet.arrays import Array

METRICS = [(name, {"positive": "yes"}) for name in ("precision", "recall", "f1")]


def column(path: str, name: str) -> Array:
    """Return a column of a table."""
    with Path(path).open(newline="") as file:
        return np.array([row[name] for row in csv.DictReader(file)])


payments = registry.datasets.build("csv", "payments.csv", label="fraud").load()
assert payments.classes == ("no", "yes")
names = ("distance", "amount", "hour")
new = {name: column("new_payments.csv", name).astype(float) for name in names}
true = column("true_payments.csv", "fraud") == "yes"
assert true.mean() == 0.05


def trained(class_weight: str | None) -> Model:
    """Train a network with a single output, the logarithm of the odds that it is fraud."""
    network = Network(["standardize", ("fc", 3, 10), "tanh", ("fc", 10, 1)])
    trainer = Trainer(network, "sigmoid_cross_entropy", metrics=METRICS, class_weight=class_weight)
    trainer.fit(payments, epochs=15, validation=0.1)
    return trainer.model


recall = {}
for class_weight in (None, "balanced"):
    model = trained(class_weight)
    told = model.predict(new) == "yes"
    by_hand = {
        "precision": (told & true).sum() / told.sum(),
        "recall": (told & true).sum() / true.sum(),
    }
    by_hand["f1"] = 2 / sum(1 / value for value in by_hand.values())
    metrics = model.evaluate(new, np.where(true, "yes", "no")).metrics
    assert metrics.keys() == by_hand.keys()
    for name, value in by_hand.items():
        assert abs(metrics[name] - value) < 1e-12, name
    recall[class_weight] = metrics["recall"]
    print(class_weight, *(f"{name}: {value:.4f}" for name, value in metrics.items()))
assert recall[None] < 0.7 < 0.8 <= recall["balanced"]

p = model.predict_proba(new)
assert p.shape == (2000, 2)
np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-6)
np.testing.assert_array_equal(p[:, 1] > 0.5, told)
ranks = p[:, 1].argsort().argsort()
# How often a fraud is given a higher probability than another payment.
area = (ranks[true].sum() - true.sum() * (true.sum() - 1) / 2) / (true.sum() * (~true).sum())
assert area > 0.95

# The same on the command line; probabilities are columns named by class.
plugnet = [sys.executable, "-m", "plugnet"]
settings = ['loss="sigmoid_cross_entropy"', 'class_weight="balanced"', "epochs=15"]
words = [word for setting in settings for word in ("--set", setting)]
subprocess.run(
    [*plugnet, "train", "--data", "payments.csv", *words, "--out", "run", "--quiet"], check=True
)
words = ["--data", "new_payments.csv", "--proba", "--out", "answers.csv"]
subprocess.run([*plugnet, "predict", "run", *words], check=True)
told = column("answers.csv", "predicted_class") == "yes"
assert (told & true).sum() / true.sum() >= 0.8
yes = column("answers.csv", "probability_yes").astype(float)
no = column("answers.csv", "probability_no").astype(float)
np.testing.assert_allclose(yes + no, 1, atol=1e-6)
np.testing.assert_array_equal(told, yes > 0.5)
