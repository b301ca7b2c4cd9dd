"""Plugins that are written to a folder on sys.path, so that true discovery is tested."""

from pathlib import Path

import pytest
from tests.sources import SOURCE
from tests.types import Fake

from plugnet.registry import Registry, index


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
