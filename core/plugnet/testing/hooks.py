"""Checks of hooks, which may be of any class: their methods are the contract."""

from __future__ import annotations

from plugnet.errors import HookError
from plugnet.testing.report import fail, require
from plugnet.testing.target import Target
from plugnet.training.hooks import ARGUMENTS, PREFIX, HookCaller


def check_methods(target: Target) -> None:
    """At least one method has the name of a hook, and none has a misspelled one."""
    methods = [name for name in dir(target.cls) if name.startswith(PREFIX)]
    require(
        methods,
        f"{target.cls.__name__} would never be called: no method's name begins with {PREFIX}.",
    )
    for method in methods:
        require(
            method in ARGUMENTS,
            f"There is no hook {method}; the hooks are {', '.join(sorted(ARGUMENTS))}.",
        )


def check_fits(target: Target) -> None:
    """A trainer accepts it: the arguments of its methods are those of the hooks."""
    for example in target.usable:
        try:
            HookCaller([target.build(example)])
        except HookError as error:
            fail(str(error))
