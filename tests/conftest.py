"""What all tests share: the peers they compare with, and where optional data lie."""

import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--strict-peers",
        action="store_true",
        help="fail, rather than skip, where PyTorch, scikit-learn or safetensors is not installed",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--strict-peers"):
        for peer in ("torch", "sklearn", "safetensors"):
            importlib.import_module(peer)


@pytest.fixture(scope="session")
def mnist_folder() -> Path:
    """The folder of the four MNIST files; tests that need it are skipped where it is absent."""
    folder = ROOT.parent / "shared/data/mnist"
    if not folder.is_dir():
        pytest.skip(f"the MNIST files are not in {folder}")
    return folder
