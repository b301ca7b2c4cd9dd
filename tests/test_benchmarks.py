"""The races run, and their JSON has what they promise; how fast anyone is, is not tested."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).with_name("benchmarks")


def run(tmp_path: Path, script: str, *arguments: str) -> tuple[dict[str, Any], str]:
    """Return the JSON that a quick run writes, and what it prints."""
    file = tmp_path / "out.json"
    shown = subprocess.run(
        [sys.executable, FOLDER / script, "--quick", "--json", file, *arguments],
        capture_output=True,
        check=True,
        text=True,
        cwd=tmp_path,
    )
    assert max(map(len, shown.stdout.splitlines())) <= 80
    return json.loads(file.read_text()), shown.stdout


@pytest.mark.parametrize(
    ("script", "arguments", "races"),
    [("race_mlp.py", ["--net", "tiny"], 2), ("race_predict.py", [], 2)],
)
def test_a_race_says_who_ran_on_what_work_and_how_long(
    tmp_path: Path, script: str, arguments: list[str], races: int
) -> None:
    document, shown = run(tmp_path, script, *arguments)
    assert len(document["races"]) == races
    for race in document["races"]:
        own, bare, *_ = race["lines"]
        assert (own["name"], bare["name"]) == ("plugnet", "bare matrix products")
        assert own["ratio"] == 1
        assert all(line["seconds"] > 0 for line in race["lines"])
        assert {"PyTorch", "JAX jit"} <= race["skipped"].keys()
        assert race["rounds"] == 1
        assert race["title"] in shown
        assert all(f"{key}: {value}" in shown for key, value in race["work"].items())


def test_the_conditions_are_written(tmp_path: Path) -> None:
    document, _ = run(tmp_path, "race_mlp.py", "--net", "tiny", "--optimizer", "sgd")
    conditions = document["conditions"]
    assert conditions["threads"] == 1
    assert conditions["python"] == sys.version.split()[0]
    assert conditions["versions"]["numpy"] is not None
    assert {"processor", "machine", "system", "cores"} <= conditions.keys()


def test_whole_processes_are_measured_as_the_system_sees_them(tmp_path: Path) -> None:
    document, _ = run(tmp_path, "race_whole.py")
    numpy, own = document["whole"]
    assert (numpy["name"], own["name"]) == ("import numpy", "plugnet")
    assert own["accuracy"] > 0.95
    assert own["memory"] > numpy["memory"] > 2**20
    assert own["wall"] > 0
    assert own["processor"] > 0


def test_scaling_measures_an_axis_and_draws_it(tmp_path: Path) -> None:
    picture = tmp_path / "scaling.png"
    document, _ = run(tmp_path, "scaling.py", "--axis", "batch", "--picture", str(picture))
    first, second = document["scaling"]["batch"]
    assert (first["x"], second["x"]) == (1, 10)
    assert first["memory"] < second["memory"]
    assert first["arrays"] < second["arrays"]
    assert all(point["seconds"] > 0 and point["products"] > 0 for point in (first, second))
    assert picture.read_bytes().startswith(b"\x89PNG")
