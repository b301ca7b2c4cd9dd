"""Prose at the width of the terminal."""

from __future__ import annotations

import re
import shutil
import textwrap

NARROWEST = 40  # columns; a terminal that says less does not know
#: What stays on one line although it has spaces: short quotes, lists, calls, and commands to copy.
WHOLE = re.compile(
    r"""--[\w-]+ (?:'[^']*'(?:"'"'[^']*')*|[^\s']+)"""
    r"|(?<!\w)'[^']{1,50}'(?!\w)"
    r'|"[^"]{1,50}"'
    r"|\[[^][]{1,50}\]"
    r"|\w\([^()]{1,50}\)"
    r"|\bpip install (?:-e )?\S+"
    r"|\bplugnet plugins \w+(?: [\w-]+)?"
)


def wrap(text: str, hanging: int = 2) -> str:
    """Wrap each line of a text; a word, such as a path, is never divided.

    Args:
        text: the lines, which keep their own indentation. They are not divided at no-break spaces.
        hanging: by how much more the continuation of a line is indented.
    """
    width = max(columns(), NARROWEST)
    return "\n".join(
        textwrap.fill(
            WHOLE.sub(lambda found: found[0].replace(" ", "\xa0"), line),
            width,
            subsequent_indent=" " * (len(line) - len(line.lstrip()) + hanging),
            break_long_words=False,
            break_on_hyphens=False,
        ).replace("\xa0", " ")
        for line in text.splitlines()
    )


def columns() -> int:
    """Return the width of the terminal; 80 where there is none."""
    return shutil.get_terminal_size().columns
