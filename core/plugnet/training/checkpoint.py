"""A trainer in one file, from which training goes on bit for bit."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from plugnet import model_file
from plugnet.arguments import integer, number
from plugnet.arrays import Array
from plugnet.errors import FileFormatError, PlugnetError
from plugnet.files import documents
from plugnet.network import Network
from plugnet.registry import registry
from plugnet.training.history import Evaluation, History

if TYPE_CHECKING:
    from plugnet.training.trainer import Trainer

OPTIMIZER = "optimizer/"
COMPONENTS = ("loss", "optimizer", "policy", "regularizer")
SETTINGS = ("batch_size", "seed", "shuffle")


def save(trainer: Trainer, path: str | os.PathLike[str]) -> None:
    """Write ``trainer`` to ``path``. A `Network.load` finds the network in the same file."""
    with trainer.network.lock:  # a training in another thread waits with its next commit
        documents.write(path, *_contents(trainer))


def _contents(trainer: Trainer) -> tuple[dict[str, Array], dict[str, Any]]:
    """Return the arrays, and the document that says what they are."""
    history = trainer.history
    arrays = trainer.network.state()
    arrays |= {OPTIMIZER + name: array for name, array in trainer.update.state().items()}
    arrays["history/loss"] = np.array(history.loss)
    arrays["history/rate"] = np.array(history.rate)
    components = {name: getattr(trainer, name) for name in COMPONENTS}
    document = {
        **model_file.describe(trainer.network),
        "trainer": {
            "components": {name: part and registry.spec(part) for name, part in components.items()},
            "settings": {name: getattr(trainer, name) for name in SETTINGS},
            "iteration": trainer.iteration,
            "position": trainer.position,
            "rate_scale": float(trainer.rate_scale),
            "evaluation_due": trainer.evaluation_due,
            "evaluations": [asdict(evaluation) for evaluation in history.evaluations],
            "seconds": history.seconds,
            "stopped": history.stopped,
        },
    }
    return arrays, document


def load(
    path: str | os.PathLike[str], hooks: Iterable[Any] = (), threads: int | None = None
) -> Trainer:
    """Build the trainer that `save` wrote."""
    arrays, document = documents.read(path)
    saved = document.get("trainer")
    if saved is None:
        raise FileFormatError(
            f"{os.fspath(path)} holds a network without its training. Load it by Network.load, "
            "or resume from a file that Trainer.save wrote.",
            path=os.fspath(path),
        )
    network = model_file.rebuild(arrays, document, path)
    try:
        return _rebuild(network, arrays, saved, hooks, threads)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, PlugnetError):
            raise
        raise FileFormatError(
            f"{os.fspath(path)} does not describe a trainer ({type(error).__name__}: {error}). "
            "Use an intact copy of a file that Trainer.save wrote.",
            path=os.fspath(path),
        ) from error


def _rebuild(
    network: Network,
    arrays: dict[str, Array],
    saved: dict[str, Any],
    hooks: Iterable[Any],
    threads: int | None,
) -> Trainer:
    from plugnet.training.trainer import Trainer

    trainer = Trainer(
        network, **saved["components"], **saved["settings"], hooks=hooks, threads=threads
    )
    trainer.iteration = integer("iteration", saved["iteration"], at_least=0)
    trainer.position = integer("position", saved["position"], at_least=0)
    trainer.rate_scale = number("rate_scale", saved["rate_scale"], at_least=0)
    due = saved["evaluation_due"]
    trainer.evaluation_due = None if due is None else integer("evaluation_due", due, at_least=0)
    trainer.history = History(
        loss=arrays["history/loss"].tolist(),
        rate=arrays["history/rate"].tolist(),
        evaluations=[Evaluation(**evaluation) for evaluation in saved["evaluations"]],
        seconds=saved["seconds"],
        stopped=saved["stopped"],
    )
    trainer.update.restore(
        {
            name.removeprefix(OPTIMIZER): array
            for name, array in arrays.items()
            if name.startswith(OPTIMIZER)
        }
    )
    return trainer
