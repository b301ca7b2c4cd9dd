"""Tests of components that are wrong on purpose."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from plugnet.testing import check_component


def failures(component: Any) -> dict[str, str]:
    """Return the names of the checks that a component fails, each with the reason."""
    report = check_component(component, raise_on_failure=False)
    return {result.check: result.reason for result in report.failed}


def names_faults(faults: Mapping[type[object], set[str]]) -> Callable[..., None]:
    """Return a test for each class, that the checks which it fails are those and no others."""

    @pytest.mark.parametrize(
        ("component", "failed"), faults.items(), ids=[cls.__name__ for cls in faults]
    )
    def test(component: type[object], failed: set[str]) -> None:
        assert failures(component).keys() == failed

    return test
