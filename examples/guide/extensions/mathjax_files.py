"""MathJax and its fonts, copied from an installed package into the site."""

from __future__ import annotations

import shutil
from importlib.metadata import files
from pathlib import Path

from sphinx.application import Sphinx

PACKAGE = "django-static-mathjax"  # the files as MathJax publishes them, without any Django
ROOT = "mathjax/static/mathjax/es5/"
WANTED = ("tex-chtml.js", "output/chtml/fonts/woff-v2/")


def copy(app: Sphinx, error: Exception | None) -> None:
    """Copy what pages load, some 1.6 MB, to ``_static/mathjax``."""
    if error is not None or app.builder.format != "html":
        return
    for file in files(PACKAGE) or []:
        relative = file.as_posix().removeprefix(ROOT)
        if file.as_posix().startswith(ROOT) and relative.startswith(WANTED):
            target = Path(app.outdir, "_static", "mathjax", relative)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.locate(), target)


def setup(app: Sphinx) -> dict[str, bool]:
    """Copy at the end of each build."""
    app.connect("build-finished", copy)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
