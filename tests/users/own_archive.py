"""Images and words in an archive of NumPy's, under names of their own."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from plugnet import Model, Network, Trainer, registry

KEYS = {"x": "images", "y": "what"}
CONFIG = """
[data]
reader = ["npz", { keys = { x = "images", y = "what" } }]
path = "scans.npz"

[network]
layers = [["rescale", 255], "flatten", ["fc", { outputs = 50 }], "tanh", "fc"]

[training]
iterations = 400
"""

new = np.load("new_scans.npz")["images"]
true = np.load("true_words.npz")["what"]

# In Python.
scans = registry.datasets.build("npz", "scans.npz", keys=KEYS).load()
assert scans.train.x.dtype == np.uint8
assert scans.classes == tuple(sorted(set(true.tolist())))
assert scans.test is not None
network = Network([("rescale", 255), "flatten", ("fc", 64, 50), "tanh", ("fc", 50, 10)])
trainer = Trainer(network)
history = trainer.fit(scans, iterations=400)
answered = trainer.model.predict(new)
accuracy = np.mean(answered == true)
print(f"accuracy: {accuracy:.4f}, on the part held out {history.evaluations[-1]['accuracy']:.4f}")
assert min(accuracy, history.evaluations[-1]["accuracy"]) >= 0.94
assert (trainer.model.predict(new[::-1]) == answered[::-1]).all()
p = trainer.model.predict_proba(new)
assert (np.array(trainer.model.classes)[p.argmax(axis=1)] == answered).all()

# On the command line, and the other way round: trained there, asked in Python and there.
Path("scans.toml").write_text(CONFIG)
plugnet = [sys.executable, "-m", "plugnet"]
subprocess.run([*plugnet, "train", "scans.toml", "--out", "run", "--quiet"], check=True)
told = Model.load("run").predict(new)
assert np.mean(told == true) >= 0.94
words = ["--data", "new_scans.npz", "--out", "answers.jsonl"]
subprocess.run([*plugnet, "predict", "run", *words], check=True)
answers = [json.loads(line) for line in Path("answers.jsonl").read_text().splitlines()]
assert [answer["predicted_class"] for answer in answers] == told.tolist()
