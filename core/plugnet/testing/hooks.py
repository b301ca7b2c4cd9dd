"""Checks of hooks, which are objects of any class: their methods are the contract."""

from __future__ import annotations

import inspect
from typing import Final

from plugnet.testing.report import require
from plugnet.testing.subject import Subject


def check_methods(subject: Subject) -> None:
    """At least one method is named like a hook, and takes its arguments by name."""
    methods = [name for name in dir(subject.cls) if name.startswith("plugnet_")]
    require(
        methods, f"{subject.cls.__name__} would never be called: no method begins with plugnet_."
    )
    for method in methods:
        for parameter in inspect.signature(getattr(subject.cls, method)).parameters.values():
            require(
                parameter.kind not in (parameter.VAR_POSITIONAL, parameter.POSITIONAL_ONLY),
                f"{method} takes '{parameter}', but hooks are called with arguments by name.",
            )


CHECKS: Final = (check_methods,)
