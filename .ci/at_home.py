"""The main job of each package that brings plugnet to where data are, as its user would do it.

Run it in an empty folder, where plugnet and the packages are installed.
"""

import subprocess
from pathlib import Path

import h5py
import numpy as np
import pyarrow
import pyarrow.parquet
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from plugnet import Model
from plugnet_sklearn import NetworkClassifier

x, y = load_digits(return_X_y=True)
pixels = (x * 15).astype(np.uint8).reshape(-1, 8, 8)

network = NetworkClassifier((50,), "tanh", policy=("fixed", 0.01), max_iter=20, random_state=0)
search = GridSearchCV(
    make_pipeline(MinMaxScaler(), network),
    {"networkclassifier__optimizer": ["adam", ("sgd", 0.9)]},
    cv=2,
    n_jobs=2,
)
print("search:", search.fit(x, y).best_params_, f"{search.best_score_:.3f}")
assert search.best_score_ > 0.85

for row, (picture, digit) in enumerate(zip(pixels, y, strict=True)):
    folder = Path("pictures", f"digit{digit}")
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(folder / f"{row}.png")
columns = {f"p{i}": column for i, column in enumerate(x.T)} | {"digit": [f"d{d}" for d in y]}
pyarrow.parquet.write_table(pyarrow.table(columns), "digits.parquet")
with h5py.File("digits.h5", "w") as file:
    file["x"], file["y"] = x / 16, y
for data in ("pictures", "digits.parquet", "digits.h5"):
    run = Path("runs", data)
    subprocess.run(["plugnet", "train", "--quiet", "--data", data, "--out", str(run)], check=True)
    subprocess.run(["plugnet", "evaluate", str(run)], check=True)
    right = Model.load(run).evaluate(data)["accuracy"]
    print(f"{data}: {right:.3f}")
    assert right > 0.9
