"""A docstring as Markdown: paragraphs, lists, Google's sections, examples. No text is lost."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

#: Sections whose lines are items, ``name: text``. What follows other titles is mere text.
LISTS = ("Args", "Arguments", "Attributes", "Keyword Args", "Parameters", "Raises", "Warns")
TITLES = (*LISTS, "Returns", "Yields", "Note", "Notes", "Example", "Examples", "See Also")
_TITLE = re.compile(rf"({'|'.join(TITLES)}):")
_ITEM = re.compile(r"(\*{0,2}\w[\w., *]*?(?: \([^)]*\))?): +(.*)", re.DOTALL)
_BULLET = re.compile(r"([*+-]|\d{1,2}[.)]) +")  # "1986. " is a year
_INLINE = re.compile(
    r"``(?P<double>.+?)``|`(?P<single>[^`]+)`|(?P<address>https?://(?:[^\s<>()`]|\([^\s<>()`]*\))+)"
    r"|(?<![\w*])\*(?P<emphasis>[A-Za-z][A-Za-z ]+[A-Za-z])\*(?![\w*])"  # words, and no formula
)
#: What Markdown would take for markup, wherever it stands, and where a line begins.
_MARKUP = re.compile(r"[\\`*\[\]<{}$|~&]|(?<![^\W_])_|_(?![^\W_])")
_BEGINNING = re.compile(r"^(?:(?=[#+=%:>-])|\d+(?=[.)]))")


class Text(NamedTuple):
    """A paragraph, on one line."""

    text: str


class Code(NamedTuple):
    """Lines as they are. An example of Python begins with ``>>>``."""

    text: str

    @property
    def is_example(self) -> bool:
        """Whether doctest would run it."""
        return self.text.startswith(">>>")


class Items(NamedTuple):
    """A bullet list, or a section: a title and its items, by name where they have one."""

    title: str
    items: tuple[tuple[str, tuple[Block, ...]], ...]


Block: TypeAlias = Text | Code | Items


def blocks(doc: str | None) -> tuple[Block, ...]:
    """Return the parts of a docstring, in their order."""
    return tuple(_blocks(inspect.cleandoc(doc or "").splitlines()))


def markdown(parts: tuple[Block, ...]) -> str:
    """Return parts of a docstring as Markdown."""
    return "\n\n".join(map(_written, parts))


def inline(text: str) -> str:
    """Return a text, in which code stands between backticks, as one line of Markdown."""
    text = " ".join(text.split())
    written, done = "", 0
    for found in _INLINE.finditer(text):
        written += _escaped(text[done : found.start()], done == 0) + _marked(found)
        done = found.end()
    return written + _escaped(text[done:], done == 0)


def code_span(text: str) -> str:
    """Return a text as code in a line of Markdown."""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    space = " " if "`" in text else ""
    return f"{fence}{space}{text}{space}{fence}"


def fenced(text: str, language: str) -> str:
    """Return lines as a block of code."""
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", text))])
    return f"{fence}{language}\n{text}\n{fence}"


# From lines to blocks ----------------------------------------------------------------------------


def _blocks(lines: list[str]) -> Iterator[Block]:
    """Yield the parts of lines that have no indentation in common."""
    rest = lines
    while rest:
        if not rest[0].strip():
            rest = _split(rest, lambda line: not line.strip())[1]
            continue
        title = _TITLE.fullmatch(rest[0].rstrip())
        if title and len(rest) > 1 and _is_inside(rest[1]):
            inside, rest = _split(rest[1:], _is_inside_or_empty)
            yield _section(title[1], _dedented(inside))
        elif rest[0].startswith(">>>"):
            example, rest = _split(rest, lambda line: bool(line.strip()))
            yield Code("\n".join(example))
        elif rest[0].startswith(" "):
            code, rest = _split(rest, _is_inside_or_empty)
            yield Code(_dedented(code))
        elif _BULLET.match(rest[0]):
            listed, rest = _split(rest, lambda line: _is_inside(line) or bool(_BULLET.match(line)))
            bullets = (_BULLET.sub("", item, 1) for item in _items(listed))
            yield Items("", tuple(("", blocks(bullet)) for bullet in bullets))
        else:
            paragraph, rest = _split(rest, _goes_on)
            text = " ".join(" ".join(paragraph).split())
            yield Text(text.removesuffix(":") if text.endswith("::") else text)


def _dedented(lines: list[str]) -> str:
    return inspect.cleandoc("\n".join(["", *lines]))


def _split(lines: list[str], belongs: Callable[[str], bool]) -> tuple[list[str], list[str]]:
    """Return the first line and those after it that belong to it, and the rest."""
    count = 1
    while count < len(lines) and belongs(lines[count]):
        count += 1
    return lines[:count], lines[count:]


def _is_inside(line: str) -> bool:
    return line.startswith(" ") and bool(line.strip())


def _is_inside_or_empty(line: str) -> bool:
    return line.startswith(" ") or not line.strip()


def _goes_on(line: str) -> bool:
    """Tell whether a line belongs to the paragraph before it."""
    is_other = line.startswith(">>>") or _TITLE.fullmatch(line.rstrip())
    return bool(line.strip()) and not is_other


def _section(title: str, text: str) -> Items:
    if title not in LISTS:
        return Items(title, (("", blocks(text)),))
    items = []
    for item in _items(text.splitlines()):
        named = _ITEM.fullmatch(item)
        name, said = named.groups() if named else ("", item)
        items.append((name, blocks(said)))
    return Items(title, tuple(items))


def _items(lines: list[str]) -> Iterator[str]:
    """Yield each line without indentation, with those below it that have some."""
    while lines:
        item, lines = _split(lines, _is_inside_or_empty)
        yield "\n".join(item)


# From blocks to Markdown -------------------------------------------------------------------------


def _written(block: Block) -> str:
    if isinstance(block, Text):
        return inline(block.text)
    if isinstance(block, Code):
        return fenced(block.text, "pycon" if block.is_example else "text")
    if block.title and block.title not in LISTS:
        return f"**{block.title}**\n\n{markdown(block.items[0][1])}"
    listed = "\n".join(_bullet(name, parts) for name, parts in block.items)
    return f"**{block.title}**\n\n{listed}" if block.title else listed


def _bullet(name: str, parts: tuple[Block, ...]) -> str:
    text = textwrap.indent(markdown(parts), "  ").lstrip()
    return f"- {': '.join(filter(None, [name and code_span(name), text]))}"


def _marked(found: re.Match[str]) -> str:
    if address := found["address"]:
        end = len(address.rstrip(".,;:!?"))
        return f"<{address[:end]}>{address[end:]}"
    if words := found["emphasis"]:
        return f"*{words}*"
    return code_span(found["double"] or found["single"])


def _escaped(text: str, begins: bool) -> str:
    """Return a text without code, in which Markdown sees no markup."""
    escaped = _MARKUP.sub(r"\\\g<0>", text)
    if begins:
        escaped = _BEGINNING.sub(r"\g<0>\\", escaped)
    return escaped.replace(")=", ")\\=")
