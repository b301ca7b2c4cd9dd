"""Checks as pytest tests: one test for each check of each component."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from plugnet.errors import PluginLoadError
from plugnet.testing import kit
from plugnet.testing.report import CheckFailure, NotApplicable

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

    expected = expected_failures or {}
    tests = []
    for component in components:
        name, checks = _name_and_checks(component)
        for check in checks:
            reason = expected.get(name, {}).get(check)
            marks = (
                [pytest.mark.xfail(reason=reason, raises=CheckFailure, strict=True)]
                if reason is not None
                else []
            )
            tests.append(pytest.param(component, _test(check), id=f"{name}-{check}", marks=marks))
    return pytest.mark.parametrize(("component", "check"), tests)


def _name_and_checks(component: Any) -> tuple[str, list[str]]:
    try:
        target = kit.prepare_target(component)
    except PluginLoadError:
        return str(component), ["load"]
    return target.name, [kit.check_name(check) for check in kit.CHECKS[target.kind]]


def _test(check: str) -> Callable[[Any], None]:
    def run(component: Any) -> None:
        import pytest

        try:
            kit.run_check(component, check)
        except NotApplicable as reason:
            pytest.skip(str(reason))

    return run
