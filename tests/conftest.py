"""What all tests share: the peers they compare with, and where optional data lie."""

import importlib
import json
import os
import tracemalloc
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import settings

from plugnet import registry
from plugnet.arrays import Array
from plugnet.cli import main
from plugnet.interfaces import Layer
from tests import layers
from tests.aliases import Fake, Refused, Reported, Shown

ROOT = Path(__file__).parents[1]
pytest.register_assert_rewrite("tests.checks", "tests.rows", "tests.steps")
#: What results are compared with, and data come from.
PEERS = ("torch", "sklearn", "safetensors", "pandas", "polars", "pyarrow", "h5py", "PIL", "dask")
#: The same examples in every run; --hypothesis-profile=default draws others, and more.
settings.register_profile("plugnet", derandomize=True, deadline=None, max_examples=50)
settings.load_profile("plugnet")

#: How the names of the four files begin, packed or not.
MNIST_FILES = [f"{part}-{kind}" for part in ("train", "t10k") for kind in ("images", "labels")]

NumericalGradient: TypeAlias = Callable[[Callable[[], Any], Array], Array]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--strict-peers",
        action="store_true",
        help=f"fail, rather than skip, where one of {', '.join(PEERS)} is not installed",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--strict-peers"):
        for peer in PEERS:
            importlib.import_module(peer)


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give messages a line as long as they need, whatever terminal the tests run in."""
    monkeypatch.setenv("COLUMNS", "2000")


@pytest.fixture(scope="session")
def mnist_folder() -> Path:
    """The folder of the four MNIST files: PLUGNET_MNIST, or else one beside the clone.

    Tests that need it are skipped where there is none, but fail where PLUGNET_MNIST is wrong.
    """
    given = os.environ.get("PLUGNET_MNIST")
    folder = ROOT.parent / "shared/data/mnist" if given is None else Path(given).absolute()
    if missing := [name for name in MNIST_FILES if not list(folder.glob(f"{name}*"))]:
        absent = f"{folder} has no file {missing[0]}: set PLUGNET_MNIST to the folder of MNIST"
        pytest.skip(absent) if given is None else pytest.fail(absent)
    return folder


@pytest.fixture
def no_other_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the plugins that are installed in this environment, ours or anybody's."""

    def name(distribution: metadata.Distribution) -> str:
        try:
            names = distribution.metadata.get_all("Name", [])
        except Exception:  # of the package importlib_metadata, which replaces Python's own finder
            names = []
        return names[0] if names else ""

    def place(distribution: metadata.Distribution) -> tuple[str, str]:
        return name(distribution), str(distribution.locate_file(""))

    found = metadata.distributions
    hidden = {
        place(distribution)
        for distribution in found()
        if name(distribution) != "plugnet"
        and any(entry.group.startswith("plugnet.") for entry in distribution.entry_points)
    }

    def distributions(**context: Any) -> Iterator[metadata.Distribution]:
        return (one for one in found(**context) if place(one) not in hidden)

    monkeypatch.setattr(metadata, "distributions", distributions)


@pytest.fixture
def install(fake_distribution: Fake) -> Iterator[Fake]:
    """Return plugnet's own fixture, with the registry told of what is installed."""

    def put(*what: Any, **where: Any) -> Path:
        info = fake_distribution(*what, **where)
        registry.refresh()
        return info

    yield put
    registry.refresh()


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Refused:
    """Return a function that runs a command which is refused, and gives its message."""

    def run(*words: str) -> str:
        capsys.readouterr()
        assert main([*words]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("plugnet: ")
        assert "Traceback" not in err
        return err

    return run


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Shown:
    """Return a function that runs a command, expects an exit status, and gives what is printed."""

    def run(*words: str, status: int = 0) -> str:
        capsys.readouterr()
        assert main([*words]) == status
        return capsys.readouterr().out

    return run


@pytest.fixture
def reported(capsys: pytest.CaptureFixture[str]) -> Reported:
    """Return a function that runs a command with --json, and gives its status and its report."""

    def run(*words: str) -> tuple[int, Any]:
        capsys.readouterr()
        status = main([*words, "--json"])
        return status, json.loads(capsys.readouterr().out)

    return run


@pytest.fixture
def sketches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the hooks write a word instead of a picture: drawing takes most of a short run."""
    for hook in ("loss_curve", "confusion_matrix", "mistakes"):
        module = importlib.import_module(f"plugnet_builtin.hooks.{hook}")
        monkeypatch.setattr(module, "draw", lambda path, *_: path.write_text("a picture"))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20)


@pytest.fixture(scope="session")
def initialized() -> Callable[..., Layer]:
    """Build a layer by its name and arguments, and initialize it for samples of a shape."""
    return layers.initialized


@pytest.fixture(scope="session")
def numerical_gradient() -> NumericalGradient:
    """Central differences: d function() / d array, where function reads the float64 array."""

    def gradient(function: Callable[[], Any], array: Array) -> Array:
        assert array.dtype == np.float64
        result = np.empty_like(array)
        for index in np.ndindex(array.shape):
            original = array[index]
            array[index] = original + 1e-6
            above = float(function())
            array[index] = original - 1e-6
            below = float(function())
            array[index] = original
            result[index] = (above - below) / 2e-6
        return result

    return gradient


class Meter:
    """Measures, in bytes, how far memory rises above what is held, from one reading to the next."""

    def __init__(self) -> None:
        self.rises: list[int] = []
        self.held = 0

    def plugnet_step_end(self) -> None:
        """Read it; as a hook of a trainer, after each step."""
        held, peak = tracemalloc.get_traced_memory()
        self.rises.append(peak - self.held)
        tracemalloc.reset_peak()
        self.held = held

    def __enter__(self) -> "Meter":
        tracemalloc.start()
        return self

    def __exit__(self, *_: object) -> None:
        tracemalloc.stop()


@pytest.fixture
def meter() -> Meter:
    """Give a meter of memory, which measures within a ``with``."""
    return Meter()
