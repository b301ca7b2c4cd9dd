"""mistakes: the misclassified images, with their true and predicted classes, as a picture."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from plugnet.arguments import integer
from plugnet.arrays import Array, Shape
from plugnet.errors import ArgumentError
from plugnet_builtin.hooks.picture import draw
from plugnet_builtin.hooks.prediction_picture import PredictionPicture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SMALLEST = 4  # a flat sample of fewer than 4 x 4 values is a table's row, not an image


class Mistakes(PredictionPicture):
    """Draw the first misclassified images, when training ends.

    Args:
        path: the picture; its suffix chooses the format.
        shape: ``(height, width)`` or ``(height, width, channels)`` of a sample. None: the shape of
            the samples, or, if they are flat, a square of at least 4 by 4.
        most: how many images to show, from 1.

    Raises:
        ArgumentError: ``shape`` is not that of an image, or ``most`` is below 1.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        shape: Sequence[int] | None = None,
        most: int = 36,
    ) -> None:
        super().__init__(path)
        self.shape = None if shape is None else tuple(shape)
        self.most = integer("most", most, at_least=1)
        if self.shape is not None and not _is_image(self.shape):
            raise ArgumentError(
                "shape must be (height, width), or (height, width, channels) with 1, 3 or 4 "
                f"channels, but it is {shape!r}.",
                argument="shape",
                value=shape,
            )

    def _misfit(self, x: Array) -> str | None:
        shape = self.shape or image_shape(x.shape[1:])
        if shape is not None and math.prod(shape) == math.prod(x.shape[1:]):
            return None
        return (
            f"samples of shape {x.shape[1:]} are not images"
            f"{'' if self.shape is None else f' of shape {self.shape}'}. If they are images, give "
            "their shape: mistakes(path, shape=(height, width))"
        )

    def _draw(
        self, x: Array, predicted: Array, true: Array, names: Sequence[str], part: str
    ) -> None:
        wrong = np.flatnonzero(predicted != true)
        shown = wrong[: self.most]
        shape = self.shape or image_shape(x.shape[1:]) or x.shape[1:]
        images = x[shown].astype(float)
        images = images.reshape(-1, *shape)  # (shown, features) -> (shown, height, width, ...)
        if images.shape[-1] == 1 and images.ndim == 4:
            images = images[..., 0]  # (shown, height, width), which is drawn in grey
        answers = [*names, "nothing"]  # -1 is no class
        titles = [f"{names[true[row]]} taken for {answers[predicted[row]]}" for row in shown]
        heading = f"{len(wrong)} of {len(true)} {part} samples misclassified"
        if len(shown) < len(wrong):
            heading += f", the first {len(shown)} of them"
        _draw_tiles(self._path, images, titles, heading)


def image_shape(shape: Shape) -> Shape | None:
    """Return ``shape`` if it is an image's, the square of as many values, or None."""
    if _is_image(shape):
        return shape
    side = math.isqrt(shape[0])
    square = len(shape) == 1 and side >= SMALLEST and side * side == shape[0]
    return (side, side) if square else None


def _is_image(shape: Shape) -> bool:
    return len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3, 4))


def _draw_tiles(path: Path, images: Array, titles: list[str], heading: str) -> None:
    """Draw ``images``, ``(shown, height, width)`` or with channels, in a square of tiles."""
    columns = max(math.ceil(math.sqrt(len(images))), 1)
    rows = max(math.ceil(len(images) / columns), 1) if titles else 0
    longest = max(map(len, titles), default=0)
    wide = max(1.2, 0.08 * longest)  # inches of a tile; its image fits into 1 x 1
    high = 1.4
    width, height = max(wide * columns, 5), high * rows + 0.4
    low, top = (float(images.min()), float(images.max())) if len(images) else (0.0, 1.0)

    def paint(figure: Figure) -> None:
        # One system of axes, in inches from the top left: far quicker than one for each image.
        figure.set_layout_engine("none")
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.text(width / 2, 0.2, heading, ha="center", va="center", size=12)
        for index, (image, title) in enumerate(zip(images, titles, strict=True)):
            x = (index % columns + 0.5) * wide + (width - wide * columns) / 2
            y = index // columns * high + 0.4
            axes.text(x, y + 0.15, title, ha="center", va="center", size=9)
            across, down = np.array([image.shape[1], image.shape[0]]) / max(image.shape[:2]) / 2
            middle = y + 0.8
            scaled = (image - low) / (top - low or 1.0)
            axes.imshow(
                scaled,
                cmap="gray_r",
                vmin=0,
                vmax=1,
                extent=(x - across, x + across, middle + down, middle - down),
            )
        axes.set(xlim=(0, width), ylim=(height, 0))

    draw(path, (width, height), paint)
