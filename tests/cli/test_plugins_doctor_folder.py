"""`plugnet plugins doctor` with a plugin's folder."""

from pathlib import Path

import pytest
from tests.types import Fake, Refused, Shown

LAYERS = {"good": "nn_odd:Good"}
SOURCE = "from plugnet.interfaces import Layer\nclass Good(Layer):\n    forward = backward = None\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of nn-odd, in the folder of work."""
    path = tmp_path / "nn-odd"
    path.mkdir()
    declared = '[project.entry-points."plugnet.layers"]\ngood = "nn_odd:Good"\n'
    (path / "pyproject.toml").write_text(f'[project]\nname = "NN_odd"\n{declared}')
    monkeypatch.chdir(tmp_path)
    return path


def test_what_is_not_installed_is_to_be_installed_first(folder: Path, refused: Refused) -> None:
    for path in ("nn-odd", "./nn-odd", str(folder)):
        message = refused("plugins", "doctor", path)
        assert f"'nn-odd', in the folder {path}, is not. Install it first: " in message
        assert message.endswith(f"pip install -e {path}\n")


def test_what_is_installed_is_looked_at(folder: Path, install: Fake, shown: Shown) -> None:
    install("nn-odd", {"layers": LAYERS}, {"nn_odd.py": SOURCE})
    for path in ("nn-odd", "./nn-odd", str(folder)):
        out = shown("plugins", "doctor", path)
        assert out.startswith("nn-odd 1.0: fine (1 component, ")


def test_a_folder_of_no_plugin_is_refused(folder: Path, refused: Refused) -> None:
    assert "has no pyproject.toml" in refused("plugins", "doctor", ".")
