"""The main job of each package that brings plugnet to where data are, and how long it takes.

Run it in an empty folder, where plugnet and the packages are installed.
"""

import subprocess
import time
from pathlib import Path

import h5py
import numpy as np
import pyarrow
import pyarrow.parquet
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

from plugnet import Model
from plugnet_sklearn import NetworkClassifier

x, y = load_digits(return_X_y=True)
pixels = (x * 15).astype(np.uint8).reshape(-1, 8, 8)

settings = {"max_iter": 50, "random_state": 0}
searches = {
    "plugnet": (NetworkClassifier((50,), "tanh", **settings), "network__policy__rate"),
    "scikit-learn": (MLPClassifier((50,), "tanh", **settings), "network__learning_rate_init"),
}
for name, (network, rate) in [*searches.items()] * 2:  # the first round starts the workers
    pipeline = Pipeline([("scale", MinMaxScaler()), ("network", network)])
    search = GridSearchCV(pipeline, {rate: [0.001, 0.01]}, cv=3, n_jobs=2)
    start = time.perf_counter()
    search.fit(x, y)
    print(f"search, {name}: {search.best_score_:.3f} in {time.perf_counter() - start:.2f} s")
    assert search.best_score_ > 0.9

for row in range(2000):
    picture, digit = pixels[row % len(pixels)], y[row % len(pixels)]
    folder = Path("pictures", f"digit{digit}")
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(folder / f"{row}.png")
columns = {f"p{i}": column for i, column in enumerate(x.T)} | {"digit": [f"d{d}" for d in y]}
pyarrow.parquet.write_table(pyarrow.table(columns), "digits.parquet")
with h5py.File("digits.h5", "w") as file:
    file["x"], file["y"] = x / 16, y
for data in ("pictures", "digits.parquet", "digits.h5"):
    run = Path("runs", data)
    start = time.perf_counter()
    subprocess.run(["plugnet", "train", "--quiet", "--data", data, "--out", str(run)], check=True)
    print(f"{data}: trained in {time.perf_counter() - start:.1f} s")
    subprocess.run(["plugnet", "evaluate", str(run)], check=True)
    start = time.perf_counter()
    right = Model.load(run).evaluate(data)["accuracy"]
    print(f"{data}: {right:.3f} of all, asked in {time.perf_counter() - start:.1f} s")
    assert right > 0.9
