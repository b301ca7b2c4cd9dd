"""Fixtures for plugin tests. pytest loads this module automatically where plugnet is installed.

It does so in every run, whatever is tested, so plugnet is imported only inside the fixtures: other
projects pay nothing, and the coverage of plugnet itself stays right.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from plugnet.registry import Registry


@pytest.fixture
def plugin_registry() -> Iterator[Registry]:
    """Give a registry of the built-in components only, and drop what a test registers in it."""
    from plugnet import registry

    with registry.isolated() as isolated:
        yield isolated


@pytest.fixture
def fake_distribution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Path]]:
    """Give a function that installs a distribution: real metadata and modules, in a folder.

    It makes real discovery testable before there is anything to install. The function takes

    * the distribution's name,
    * ``{group: {key: value}}``, the entry points, without "plugnet." before the group,
    * ``{file: source}``, the modules,
    * ``version`` and ``site``, the folder on sys.path in which it is installed,

    and returns the metadata folder.
    """
    before = set(sys.modules)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # a .pyc hides edits in its own second
    for variable in ("", "_DISABLE", "_STRICT"):
        monkeypatch.delenv(f"PLUGNET_PLUGINS{variable}", raising=False)

    def install(
        name: str,
        groups: Mapping[str, Mapping[str, str]],
        sources: Mapping[str, str],
        version: str = "1.0",
        site: str = "site",
    ) -> Path:
        folder = tmp_path / site
        info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True, exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        lines: list[str] = []
        for group, keys in groups.items():
            lines += [f"[plugnet.{group}]", *(f"{key} = {keys[key]}" for key in keys)]
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
        for file, source in sources.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(source)
        if str(folder) not in sys.path:
            monkeypatch.syspath_prepend(folder)
        return info

    yield install
    for module in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[module], "__file__", "")):
            del sys.modules[module]
