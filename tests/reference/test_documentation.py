"""Docstrings as Markdown: nothing of the text is lost, and nothing in it becomes markup."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugnet.reference.documentation import Code, Items, Text, blocks, code_span, inline, markdown

DOC = """A summary that
    runs over two lines, f(x) = x^2.

    Of ``*.bias`` and `Layer`, see https://example.org/a_b(c). Not *.bias or _x_.

    * one bullet,
      of two lines
    * another

        indented = code * 2
          more

    >>> 1 + 1
    2
    >>> print("a  b")
    a  b

    Attributes:
        size, width: the size: a number,
            at least 1.
        given (int): a type stands in parentheses.

            A second paragraph.
        no name here

    Returns:
        Something `new`.

    Raises:
        ArgumentError, ShapeError: it is wrong.
    """

WRITTEN = r"""A summary that runs over two lines, f(x) = x^2.

Of `*.bias` and `Layer`, see <https://example.org/a_b(c)>. Not \*.bias or \_x\_.

- one bullet, of two lines
- another

```text
indented = code * 2
  more
```

```pycon
>>> 1 + 1
2
>>> print("a  b")
a  b
```

**Attributes**

- `size, width`: the size: a number, at least 1.
- `given (int)`: a type stands in parentheses.

  A second paragraph.
- no name here

**Returns**

Something `new`.

**Raises**

- `ArgumentError, ShapeError`: it is wrong."""


def test_a_docstring_with_all_of_it() -> None:
    assert markdown(blocks(DOC)) == WRITTEN


def test_its_parts() -> None:
    parts = blocks(DOC)
    assert [type(part) for part in parts[:5]] == [Text, Text, Items, Code, Code]
    assert [isinstance(part, Code) and part.is_example for part in parts[3:5]] == [False, True]
    assert [part.title for part in parts[5:] if isinstance(part, Items)] == [
        "Attributes", "Returns", "Raises",
    ]  # fmt: skip


@pytest.mark.parametrize("doc", [None, "", "  \n  "])
def test_no_docstring(doc: str | None) -> None:
    assert blocks(doc) == ()


def test_emphasis_is_that_of_words() -> None:
    assert inline("a *batch shape* and *w*") == r"a *batch shape* and \*w\*"


def test_code_with_backticks() -> None:
    assert code_span("a `b` c") == "`` a `b` c ``"
    assert inline("see ``a`b``.") == "see `` a`b ``."


# As a reader of Markdown sees it -----------------------------------------------------------------

NASTY = [
    "*.bias and *.weight", "x^-power and x^2^", "_x_ and __init__ and a_b_c", "a <b> & &amp; c",
    "# no heading", "1. no list", "- no bullet", "+ no", "> no quote", "[no](link) and [^1]",
    "$no$ and $$mathematics$$", "| a | b |", "~~no~~", "% no comment", ":::no fence", "=====",
    "---", "{no}`role`", "\\no \\* escape", "(no)=", "a lone ` backtick", "12) no list", "![a](b)",
]  # fmt: skip


def rendered(text: str, tags: str = "p|code") -> str:
    """Return what a reader of the Markdown sees, by an independent program."""
    parser = pytest.importorskip("markdown_it").MarkdownIt("gfm-like", {"linkify": False})
    page = parser.render(text)
    assert not re.findall(rf"<(?!/?({tags})>)\w+", page), page
    return html.unescape(re.sub(rf"</?({tags})>", "", page)).strip()


@pytest.mark.parametrize("text", NASTY)
def test_text_does_not_turn_into_markup(text: str) -> None:
    assert rendered(inline(text)) == re.sub(r"`([^`]+)`", r"\1", text)


@given(st.text("ab `*_#[]()<>&$|~^{}\\-+=.:!1%", min_size=1))
def test_no_text_is_lost(text: str) -> None:
    shown = rendered(markdown(blocks(text)), "p|code|em")
    letters = re.compile(r"[ab1]")
    assert letters.findall(shown) == letters.findall(text)


def test_all_docstrings_of_the_interfaces_keep_their_words() -> None:
    from plugnet import interfaces

    classes = [value for value in vars(interfaces).values() if isinstance(value, type)]
    for doc in [interfaces.__doc__ or "", *(cls.__doc__ or "" for cls in classes)]:
        written = markdown(blocks(doc)).replace("\\", "")
        for word in re.findall(r"\w+", doc):
            assert word in written
