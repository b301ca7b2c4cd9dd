"""A trainer in one file, from which training goes on bit for bit."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np

from plugnet.arguments import integer, number
from plugnet.arrays import Array
from plugnet.errors import FileFormatError, PlugnetError
from plugnet.files import documents
from plugnet.interfaces import Component
from plugnet.network import Network
from plugnet.registry import registry
from plugnet.training import journal
from plugnet.training.history import History
from plugnet.training.journal import Journal, evaluation_of
from plugnet.training.states import join, split

COMPONENTS: Final = ("loss", "optimizer", "policy", "regularizer")
SETTINGS: Final = (
    "batch_size",
    "seed",
    "shuffle",
    "class_weight",
    "ignore_label",
    "scale_targets",
)
LOSS: Final = "history/loss"
RATE: Final = "history/rate"
SLOTS: Final = "optimizer/"  # before the names of the optimizer's arrays


class Checkpoint(NamedTuple):
    """All of a trainer that is saved.

    Attributes:
        network: what it trains.
        components: its components or, when read, their specs, by the names in `COMPONENTS`.
        settings: its other arguments, by the names in `SETTINGS`.
        progress: how far it is: what `PROGRESS` names, its goal, and why it stops before that.
        history: what it has recorded.
        slots: the state of its update, by name.
        metrics: what it judges by or, when read, their specs; None for those that suit the answers.
        model: the section of its model, or None before the first fit.
        hooks: what each of its hooks that remember does, with its name.
        identity: what must not change if it is to go on to the same bits.
    """

    network: Network
    components: Mapping[str, Any]
    settings: Mapping[str, Any]
    progress: Mapping[str, Any]
    history: History
    slots: Mapping[str, Array]
    metrics: Sequence[Any] | None = None
    model: Mapping[str, Any] | None = None
    hooks: Sequence[Mapping[str, Any]] = ()
    identity: Mapping[str, str] = MappingProxyType({})

    def write(self, path: str | os.PathLike[str], into: Journal | None = None) -> None:
        """Write it to one file, wholly or not at all; `Network.load` finds the network there.

        With a journal, most of the history goes there.

        Raises:
            SpecError: a component is not registered, so it cannot be described.
            OSError: the file cannot be written.
        """
        history = self.history
        arrays = self.network.state()
        arrays |= {SLOTS + name: array for name, array in self.slots.items()}
        hooks, remembered = split(list(self.hooks), "hooks")
        arrays |= remembered
        if into is None:
            arrays[LOSS], arrays[RATE] = np.array(history.loss), np.array(history.rate)
        trainer = {
            "components": {
                name: registry.spec(part) if isinstance(part, Component) else part
                for name, part in self.components.items()
            },
            "settings": {**self.settings, "class_weight": _pairs(self.settings["class_weight"])},
            "metrics": None if self.metrics is None else list(map(registry.spec, self.metrics)),
            **self.progress,
            "rate_scale": float(self.progress["rate_scale"]),  # a hook may have set NumPy's
            "journal": None if into is None else into.append(history),
            "evaluations": list(map(asdict, history.evaluations)) if into is None else [],
            "seconds": history.seconds,
            "stopped": history.stopped,
            "notes": history.notes,
            "hooks": hooks,
            "identity": dict(self.identity),
        }
        sections = (
            {"trainer": trainer}
            if self.model is None
            else {"model": self.model, "trainer": trainer}
        )
        documents.write(path, arrays, {**self.network.document(), **sections})

    @classmethod
    def read(cls, path: str | os.PathLike[str], budget: int | None = None) -> Checkpoint:
        """Return what `write` wrote; see `Trainer.resume` for budget and errors."""
        arrays, document = documents.read(path, budget)
        saved = document.get("trainer")
        if saved is None:
            raise FileFormatError(
                f"{os.fspath(path)} holds a network without its training. Load it by Network.load, "
                "or resume from a file that Trainer.save wrote.",
                path=os.fspath(path),
            )
        network = Network.from_document(arrays, document, path, budget=budget)
        with refused(path):
            return cls._parsed(path, network, arrays, saved, document.get("model"))

    @classmethod
    def _parsed(
        cls,
        path: str | os.PathLike[str],
        network: Network,
        arrays: Mapping[str, Array],
        saved: Mapping[str, Any],
        model: Mapping[str, Any] | None,
    ) -> Checkpoint:
        source_state, mark = saved["source_state"], saved["journal"]
        if mark is None:
            history = History(
                loss=list(arrays[LOSS].tolist()),
                rate=list(arrays[RATE].tolist()),
                evaluations=[evaluation_of(each) for each in saved["evaluations"]],
            )
        else:
            history = journal.read(Path(path).parent, mark)
        history.seconds = number("seconds", saved["seconds"], at_least=0)
        history.stopped, history.notes = saved["stopped"], list(map(str, saved["notes"]))
        history.iteration = integer("iteration", saved["iteration"], at_least=0)
        if len(history.loss) < history.iteration or len(history.loss) != len(history.rate):
            raise ValueError("the history does not reach the iteration")
        return cls(
            network,
            _exactly(COMPONENTS, saved["components"]),
            _exactly(SETTINGS, saved["settings"]),
            {
                "iteration": history.iteration,
                "position": integer("position", saved["position"], at_least=0),
                "source_state": None if source_state is None else dict(source_state),
                "rate_scale": number("rate_scale", saved["rate_scale"], at_least=0),
                "evaluation_due": _count_or_none("evaluation_due", saved["evaluation_due"]),
                "goal": _count_or_none("goal", saved["goal"]),
                "stopping": None if saved["stopping"] is None else str(saved["stopping"]),
            },
            history,
            {
                name.removeprefix(SLOTS): array
                for name, array in arrays.items()
                if name.startswith(SLOTS)
            },
            saved["metrics"],
            model,
            [{"name": str(e["name"]), "state": e["state"]} for e in join(saved["hooks"], arrays)],
            {str(name): str(value) for name, value in saved["identity"].items()},
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


def _count_or_none(name: str, value: Any) -> int | None:
    return None if value is None else integer(name, value, at_least=0)


def _pairs(class_weight: Any) -> Any:
    """Return weights by class as pairs, because JSON would turn numbers as keys into strings."""
    return list(class_weight.items()) if isinstance(class_weight, Mapping) else class_weight
