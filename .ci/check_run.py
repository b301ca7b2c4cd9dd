"""Check a run directory of `plugnet train`: check_run.py FOLDER LEAST_ACCURACY."""

import json
import sys
from pathlib import Path

run, least = Path(sys.argv[1]), float(sys.argv[2])
for name in (
    "config.toml", "history.csv", "loss.png", "confusion.png", "mistakes.png", "model.safetensors",
):  # fmt: skip
    assert (run / name).stat().st_size > 0, f"{name} is missing or empty"
result = json.loads((run / "result.json").read_text())
print(f"accuracy {result['accuracy']:.4f}, at least {least} wanted")
assert result["accuracy"] >= least
