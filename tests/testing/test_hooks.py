"""Hooks, right ones and wrong ones."""

from __future__ import annotations

from collections.abc import Callable

import pytest


class Listens:
    """Looks on."""

    def plugnet_step_end(self, loss: float, rate: float) -> None:
        pass


class Misspelt:
    """Would never be called."""

    def plugnet_step_ends(self, loss: float) -> None:
        pass


class HalfMisspelt(Listens):
    """One of its two methods would never be called."""

    def plugnet_training_end(self) -> None:
        pass


class UnknownArgument:
    """Takes what no trainer gives."""

    def plugnet_step_end(self, losses: float) -> None:
        pass


class Defaults:
    """Has a default, so that pluggy would never give it the number."""

    def plugnet_step_end(self, loss: float = 0.0) -> None:
        pass


@pytest.mark.parametrize(
    ("component", "faults"),
    [
        (Listens, set()),
        (Misspelt, {"methods", "fits"}),
        (HalfMisspelt, {"methods", "fits"}),
        (UnknownArgument, {"fits"}),
        (Defaults, {"fits"}),
    ],
)
def test_the_fault_is_named(
    component: type[object], faults: set[str], faults_of: Callable[[object], set[str]]
) -> None:
    assert faults_of(component) == faults
