"""What the tests of the command line share."""

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from plugnet import registry
from plugnet.cli import main


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run directory of a short training on the digits; not to be changed."""
    folder = tmp_path_factory.mktemp("runs") / "digits"
    words = ["--set", "iterations=60", "--set", "evaluate_every=25", "--out", str(folder)]
    assert main(["train", "--quiet", *words]) == 0
    return folder


@pytest.fixture
def sketches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the hooks write a word instead of a picture: drawing takes most of a short run."""
    for hook in ("loss_curve", "confusion_matrix", "mistakes"):
        module = importlib.import_module(f"plugnet_builtin.hooks.{hook}")
        monkeypatch.setattr(module, "draw", lambda path, *_: path.write_text("a picture"))


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small table of two separable classes with names, in a folder with a space and an umlaut."""
    path = tmp_path_factory.mktemp("some dätä") / "table.csv"
    rows = [f"{i % 7 / 7},{i % 5 / 5},{i % 2},{'even' if i % 2 == 0 else 'odd'}" for i in range(50)]
    path.write_text("\n".join(["a,b,c,label", *rows]), encoding="utf-8")
    return path


Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Return a function that installs a distribution for this process: metadata and modules.

    It takes the distribution's name, ``{group: {key: value}}`` without "plugnet." before the
    group, ``{file: source}``, and the version and the folder to install to. It returns the folder
    of the metadata.
    """
    loaded = set(sys.modules)
    for variable in ("", "_DISABLE", "_STRICT"):
        monkeypatch.delenv(f"PLUGNET_PLUGINS{variable}", raising=False)

    def put(
        name: str,
        groups: dict[str, dict[str, str]],
        sources: dict[str, str],
        version: str = "1.0",
        site: str = "site",
    ) -> Path:
        folder = tmp_path / site
        info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        lines: list[str] = []
        for group, keys in groups.items():
            lines += [f"[plugnet.{group}]", *(f"{key} = {keys[key]}" for key in keys)]
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
        for file, source in sources.items():
            (folder / file).write_text(source)
        if str(folder) not in sys.path:
            monkeypatch.syspath_prepend(str(folder))
        registry.refresh()
        return info

    yield put
    registry.refresh()
    for module in set(sys.modules) - loaded:
        if str(tmp_path) in str(getattr(sys.modules[module], "__file__", "")):
            del sys.modules[module]
