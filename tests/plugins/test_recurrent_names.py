"""The example that reads names: what it prints, with and without the plugin."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLE = Path(__file__).parents[2] / "examples/names.py"


def test_the_example_shows_its_confidence_after_each_letter(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rate = runpy.run_path(str(EXAMPLE))["main"]()
    lines = capsys.readouterr().out.splitlines()
    assert rate > 0.85
    assert max(map(len, lines)) <= 80
    start = next(number for number, line in enumerate(lines) if line.startswith("K "))
    shown = [line.split() for line in lines[start : start + 6]]
    assert [row[0] for row in shown] == ["K", "Ku", "Kub", "Kubo", "Kubot", "Kubota"]
    for row in shown:
        np.testing.assert_allclose(sum(int(chance.strip("%")) for chance in row[1:]), 100, atol=2)


def test_the_names_are_unique_and_fit_the_alphabet() -> None:
    example = runpy.run_path(str(EXAMPLE))
    names, labels, languages = example["read"]()
    ids = example["encode"](names)
    assert len({*names}) == len(names) == len(labels) == 400
    assert np.bincount(labels).tolist() == [100] * len(languages)
    assert ids.max() <= 26
    assert [np.count_nonzero(row) for row in ids] == [len(name) for name in names]


def test_without_the_plugin_the_example_says_what_to_install(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLE],
        cwd=tmp_path,
        env={**os.environ, "PLUGNET_PLUGINS_DISABLE": "plugnet-recurrent"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "This example needs a plugin: pip install plugnet-recurrent\n"
    assert not done.stderr
