"""Plugins that are written to a folder on sys.path, so that true discovery is tested."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from plugnet.registry import Registry, index

#: A package with one component of each of four kinds, each with an argument.
SOURCE = '''
"""A plugin."""
from plugnet.interfaces import Activation, Initializer, Layer, LRPolicy


class Shift(Layer):
    """y = x + by."""

    def __init__(self, by=1.0, *, name="shift"):
        self.by = by
        self.name = name

    def forward(self, x, training=False):
        return x + self.by

    def backward(self, dy):
        return dy


class Cube(Activation):
    def forward(self, x, out=None):
        return x**3

    def derivative(self, x, y, out=None):
        return 3 * x**2


class Ramp(LRPolicy):
    def __init__(self, slope: float = 1.0, after: LRPolicy | None = None):
        self.slope = slope
        self.after = after

    def __call__(self, iteration):
        return self.slope * iteration
'''

Fake = Callable[..., Path]


@pytest.fixture
def fake_distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    """Return a function that installs a distribution: real metadata, real modules.

    It takes the distribution's name, ``{group: {key: value}}`` without "plugnet." before the
    group, and ``{file: source}``; by default the package is `SOURCE` and its layer is "shift".
    It returns the folder of the metadata.
    """
    before = set(sys.modules)
    monkeypatch.setattr(index, "_warned", set())  # each warning once per test
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # sources change within a second
    for variable in ("", "_DISABLE", "_STRICT"):
        monkeypatch.delenv(f"PLUGNET_PLUGINS{variable}", raising=False)

    def install(
        name: str,
        groups: dict[str, dict[str, str]] | None = None,
        sources: dict[str, str] | None = None,
        version: str = "1.0",
        site: str = "site",
    ) -> Path:
        package = name.replace("-", "_")
        folder = tmp_path / site
        info = folder / f"{package}-{version}.dist-info"
        info.mkdir(parents=True, exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        lines: list[str] = []
        for group, keys in (groups or {"layers": {"shift": f"{package}:Shift"}}).items():
            lines += [f"[plugnet.{group}]", *(f"{key} = {keys[key]}" for key in keys)]
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
        for file, source in ({f"{package}.py": SOURCE} if sources is None else sources).items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(source)
        if str(folder) not in sys.path:
            monkeypatch.syspath_prepend(folder)
        return info

    yield install
    for module in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[module], "__file__", "")):
            del sys.modules[module]


@pytest.fixture
def fresh(fake_distribution: Fake) -> Registry:
    """Return a registry of the test's own, which has looked at nothing yet."""
    return Registry()
