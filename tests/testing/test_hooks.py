"""Hooks, right ones and wrong ones."""

from __future__ import annotations

from tests.checks import names_faults


class Listens:
    """Does nothing at a step's end."""

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
    """Takes an argument that no trainer passes."""

    def plugnet_step_end(self, losses: float) -> None:
        pass


class Prints(Listens):
    """Prints when it is built."""

    def __init__(self) -> None:
        print("listening")


class Defaults:
    """Has a default value, so pluggy would never pass the argument."""

    def plugnet_step_end(self, loss: float = 0.0) -> None:
        pass


test_the_fault_is_named = names_faults(
    {
        Listens: set(),
        Misspelt: {"methods", "fits"},
        HalfMisspelt: {"methods", "fits"},
        UnknownArgument: {"fits"},
        Prints: {"quiet"},
        Defaults: {"fits"},
    }
)
