"""Requires-Python, against the packaging library."""

import pytest
from packaging.specifiers import SpecifierSet

from plugnet.cli.plugins.python_version import admits

PYTHONS = [(3, 9, 0), (3, 11, 0), (3, 11, 4), (3, 12, 0), (3, 12, 10), (3, 13, 1), (4, 0, 0)]


@pytest.mark.parametrize(
    "requires",
    [
        "",
        ">=3.11",
        ">= 3.11, < 4",
        ">=3.12.10",
        ">3.11",
        "<3.12",
        "<=3.12",
        "<=3.12.10",
        "~=3.11",
        "~=3.11.0",
        "~=3.11.3",
        "==3.11",
        "==3.11.4",
        "==3.*",
        "==3.12.*,!=3.12.0",
        "!=3.0.*,!=3.9.*",
        ">=3.8,!=3.12.*,<3.13",
    ],
)
def test_the_same_versions_are_admitted(requires: str) -> None:
    admitted = SpecifierSet(requires)
    for python in PYTHONS:
        assert admits(requires, python) == admitted.contains("{}.{}.{}".format(*python)), python


@pytest.mark.parametrize("requires", ["nonsense", ">=3.99.0rc1", "===3.11.x"])
def test_what_it_does_not_know_counts_as_met(requires: str) -> None:
    assert admits(requires)
    assert not admits(f"{requires},<3")
