"""Matplotlib figures as SVG whose colors follow the page: light, dark, or a reader's own.

The colors below stand for roles. In the SVG each becomes a variable of CSS with two defaults, so
one picture does in every theme. Text stays text, in the page's font and color.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from io import StringIO
from typing import Any
from xml.sax.saxutils import escape
from zlib import crc32

import matplotlib
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler

#: Role of a color -> as drawn and on light ground, on dark ground. At least 3:1 to both grounds.
COLORS: Mapping[str, tuple[str, str]] = {
    "text": ("#1f2328", "#e6e6e6"),
    "faint": ("#8a8f98", "#8b9098"),
    "ground": ("#fefefe", "#131416"),
    "1": ("#0b6bb8", "#6cb6ff"),
    "2": ("#c4441c", "#ff8f66"),
    "3": ("#1f7f3f", "#57c785"),
    "4": ("#7a4fc0", "#bb9af7"),
    "5": ("#94660a", "#e0af3f"),
    "6": ("#b02a76", "#f48fc0"),
}
CYCLE = tuple(COLORS[role][0] for role in "123456")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
#: Settings of matplotlib, with text that stays text and no ground.
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.usetex": False,
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.labelsize": 10,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "axes.prop_cycle": cycler(color=CYCLE),
    **dict.fromkeys(
        ["text.color", "axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor"],
        COLORS["text"][0],
    ),
    **dict.fromkeys(["axes.edgecolor", "xtick.color", "ytick.color"], COLORS["faint"][0]),
    "grid.color": COLORS["faint"][0],
}


def svg(figure: Figure, description: str) -> str:
    """Return the figure as SVG that stands alone or in a page.

    Args:
        figure: drawn with the settings `STYLE`.
        description: what one sees in it, for those who do not.
    """
    text = StringIO()
    salt = str(crc32(description.encode()))
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": salt}):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    drawing = text.getvalue().partition("<svg")[2].partition(">")[2]
    drawing = re.sub(r"<metadata>.*?</metadata>\s*", "", drawing, flags=re.DOTALL)
    drawing = re.sub(r"font-family: [^;\"]*;? ?", "", drawing.replace("*{", ".plugnet-picture *{"))
    # Ids are unique within one picture only, and a page has several.
    drawing = re.sub(r'(id="|url\(#|xlink:href="#)', rf"\g<1>p{salt}-", drawing)
    for role, (light, _) in COLORS.items():
        drawing = drawing.replace(light, f"var(--picture-{role}, {light})")
    label = escape(description, {'"': "&quot;"})
    width, height = figure.get_size_inches() * 96
    head = (
        f'<svg class="plugnet-picture" role="img" aria-label="{label}" '
        f'viewBox="0 0 {width * 0.75:g} {height * 0.75:g}" '
        f'style="width: {width:.0f}px; font-family: var(--font-stack, sans-serif)" '
        'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
    )
    # What no XML may hold, a reader shows neither way.
    return _CONTROL.sub("\ufffd", f"{head}<style>{_variables()}</style>{drawing}")


def _variables() -> str:
    """Return CSS for a reader whose system is dark; a page may set the variables itself."""
    dark = "".join(f"--picture-{role}: {color};" for role, (_, color) in COLORS.items())
    return f"@media (prefers-color-scheme: dark) {{ :root:not([data-theme]) {{ {dark} }} }}"
