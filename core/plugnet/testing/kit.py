"""The checks of each kind of component, and how they are run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from plugnet.errors import ArgumentError, PluginLoadError
from plugnet.testing import general, installed
from plugnet.testing.kinds import MODULES
from plugnet.testing.report import CheckFailure, CheckResult, NotApplicable, Report, raised
from plugnet.testing.state import preserved_global_state, silent
from plugnet.testing.target import Target, as_target

#: By kind and name, in source order. A check is a function whose name begins with "check_".
CHECKS: Final[dict[str, dict[str, Callable[[Target], None]]]] = {
    kind: {
        name.removeprefix("check_"): value
        for module in (general, installed, *modules)
        for name, value in vars(module).items()
        if name.startswith("check_")
    }
    for kind, modules in MODULES.items()
}


def check_component(
    component: Any,
    *,
    expected_failures: Mapping[str, str] | None = None,
    raise_on_failure: bool = True,
) -> Report:
    """Run all checks for its kind on a component, and return what they found.

    Args:
        component: a registered name; a tuple of a name and arguments, such as ``("fc", 6, 4)``; a
            spec; a class, registered or not; or an object, which is rebuilt from its arguments.
        expected_failures: reasons by the name of the check that is known to fail. A listed check
            that passes counts as failed, so the list stays current.
        raise_on_failure: whether to raise if a check fails.

    Raises:
        CheckFailure: checks failed; the message gives the name and the reason of each.
        ArgumentError: it is not a component, or an expected failure names an unknown check.
        RegistryError: the name is unknown.
    """
    report = _report(component, expected_failures or {})
    if raise_on_failure and report.failed:
        lines = [f"{result.check}: {result.reason}" for result in report.failed]
        count = "1 check" if len(lines) == 1 else f"{len(lines)} checks"
        raise CheckFailure("\n  ".join([f"{report.component} fails {count}:", *lines]))
    return report


def checks_of(component: Any) -> tuple[str, ...]:
    """Return the names of the checks that `check_component` runs on a component."""
    return tuple(CHECKS[as_target(component).kind])


def run_check(target: Target, name: str) -> None:
    """Run one check.

    Raises:
        CheckFailure: it fails.
        NotApplicable: it does not apply to this component.
    """
    with target.temporarily_registered(), preserved_global_state():
        try:
            CHECKS[target.kind][name](target)
        except (CheckFailure, NotApplicable):
            raise
        except (Exception, SystemExit) as error:
            raise CheckFailure(f"It {raised(error)}.") from error


def _report(component: Any, expected: Mapping[str, str]) -> Report:
    try:
        target = as_target(component)
    except PluginLoadError as error:
        return Report(str(component), (CheckResult("load", "failed", str(error)),))
    names = CHECKS[target.kind]
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
        if expected is None:
            return CheckResult(name, "failed", str(failure))
        return CheckResult(name, "expected", expected)
    if expected is None:
        return CheckResult(name, "passed")
    now = f"It passes now; remove it from expected_failures ({expected})."
    return CheckResult(name, "failed", now)
