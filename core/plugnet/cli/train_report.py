"""What `plugnet train` prints: what it is about to do, and how that went."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from plugnet import Trainer
from plugnet.cli import run_setup
from plugnet.cli.config import Config
from plugnet.cli.prose import wrap
from plugnet.cli.run_directory import contents
from plugnet.interfaces import DataSplits
from plugnet.training.trainer import DEFAULT


def introduction(trainer: Trainer, samples: DataSplits, config: Config) -> str:
    """Return what is trained, and on what."""
    network, settings = trainer.network, config.training
    source = run_setup.call(config.data.reader)[0]
    if config.data.path is not None:
        source += f" {config.data.path}"
    size = " x ".join(map(str, samples.train.x.shape[1:]))
    labels = samples.train.y
    if labels.ndim == 2 and not samples.classes:
        targets = f"{labels.shape[1]} targets"
    else:
        targets = f"{len(samples.classes) or labels.max() + 1} classes"
    count = sum(p.value.size for p in network.parameters().values() if p.trainable)
    tested = 0 if samples.test is None else len(samples.test.x)
    lines = [
        f"Data:     {source}",
        f"          {len(samples.train.x)} samples to train on, {tested} to "
        f"test, each {size}; {targets}",
        wrap(f"Network:  {' -> '.join(network.layer_names)}", 10),
        f"          {count:,} parameters to train, {network.dtype.name}",
        f"Training: {settings.iterations} iterations of {settings.batch_size} samples",
    ]
    if settings.regularizer == DEFAULT and trainer.regularizer is None:
        lines.append("          no regularizer, because the optimizer decays the weights itself")
    return "\n".join(lines)


def summary(result: dict[str, Any], folder: Path) -> str:
    """Return how well the network does, and what to do next."""
    lines = []
    if result["stopped"]:
        lines.append(wrap(f"Stopped after {result['iterations']} iterations: {result['stopped']}"))
    if result["accuracy"] is not None:
        tested = result["test_samples"]
        wrong = round((1 - result["accuracy"]) * tested)
        lines.append(
            f"Accuracy: {result['accuracy']:.4f} ({wrong} of {tested} test samples misclassified)"
        )
    if result["loss"] is not None:
        lines.append(f"Loss:     {result['loss']:.4f} on the test samples")
    lines += [
        f"Time:     {result['seconds']:.2f} s",
        f"Run:      {folder}",
        wrap(f"          {', '.join(contents(folder))}", 0),
        f"Next:     plugnet evaluate {shlex.quote(str(folder))}",
    ]
    return "\n".join(lines)
