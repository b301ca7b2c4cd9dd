"""Warnings that are shown as usual, and noticed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO


@contextmanager
def noticed(notice: Callable[[str, type[Warning]], None]) -> Iterator[None]:
    """Call ``notice`` with the text and the category of each warning in the block that is shown."""
    with warnings.catch_warnings():
        show = warnings.showwarning

        def showing(
            message: Warning | str,
            category: type[Warning],
            filename: str,
            lineno: int,
            file: TextIO | None = None,
            line: str | None = None,
        ) -> None:
            notice(str(message), category)
            show(message, category, filename, lineno, file, line)

        warnings.showwarning = showing
        yield
