"""Compares what networks learn from tables with scikit-learn's own, on the same split.

    python tests/benchmarks/tables.py [--seeds 5] [--quick] [--json FILE]

The data sets are those that come with scikit-learn, and the users' made-up ones of tests/users.
All have one hidden layer of 100 neurons, relu and standardized inputs, and train for 200 epochs,
scikit-learn's default, unless its own rule stops it before. The first column has plugnet's other
defaults, the second one scikit-learn's: Adam at the rate 0.001, weight decay, batches of 200. A
number is the mean over the seeds, of which each has another split, and in brackets the least and
the greatest: the accuracy or, for real values, R2.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from plugnet import Network, Trainer, registry
from plugnet.arrays import Array

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.users.write_tables import write_houses, write_irises, write_payments

EPOCHS, HIDDEN = 200, 100

#: What MLPClassifier and MLPRegressor do by default.
LIKE_THEIRS = {
    "optimizer": "adam",
    "policy": ("fixed", 0.001),
    "batch_size": 200,
}


class Table(NamedTuple):
    """A data set: samples, labels, and whether these are classes."""

    x: Array
    y: Array
    is_class: bool


def shipped(name: str, is_class: bool = True) -> Table:
    """Return a data set that comes with scikit-learn, with the names of its classes."""
    found: Any = getattr(datasets, f"load_{name}")()
    y = np.asarray(found.target_names)[found.target] if is_class else found.target
    return Table(found.data, y.astype(str) if is_class else y, is_class)


def made(writer: Callable[[Path], None], file: str, is_class: bool = True, **options: Any) -> Table:
    """Return a data set of the users."""
    with tempfile.TemporaryDirectory() as folder:
        writer(Path(folder))
        path = str(Path(folder) / file)
        train = registry.datasets.build("csv", path, test_fraction=0, **options).load().train
    return Table(train.x, train.y if is_class else train.y[:, 0], is_class)


TABLES: dict[str, Callable[[], Table]] = {
    "iris": lambda: shipped("iris"),
    "wine": lambda: shipped("wine"),
    "breast cancer": lambda: shipped("breast_cancer"),
    "digits": lambda: shipped("digits"),
    "diabetes": lambda: shipped("diabetes", is_class=False),
    "irises, made up": lambda: made(write_irises, "iris.csv"),
    "payments, made up": lambda: made(write_payments, "payments.csv"),
    "houses, made up": lambda: made(
        write_houses,
        "houses.csv",
        is_class=False,
        label="SalePrice",
        drop=["Id", "Town"],
        missing="mean",
    ),
}


Part: TypeAlias = tuple[Array, Array, Array, Array]


def ours(table: Table, part: Part, seed: int, **settings: Any) -> float:
    """Return the accuracy or R2 of plugnet's network."""
    x, test_x, y, test_y = part
    settings = {"batch_size": 100, **settings}
    missing = "mean" if np.isnan(table.x).any() else None
    outputs = len(np.unique(table.y)) if table.is_class else 1
    layers = [
        ("standardize", {"missing": missing}),
        ("fc", None, HIDDEN),
        "relu",
        ("fc", None, outputs),
    ]
    trainer = Trainer(
        Network(layers, seed=seed),
        "softmax_with_loss" if table.is_class else "least_square_error",
        seed=seed,
        scale_targets=not table.is_class,
        **{**settings, "batch_size": min(settings["batch_size"], len(x))},
    )
    trainer.fit(x, y, epochs=EPOCHS)
    return trainer.model.evaluate(test_x, test_y)["accuracy" if table.is_class else "r2"]


def same_settings(table: Table, part: Part, seed: int) -> float:
    """Return the accuracy or R2 of plugnet's network with scikit-learn's settings."""
    decay = ("l2", 0.0001 / min(200, len(part[0])))  # they divide it by the size of a batch
    return ours(table, part, seed, regularizer=decay, **LIKE_THEIRS)


def theirs(table: Table, part: Part, seed: int) -> float:
    """Return the accuracy or R2 of scikit-learn's network; targets are scaled for it by hand."""
    x, test_x, y, test_y = part
    kind = MLPClassifier if table.is_class else MLPRegressor
    settings = {"hidden_layer_sizes": (HIDDEN,), "max_iter": EPOCHS, "random_state": seed}
    network = make_pipeline(SimpleImputer(), StandardScaler(), kind(**settings))
    if not table.is_class:
        test_y = (test_y - y.mean()) / y.std()
        y = (y - y.mean()) / y.std()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(x, y)
    return float(network.score(test_x, test_y))


def main() -> None:
    """Train all, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="how many; each has its own split")
    parser.add_argument("--quick", action="store_true", help="only one seed of one data set")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the numbers there")
    chosen = parser.parse_args()
    peers = {"plugnet": ours, "same settings": same_settings, "scikit-learn": theirs}
    found: dict[str, dict[str, list[float]]] = {}
    print(" " * 17 + "".join(f"{peer:>21}" for peer in peers))
    for name, load in [*TABLES.items()][: 1 if chosen.quick else None]:
        table = load()
        found[name] = {peer: [] for peer in peers}
        for seed in range(1 if chosen.quick else chosen.seeds):
            part = train_test_split(
                table.x,
                table.y,
                test_size=0.25,
                random_state=seed,
                stratify=table.y if table.is_class else None,
            )
            for peer, judge in peers.items():
                found[name][peer].append(judge(table, part, seed))
        cells = (f"{np.mean(v):.3f} ({min(v):.2f}..{max(v):.2f})" for v in found[name].values())
        print(f"{name:<17}" + "".join(f"{cell:>21}" for cell in cells), flush=True)
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
