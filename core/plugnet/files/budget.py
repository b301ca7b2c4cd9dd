"""Budget: how many bytes reading one file may take, whatever the file says of itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from plugnet.arguments import integer
from plugnet.errors import BudgetError

#: The environment variable that sets the limit of all files that are read, in bytes.
VARIABLE = "PLUGNET_BUDGET"
#: What a file may always become ...
LEAST = 64 * 2**20
#: ... or this many times its own size, whichever is more.
RATIO = 100


class Budget:
    """What one file may become in memory.

    A reader calls `spend` before it allocates anything because a file says so. Arrays that are
    converted to a wider type are counted again, by the budget that `renewed` returns.

    >>> budget = Budget("data.mat", size=1000)
    >>> budget.spend(60 * 2**20, "'x'")
    >>> budget.limit - budget.spent
    4194304

    Attributes:
        path: the file.
        size: its size in bytes; of a stream what has been read so far.
        spent: how many bytes have been counted.
    """

    def __init__(self, path: str | os.PathLike[str], size: int, limit: int | None = None) -> None:
        """Begin to count.

        Args:
            path: the file, for the error.
            size: its size in bytes.
            limit: how many bytes it may take. None: what the environment variable PLUGNET_BUDGET
                says, or else 64 MiB or 100 times the file's size, whichever is larger.

        Raises:
            ArgumentError: the limit, or the environment variable, is not an integer from 0.
        """
        self.path, self.size, self.spent = os.fspath(path), size, 0
        self._given = integer("budget", limit, at_least=0) if limit is not None else _set_outside()

    @property
    def limit(self) -> int:
        """How many bytes the file may take."""
        return max(LEAST, RATIO * self.size) if self._given is None else self._given

    def spend(self, count: int, what: str) -> None:
        """Count bytes that are about to be allocated.

        Args:
            count: how many.
            what: for what, as the error names it.

        Raises:
            BudgetError: it is more than the limit, with all that was counted before.
        """
        self.check(count, what)
        self.spent += count

    def check(self, count: int, what: str) -> None:
        """Raise as `spend` does, but count nothing: for what is given back at once."""
        if self.spent + count > self.limit:
            enough = 1 << (self.spent + count - 1).bit_length()  # a round number, with room
            raise BudgetError(
                f"{what} would make {self.path}, {self.size:,} bytes, take "
                f"{self.spent + count:,} bytes of memory, but at most {self.limit:,} are allowed. "
                "Is the file damaged, or made to fill the memory? If you trust it, allow more by "
                f"the argument budget={enough} or the environment variable {VARIABLE}={enough}.",
                path=self.path,
                needed=self.spent + count,
                limit=self.limit,
            )

    def renewed(self) -> Budget:
        """Return one with the same limit, of which nothing is spent."""
        return Budget(self.path, self.size, self._given)


def check_budget(budget: int | None) -> int | None:
    """Return a reader's argument ``budget`` if it is an integer from 0, or None.

    Raises:
        ArgumentError: it is neither.
    """
    return None if budget is None else integer("budget", budget, at_least=0)


#: What the model takes that is being loaded in this thread.
_loading: ContextVar[Budget | None] = ContextVar("loading", default=None)


@contextmanager
def loading(budget: Budget) -> Iterator[None]:
    """Let `spend` and `check` count on ``budget`` meanwhile, in this thread."""
    token = _loading.set(budget)
    try:
        yield
    finally:
        _loading.reset(token)


def spend(count: int, what: str) -> None:
    """Count bytes that a layer is about to allocate, if a file that is being loaded says so.

    `Parameter` and initializers are counted anyway. A layer calls it in `initialize` before it
    fills other arrays whose size depends on its arguments or on the shape of its input.

    Args:
        count: how many.
        what: for what, as the error names it.

    Raises:
        BudgetError: it is more than the file may take.
    """
    budget = _loading.get()
    if budget is not None:
        budget.spend(count, what)


def check(count: int, what: str) -> None:
    """Raise as `spend` does, but count nothing: for what is given back at once."""
    budget = _loading.get()
    if budget is not None:
        budget.check(count, what)


def _set_outside() -> int | None:
    """Return the limit that the environment sets, or None."""
    text = os.environ.get(VARIABLE, "")
    return integer(VARIABLE, int(text) if text.isdecimal() else text, at_least=0) if text else None
