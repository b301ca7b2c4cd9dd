"""What the pictures of the finished network's predictions have in common."""

from __future__ import annotations

import os
import warnings
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from plugnet.arguments import file_path
from plugnet.arrays import Array
from plugnet.errors import HookError, PluginWarning
from plugnet.evaluation import predicted_classes, true_classes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plugnet.training import Training


class PredictionPicture(ABC):
    """Draws a picture of the test samples when training ends, or of the validation samples.

    Args:
        path: the picture; its suffix chooses the format.
    """

    observes: ClassVar[bool] = True

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = file_path("path", path)
        self._path = Path(self.path)

    def plugnet_train_start(self, training: Training) -> None:
        """Find the file.

        Raises:
            HookError: there are no samples to draw.
        """
        if not training.parts:
            raise HookError(
                f"{Path(self.path).name} shows test or validation samples, but there are none. "
                "Give fit(..., test=(x, y)) or fit(..., validation=0.1).",
                hook="plugnet_train_start",
                plugin=type(self).__name__,
            )
        self._path = training.file(self.path)

    def plugnet_train_end(self, training: Training) -> None:
        judged = {evaluation.part for evaluation in training.history.evaluations}
        part = "test" if "test" in judged & training.parts else "validation"
        if part not in judged & training.parts:
            return
        x, targets = training.samples(part)
        schema = training.model.schema
        reason = self._misfit(x)
        if reason is None and schema.kind == "class":
            # Not the outputs of the last evaluation: another hook, such as early_stop, may have
            # changed the weights since.
            outputs = training.network.predict(x)
            predicted = predicted_classes(outputs, training.loss.threshold)
            true = true_classes(targets, outputs.shape[1])
            if true is not None:
                names = [str(label) for label in schema.classes]
                self._draw(x, predicted, true.astype(predicted.dtype), names, part)
                return
        reason = reason or "the network does not predict classes"
        warnings.warn(
            f"{Path(self.path).name} is not drawn, because {reason}.", PluginWarning, stacklevel=2
        )

    def _misfit(self, x: Array) -> str | None:
        """Return why the samples ``x``, ``(M, *shape)``, cannot be drawn, or None if they can."""
        return None

    @abstractmethod
    def _draw(
        self, x: Array, predicted: Array, true: Array, names: Sequence[str], part: str
    ) -> None:
        """Draw the picture.

        Args:
            x: the samples, ``(M, *shape)``.
            predicted: their predicted classes, ``(M,)``; -1 for none.
            true: their true classes, ``(M,)``.
            names: those of the classes.
            part: which samples they are: "test" or "validation".
        """
