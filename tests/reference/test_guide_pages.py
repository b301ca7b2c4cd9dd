"""The reference of the guide, as its extension writes it for Sphinx."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from tests import swirl
from tests.aliases import Fake

from plugnet.registry import registry

GUIDE = Path(__file__).parents[2] / "examples/guide"


@pytest.fixture
def extension(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The extension, which is imported as Sphinx does it."""
    pytest.importorskip("sphinx")
    monkeypatch.syspath_prepend(GUIDE)
    import extensions.reference

    yield extensions.reference
    for name in [name for name in sys.modules if name.partition(".")[0] == "extensions"]:
        del sys.modules[name]


def test_every_component_and_module_has_a_page(extension: ModuleType) -> None:
    pages = extension.texts()
    for entry in registry.entries():
        assert f"{entry.distribution}/{entry.kind}-{entry.name}.md" in pages
    assert {"index.md", "plugnet/index.md", "api/index.md", "api/plugnet.training.md"} <= set(pages)
    assert '<div class="panels"><svg' in pages["plugnet/activation-tanh.md"]
    assert "{src}`plugnet_builtin.activations:Tanh`" in pages["plugnet/activation-tanh.md"]
    assert "(plugnet/activation-tanh.md): f(x)" in pages["index.md"]


def test_only_what_has_changed_is_written(
    extension: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    texts = {"index.md": "# One", "plugnet/layer-fc.md": "# Two"}
    monkeypatch.setattr(extension, "texts", lambda: texts)
    app = SimpleNamespace(srcdir=tmp_path)
    extension.write(app)
    before = (tmp_path / "reference/index.md").stat().st_mtime_ns
    (tmp_path / "reference/plugnet/layer-old.md").write_text("# Old")
    texts["plugnet/layer-fc.md"] = "# Changed"
    extension.write(app)
    assert (tmp_path / "reference/index.md").stat().st_mtime_ns == before
    assert (tmp_path / "reference/plugnet/layer-fc.md").read_text() == "# Changed"
    assert not (tmp_path / "reference/plugnet/layer-old.md").exists()


def test_what_is_wrong_is_a_warning_with_the_components_name(
    extension: ModuleType, install: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(extension.logger, "warning", lambda text, *words: said.append(text % words))
    entry = swirl.installed(install, reference="[losses.a]").entry
    monkeypatch.setattr(extension.registry, "entries", lambda: [entry])
    pages = extension.texts()
    assert "nn-swirl/activation-swirl.md" not in pages
    (warning,) = said
    assert warning.startswith("activation:nn-swirl/swirl: ")
