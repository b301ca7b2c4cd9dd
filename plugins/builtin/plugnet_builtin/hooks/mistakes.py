"""mistakes: the test images that were read wrong, with truth and answer, as a picture."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from plugnet.arguments import file_path, integer
from plugnet.arrays import Array, Shape
from plugnet.errors import ArgumentError, PluginWarning
from plugnet_builtin.hooks.picture import draw
from plugnet_builtin.hooks.tested import Tested, class_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from plugnet.training import Training


SMALLEST = 4  # a flat sample of fewer than 4 x 4 values is a table's row, not an image


class Mistakes:
    """Draw the first wrongly answered test images, when training ends.

    Args:
        path: the picture; its suffix chooses the format.
        shape: ``(height, width)`` or ``(height, width, channels)`` of a sample. None: as it comes,
            or a square of at
            least 4 by 4 if the samples are flat.
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
        self.path = file_path("path", path)
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

    def plugnet_train_start(self) -> None:
        """Forget an earlier run."""
        self._test = None

    def plugnet_evaluate_end(self, x: Array, targets: Array) -> None:
        """Keep what the network is tested on."""
        self._test = Tested(x, targets)

    def plugnet_train_end(self, training: Training) -> None:
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
        read = self._test.read(training, path)
        if read is None:
            return
        answered, labels, _ = read
        wrong = np.flatnonzero(answered != labels)
        shown = wrong[: self.most]
        images = x[shown].astype(float)
        images = images.reshape(-1, *shape)  # (shown, features) -> (shown, height, width, ...)
        if images.shape[-1] == 1 and images.ndim == 4:
            images = images[..., 0]  # (shown, height, width), which is drawn in grey
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
    side = math.isqrt(shape[0])
    square = len(shape) == 1 and side >= SMALLEST and side * side == shape[0]
    return (side, side) if square else None


def _is_image(shape: Shape) -> bool:
    return len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3, 4))


def _heading(shown: int, wrong: int, tested: int) -> str:
    if not wrong:
        return f"All {tested} test samples are read right"
    some = f", the first {shown} of them" if shown < wrong else ""
    return f"{wrong} of {tested} test samples are read wrong{some}"


def _draw(path: Path, images: Array, titles: list[str], heading: str) -> None:
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
