"""How the finished network answers the test set: what two of the pictures show."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from plugnet.arrays import Array
from plugnet.errors import PluginWarning
from plugnet.training.evaluation import predicted_classes, true_classes

if TYPE_CHECKING:
    from plugnet.training import Training


@dataclass(frozen=True)
class Tested:
    """The test pair of a training run, kept from its last evaluation.

    Attributes:
        x: the samples, ``(M, *shape)``.
        targets: class ids ``(M,)`` or targets ``(M, K)``.
    """

    x: Array
    targets: Array

    def read(self, training: Training, path: Path) -> tuple[Array, Array, int] | None:
        """Return the answers, the truth (both ``(M,)``) and how many classes there are.

        The network is asked anew, because another hook may have changed its weights since the
        last evaluation (early_stop does). If answers are not classes, a `PluginWarning` says that
        ``path`` is not drawn, and None is returned.
        """
        outputs = training.network.predict(self.x)
        answered = predicted_classes(outputs, training.loss.threshold)
        labels = true_classes(self.targets, outputs.shape[1])
        if answered is None or labels is None:
            warnings.warn(
                f"{path.name} is not drawn, because the network's answers are not classes.",
                PluginWarning,
                stacklevel=3,
            )
            return None
        return answered, labels.astype(answered.dtype), max(outputs.shape[1], 2)


def class_name(classes: tuple[str, ...], number: int) -> str:
    """Return the name of class ``number``, or the number itself; -1 means no answer at all."""
    if number < 0:
        return "nothing"
    return classes[number] if number < len(classes) else str(number)
