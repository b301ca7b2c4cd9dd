"""mistakes: the test images that were read wrong, with truth and answer, as a picture."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from plugnet.arguments import integer
from plugnet.arrays import Array, Shape
from plugnet.errors import ArgumentError, PluginWarning
from plugnet_builtin.hooks.picture import draw
from plugnet_builtin.hooks.tested import Tested, class_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from plugnet import Trainer


class Mistakes:
    """Draw the first wrongly answered test images, when training ends.

    Args:
        path: the picture; its suffix chooses the format.
        shape: ``(height, width)`` or ``(height, width, channels)`` of a sample. None: as it comes,
            or a square if the samples are flat.
        most: how many images to show, from 1.
        classes: the names of the classes; () for their numbers.

    Raises:
        ArgumentError: ``shape`` or ``most`` will not do.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        shape: Sequence[int] | None = None,
        most: int = 36,
        classes: Sequence[str] = (),
    ) -> None:
        self.path = path
        self.shape = None if shape is None else tuple(shape)
        self.most = integer("most", most, at_least=1)
        self.classes = tuple(classes)
        self._test: Tested | None = None
        if self.shape is not None and not _is_image(self.shape):
            raise ArgumentError(
                "shape must be (height, width), or (height, width, channels) with 1, 3 or 4 "
                f"channels, but it is {shape!r}.",
                argument="shape",
                value=shape,
            )

    def plugnet_evaluate_end(self, x: Array, targets: Array) -> None:
        """Keep what the network is tested on."""
        self._test = Tested(x, targets)

    def plugnet_train_end(self, trainer: Trainer) -> None:
        """Draw the picture, if there was a test, of images, and answers are classes."""
        if self._test is None:
            return
        path = Path(self.path)
        x = self._test.x
        shape = image_shape(x.shape[1:]) if self.shape is None else self.shape
        if shape is None or math.prod(shape) != math.prod(x.shape[1:]):
            warnings.warn(
                f"{path.name} is not drawn, because samples of shape {x.shape[1:]} are not images"
                f"{'' if self.shape is None else f' of shape {self.shape}'}. If they are, say "
                "which: mistakes(path, shape=(height, width)).",
                PluginWarning,
                stacklevel=2,
            )
            return
        read = self._test.read(trainer, path)
        if read is None:
            return
        answered, labels, _ = read
        wrong = np.flatnonzero(answered != labels)
        shown = wrong[: self.most]
        images = x[shown].reshape(-1, *shape)  # (shown, features) -> (shown, height, width, ...)
        titles = [
            f"{class_name(self.classes, labels[row])} read as "
            f"{class_name(self.classes, answered[row])}"
            for row in shown
        ]
        _draw(path, images, titles, _heading(len(shown), len(wrong), len(labels)))


def image_shape(shape: Shape) -> Shape | None:
    """Return ``shape`` if it is an image's, the square for as many values, or None."""
    if _is_image(shape):
        return shape
    side = math.isqrt(math.prod(shape))
    return (side, side) if len(shape) == 1 and side > 1 and side * side == shape[0] else None


def _is_image(shape: Shape) -> bool:
    return len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3, 4))


def _heading(shown: int, wrong: int, tested: int) -> str:
    if not wrong:
        return f"All {tested} test samples are read right"
    some = f", the first {shown} of them" if shown < wrong else ""
    return f"{wrong} of {tested} test samples are read wrong{some}"


def _draw(path: Path, images: Array, titles: list[str], heading: str) -> None:
    columns = max(math.ceil(math.sqrt(len(images))), 1)
    rows = max(math.ceil(len(images) / columns), 1)
    grey = images.ndim == 3 or images.shape[3] == 1
    low, high = (float(images.min()), float(images.max())) if len(images) else (0.0, 1.0)

    def paint(figure: Figure) -> None:
        figure.suptitle(heading)
        if not titles:
            return
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        for axes, image, title in zip(grid.flat, images, titles, strict=False):
            if grey:
                axes.imshow(image.reshape(image.shape[:2]), cmap="gray_r", vmin=low, vmax=high)
            else:
                axes.imshow((image - low) / (high - low or 1.0))
            axes.set_title(title, fontsize=9)

    width = max(1.2, 0.08 * max(map(len, titles), default=0))  # inches, for image and title
    draw(path, (max(width * columns, 5), 1.4 * rows + 0.5) if titles else (5, 1), paint)
