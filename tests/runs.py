"""Short runs of `plugnet train`, and what two of them must have in common."""

import hashlib
import importlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

#: Layers that remember something of the batches, or draw numbers.
LAYERS = (
    "layers=[['standardize', {missing = 'mean'}], ['fc', {outputs = 6}], 'batch_norm', 'tanh', "
    "['dropout', 0.2], ['fc', {outputs = 3}]]"
)
BASE = ("iterations=23", "evaluate_every=5", "batch_size=8", "validation=0.2", LAYERS)
BEST = "['best_model', 'best.safetensors']"
#: Settings of runs, each with something that is remembered from step to step.
SETTINGS = {
    "plain": BASE,
    "early_stop": (*BASE, f"hooks=[['early_stop', 2], {BEST}]", "policy=['fixed', 0.5]"),
    "plateau": (*BASE, f"hooks=[['plateau', 0.5, 1], {BEST}]", "optimizer=adam"),
    "epochs": (*BASE[1:], "epochs=3.5", "class_weight=balanced", "optimizer=adadelta"),
    "clipped": (*BASE, "hooks=['clip_gradients']", "optimizer=nesterov", "policy=['step', 0.1, 7]"),
}


def write_table(path: Path, rows: int = 61) -> Path:
    """Write a table of three classes, in which some values are missing, and return its path."""
    draw = np.random.default_rng(3)
    kind = draw.integers(0, 3, rows)
    x = draw.normal(kind[:, None], 1.0, (rows, 3))
    lines = [
        f"{a:.3f},{'' if i % 9 == 4 else f'{b:.3f}'},{c:.3f},{'abc'[k]}"
        for i, ((a, b, c), k) in enumerate(zip(x, kind, strict=True))
    ]
    path.write_text("\n".join(["u,v,w,label", *lines]) + "\n")
    return path


def words(table: Path, out: Path, settings: Sequence[str]) -> list[str]:
    """Return the words of a command that trains on a table."""
    sets = [f"reader=['csv', '{table}', {{missing = 'mean'}}]", *settings]
    return ["train", "--quiet", *with_sets(*sets), "--out", str(out)]


def with_sets(*settings: str) -> list[str]:
    """Return the words that set them."""
    return [word for setting in settings for word in ("--set", setting)]


def outcome(folder: Path) -> dict[str, str]:
    """Return what a run has come to: a digest of each file but those of going on."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not name.startswith("checkpoints/"):
            content = path.read_bytes()
            if name == "result.json":
                result = json.loads(content)
                assert result.pop("seconds") > 0
                content = json.dumps(result, indent=1).encode()
            found[name] = hashlib.sha256(content).hexdigest()
    return found


def sketch() -> None:
    """Let the hooks of this process write a word instead of a picture, from now on."""
    for hook in ("loss_curve", "confusion_matrix", "mistakes"):
        module = importlib.import_module(f"plugnet_builtin.hooks.{hook}")
        vars(module)["draw"] = lambda path, *_: path.write_text("a picture")
