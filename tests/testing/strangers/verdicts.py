"""Run the kit over all strangers: ``python -m tests.testing.strangers.verdicts [words]``.

Prints a line for each: its verdict, the seconds, and what the kit said. Words choose by kind and
name. "formula" marks a wrong one that keeps the contract: only its formula says more, so that the
kit may let it pass.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
import time
import warnings
from collections import Counter

import numpy as np
from tests.testing.strangers import (
    right_datasets,
    right_hooks,
    right_initializers,
    right_lr_policies,
    right_metrics,
    right_optimizers,
    right_regularizers,
    wrong_datasets,
    wrong_hooks,
    wrong_initializers,
    wrong_lr_policies,
    wrong_metrics,
    wrong_optimizers,
    wrong_regularizers,
)
from tests.testing.strangers.common import Stranger
from tests.testing.strangers.right_activations import RIGHT_ACTIVATIONS
from tests.testing.strangers.right_layers import RIGHT_LAYERS
from tests.testing.strangers.right_losses import RIGHT_LOSSES
from tests.testing.strangers.wrong_activations import WRONG_ACTIVATIONS
from tests.testing.strangers.wrong_layers import WRONG_LAYERS
from tests.testing.strangers.wrong_losses import WRONG_LOSSES

from plugnet.testing import check_component

#: By kind of component: the wrong ones and the right ones.
STRANGERS: dict[str, tuple[list[Stranger], list[Stranger]]] = {
    "layer": (WRONG_LAYERS, RIGHT_LAYERS),
    "activation": (WRONG_ACTIVATIONS, RIGHT_ACTIVATIONS),
    "loss": (WRONG_LOSSES, RIGHT_LOSSES),
    "optimizer": (wrong_optimizers.COMPONENTS, right_optimizers.COMPONENTS),
    "regularizer": (wrong_regularizers.COMPONENTS, right_regularizers.COMPONENTS),
    "initializer": (wrong_initializers.COMPONENTS, right_initializers.COMPONENTS),
    "lr_policy": (wrong_lr_policies.COMPONENTS, right_lr_policies.COMPONENTS),
    "metric": (wrong_metrics.COMPONENTS, right_metrics.COMPONENTS),
    "hook": (wrong_hooks.COMPONENTS, right_hooks.COMPONENTS),
    "dataset": (wrong_datasets.COMPONENTS, right_datasets.COMPONENTS),
}

#: Those that keep the contract.
FORMULA = {
    name
    for module in (
        wrong_optimizers,
        wrong_initializers,
        wrong_lr_policies,
        wrong_metrics,
        wrong_hooks,
        wrong_datasets,
    )
    for name in module.FORMULA
}

WIDTH = 700  # of what the kit said


def complaint(stranger: Stranger) -> str:
    """Return what the kit says against a stranger, or an empty string."""
    _, given = stranger
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            contextlib.chdir(folder),
            contextlib.redirect_stdout(io.StringIO()),
            warnings.catch_warnings(),
            np.errstate(),  # some change these for all that follow
        ):
            warnings.simplefilter("ignore")
            check_component(given if isinstance(given, type) else given())
    except Exception as error:  # any refusal is a verdict
        return f"{type(error).__name__}: {error}"
    return ""


def main(words: list[str]) -> None:
    """Print the table, and the counts by kind."""
    counts: Counter[str] = Counter()
    for kind, both in STRANGERS.items():
        for strangers, refused, accepted in zip(
            both, ("caught", "REFUSED"), ("SLIPPED", "passed"), strict=True
        ):
            for name, given in strangers:
                if words and not any(word in f"{kind} {name}" for word in words):
                    continue
                start = time.perf_counter()
                said = complaint((name, given))
                verdict = refused if said else "formula" if name in FORMULA else accepted
                counts[f"{kind} {verdict}"] += 1
                seconds = time.perf_counter() - start
                brief = " ".join(said.split())[:WIDTH]
                print(f"{kind:11} {verdict:8} {seconds:5.2f} s  {name:28} {brief}", flush=True)
    for key, count in counts.items():
        print(f"{key}: {count}")


if __name__ == "__main__":
    main(sys.argv[1:])
