"""The hooks that make the files of a run, in the order in which they matter."""

from __future__ import annotations

import errno
import math
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.cli.config import Config
from plugnet.cli.inference import classes_of, kind_of
from plugnet.cli.run_directory import CONFUSION, HISTORY, LOSS, MISTAKES, MODEL, RunDirectory
from plugnet.interfaces import DataSplits
from plugnet.registry import registry
from plugnet.training import Trainer
from plugnet.training.checkpoints import FOLDER, found

#: How the system says that there is no room left.
FULL = (errno.ENOSPC, errno.EDQUOT)
#: Classes in a confusion matrix; of more nobody sees the cells.
MOST_DRAWN = 200


class SetAside:
    """Puts an older run out of the way, before the other hooks try their files."""

    observes: ClassVar[bool] = False

    def __init__(self, run: RunDirectory) -> None:
        self._run = run

    def plugnet_train_start(self) -> None:
        """Put it there."""
        self._run.set_aside()


class Recorded:
    """Begins the run in its folder, when all other hooks have said what they write."""

    observes: ClassVar[bool] = False

    def __init__(self, run: RunDirectory, config: str, checkpoint: Any = None) -> None:
        """Take what is to be written.

        Args:
            run: the folder.
            config: the settings.
            checkpoint: the hook that saves at once, because older checkpoints do not fit the
                settings; or None.
        """
        self._run, self._config, self._checkpoint = run, config, checkpoint

    def plugnet_train_start(self, training: Trainer) -> None:
        """Write what it is made with."""
        self._run.begin(self._config, training.identity(), training.history.notes)
        if self._checkpoint is not None and training.iteration:
            self._checkpoint.ask()
            self._checkpoint.plugnet_checkpoint(training)


class SavedModel:
    """Saves the model when the training ends, before anything of less weight is written."""

    observes: ClassVar[bool] = False

    def __init__(self, run: RunDirectory, checkpoints: Path) -> None:
        """Take the run, and the folder of its checkpoints."""
        self._path, self._checkpoints = run.folder / MODEL, checkpoints
        self._saved: dict[str, Array] = {}

    def plugnet_train_end(self, training: Trainer) -> None:
        """Save it, if there was a step."""
        if training.iteration:
            try:
                training.model.save(self._path)
            except OSError as error:
                if error.errno not in FULL:
                    raise
                self._make_room(keep=training.is_interrupted or not training.is_ending)
                training.model.save(self._path)
            self._saved = {k: value.copy() for k, value in training.network.state().items()}

    def _make_room(self, keep: bool) -> None:
        """Remove checkpoints: the model is worth more, unless the run is to go on from the last."""
        for path in found(self._checkpoints)[keep:]:
            path.unlink()

    def renew(self, trainer: Trainer) -> None:
        """Save it again if a hook of less weight has changed the network after all."""
        state = trainer.network.state()
        if any(not np.array_equal(state[k], saved) for k, saved in self._saved.items()):
            trainer.model.save(self._path)


def with_checkpoint(hooks: list[Any]) -> list[Any]:
    """Return a run's own hooks, and the checkpoint unless it is one of them."""
    if any(map(is_checkpoint, hooks)):
        return hooks
    return [*hooks, registry.hooks.build("checkpoint", FOLDER)]


def is_checkpoint(hook: object) -> bool:
    """Tell whether a hook saves checkpoints, also when asked to."""
    return registry.name_of(hook) == "checkpoint" and hasattr(hook, "ask")


def files_of(samples: DataSplits, config: Config) -> list[Any]:
    """Return the hooks that write the files of less weight.

    There are no pictures of answers if nothing is evaluated, if answers are not classes, or are too
    many of them to see; and no mistakes if there are no images.
    """
    build = registry.hooks.build
    hooks = [build("csv_log", HISTORY), build("loss_curve", LOSS)]
    is_judged = samples.test is not None or config.training.validation != "none"
    if is_judged and kind_of(samples) == "class":
        if len(classes_of(samples)) <= MOST_DRAWN:
            hooks.append(build("confusion_matrix", CONFUSION))
        if not samples.columns and _are_images(samples.train.x.shape[1:]):
            hooks.append(build("mistakes", MISTAKES))
    return hooks


def _are_images(shape: Shape) -> bool:
    """Tell whether samples are images, or rows of pixels of square ones."""
    side = math.isqrt(shape[0])
    return len(shape) == 3 or (len(shape) == 1 and side >= 4 and side * side == shape[0])
