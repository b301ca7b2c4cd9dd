"""Prices of houses: cells are missing, one column is an id, another one text."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np

from plugnet import Model, Network, Trainer, registry
from plugnet.arrays import Array
from plugnet.errors import DataError

CONFIG = """
[data]
reader = ["csv", { label = "SalePrice", drop = ["Id", "Town"], missing = "mean" }]
path = "houses.csv"

[training]
epochs = 30
"""


def plugnet(*words: str) -> None:
    """Run a command as in a shell."""
    subprocess.run([sys.executable, "-m", "plugnet", *words], check=True)


def column(path: str, name: str) -> list[str]:
    """Return a column of a table."""
    with Path(path).open(newline="") as file:
        return [row[name] for row in csv.DictReader(file)]


def numbers(cells: list[str]) -> Array:
    """Return cells as numbers, NaN where one is missing."""
    return np.array([np.nan if cell in ("", "NA") else float(cell) for cell in cells])


true = numbers(column("true_prices.csv", "SalePrice"))
spread = true.std()  # what is missed if all houses get the mean price
assert 1e5 < true.mean() < 1e6

# On the command line.
Path("houses.toml").write_text(CONFIG)
plugnet("train", "houses.toml", "--out", "run", "--quiet")
plugnet("predict", "run", "--data", "new_houses.csv", "--out", "prices.csv")
told = numbers(column("prices.csv", "predicted_SalePrice"))
assert column("prices.csv", "Id") == column("true_prices.csv", "Id")
assert np.sqrt(np.mean((told - true) ** 2)) < spread / 4

# In Python.
houses = registry.datasets.build(
    "csv", "houses.csv", label="SalePrice", drop=["Id", "Town"], missing="mean"
).load()
assert houses.columns == ("Area", "Rooms", "Year", "Garage")
assert np.isnan(houses.train.x).any()
layers = [("standardize", {"missing": houses.missing}), ("fc", 4, 20), "tanh", ("fc", 20, 1)]
trainer = Trainer(Network(layers), "least_square_error", scale_targets=True)
trainer.fit(houses, epochs=30)
model = trainer.model
new = {name: numbers(column("new_houses.csv", name)) for name in ("Year", *houses.columns)}
prices = model.predict(new)
assert prices.shape == (200,)
assert np.isfinite(prices).all()
rmse = np.sqrt(np.mean((prices - true) ** 2))
evaluation = model.evaluate(new, true)
print(f"rmse: {evaluation['rmse']:.0f} of {spread:.0f}")
assert rmse < spread / 4
assert abs(evaluation["rmse"] / rmse - 1) < 1e-5
assert evaluation["r2"] > 0.93

# The columns that were left out in training may come along; a misspelt one may not.
model.predict({**new, "Id": column("new_houses.csv", "Id"), "Town": ["Ames"] * 200})
wrong = {"area" if name == "Area" else name: values for name, values in new.items()}
try:
    model.predict(wrong)
except DataError as refused:
    message = str(refused)
else:
    message = "none, but an answer"
assert "lacks 'Area' and has also 'area'" in message, message

model.save("houses.safetensors")
np.testing.assert_array_equal(Model.load("houses.safetensors").predict(new), prices)
