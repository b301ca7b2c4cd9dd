"""The option ``--threads``."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError


def add_argument(parser: ArgumentParser) -> None:
    """Declare the option: a whole number from 1, or None if it is not given."""
    parser.add_argument(
        "--threads",
        type=_count,
        metavar="N",
        help="threads among which large work is divided; else one for each processor",
    )


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"the number of threads must be 1 or more, not {text!r}")
    return int(text)
