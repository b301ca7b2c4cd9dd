"""Writes the files that the users have: made from a fixed seed, and the digits that we ship.

    python tests/users/write_tables.py FOLDER

Of each set there are files to train on, and new ones: in another order, without labels. What is
true of the new rows is in a file of its own, which the users do not give to the network.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from plugnet import registry
from plugnet.arrays import Array

# Mean and standard deviation in cm of a flower's sepal length and width, petal length and width.
IRISES = {
    "setosa": ((5.0, 3.4, 1.5, 0.2), (0.35, 0.38, 0.17, 0.1)),
    "versicolor": ((5.9, 2.8, 4.3, 1.3), (0.5, 0.3, 0.4, 0.2)),
    "virginica": ((6.6, 3.0, 5.6, 2.0), (0.6, 0.3, 0.5, 0.25)),
}

WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table with a header."""
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def reordered(
    header: Sequence[str], rows: Sequence[Sequence[object]], order: Sequence[int]
) -> tuple[list[str], list[list[object]]]:
    """Return a header and rows with the columns in another order, or only some of them."""
    return [header[i] for i in order], [[row[i] for i in order] for row in rows]


def write_irises(folder: Path) -> None:
    """Write iris.csv, sorted by species as Fisher's is, and new flowers."""
    rng = np.random.default_rng(1)

    def flowers(count: int) -> list[list[object]]:
        return [
            [*(round(float(size), 1) for size in np.abs(rng.normal(means, deviations))), species]
            for species, (means, deviations) in IRISES.items()
            for _ in range(count)
        ]

    header = ["sepal length", "sepal width", "petal length", "petal width", "species"]
    write(folder / "iris.csv", header, flowers(50))
    new = flowers(20)
    new = [new[i] for i in rng.permutation(len(new))]
    order = [3, 0, 2, 1]
    write(
        folder / "new_irises.csv", [header[i] for i in order], ([r[i] for i in order] for r in new)
    )
    write(folder / "true_species.csv", header[4:], (row[4:] for row in new))


def write_digits(folder: Path) -> None:
    """Write the digits as Kaggle does: the label first, pixels by number, a test set without."""
    digits = registry.datasets.build("digits").load()
    assert digits.test is not None
    pixels = [f"pixel{i}" for i in range(64)]
    parts = {
        "train.csv": (digits.train, range(64), True),
        "test.csv": (digits.test, range(63, -1, -1), False),
    }
    for name, (part, order, is_labelled) in parts.items():
        values = (part.x.reshape(-1, 64) * 16).round().astype(int)
        header = ["label"] * is_labelled + [pixels[i] for i in order]
        labels = part.y.tolist()
        rows = (
            labels[i : i + 1] * is_labelled + row[list(order)].tolist()
            for i, row in enumerate(values)
        )
        write(folder / name, header, rows)
    write(folder / "true_digits.csv", ["label"], ([label] for label in digits.test.y.tolist()))


def write_houses(folder: Path) -> None:
    """Write houses of some towns, with cells missing here and there, and new ones to be priced."""
    rng = np.random.default_rng(3)
    towns = {"Ames": 1.0, "Boone": 0.9, "Nevada": 0.8}
    header = ["Id", "Area", "Town", "Rooms", "Year", "Garage", "SalePrice"]

    def house(number: int) -> list[object]:
        area, year = rng.normal(150, 40), int(rng.integers(1920, 2010))
        garage, town = int(rng.integers(0, 4)), str(rng.choice([*towns]))
        rooms = int(np.clip(area / 25 + rng.normal(0, 1), 1, 12))
        price = 60_000 + 900 * area + 8_000 * rooms + 500 * (year - 1920) + 12_000 * garage
        cells: list[object] = [number, round(area, 1), town, rooms, year, garage]
        for at, missing, share in ((1, "NA", 0.01), (4, "", 0.05), (5, "NA", 0.05)):
            if rng.random() < share:
                cells[at] = missing
        return [*cells, round(price * float(rng.normal(1, 0.03)), -2)]

    write(folder / "houses.csv", header, (house(number) for number in range(1, 801)))
    new = [house(number) for number in range(2000, 2200)]
    order = [5, 4, 3, 2, 1, 0]
    write(
        folder / "new_houses.csv", [header[i] for i in order], ([r[i] for i in order] for r in new)
    )
    write(folder / "true_prices.csv", ["Id", "SalePrice"], ([row[0], row[6]] for row in new))


def write_payments(folder: Path) -> None:
    """Write payments, 5 % of which are fraud, and new ones."""
    rng = np.random.default_rng(4)
    header = ["amount", "hour", "distance", "fraud"]

    def payments(count: int) -> list[list[object]]:
        is_fraud = rng.permutation(count) < count // 20
        moved: Array = is_fraud * 1.0
        amount = np.exp(rng.normal(3 + 1.2 * moved, 0.8))
        hour = (rng.normal(14 - 9 * moved, 4) % 24).astype(int)
        distance = np.exp(rng.normal(1 + 1.5 * moved, 1))
        labels = np.where(is_fraud, "yes", "no")
        found = zip(amount.round(2), hour, distance.round(1), labels, strict=True)
        return [[value.item() for value in row] for row in found]

    write(folder / "payments.csv", header, payments(4000))
    new = payments(2000)
    order = [2, 0, 1]
    write(folder / "new_payments.csv", *reordered(header, new, order))
    write(folder / "true_payments.csv", header[3:], (row[3:] for row in new))


def write_archive(folder: Path) -> None:
    """Write images as bytes, under names of their own, and new ones without labels."""
    digits = registry.datasets.build("digits").load()
    assert digits.test is not None
    words = np.array(WORDS)
    images = (digits.train.x * 255).round().astype(np.uint8)
    np.savez(folder / "scans.npz", images=images, what=words[digits.train.y])
    order = np.random.default_rng(5).permutation(len(digits.test.x))
    images = (digits.test.x[order] * 255).round().astype(np.uint8)
    np.savez(folder / "new_scans.npz", images=images)
    np.savez(folder / "true_words.npz", what=words[digits.test.y[order]])


WRITERS = {
    "irises.py": write_irises,
    "kaggle_digits.py": write_digits,
    "house_prices.py": write_houses,
    "rare_class.py": write_payments,
    "own_archive.py": write_archive,
}

if __name__ == "__main__":
    for writer in WRITERS.values():
        writer(Path(sys.argv[1]))
