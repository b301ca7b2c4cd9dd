"""The races run, and their JSON has what they promise; how fast anyone is, is not tested."""

import importlib.util
import json
import os
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


def test_nested_layers_are_raced_against_the_same_in_a_row(tmp_path: Path) -> None:
    document, _ = run(tmp_path, "race_nested.py")
    (race,) = document["races"]
    names = [line["name"] for line in race["lines"]]
    assert names == ["in a row", "in two chains", "in chains, three deep"]


@pytest.mark.parametrize(
    ("script", "arguments", "races"),
    [
        ("race_mlp.py", ["--net", "tiny"], 2),
        ("race_predict.py", [], 2),
        ("race_lenet.py", ["--only", "step"], 1),
    ],
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
        assert "JAX jit" in race["skipped"]
        assert any("PyTorch" in name for name in race["skipped"])
        assert race["rounds"] == 1
        assert race["title"] in shown
        assert all(f"{key}: {value}" in shown for key, value in race["work"].items())


def test_estimators_are_raced_at_fitting_and_predicting(tmp_path: Path) -> None:
    pytest.importorskip("plugnet_sklearn")
    document, shown = run(tmp_path, "race_sklearn.py", "--data", "digits")
    titles = [race["title"] for race in document["races"]]
    assert titles == [f"digits: {what}" for what in (
        "predict, all rows", "predict, a row", "fit, 20 epochs"
    )]  # fmt: skip
    for race in document["races"]:
        assert [line["name"] for line in race["lines"]] == ["plugnet"]
        assert race["skipped"].keys() == {"MLPClassifier", "skorch, PyTorch"}
        assert race["title"] in shown


def compute(code: str, threads: int = 1) -> str:
    """Return what code prints that runs beside the benchmarks, in a process of its own."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command, check=True, cwd=FOLDER, env=environment, stdout=subprocess.PIPE, text=True
    ).stdout


@pytest.mark.parametrize(
    ("package", "peers"),
    [("torch", "Torch, TorchFused"), ("sklearn", "Sklearn"), ("jax", "Jax"), ("jax", "JaxScan")],
)
def test_the_peers_compute_what_plugnet_computes(package: str, peers: str) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    compute(f"""
from dataclasses import replace
from fitting import check
from frameworks import {peers}
from mlp import Plugnet
from race_mlp import NETS
for optimizer in ("sgd", "adam"):
    problem = replace(NETS["tiny"], optimizer=optimizer, rows=NETS["tiny"].batch)
    data = problem.data()
    for peer in [{peers}]:
        check(Plugnet(problem, *data), peer(problem, *data))
""")


@pytest.mark.parametrize(
    ("package", "peers"), [("torch", "Torch, TorchChannelsLast"), ("jax", "Jax")]
)
def test_the_peers_of_lenet_compute_what_plugnet_computes(package: str, peers: str) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    compute(f"""
from fitting import check
from lenet import BATCH, Plugnet, data, {peers}
samples = data(BATCH)
for peer in [{peers}]:
    check(Plugnet(*samples), peer(*samples))
""")


def test_a_peer_that_computes_something_else_stops_the_race() -> None:
    shown = compute("""
from dataclasses import replace
from fitting import check
from literal import Literal
from mlp import Plugnet
from race_mlp import NETS
from racing import DifferentError, why_not
problem = replace(NETS["tiny"], rows=NETS["tiny"].batch)
x, y = problem.data()
check(Plugnet(problem, x, y), Literal(problem, x, y))
try:
    check(Plugnet(problem, x, y), Literal(problem, x * 1.01, y))
except DifferentError as error:
    print(error)
assert why_not(ImportError("No module named 'x'")) == "not installed: No module named 'x'"
assert why_not(RuntimeError("one\\ntwo")) == "RuntimeError: one"
""")
    assert "the tutorial's per-sample code computes something else" in shown


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


def test_ways_to_convolve_are_raced_after_they_agree(tmp_path: Path) -> None:
    document, _ = run(tmp_path, "race_ways.py")
    assert [race["title"].rpartition(" ")[2] for race in document["races"]] == ["y", "dw", "dx"]
    for race in document["races"]:
        names = [line["name"] for line in race["lines"]]
        assert names[:2] == ["chosen: Im2Row", "im2col, one product"]


def test_two_versions_are_raced_in_processes_of_their_own(tmp_path: Path) -> None:
    arguments = ["--before", sys.executable, "--only", "tiny sgd"]
    document, shown = run(tmp_path, "race_before.py", *arguments)
    (line,) = document["before"]
    assert line["work"] == "tiny sgd"
    assert line["before"] > 0
    assert line["now"] > 0
    assert line["low"] == line["ratio"] == line["high"]
    assert shown.count("NumPy") == 2


def test_the_interval_of_a_median_leaves_out_five_percent_at_most() -> None:
    compute("""
from race_before import interval
assert interval([5, 1, 4, 2, 3]) == (1, 5)
assert interval([6, 1, 5, 2, 4, 3]) == (1, 6)  # 2 of 64 chances are that all lie on one side
assert interval(range(15)) == (3, 11)  # as in tables of the sign test
assert interval(range(31)) == (9, 21)
""")


def test_golden_hashes_name_the_rows_that_a_change_changes() -> None:
    shown = compute("""
from dataclasses import replace
from bits import TINY, Bits, Row, differ, ids, in_two, machine, numbers
row = Row("tiny", TINY, numbers(0, 64, 20), ids(1, 64, 3))
assert row.bits() == replace(row, way=in_two).bits()
assert all(a != b for a, b in zip(row.bits(), replace(row, iterations=11).bits(), strict=True))
before = [f"# {machine()}", "same 1 2 3", "other 1 2 3", "gone 1 2 3"]
same, other = Bits("1", "2", "3"), Bits("1", "0", "3")
assert not differ(before[:2], {"same": same})
assert differ(before, {"same": same, "other": other, "new": same})
""")
    assert [line.split() for line in shown.splitlines()[1:4]] == [
        ["other", "losses"], ["gone", "missing"], ["new", "new"]
    ]  # fmt: skip


def test_trainings_are_timed_alone_and_side_by_side(tmp_path: Path) -> None:
    document, _ = run(tmp_path, "side_by_side.py", "--threads", "2")
    assert [line["threads"] for line in document["side_by_side"]] == [1, 2]
    assert all(line["alone"] > 0 and line["both"] > 0 for line in document["side_by_side"])


def test_what_saving_costs_is_measured(tmp_path: Path) -> None:
    document, shown = run(tmp_path, "saving.py", "--lengths", "10", "2000")
    assert [row["network"] for row in document["shares"]] == ["tiny", "small", "large"]
    assert all(0 < row["share"] < 1 and row["saves"] >= 1 for row in document["shares"])
    first, last = document["growth"]
    assert abs(first["bytes"] - last["bytes"]) < 100  # digits of the iteration
    assert "share of the time" in shown


def test_a_memory_map_is_raced_against_memory(tmp_path: Path) -> None:
    arguments = ["--gigabytes", "1.2", "--steps", "5", "--folder", str(tmp_path)]
    document, shown = run(tmp_path, "memory_map.py", *arguments)
    assert [line["name"] for line in document["races"][0]["lines"]] == ["in memory", "memory map"]
    assert "1.20 GB, a hole" in shown
    assert list(tmp_path.iterdir()) == [tmp_path / "out.json"]


def test_scaling_by_threads_gives_them_to_plugnet() -> None:
    shown = compute(
        """
import racing, scaling
racing.BLOCK, racing.REST = 0.02, 0.0  # a look, where a measurement takes seconds
places, problem = scaling.AXES["threads"]
point = scaling.measure(places[1], problem(places[1]), rounds=1)
assert point.x == 2 and point.seconds > 0
print(scaling.table("threads", [point]))
""",
        threads=2,
    )
    assert "Products are divided" in shown


def test_scaling_measures_an_axis_and_draws_it(tmp_path: Path) -> None:
    picture = tmp_path / "scaling.png"
    document, _ = run(tmp_path, "scaling.py", "--axis", "batch", "--picture", str(picture))
    first, second = document["scaling"]["batch"]
    assert (first["x"], second["x"]) == (1, 10)
    assert first["memory"] < second["memory"]
    assert first["arrays"] < second["arrays"]
    assert all(point["seconds"] > 0 and point["products"] > 0 for point in (first, second))
    assert picture.read_bytes().startswith(b"\x89PNG")


def write_package(folder: Path, files: dict[str, str]) -> Path:
    """Write a made-up package and return its folder."""
    for name, text in files.items():
        file = folder / "made" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder / "made"


@pytest.fixture
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(FOLDER)


@pytest.mark.usefixtures("benchmarks")
@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"a.py": "import made.b", "b.py": "import made.c", "c.py": ""}, []),
        ({"a.py": "import made.b", "b.py": "def f(): import made.a"}, [["made.a", "made.b"]]),
        ({"a.py": "from made import b", "b.py": "from .a import x"}, [["made.a", "made.b"]]),
        (
            {"a.py": "if TYPE_CHECKING: from made.b import B", "b.py": "from . import a as it"},
            [["made.a", "made.b"]],
        ),
        (
            {"__init__.py": "from made.a import A", "a.py": "import made.b", "b.py": "import made"},
            [["made", "made.a", "made.b"]],
        ),
        ({"__init__.py": "from made.a import A", "a.py": "import made.b", "b.py": ""}, []),
        (
            {"__init__.py": "from made.a import a", "a.py": "a = 1", "b.py": "from made import a"},
            [],
        ),
        (
            {"__init__.py": "from made.a import b", "a.py": "from made import b", "b.py": ""},
            [["made", "made.a"]],
        ),
        ({"__init__.py": "from made import a", "a.py": "import made.b", "b.py": "import os"}, []),
        (
            {
                "inner/x.py": "from ..y import Y",
                "y.py": "import made.inner.z",
                "inner/z.py": "import made.y",
            },
            [["made.inner.z", "made.y"]],
        ),
    ],
)
def test_circles_of_imports_are_found(
    tmp_path: Path, files: dict[str, str], expected: list[list[str]]
) -> None:
    from import_circles import circles

    assert circles([write_package(tmp_path, files)]) == expected


@pytest.mark.usefixtures("benchmarks")
def test_a_line_of_code_is_not_blank_comment_or_docstring() -> None:
    from structure import code_lines

    assert code_lines("") == 0
    assert code_lines('"""Two\n\nlines."""\n\n# a comment\n\nx = 1  # one\n') == 1
    assert code_lines('def f():\n    """One."""\n    return (\n        1  # it\n    )\n') == 4
    assert code_lines('x = """\n\ntext"""\nclass C:\n    """None."""\n') == 4


@pytest.mark.usefixtures("benchmarks")
def test_rooms_are_the_folders_of_core_and_the_plugins(tmp_path: Path) -> None:
    from structure import rooms

    core = write_package(tmp_path / "core", {"a.py": "x = 1\n", "inner/b.py": "y = 2\nz = 3\n"})
    plugin = write_package(tmp_path / "plugins/one", {"c.py": "", "inner/d.py": "w = 4\n"})
    assert rooms([core, plugin]) == {
        "core/made": [1, 1],
        "core/made/inner": [1, 2],
        "core": [2, 3],
        "plugins/one": [2, 1],
        "all": [4, 4],
    }


@pytest.mark.usefixtures("benchmarks")
def test_entered_code_is_counted_by_file_and_function() -> None:
    from entered import calls
    from plugnet import Network
    from structure import count

    network = Network([("fc", 2, 3)])
    network.summary()
    found = calls(lambda: [network.summary() for _ in range(3)])
    (summary,) = (key for key in found if key[1] == "Network.summary")
    assert Path(summary[0]).name == "network.py"
    assert found[summary] == 3
    assert count([("a", "f", 2), ("a", "g", 1), ("b", "<module>", 1)]) == [2, 2, 3, 1]


@pytest.mark.usefixtures("benchmarks")
def test_structures_of_two_versions_are_shown_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import entered
    import structure

    core, *plugins = structure.packages(sys.executable)
    assert core == FOLDER.parents[1] / "core/plugnet"
    assert {path.name for path in plugins} >= {"plugnet_builtin", "plugnet_pooling"}
    made = write_package(tmp_path / "core", {"a.py": "import made.b", "b.py": "import made.a"})
    monkeypatch.setattr(structure, "packages", lambda _: [made])
    monkeypatch.setattr(entered, "WORKS", {"build": entered.build})
    words = ["structure.py", "--rounds", "0", "--before", sys.executable]
    monkeypatch.setattr(sys, "argv", words)
    structure.main()
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert "core/made      2           2      2           2" in lines
    assert lines.count("  2: made.a, made.b") == 2
    (build,) = (line.split()[2:] for line in lines if line.startswith("first build"))
    assert build[:4] == build[4:]
    assert int(build[0]) > 5


@pytest.mark.usefixtures("benchmarks")
def test_start_up_is_timed_of_two_versions(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import start_up

    cases = {"numpy": "print(2)", "plugnet": "print(0.5)"}
    monkeypatch.setattr(start_up, "CASES", cases)
    start_up.report({"before": sys.executable, "now": sys.executable}, 1)
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["before", "now"],
        ["numpy", "2.00", "s", "2.00", "s", "1.00x"],
        ["plugnet", "500.00", "ms", "500.00", "ms", "1.00x"],
        ["import", "plugnet", ":", "import", "numpy", "1.25x", "1.25x"],
    ]


@pytest.mark.usefixtures("benchmarks")
def test_all_cases_of_start_up_run(tmp_path: Path) -> None:
    import start_up

    for code in start_up.CASES.values():
        assert float(start_up.output(sys.executable, "-c", code, str(tmp_path))) > 0
    assert (tmp_path / "run/result.json").is_file()
