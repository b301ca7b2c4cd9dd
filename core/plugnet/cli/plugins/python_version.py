"""Whether Python is of a version that a distribution's Requires-Python admits."""

from __future__ import annotations

import operator
import re
import sys

CLAUSE = re.compile(r"(~=|==|!=|<=|>=|<|>)\s*(\d+(?:\.\d+)*)(\.\*)?")
COMPARISONS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}


def admits(requires: str, python: tuple[int, int, int] = sys.version_info[:3]) -> bool:
    """Tell whether all clauses of a Requires-Python, such as ">=3.11,!=3.12.*", hold.

    Of PEP 440 this knows final releases and what is written about Python; other clauses, as of
    pre-releases, count as met.
    """
    clauses = (CLAUSE.fullmatch(clause.strip()) for clause in requires.split(","))
    return all(_holds(clause, python) for clause in clauses if clause)


def _holds(clause: re.Match[str], python: tuple[int, ...]) -> bool:
    comparison, text, wildcard = clause.groups()
    release = tuple(map(int, text.split(".")))
    if comparison == "~=":  # ~=3.11.2 is >=3.11.2,==3.11.*
        series = release[:-1]
        return python >= release and python[: len(series)] == series
    if wildcard:
        return bool(COMPARISONS[comparison](python[: len(release)], release))
    padded = release + (0,) * (len(python) - len(release))
    return bool(COMPARISONS[comparison](python, padded))
