"""What the pictures of the finished network's predictions on the test set have in common."""

from __future__ import annotations

import os
import warnings
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from plugnet.arguments import file_path
from plugnet.arrays import Array
from plugnet.errors import PluginWarning
from plugnet.schema import Label
from plugnet.training.evaluation import predicted_classes, true_classes

if TYPE_CHECKING:
    from plugnet.training import Training


class PredictionPicture(ABC):
    """Draws a picture when training ends, if there was a test set.

    Args:
        path: the picture; its suffix chooses the format.
        classes: the names of the classes; () for their numbers.
    """

    def __init__(self, path: str | os.PathLike[str], classes: Sequence[Label] = ()) -> None:
        self.path = file_path("path", path)
        self.classes = tuple(classes)
        self._test: tuple[Array, Array] | None = None  # samples and targets

    def plugnet_train_start(self) -> None:
        self._test = None  # not that of an earlier run

    def plugnet_evaluate_end(self, x: Array, targets: Array) -> None:
        self._test = x, targets

    def plugnet_train_end(self, training: Training) -> None:
        if self._test is None:
            return
        x, targets = self._test
        reason = self._misfit(x)
        if reason is None:
            # Not the outputs of the last evaluation: another hook, such as early_stop, may have
            # changed the weights since.
            outputs = training.network.predict(x)
            predicted = predicted_classes(outputs, training.loss.threshold)
            true = true_classes(targets, outputs.shape[1])
            if predicted is not None and true is not None:
                classes = max(outputs.shape[1], 2)
                self._draw(x, predicted, true.astype(predicted.dtype), classes)
                return
            reason = "the network does not predict classes"
        warnings.warn(
            f"{Path(self.path).name} is not drawn, because {reason}.", PluginWarning, stacklevel=2
        )

    def _misfit(self, x: Array) -> str | None:
        """Return why the samples ``x``, ``(M, *shape)``, cannot be drawn, or None if they can."""
        return None

    @abstractmethod
    def _draw(self, x: Array, predicted: Array, true: Array, classes: int) -> None:
        """Draw the picture.

        Args:
            x: the samples, ``(M, *shape)``.
            predicted: their predicted classes, ``(M,)``; -1 for none.
            true: their true classes, ``(M,)``.
            classes: how many classes there are.
        """

    def _class_name(self, number: int) -> str:
        """Return the name of a class, or its number if it has none; -1 is no class."""
        if number < 0:
            return "nothing"
        return str(self.classes[number] if number < len(self.classes) else number)
