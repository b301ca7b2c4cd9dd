"""The one table of kinds, and the one table of our own published plugins."""

import tomllib
from pathlib import Path
from typing import get_origin, get_type_hints

from plugnet import interfaces, registry
from plugnet.interfaces import Component
from plugnet.registry import Registry
from plugnet.registry.building import View
from plugnet.registry.kinds import KINDS, PUBLISHED

ROOT = Path(__file__).parents[2]


def test_every_interface_has_its_row() -> None:
    described = {kind.interface for kind in KINDS.values()} - {object}
    assert described == {
        value
        for value in vars(interfaces).values()
        if isinstance(value, type) and issubclass(value, Component) and value is not Component
    }


def test_groups_and_views_follow_from_one_word() -> None:
    for kind in KINDS.values():
        assert kind.group == f"plugnet.{kind.view}"
        assert registry.view(kind.name) is getattr(registry, kind.view)
    assert {kind.view for kind in KINDS.values()} == {
        name for name, view in get_type_hints(Registry).items() if get_origin(view) is View
    }


def test_the_built_in_entries_are_those_of_the_project_file() -> None:
    """There is no second list of them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    groups = project["entry-points"]
    declared = {
        (kind.name, name, value)
        for kind in KINDS.values()
        for name, value in groups[kind.group].items()
    }
    with registry.isolated():
        found = {(entry.kind, entry.name, entry.value) for entry in registry.entries()}
    assert found == declared


def test_the_hints_name_the_distributions_that_are_here() -> None:
    for folder in (ROOT / "plugins").iterdir():
        if not (folder / "pyproject.toml").is_file():
            continue
        project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
        for group, names in project.get("entry-points", {}).items():
            for kind in (kind.name for kind in KINDS.values() if kind.group == group):
                for name in names:
                    assert PUBLISHED[kind, name] == project["name"]
    assert {kind for kind, _ in PUBLISHED} <= set(KINDS)
