"""All built-in components keep the contract, and so do the installed ones of plugnet."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plugnet import registry
from plugnet.testing import check_component

with registry.isolated():
    BUILT_IN = [f"{e.kind}:{e.distribution}/{e.name}" for e in registry.entries() if e.distribution]

#: Our own distributions, where they are installed.
OTHERS = (
    "plugnet-composition",
    "plugnet-convolution",
    "plugnet-dropout",
    "plugnet-hdf5",
    "plugnet-images",
    "plugnet-normalization",
    "plugnet-parquet",
    "plugnet-pooling",
    "plugnet-recurrent",
)

MORE = [
    ("fc", 6, 4, {"initializer": ("gaussian", 0, 1)}),
    ("constant", 0.5),
    ("orthogonal", 2),
    ("activation:leaky_relu", 0.3),
    ("huber", 0.5),
    ("nesterov", 0.5),
    ("rmsprop", 0.9, 1e-6),
    ("adamw", 0.8, 0.9, 1e-6, 0.1),
    ("top_k", 3),
    ("f1", {"positive": 5}),
    ("chain", [("fc", 6, 5, {"bias": False}), "relu", ("fc", None, 6)]),
    ("activation", "softplus"),
]


def installed() -> list[str]:
    names = {d.metadata["Name"] for d in metadata.distributions()}
    known = [name for name in OTHERS if name in names]
    with registry.isolated(known):
        entries = registry.entries()
    return [f"{e.kind}:{e.distribution}/{e.name}" for e in entries if e.distribution in known]


@pytest.mark.parametrize("component", BUILT_IN)
def test_built_in(component: str) -> None:
    check_component(component)


@pytest.mark.parametrize("component", installed())
def test_our_own_distributions(component: str) -> None:
    check_component(component)


@pytest.mark.parametrize("component", MORE, ids=str)
def test_other_arguments(component: tuple[Any, ...]) -> None:
    check_component(component)


def test_data_sets_in_files(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    data, label = rng.random((12, 3)).astype("f4"), np.arange(12) % 3
    arrays = {"train_data": data, "train_label": label, "test_data": data, "test_label": label}
    np.savez(tmp_path / "data.npz", **arrays)  # type: ignore[arg-type]
    rows = np.column_stack([data, label])
    np.savetxt(tmp_path / "data.csv", rows, delimiter=",", header="a,b,c,label", comments="")
    for name in ("npz", "csv"):
        check_component((name, str(tmp_path / f"data.{name}")))


def test_hooks_that_need_arguments(tmp_path: Path) -> None:
    for name in ("csv_log", "best_model", "loss_curve", "confusion_matrix", "mistakes"):
        check_component((name, str(tmp_path / name)))
