"""What the tests of wrong components share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from plugnet.testing import check_component


@pytest.fixture
def faults_of() -> Callable[[Any], set[str]]:
    """Return a function that gives the names of the checks that a component fails."""

    def find(component: Any) -> set[str]:
        report = check_component(component, raise_on_failure=False)
        return {result.check for result in report.failed}

    return find
