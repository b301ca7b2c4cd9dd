"""Plugins that are written to a folder on sys.path, so that true discovery is tested."""

from pathlib import Path

import pytest
from tests.types import Fake

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


@pytest.fixture(autouse=True)
def _only_what_a_test_installs(no_other_plugins: None) -> None:
    """Nothing else: these tests say exactly what there is."""


@pytest.fixture
def fake_distribution(fake_distribution: Fake, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Return plugnet's own fixture, by default with the package `SOURCE` and its layer "shift"."""
    monkeypatch.setattr(index, "_warned", set())  # each warning once per test

    def install(
        name: str,
        groups: dict[str, dict[str, str]] | None = None,
        sources: dict[str, str] | None = None,
        **options: str,
    ) -> Path:
        package = name.replace("-", "_")
        return fake_distribution(
            name,
            groups or {"layers": {"shift": f"{package}:Shift"}},
            {f"{package}.py": SOURCE} if sources is None else sources,
            **options,
        )

    return install


@pytest.fixture
def fresh(fake_distribution: Fake) -> Registry:
    """Return a registry of the test's own, which has looked at nothing yet."""
    return Registry()
