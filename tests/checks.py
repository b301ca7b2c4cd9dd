"""Tests of components that are wrong on purpose."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from plugnet.testing import check_component


def faults_of(component: Any) -> set[str]:
    """Return the names of the checks that a component fails."""
    report = check_component(component, raise_on_failure=False)
    return {result.check for result in report.failed}


def names_faults(faults: Mapping[type[object], set[str]]) -> Callable[..., None]:
    """Return a test for each class, that the checks which it fails are those and no others."""

    @pytest.mark.parametrize(
        ("component", "failed"), faults.items(), ids=[cls.__name__ for cls in faults]
    )
    def test(component: type[object], failed: set[str]) -> None:
        assert faults_of(component) == failed

    return test
