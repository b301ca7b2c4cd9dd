"""Which checks there are for which kind, and how they are run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Final

from plugnet.errors import ArgumentError, PluginLoadError
from plugnet.testing import (
    activations,
    datasets,
    general,
    hooks,
    initializers,
    installed,
    layer_gradients,
    layer_objects,
    layer_passes,
    layers,
    losses,
    lr_policies,
    optimizers,
    regularizers,
)
from plugnet.testing.report import CheckFailure, CheckResult, NotApplicable, Report, raised
from plugnet.testing.state import preserved_global_state, silent
from plugnet.testing.target import Target, as_target

Check = Callable[[Target], None]

_MODULES: Final[dict[str, tuple[ModuleType, ...]]] = {
    "layer": (layers, layer_gradients, layer_passes, layer_objects),
    "activation": (activations,),
    "loss": (losses,),
    "initializer": (initializers,),
    "lr_policy": (lr_policies,),
    "optimizer": (optimizers,),
    "regularizer": (regularizers,),
    "dataset": (datasets,),
    "hook": (hooks,),
}


def _checks(*modules: ModuleType) -> tuple[Check, ...]:
    """Return the functions whose names say that they are checks, in the order of the text."""
    return tuple(
        value
        for module in modules
        for name, value in vars(module).items()
        if name.startswith("check_")
    )


CHECKS: Final[dict[str, tuple[Check, ...]]] = {
    kind: _checks(general, installed, *modules) for kind, modules in _MODULES.items()
}


def check_component(
    component: Any,
    *,
    expected_failures: Mapping[str, str] | None = None,
    raise_on_failure: bool = True,
) -> Report:
    """Run all checks of its kind on a component, and return what they found.

    Args:
        component: a registered name; a tuple of a name and arguments, as ``("fc", 6, 4)``; a spec;
            a class, registered or not; or an object, of which others like it are built.
        expected_failures: by the check's name, why it is known to fail. A check in it that passes
            fails, so that the list stays true.
        raise_on_failure: whether to raise if a check fails.

    Raises:
        CheckFailure: checks failed; the message names each, with the reason.
        ArgumentError: the component is of no kind, or there is no check of an expected name.
        RegistryError: the name is not known.
    """
    report = _report(component, dict(expected_failures or {}))
    if raise_on_failure and report.failed:
        lines = [f"{result.check}: {result.reason}" for result in report.failed]
        count = "1 check" if len(lines) == 1 else f"{len(lines)} checks"
        raise CheckFailure("\n  ".join([f"{report.component} fails {count}:", *lines]))
    return report


def checks_of(component: Any) -> tuple[str, ...]:
    """Return the names of the checks of a component, which is given as to `check_component`."""
    return tuple(map(check_name, CHECKS[as_target(component).kind]))


def run_check(component: Any, name: str) -> None:
    """Run one check.

    Raises:
        CheckFailure: it fails.
        NotApplicable: it has nothing to say about this component.
    """
    target = prepare_target(component)
    check = next(check for check in CHECKS[target.kind] if check_name(check) == name)
    with target.registered(), preserved_global_state():
        try:
            check(target)
        except (CheckFailure, NotApplicable):
            raise
        except (Exception, SystemExit) as error:
            raise CheckFailure(f"It {raised(error)}.") from error


def prepare_target(component: Any) -> Target:
    """Return the target that ``component`` means, with how it is run."""
    target = component if isinstance(component, Target) else as_target(component)
    target.exercise = getattr(_MODULES[target.kind][0], "exercise", target.exercise)
    return target


def check_name(check: Check) -> str:
    """Return the name of a check, as reports have it."""
    return check.__name__.removeprefix("check_")


def _report(component: Any, expected: dict[str, str]) -> Report:
    try:
        target = prepare_target(component)
    except PluginLoadError as error:
        return Report(str(component), (CheckResult("load", "failed", str(error)),))
    names = [check_name(check) for check in CHECKS[target.kind]]
    if unknown := [name for name in expected if name not in names]:
        raise ArgumentError(
            f"There is no check '{unknown[0]}' for a {target.kind}; there are "
            f"{', '.join(names)}. Correct or remove it in expected_failures.",
            argument="expected_failures",
            value=unknown[0],
        )
    results = tuple(_result(target, name, expected.get(name)) for name in names)
    return Report(target.title, results)


def _result(target: Target, name: str, expected: str | None) -> CheckResult:
    try:
        with silent():
            run_check(target, name)
    except NotApplicable as reason:
        return CheckResult(name, "skipped", str(reason))
    except CheckFailure as failure:
        if expected is not None:
            return CheckResult(name, "expected", expected)
        return CheckResult(name, "failed", str(failure))
    if expected is not None:
        return CheckResult(
            name, "failed", f"It passes now; remove it from expected_failures ({expected})."
        )
    return CheckResult(name, "passed")
