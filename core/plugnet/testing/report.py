"""Results: what a check found, and all of them as a table."""

from __future__ import annotations

import textwrap
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

WIDTH = 80  # columns of the table


class CheckFailure(AssertionError):  # noqa: N818 (the word for a failed test, as AssertionError)
    """A component does not keep the contract; the message says which rule, and what came."""


class NotApplicable(Exception):  # noqa: N818 (it says that all is well)
    """A check has nothing to say about a component; the message says why."""


class CheckResult(NamedTuple):
    """What one check found.

    Attributes:
        check: its name.
        status: "passed", "failed", "skipped", or "expected" for an expected failure.
        reason: why it is not "passed"; else empty.
    """

    check: str
    status: str
    reason: str = ""


@dataclass(frozen=True)
class Report:
    """What all checks found about one component. Printed, it is a table.

    Attributes:
        component: what was checked, in words.
        results: one for each check, in order.
    """

    component: str
    results: tuple[CheckResult, ...]

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """The results that failed against expectation."""
        return tuple(result for result in self.results if result.status == "failed")

    def __str__(self) -> str:
        counts = Counter(result.status for result in self.results)
        statuses = ("passed", "failed", "skipped", "expected")
        summary = ", ".join(f"{counts[status]} {status}" for status in statuses if counts[status])
        return "\n".join([f"{self.component}: {summary}", *map(_lines, self.results)])


def _lines(result: CheckResult) -> str:
    status = result.status.upper() if result.status == "failed" else result.status
    head = f"  {status:<9} {result.check}"
    reason = textwrap.wrap(
        result.reason, WIDTH, initial_indent=" " * 12, subsequent_indent=" " * 12
    )
    return "\n".join([head, *reason])


def fail(message: str) -> NoReturn:
    """Raise CheckFailure."""
    raise CheckFailure(message)


def require(holds: object, message: str) -> None:
    """Raise CheckFailure with ``message`` unless ``holds``."""
    if not holds:
        raise CheckFailure(message)
