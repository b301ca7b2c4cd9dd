"""`plugnet plugins check`: the conformance checks for components, distributions and folders."""

import functools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.aliases import Fake, Refused, Reported, Shown

from plugnet import registry
from plugnet.cli.plugins.source_folder import as_if_installed

EXAMPLE = Path(__file__).parents[2] / "examples/third_party"

ACTIVATIONS = '''
import numpy as np
from plugnet.interfaces import Activation

class Cube(Activation):
    """f(x) = x^3."""
    def forward(self, x, out=None):
        return np.power(x, 3, out=out)
    def derivative(self, x, y, out=None):
        return np.multiply(3, x * x, out=out)

class Wrong(Cube):
    """f(x) = x^3, with the derivative of x^2."""
    def derivative(self, x, y, out=None):
        return np.multiply(2, x, out=out)
'''


@pytest.fixture
def check(reported: Reported) -> Reported:
    return functools.partial(reported, "plugins", "check")


def failed(report: dict[str, Any]) -> list[str]:
    return [result["check"] for result in report["results"] if result["status"] == "failed"]


def test_a_component_by_name(shown: Shown) -> None:
    out = shown("plugins", "check", "activation:tanh")
    assert out.startswith("activation tanh (plugnet ")
    assert "\n  passed    spec_round_trip\n" in out


def test_a_distribution_of_which_one_component_is_wrong(install: Fake, check: Reported) -> None:
    activations = {"cube": "nn_two:Cube", "wrong": "nn_two:Wrong"}
    install("nn-two", {"activations": activations}, {"nn_two.py": ACTIVATIONS})
    status, (cube, wrong) = check("nn-two")
    assert status == 1
    assert cube["component"] == "activation cube (nn-two 1.0)"
    assert failed(cube) == []
    assert "derivative" in failed(wrong)
    assert check("cube")[0] == 0
    assert check("nn-two/wrong")[0] == 1


def test_a_plugin_that_cannot_be_imported_fails_one_check(install: Fake, check: Reported) -> None:
    install("nn-bad", {"layers": {"bad": "nn_bad:Bad"}}, {"nn_bad.py": "1 / 0"})
    status, (report,) = check("nn-bad")
    assert (status, failed(report)) == (1, ["load"])
    assert "ZeroDivisionError" in report["results"][0]["reason"]


def test_a_hook_module_is_left_to_the_doctor(install: Fake, check: Reported) -> None:
    install("nn-hook", {"hooks": {"always": "nn_hook"}}, {"nn_hook.py": ""})
    status, (report,) = check("nn-hook")
    assert (status, report["results"][0]["status"]) == (0, "skipped")


def test_the_third_party_example_need_not_be_installed(
    check: Reported, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = sys.path[:]
    status, (report,) = check(str(EXAMPLE))
    assert status == 0
    assert report["component"] == "layer fourier_features (nn-fourier 1.0.0)"
    results = {result["check"]: result["status"] for result in report["results"]}
    assert results["fresh_process"] == results["input_gradient"] == "passed"
    assert sys.path == path
    assert "fourier_features" not in registry.layers.names()
    monkeypatch.chdir(EXAMPLE)
    assert check(".")[0] == 0


def test_the_third_party_examples_own_tests_pass() -> None:
    with as_if_installed(EXAMPLE):
        path = os.pathsep.join(sys.path[:2])
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
            cwd=EXAMPLE,
            env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout


def test_a_folder_with_its_code_in_src(install: Fake, check: Reported, tmp_path: Path) -> None:
    (tmp_path / "cube/src").mkdir(parents=True)
    (tmp_path / "cube/src/nn_cube.py").write_text(ACTIVATIONS)
    head = '[project]\nname = "NN.Cube"\n[project.entry-points."plugnet.activations"]\n'
    (tmp_path / "cube/pyproject.toml").write_text(f'{head}cube = "nn_cube:Cube"\n')
    status, (report,) = check(str(tmp_path / "cube"))
    assert (status, report["component"]) == (0, "activation cube (nn-cube 0)")


def test_the_folder_is_checked_rather_than_what_is_installed_of_it(
    install: Fake, check: Reported, tmp_path: Path
) -> None:
    install("nn-cube", {"activations": {"cube": "nn_old:Gone"}}, {})
    (tmp_path / "nn-cube").mkdir()
    (tmp_path / "nn-cube/nn_cube.py").write_text(ACTIVATIONS)
    head = '[project]\nname = "nn-cube"\n[project.entry-points."plugnet.activations"]\n'
    (tmp_path / "nn-cube/pyproject.toml").write_text(f'{head}cube = "nn_cube:Cube"\n')
    assert check(str(tmp_path / "nn-cube"))[0] == 0
    assert check("nn-cube")[0] == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "has no pyproject.toml"),
        ("a = ", "is not a TOML file"),
        ("[project]\n", "does not name a project"),
        ('[project]\nname = "nn-none"\n', "declares no components"),
    ],
)
def test_a_folder_that_is_not_a_plugin(
    refused: Refused, tmp_path: Path, content: str | None, message: str
) -> None:
    if content is not None:
        (tmp_path / "pyproject.toml").write_text(content)
    assert message in refused("plugins", "check", str(tmp_path))


def test_an_unknown_name(refused: Refused) -> None:
    assert "Did you mean 'tanh'?" in refused("plugins", "check", "tahn")
