"""Races `fit` and `predict` of scikit-learn estimators: ours, MLPClassifier and skorch.

    python tests/benchmarks/race_sklearn.py [--data digits] [--rounds 7] [--threads 1] [--json FILE]

All do the same work: 100 relu units, Adam at the rate 0.001, batches of 200 in a random order, no
penalty, a fixed number of epochs, on float32 samples, of which MLPClassifier makes float32 weights.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from plugnet.arrays import Array
from plugnet_sklearn import NetworkClassifier
from racing import DifferentError, Racer, options, race, table, why_not, write

HIDDEN, BATCH, RATE = 100, 200, 0.001
#: By how much the accuracies on the training samples may differ: the first weights are not alike.
APART = 0.1


@dataclass(frozen=True)
class Work:
    """What is trained on, and for how long.

    Attributes:
        rows: N.
        features: numbers of each sample.
        classes: how many there are.
        epochs: how many `fit` takes.
    """

    rows: int
    features: int
    classes: int
    epochs: int

    def data(self) -> tuple[Array, Array]:
        """Return ``(rows, features)`` samples and ``(rows,)`` classes that depend on them."""
        rng = np.random.default_rng(0)
        x = rng.random((self.rows, self.features), np.float32) - np.float32(0.5)
        weights = rng.normal(size=(self.features, self.classes)).astype(np.float32)
        return x, (x @ weights).argmax(axis=1)


WORKS = {
    "digits": Work(1797, 64, 10, 20),
    "wide": Work(2_000, 2_000, 2, 10),
    "MNIST": Work(60_000, 784, 10, 1),
}


def ours(work: Work) -> Any:
    """Return plugnet's estimator."""
    return NetworkClassifier(
        HIDDEN, batch_size=BATCH, max_iter=work.epochs, n_iter_no_change=np.inf, regularizer=None,
        policy=("fixed", RATE), random_state=0,
    )  # fmt: skip


def mlp(work: Work) -> Any:
    """Return scikit-learn's."""
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier(
        (HIDDEN,), batch_size=BATCH, max_iter=work.epochs, n_iter_no_change=np.inf, alpha=0,
        learning_rate_init=RATE, random_state=0,
    )  # fmt: skip


def skorch(work: Work) -> Any:
    """Return PyTorch's, by skorch."""
    import torch
    from skorch import NeuralNetClassifier

    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Linear(work.features, HIDDEN),
        torch.nn.ReLU(),
        torch.nn.Linear(HIDDEN, work.classes),
    )
    return NeuralNetClassifier(
        module, criterion=torch.nn.CrossEntropyLoss, optimizer=torch.optim.Adam, lr=RATE,
        max_epochs=work.epochs, batch_size=BATCH, iterator_train__shuffle=True, train_split=None,
        verbose=0,
    )  # fmt: skip


PEERS: dict[str, Callable[[Work], Any]] = {"MLPClassifier": mlp, "skorch, PyTorch": skorch}


def line_up(work: Work, x: Array, y: Array, quick: bool) -> tuple[dict[str, Any], dict[str, str]]:
    """Return trained estimators by name, ours first, and why others do not run."""
    trained, skipped = {"plugnet": ours(work).fit(x, y)}, {}
    for name, make in PEERS.items():
        try:
            if quick:
                raise NotImplementedError("a quick run")
            trained[name] = make(work).fit(x, y)
            scores = [float(np.mean(trained[each].predict(x) == y)) for each in ("plugnet", name)]
            if abs(scores[0] - scores[1]) > APART:
                raise DifferentError(f"The accuracies of plugnet and {name} are {scores}.")
        except Exception as error:
            skipped[name] = why_not(error)
    return trained, skipped


def main() -> None:
    """Run the chosen races and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=WORKS, help="only these")
    chosen = options(parser, rounds=7)
    warnings.simplefilter("ignore")  # that training ends while it still makes progress
    results = []
    for name in [chosen.data] if chosen.data else WORKS:
        work = WORKS[name]
        x, y = work.data()
        trained, skipped = line_up(work, x, y, chosen.quick)
        said = {
            "samples": f"{work.rows:,} x {work.features:,}, {work.classes} classes, float32",
            "network": f"{work.features}-{HIDDEN}-{work.classes}, relu, Adam, batches of {BATCH}",
            "threads": str(chosen.threads),
        }
        calls: dict[str, tuple[str, tuple[Array, ...]]] = {
            "predict, all rows": ("predict", (x,)),
            "predict, a row": ("predict", (x[:1],)),
            f"fit, {work.epochs} epochs": ("fit", (x, y)),
        }
        for what, (method, data) in calls.items():
            racers = [
                Racer(peer, partial(getattr(one, method), *data)) for peer, one in trained.items()
            ]
            repeats = 1 if method == "fit" else None
            title = f"{name}: {what}"
            results.append(race(title, racers, chosen.rounds, repeats, said, skipped))
            print(table(results[-1]), flush=True)
    write(chosen.json, chosen.threads, results)


if __name__ == "__main__":
    main()
