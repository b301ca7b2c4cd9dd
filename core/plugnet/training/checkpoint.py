"""A trainer in one file, from which training goes on bit for bit."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, Final, NamedTuple

import numpy as np

from plugnet.arguments import integer, number
from plugnet.arrays import Array
from plugnet.errors import FileFormatError, PlugnetError
from plugnet.files import documents
from plugnet.interfaces import Component
from plugnet.network import Network
from plugnet.registry import registry
from plugnet.training.history import Evaluation, History

COMPONENTS: Final = ("loss", "optimizer", "policy", "regularizer")
SETTINGS: Final = ("batch_size", "seed", "shuffle")
PROGRESS: Final = ("iteration", "position", "source_state", "rate_scale", "evaluation_due")
SLOTS: Final = "optimizer/"  # before the names of the optimizer's arrays


class Checkpoint(NamedTuple):
    """All of a trainer that is saved.

    Attributes:
        network: what it trains.
        components: its components or, when read, their specs, by the names in `COMPONENTS`.
        settings: its other arguments, by the names in `SETTINGS`.
        progress: its attributes, by the names in `PROGRESS`.
        history: what it has recorded.
        slots: the state of its update, by name.
    """

    network: Network
    components: Mapping[str, Any]
    settings: Mapping[str, Any]
    progress: Mapping[str, Any]
    history: History
    slots: Mapping[str, Array]

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write it to one file, wholly or not at all; `Network.load` finds the network there.

        Raises:
            SpecError: a component is not registered, so it cannot be described.
            OSError: the file cannot be written.
        """
        history = self.history
        arrays = self.network.state()
        arrays |= {SLOTS + name: array for name, array in self.slots.items()}
        arrays |= {"history/loss": np.array(history.loss), "history/rate": np.array(history.rate)}
        trainer = {
            "components": {
                name: registry.spec(part) if isinstance(part, Component) else part
                for name, part in self.components.items()
            },
            "settings": dict(self.settings),
            **self.progress,
            "rate_scale": float(self.progress["rate_scale"]),  # a hook may have set NumPy's
            "evaluations": [asdict(evaluation) for evaluation in history.evaluations],
            "seconds": history.seconds,
            "stopped": history.stopped,
        }
        documents.write(path, arrays, {**self.network.document(), "trainer": trainer})

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Checkpoint:
        """Return what `write` wrote; see `Trainer.resume` for the errors."""
        arrays, document = documents.read(path)
        saved = document.get("trainer")
        if saved is None:
            raise FileFormatError(
                f"{os.fspath(path)} holds a network without its training. Load it by Network.load, "
                "or resume from a file that Trainer.save wrote.",
                path=os.fspath(path),
            )
        network = Network.from_document(arrays, document, path)
        with refused(path):
            return cls._parsed(network, arrays, saved)

    @classmethod
    def _parsed(
        cls, network: Network, arrays: Mapping[str, Array], saved: Mapping[str, Any]
    ) -> Checkpoint:
        due, source_state = saved["evaluation_due"], saved.get("source_state")
        return cls(
            network,
            _exactly(COMPONENTS, saved["components"]),
            _exactly(SETTINGS, saved["settings"]),
            {
                "iteration": integer("iteration", saved["iteration"], at_least=0),
                "position": integer("position", saved["position"], at_least=0),
                "source_state": None if source_state is None else dict(source_state),
                "rate_scale": number("rate_scale", saved["rate_scale"], at_least=0),
                "evaluation_due": None if due is None else integer("evaluation_due", due),
            },
            History(
                loss=list(arrays["history/loss"].tolist()),
                rate=list(arrays["history/rate"].tolist()),
                evaluations=[Evaluation(**evaluation) for evaluation in saved["evaluations"]],
                seconds=number("seconds", saved["seconds"], at_least=0),
                stopped=saved["stopped"],
            ),
            {
                name.removeprefix(SLOTS): array
                for name, array in arrays.items()
                if name.startswith(SLOTS)
            },
        )


@contextmanager
def refused(path: str | os.PathLike[str]) -> Iterator[None]:
    """Raise FileFormatError for what goes wrong because the file at ``path`` is not a trainer's."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        if isinstance(error, PlugnetError):
            raise
        raise FileFormatError(
            f"{os.fspath(path)} does not describe a trainer ({type(error).__name__}: {error}). "
            "Use an intact copy of a file that Trainer.save wrote.",
            path=os.fspath(path),
        ) from error


def _exactly(names: tuple[str, ...], given: Mapping[str, Any]) -> Mapping[str, Any]:
    if given.keys() != set(names):
        raise KeyError(f"the keys must be {', '.join(names)}, not {', '.join(given)}")
    return given
