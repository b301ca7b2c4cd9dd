"""Drawing without a display, as all pictures of a run are drawn."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from plugnet.errors import PluginWarning
from plugnet.files.atomic import replacing
from plugnet_builtin.hooks.failed_write import warn_of_failed_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN = "#1f6fb4", "#d95f02", "#1b9e77"


#: What keeps the time out of a format that would hold it.
UNDATED = {"svg": {"Date": None}, "svgz": {"Date": None}, "pdf": {"CreationDate": None}}


def draw(path: Path, size: tuple[float, float], paint: Callable[[Figure], None]) -> None:
    """Let ``paint`` draw on an empty figure and write it to ``path``.

    Only matplotlib's objects are used, never pyplot: no display, no backend, no global figure. If
    matplotlib cannot be used, a `PluginWarning` says so and nothing is drawn.

    Args:
        path: the file; its suffix chooses the format.
        size: width and height in inches of 120 pixels.
        paint: draws on the figure it is given.
    """
    try:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except (ImportError, ValueError) as error:  # ValueError: MPLBACKEND names no backend
        warnings.warn(
            f"{path.name} is not drawn, because matplotlib cannot be imported: {str(error)[:100]}",
            PluginWarning,
            stacklevel=2,
        )
        return
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # the same picture whatever a user's matplotlibrc says
        matplotlib.rcParams["svg.hashsalt"] = "plugnet"  # and each time the same bytes
        figure = Figure(figsize=size, dpi=120, layout="constrained")
        FigureCanvasAgg(figure)
        paint(figure)
        try:
            with replacing(path) as file:
                kind = path.suffix[1:] or "png"
                figure.savefig(file, format=kind, metadata=UNDATED.get(kind))
        except OSError as error:
            warn_of_failed_write(path.name, error)
