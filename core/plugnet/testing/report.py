"""The results of checks, and the report that prints them as a table."""

from __future__ import annotations

import textwrap
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np

WIDTH = 80  # columns of the table
#: Folders whose code is not a component's own.
NOT_ITS_OWN = frozenset({Path(__file__).parents[1], Path(np.__file__).parent})


class CheckFailure(AssertionError):  # noqa: N818 (a failed test, like AssertionError)
    """A component breaks the contract; the message says how, and what to do."""


class NotApplicable(Exception):  # noqa: N818 (not an error)
    """A check does not apply to a component; the message says why."""


class CheckResult(NamedTuple):
    """The result of one check.

    Attributes:
        check: the name of the check.
        status: "passed", "failed", "skipped", or "expected" for an expected failure.
        reason: why the status is not "passed"; otherwise empty.
    """

    check: str
    status: str
    reason: str = ""


@dataclass(frozen=True)
class Report:
    """The results of all checks of one component, printed as a table.

    Attributes:
        component: the kind, name and provider of the component.
        results: the result of each check, in order.
    """

    component: str
    results: tuple[CheckResult, ...]

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """The checks that failed unexpectedly."""
        return tuple(result for result in self.results if result.status == "failed")

    def __str__(self) -> str:
        counts = Counter(result.status for result in self.results)
        statuses = ("passed", "failed", "skipped", "expected")
        summary = ", ".join(f"{counts[status]} {status}" for status in statuses if counts[status])
        lines = [_lines(result) for result in self.results if result.status != "skipped"]
        return "\n".join([f"{self.component}: {summary}", *lines, *self._skipped()])

    def _skipped(self) -> Iterator[str]:
        """Yield one paragraph per reason."""
        checks: dict[str, list[str]] = {}
        for result in self.results:
            if result.status == "skipped":
                checks.setdefault(result.reason, []).append(result.check)
        for reason, names in checks.items():
            what = names[0] if len(names) == 1 else f"{len(names)} checks"
            yield _wrapped(f"  skipped   {what}: {reason}")


def _lines(result: CheckResult) -> str:
    status = result.status.upper() if result.status == "failed" else result.status
    head = f"  {status:<9} {result.check}"
    return f"{head}\n{_wrapped(' ' * 12 + result.reason)}" if result.reason else head


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent=" " * 12)


def raised(error: BaseException) -> str:
    """Say what was raised and where, such as "raised NameError: ... (in f, x.py:3)"."""
    text = f"raised {type(error).__name__}: {str(error).strip().rstrip('.')}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if not NOT_ITS_OWN.intersection(path.parents):
            return f"{text} (in {frame.name}, {path.name}:{frame.lineno})"
    return text


def fail(message: str) -> NoReturn:
    """Raise CheckFailure."""
    raise CheckFailure(message)


def require(holds: object, message: str) -> None:
    """Raise CheckFailure with ``message`` unless ``holds``."""
    if not holds:
        raise CheckFailure(message)
