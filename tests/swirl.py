"""A stranger's package, as text, as a folder, and installed."""

from pathlib import Path

from plugnet.reference.component import Component
from plugnet.registry import registry
from tests.aliases import Fake

PACKAGE = '''"""Swirls."""
'''

CODE = '''
import numpy as np

from plugnet.interfaces import Activation


class Swirl(Activation):
    """f(x) = x sin(*x* + phase_).

    Attributes:
        phase: where it begins.
    """

    def __init__(self, phase: float = 0.5) -> None:
        """Keep ``phase``."""
        self.phase = phase

    def forward(self, x, out=None):
        return np.multiply(x, np.sin(x + self.phase), out=out)

    def derivative(self, x, y, out=None):
        slope = np.sin(x + self.phase) + x * np.cos(x + self.phase)
        return np.copyto(out, slope) or out if out is not None else slope
'''

TESTS = '''
def test_values():
    """f(0) = 0."""
'''

REFERENCE = """
[activations.swirl]
formula = '''
f(x) = x \\sin(x + \\varphi)
'''
code = ["forward", 'nn_swirl.swirl:Swirl.derivative "slope = "']
tests = ["tests/test_swirl.py::test_values"]
"""

PYPROJECT = """
[project]
name = "nn-swirl"
version = "1.5"
[project.entry-points."plugnet.api"]
v2 = "nn_swirl"
[project.entry-points."plugnet.activations"]
swirl = "nn_swirl.swirl:Swirl"
"""

SOURCES = {
    "pyproject.toml": PYPROJECT,
    "nn_swirl/__init__.py": PACKAGE,
    "nn_swirl/swirl.py": CODE,
    "nn_swirl/reference.toml": REFERENCE,
    "tests/test_swirl.py": TESTS,
}
GROUPS = {"activations": {"swirl": "nn_swirl.swirl:Swirl"}, "api": {"v2": "nn_swirl"}}


def installed(install: Fake, **changed: str) -> Component:
    """Install the package, with other texts for ``code`` or ``reference``; return its component."""
    texts = {"code": CODE, "reference": REFERENCE, **changed}
    files = {"nn_swirl/swirl.py": texts["code"], "nn_swirl/reference.toml": texts["reference"]}
    install("nn-swirl", GROUPS, {**SOURCES, **files})
    return Component(registry.find("nn-swirl/swirl"))


def folder(tmp_path: Path) -> Path:
    """Write the package, which is not installed, with its project, and return its folder."""
    path = tmp_path / "nn-swirl"
    for name, text in SOURCES.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    return path
