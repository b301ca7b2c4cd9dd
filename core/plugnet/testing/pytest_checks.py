"""Checks as pytest tests: one test for each check of each component."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from plugnet.errors import PluginLoadError
from plugnet.testing.kit import CHECKS, run_check
from plugnet.testing.report import CheckFailure, NotApplicable
from plugnet.testing.target import as_target

if TYPE_CHECKING:
    import pytest


def parametrize_with_checks(
    components: Iterable[Any],
    *,
    expected_failures: Mapping[str, Mapping[str, str]] | None = None,
) -> pytest.MarkDecorator:
    """Return a decorator for a test with the arguments ``component`` and ``check``.

    The test calls ``check(component)``. Its ids look like "fc-input_gradient", so that
    ``pytest -k input_gradient`` runs one check, and ``-k fc`` those of one component.

    Args:
        components: as `check_component` takes them.
        expected_failures: reasons by the component's registered name, or the name of its class,
            and the name of the check that is known to fail. Strict: a listed check must fail.
    """
    import pytest  # the kit itself works without it

    tests = []
    for component in components:
        try:
            target = as_target(component)
            name, checks = target.name, list(CHECKS[target.kind])
        except PluginLoadError:
            name, checks = str(component), ["load"]
        reasons = (expected_failures or {}).get(name, {})
        for check in checks:
            fails = pytest.mark.xfail(
                check in reasons, reason=reasons.get(check, ""), raises=CheckFailure, strict=True
            )
            tests.append(pytest.param(component, _test(check), id=f"{name}-{check}", marks=fails))
    return pytest.mark.parametrize(("component", "check"), tests)


def _test(check: str) -> Callable[[Any], None]:
    def run(component: Any) -> None:
        import pytest

        try:
            run_check(as_target(component), check)
        except NotApplicable as reason:
            pytest.skip(str(reason))

    return run
