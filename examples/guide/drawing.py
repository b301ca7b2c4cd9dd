"""What the guide's cells draw with: small pictures side by side, in the colors of the page.

left, right = drawing.axes("tanh", "its derivative")
left.plot(x, y)
drawing.show("Tanh is steep in the middle and flat at both ends.", left, right)
"""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
from IPython.display import HTML
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from plugnet.reference.pictures import CYCLE, STYLE, svg

matplotlib.rcParams.update(STYLE)  # of all that a cell draws, legends too
COLORS = CYCLE
NARROW, WIDE = (2.35, 2.2), (3.55, 2.7)  # inches: three and two in a row on a large screen


def axes(*titles: str, size: tuple[float, float] | None = None, **settings: Any) -> list[Axes]:
    """Return empty axes, one for each title, each in a figure of its own.

    Args:
        titles: what stands above them.
        size: width and height in inches; by default as many as fit side by side.
        settings: of all axes, such as ``xlabel="iteration"``.
    """
    size = size or (NARROW if len(titles) > 2 else WIDE)
    return [
        Figure(figsize=size, layout="constrained").add_subplot(title=title, **settings)
        for title in titles
    ]


def show(description: str, *panels: Axes) -> HTML:
    """Return the panels, which stand side by side where there is room, below each other elsewhere.

    Args:
        description: what one sees, in a sentence, for those who do not.
        panels: axes of different figures.
    """
    drawn = []
    for number, panel in enumerate(panels):
        figure = panel.figure
        assert isinstance(figure, Figure)
        part = f"{description} ({number + 1} of {len(panels)})"
        drawn.append(svg(figure, part if len(panels) > 1 else description))
    return HTML(f'<div class="panels">{"".join(drawn)}</div>')


def digit(panel: Axes, image: np.ndarray) -> None:
    """Draw an image of ``(height, width)`` or ``(pixels,)``, light ink on dark."""
    side = round(image.size**0.5)
    panel.imshow(image.reshape(side, side), cmap="gray", interpolation="nearest")
    panel.set_xticks([])
    panel.set_yticks([])


def arc(panel: Axes, top: float, bottom: float, color: str) -> None:
    """Draw half an ellipse to the right of the column at 0, from one height down to another."""
    angle = np.linspace(-np.pi / 2, np.pi / 2, 40)
    wide = 0.5 + (top - bottom) * 0.2
    panel.plot(
        wide * np.cos(angle), (top + bottom + (top - bottom) * np.sin(angle)) / 2, color=color, lw=1
    )
