"""Digits as in Kaggle's competition: the label first, then pixels; a test file without labels."""

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np

from plugnet import Model, Network, Trainer, registry
from plugnet.arrays import Array


def plugnet(*words: str) -> None:
    """Run a command as in a shell."""
    subprocess.run([sys.executable, "-m", "plugnet", *words], check=True)


def table(path: str) -> tuple[list[str], Array]:
    """Return a table's header and its numbers."""
    with Path(path).open(newline="") as file:
        header, *rows = csv.reader(file)
    return header, np.array(rows)


_, true = table("true_digits.csv")
true = true[:, 0].astype(int)

# On the command line. The pixels of test.csv come in another order than those of train.csv.
words = ("--set", "data.reader=csv", "--set", "training.iterations=400")
plugnet("train", "--data", "train.csv", *words, "--out", "run", "--quiet")
plugnet("predict", "run", "--data", "test.csv", "--out", "submission.csv")
header, answers = table("submission.csv")
told = answers[:, header.index("predicted_class")].astype(int)
assert len(told) == len(true) == 300
assert np.mean(told == true) >= 0.95

# In Python.
digits = registry.datasets.build("csv", "train.csv", test_fraction=0).load()
assert digits.classes == tuple(range(10))
assert digits.targets == ("label",)
assert digits.train.x.shape == (1497, 64)
trainer = Trainer(Network([("rescale", 16), ("fc", 64, 50), "tanh", ("fc", 50, 10)]))
trainer.fit(digits, epochs=30)

pixels, values = table("test.csv")
new = dict(zip(pixels, values.T.astype(int), strict=True))
answered = trainer.model.predict(new)
accuracy = np.mean(answered == true)
print(f"accuracy: {accuracy:.4f}")
assert answered.dtype == np.int64
assert accuracy >= 0.95

# An array has no names, so its columns must be in the order of training.
in_order = np.column_stack([new[f"pixel{i}"] for i in range(64)])
assert (trainer.model.predict(in_order) == answered).all()
trainer.save("training.safetensors")
assert (Model.load("training.safetensors").predict(new) == answered).all()
