"""Checks of hooks, which may be of any class: their methods are the contract."""

from __future__ import annotations

from plugnet.arrays import Array
from plugnet.errors import HookError
from plugnet.testing.report import fail, require
from plugnet.testing.target import Target, for_each
from plugnet.training.hooks import ARGUMENTS, PREFIX, HookCaller


def exercise(target: Target) -> list[Array]:
    """Build hooks; only a trainer can use them."""
    target.build_all()
    return []


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


@for_each(Target.build_all)
def check_fits(hook: object) -> None:
    """A trainer accepts it: the arguments of its methods are those of the hooks."""
    try:
        HookCaller([hook])
    except HookError as error:
        fail(str(error))
