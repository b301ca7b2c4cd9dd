"""Formulas of the guide lead to functions and tests that are there; else its build fails."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason='pip install -e ".[guide]" brings it')

GUIDE = Path(__file__).parents[2] / "examples/guide"
CONF = (
    'extensions = ["extensions.formula", "extensions.source_pages"]\nexclude_patterns = ["out"]\n'
)
PAGE = """\
Title
=====

.. formula:: slope
   :code: plugnet_builtin.activations:Tanh.derivative{line}
   :test: tests/builtin/test_activations.py::{test}

   f' = 1 - y^2

.. listing:: plugnet_builtin.activations:{listed}
"""
TEST = "test_derivative_agrees_with_central_differences"


def build(folder: Path, page: str) -> subprocess.CompletedProcess[str]:
    """Build a site of one page, with warnings as errors."""
    (folder / "conf.py").write_text(CONF)
    (folder / "index.rst").write_text(page)
    command = [sys.executable, "-m", "sphinx", "-W", "-q", str(folder), str(folder / "out")]
    path = os.pathsep.join([str(GUIDE), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": path}
    )


def page(line: str = "", test: str = TEST, listed: str = "Tanh.forward") -> str:
    """Return a page with a formula and a listing."""
    return PAGE.format(line=line, test=test, listed=listed)


def test_a_formula_links_to_the_lines_and_the_tests(tmp_path: Path) -> None:
    built = build(tmp_path, page(line=' "return np.subtract"'))
    assert (built.returncode, built.stderr) == (0, "")
    html = (tmp_path / "out/index.html").read_text()
    source = tmp_path / "out/source/plugins/builtin/plugnet_builtin/activations.html"
    lines = (GUIDE.parents[1] / "plugins/builtin/plugnet_builtin/activations.py").read_text()
    (number,) = (
        number
        for number, text in enumerate(lines.splitlines(), 1)
        if "return np.subtract(scalar(1, y.dtype), out" in text
    )
    assert f'activations.html#line-{number}"' in html
    assert f'name="line-{number}"' in source.read_text()
    assert f"{TEST}</span>" in html
    assert "return np.tanh(x, out=out)" in re.sub("<[^>]*>", "", html)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"line": ' "no such line"'}, "'no such line' stands 0 times"),
        ({"line": ' "out"'}, "times in Tanh.derivative"),
        ({"test": "test_renamed"}, "There is no test_renamed"),
        ({"listed": "Tanh.renamed"}, "There is no Tanh.renamed"),
        ({"listed": "Renamed"}, "There is no Renamed"),
    ],
)
def test_what_was_renamed_stops_the_build(
    tmp_path: Path, wrong: dict[str, str], named: str
) -> None:
    built = build(tmp_path, page(**wrong))
    assert built.returncode != 0
    assert named in built.stderr


def test_a_formula_without_links_stops_the_build(tmp_path: Path) -> None:
    built = build(tmp_path, "Title\n=====\n\n.. math:: a = b\n")
    assert built.returncode != 0
    assert "Write a displayed formula as {formula}" in built.stderr
    built = build(tmp_path, "Title\n=====\n\n.. formula::\n\n   a = b\n")
    assert built.returncode != 0
    assert ":code: and :test:" in built.stderr
