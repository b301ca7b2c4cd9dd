"""What the project says of itself in more than one place is the same in all."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
TEMPLATE = ROOT / "core/plugnet/cli/plugins/templates/pyproject.toml.template"
DISTRIBUTIONS = sorted([*ROOT.glob("plugins/*/pyproject.toml"), *ROOT.glob("examples/*/*.toml")])


def project() -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return table


def oldest(requirement: str) -> tuple[str, str]:
    """Return the name in a requirement and the oldest version that meets it."""
    found = re.fullmatch(r"([\w-]+)>=([\d.]+)", requirement)
    assert found, f"{requirement} does not say what the oldest version is"
    return found[1], found[2].removesuffix(".0")


def test_the_oldest_versions_promised_are_those_tested() -> None:
    extras = project()["optional-dependencies"]
    promised = dict(map(oldest, project()["dependencies"] + extras["test"] + extras["download"]))
    pins = re.findall(r"^([\w-]+)==(\S+)$", (ROOT / ".ci/oldest.txt").read_text(), re.MULTILINE)
    tested = {name: re.sub(r"(\.0)+$", "", version) for name, version in pins}
    assert tested.keys() - promised.keys() == {"pyparsing"}
    assert {name: tested.get(name) for name in promised} == promised


@pytest.mark.parametrize("path", [*DISTRIBUTIONS, TEMPLATE], ids=lambda path: path.parent.name)
def test_plugins_promise_the_same_oldest_numpy(path: Path) -> None:
    (own,) = re.findall(r'"(numpy>=.*?)"', path.read_text())
    assert own in project()["dependencies"]


@pytest.mark.parametrize("key", ["version", "license"])
def test_the_citation_agrees_with_pyproject(key: str) -> None:
    citation = (ROOT / "CITATION.cff").read_text()
    (said,) = re.findall(rf"^{key}: (.*)$", citation, re.MULTILINE)
    assert said == project()[key]
