"""A table with a header and the names of species, on the command line and in Python."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from plugnet import Model, Network, Trainer, registry
from plugnet.arrays import Array

SPECIES = ("setosa", "versicolor", "virginica")


def plugnet(*words: str) -> str:
    """Run a command as in a shell, and return what it prints."""
    command = [sys.executable, "-m", "plugnet", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def column(path: str, name: str) -> Array:
    """Return a column of a table."""
    with Path(path).open(newline="") as file:
        return np.array([row[name] for row in csv.DictReader(file)])


true = column("true_species.csv", "species")
names = ("sepal length", "sepal width", "petal length", "petal width")

# On the command line: train, and ask about new flowers, whose columns come in another order.
plugnet("train", "--data", "iris.csv", "--out", "run", "--quiet")
plugnet("predict", "run", "--data", "new_irises.csv", "--out", "answers.csv", "--proba")
told = column("answers.csv", "predicted_class")
assert len(told) == len(true) == 60
assert set(told) == set(SPECIES)
assert np.mean(told == true) >= 0.93
assert column("answers.csv", "row").tolist() == [str(row) for row in range(60)]
setosa = column("answers.csv", "probability_setosa").astype(float)
assert setosa[true == "setosa"].min() > setosa[true != "setosa"].max()

# What the command line trained answers the same in Python, in whatever order columns come.
model = Model.load("run")
assert model.classes == SPECIES
new = {name: column("new_irises.csv", name).astype(float) for name in names}
assert model.predict(new).tolist() == told.tolist()
assert model.predict(dict(reversed(new.items()))).tolist() == told.tolist()
assert model.evaluate(new, true)["accuracy"] == np.mean(told == true)
backwards = {name: values[::-1] for name, values in new.items()}
assert model.predict(backwards).tolist() == told.tolist()[::-1]

# A file that has the species, too, is evaluated; a class that the model knows may be absent.
with Path("two_species.csv").open("w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["species", *reversed(names)])
    for row, label in enumerate(true):
        if label != "setosa":
            writer.writerow([label, *(new[name][row] for name in reversed(names))])
report = json.loads(plugnet("evaluate", "run", "--data", "two_species.csv", "--json"))
rest = true != "setosa"
assert report["samples"] == rest.sum()
assert abs(report["accuracy"] - np.mean(told[rest] == true[rest])) < 1e-12

# The same in Python alone.
iris = registry.datasets.build("csv", "iris.csv").load()
trainer = Trainer(Network(["standardize", ("fc", 4, 10), "tanh", ("fc", 10, 3)]), batch_size=20)
trainer.fit(iris, epochs=40, validation=0.1)
print(f"accuracy: {trainer.model.evaluate(new, true)['accuracy']:.4f}")
assert trainer.model.evaluate(new, true)["accuracy"] >= 0.93
trainer.model.save("iris.safetensors")
again = Model.load("iris.safetensors")
np.testing.assert_array_equal(again.predict_proba(new), trainer.model.predict_proba(new))
