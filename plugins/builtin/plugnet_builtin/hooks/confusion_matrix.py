"""confusion_matrix: which class is taken for which, as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from plugnet.arrays import Array
from plugnet_builtin.hooks.picture import draw
from plugnet_builtin.hooks.prediction_picture import PredictionPicture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_LABELED = 20  # classes; with more, the cells have no room for their counts


class ConfusionMatrix(PredictionPicture):
    """Draw the samples of each true class (rows) by predicted class (columns).

    The picture is drawn when training ends. The darker a cell, the larger its share of the row: by
    the square root of the share, so that rare mistakes are visible, too.

    Args:
        path: the picture; its suffix chooses the format.
    """

    def _draw(
        self, x: Array, predicted: Array, true: Array, names: Sequence[str], part: str
    ) -> None:
        counts = count_pairs(predicted, true, len(names))
        wrong = int(np.count_nonzero(predicted != true))
        side = float(np.clip(0.55 * len(names), 3.5, 11))

        def paint(figure: Figure) -> None:
            axes = figure.subplots()
            _paint(axes, counts, names)
            axes.set_title(f"{wrong} of {len(true)} {part} samples misclassified")

        draw(self._path, (side + 1.5, side + 1.2), paint)


def count_pairs(predicted: Array, true: Array, classes: int) -> Array:
    """Return ``(classes, classes)`` counts of true class (row) and predicted class (column).

    A sample without a predicted class (-1) is in no column.
    """
    counts = np.zeros((classes, classes), int)
    known = predicted >= 0
    np.add.at(counts, (true[known], predicted[known]), 1)
    return counts


def _paint(axes: Axes, counts: Array, names: Sequence[str]) -> None:
    shade = np.sqrt(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))
    axes.imshow(shade, cmap="Blues", vmin=0, vmax=1)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    if len(names) > MOST_LABELED:
        return
    ticks = range(len(names))
    slant = 45 if max(map(len, names)) > 3 else 0
    axes.set_xticks(ticks, names, rotation=slant, ha="right" if slant else "center")
    axes.set_yticks(ticks, names)
    axes.tick_params(length=0)
    for row, column in zip(*counts.nonzero(), strict=True):
        colour = "white" if shade[row, column] > 0.6 else "black"
        axes.text(
            column, row, str(counts[row, column]), ha="center", va="center", color=colour, size=9
        )
