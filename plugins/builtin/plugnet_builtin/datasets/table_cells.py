"""The cells of a table: which are numbers, which are missing.

A number has digits from 0 to 9 and, if need be, a sign, one decimal point, an exponent and spaces
around it. ``true`` and ``false`` are 1 and 0 where they are written ``true``, ``True`` or ``TRUE``.
A cell is missing if it is empty or one of NA, N/A, #N/A, <NA>, NaN, -NaN, null, None, ? and -, in
capital or small letters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from plugnet.arrays import Array

#: Not \d+\.?\d*, which would try each way to divide a long row of digits.
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)

_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+([eE][+-]?\d+)?", re.ASCII)

_LIKE_NUMBER = re.compile(r"[+-]?[$€£]?\s?\d[\d.,'_ ]*\s?[%$€£]?")

_MISSING = frozenset(("", "na", "n/a", "#n/a", "<na>", "nan", "+nan", "-nan", "null"))

#: Missing, too, unless the user says that the column has names of classes.
_MISSING_OR_NAMES = frozenset(("none", "?", "-"))

#: How missing cells are mostly spelled, and how float takes them.
_AS_NAN = dict.fromkeys(("", "NA", "N/A", "NULL", "null", "None", "?", "-"), "nan")

_BOOLEANS = {
    spelling: value
    for word, value in (("true", 1.0), ("false", 0.0))
    for spelling in (word, word.title(), word.upper())
}


def is_number(cell: str) -> bool:
    """Tell whether a cell is a number; infinity and NaN are not."""
    return _NUMBER.fullmatch(cell.strip()) is not None


def is_missing(cell: str, may_be_name: bool = False) -> bool:
    """Tell whether a cell is missing.

    Args:
        cell: its text.
        may_be_name: whether None, ? and - are names of classes.
    """
    text = cell.strip().lower()
    return text in _MISSING or (text in _MISSING_OR_NAMES and not may_be_name)


def is_value(cell: str) -> bool:
    """Tell whether a cell may stand among inputs: a number, true or false, or missing."""
    return is_number(cell) or is_missing(cell) or cell.strip() in _BOOLEANS


def plain_numbers(cells: Sequence[str]) -> Array | None:
    """Return what `as_number` makes of cells, ``(N,)`` float64, fast; None if it takes longer."""
    text = "".join(cells)
    if not text.isascii() or "_" in text:  # which float takes in numbers
        return None
    try:
        numbers = np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        with_nan = [_AS_NAN.get(cell, cell) for cell in cells]
        try:
            numbers = np.fromiter(map(float, with_nan), np.float64, len(cells))
        except ValueError:
            return None
    return None if np.isinf(numbers).any() else numbers


def as_number(cell: str) -> float:
    """Return a cell of inputs as a number, NaN if it is missing.

    Raises:
        ValueError: it is no `is_value`, or too large a number.
    """
    if is_number(cell):
        value = float(cell)
        if value in (np.inf, -np.inf):
            raise ValueError("too large")
        return value
    return np.nan if is_missing(cell) else _boolean(cell)


def _boolean(cell: str) -> float:
    try:
        return _BOOLEANS[cell.strip()]
    except KeyError:
        raise ValueError("not a number") from None


def has_decimal_comma(cell: str) -> bool:
    """Tell whether a cell seems to be a number that is written as 1,5."""
    return _DECIMAL_COMMA.fullmatch(cell.strip()) is not None


def looks_like_number(cell: str) -> bool:
    """Tell whether a cell that is no number seems to be meant as one: 1,5 or 1,200 or $3 or 5 %."""
    text = cell.strip()
    return _LIKE_NUMBER.fullmatch(text) is not None and not is_number(text)


def hint(cell: str) -> str:
    """Return what to do about a cell that should be a number."""
    text = cell.strip()
    if re.fullmatch(r"[+-]?\d[\d.,' ]*[,' ][\d.,]*([eE][+-]?\d+)?", text, re.ASCII):
        return (
            "Write a decimal point for a decimal comma, 1.5, and no separators of thousands, 1234"
        )
    if is_number(text) or text.lower().lstrip("+-") in ("inf", "infinity"):
        return "Numbers must be finite: correct the cell or leave it empty"
    return "Write numbers as 1234.5 or 1.2e3, and leave a cell empty if its value is missing"
