"""Every block of the README, and every example of the plugins' own, does what it says."""

import csv
import inspect
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plugnet import Model, Trainer, registry
from plugnet.cli import main
from plugnet.cli.plugins.source_folder import as_if_installed
from plugnet.registry.kinds import KINDS, PUBLISHED
from tests.aliases import Fake
from tests.images import write_images
from tests.splits import held_out

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PLUGINS = [*sorted((ROOT / "plugins").glob("*/README.md")), ROOT / "examples/third_party/README.md"]
#: Those of layers and readers have one example, with a network. The blocks of the others run in
#: tests of their own.
LAYERS = [readme for readme in PLUGINS if readme.parent.name != "sklearn"]
#: What the examples of readers need besides plugnet.
PEERS = {"hdf5": "h5py", "images": "PIL", "parquet": "pyarrow"}


def blocks(text: str) -> list[tuple[str, str]]:
    """Return the language and the content of each block."""
    return re.findall(r"^```(\w+)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


BLOCKS = blocks(README)


def block(language: str, word: str) -> str:
    """Return the only block of the language that holds the word."""
    (found,) = (text for name, text in BLOCKS if name == language and word in text)
    return found


def test_there_are_as_many_blocks_as_are_tested_here() -> None:
    kinds = ["sh", "sh", "sh", *["python"] * 5, "toml", "sh", "python", "sh", "sh"]
    assert [name for name, _ in BLOCKS] == kinds


def test_the_first_three_blocks_are_one_line_each() -> None:
    assert [text.count("\n") for _, text in BLOCKS[:3]] == [1, 1, 1]
    assert BLOCKS[0][1].endswith("plugnet train\n")
    assert BLOCKS[1][1].endswith("&& pytest\n")
    assert BLOCKS[2][1] == 'pip install -e ".[guide]" && sphinx-build -W examples/guide site\n'


def test_the_example_trains_and_saves(tmp_path: Path) -> None:
    code = block("python", "digits.safetensors")
    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    rate = float(shown.split("accuracy:")[1])
    assert rate >= 0.96
    digits = held_out(registry.datasets.build("digits").load())
    model = Model.load(tmp_path / "digits.safetensors")
    assert np.mean(model.predict(digits.x) == digits.y) == rate
    assert len(code.splitlines()) <= 16


def test_parameters_are_frozen_and_thawed_and_samples_weighed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(block("python", "digits.safetensors"), names)
    exec(block("python", "thawed"), names)
    network, trainer = names["network"], names["trainer"]
    assert trainer.iteration == 400
    assert network.parameters()["chain1.fc1.bias"].lr_mult == 2
    assert not network.parameters()["fc1.bias"].trainable
    assert not network.parameters()["fc1.bias"].value.any()
    assert trainer.evaluate(names["digits"].test)["accuracy"] >= 0.94


def test_a_table_is_asked_by_the_names_of_its_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec("from plugnet import Network, Trainer\n" + block("python", "bees.safetensors"), names)
    first, second = capsys.readouterr().out.splitlines()
    assert first == "['fly' 'bee']"
    assert second.endswith("('bee', 'fly')")


def test_a_long_training_goes_on_in_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = block("python", "clip_gradients").split("\n\n")
    start = """
from plugnet import Network, Trainer, registry
digits = registry.datasets.build("digits").load()
class Killed:
    def plugnet_step_end(self, iteration):
        if iteration == 900:
            raise SystemExit
"""
    often = first.replace('"long")', '"long", {"iterations": 500})')
    killed = start + often.replace('"clip_gradients"]', '"clip_gradients", Killed()]')
    with pytest.raises(SystemExit):
        exec(killed, {})
    names: dict[str, Any] = {}
    exec(start + second, names)
    assert names["trainer"].iteration == 2000


def test_the_plugin_is_installed_by_its_metadata_alone(fake_distribution: Fake) -> None:
    project = tomllib.loads(block("toml", "gain"))["project"]
    assert (project["name"], project["version"]) == ("plugnet-gain", "1.0")
    groups = {
        group.removeprefix("plugnet."): names for group, names in project["entry-points"].items()
    }
    sources = {"plugnet_gain/__init__.py": block("python", "class Gain")}
    fake_distribution("plugnet-gain", groups, sources)
    with registry.isolated(plugins=["plugnet-gain"]):
        gain = registry.build("gain")
    gain.initialize((3,), np.random.default_rng(0), np.dtype("float64"))
    x, dy = np.arange(6.0).reshape(2, 3), np.array([[1.0, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(gain.forward(x, training=True), x)
    gain.gradients(dy)
    np.testing.assert_array_equal(gain.parameters()["gain"].grad, [12, 22, 36])
    np.testing.assert_array_equal(gain.backward(dy), dy)


def test_the_kit_passes_what_it_is_shown_on(capsys: pytest.CaptureFixture[str]) -> None:
    exec(block("python", "check_component"), {})
    assert "layer fc" in capsys.readouterr().out


def test_the_commands_of_an_author_do_what_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    new, *_, check, doctor = block("sh", "plugins new").splitlines()
    monkeypatch.chdir(tmp_path)
    assert main(new.split()[1:]) == 0
    assert main([*check.split()[1:-1], "./nn-swirl"]) == 0  # the folder, as it is not installed
    assert "layer swirl" in capsys.readouterr().out
    assert doctor.split()[1:3] == ["plugins", "doctor"]
    for module in [name for name in sys.modules if name.startswith("nn_swirl")]:
        del sys.modules[module]  # other tests make packages of this name, too


def test_the_commands_do_what_they_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "path/to/mnist").mkdir(parents=True)
    write_images(tmp_path / "path/to/mnist", 28, 28, train=120, test=50, classes=10)
    monkeypatch.chdir(tmp_path)
    for line in block("sh", "convert").splitlines():
        program, *words = line.split()
        if words[0] == "train":
            words += ["--set", "training.iterations=20"]
        assert program == "plugnet"
        assert main(words) == 0
    assert (tmp_path / "runs/m/mistakes.png").is_file()
    assert (tmp_path / "data.mat").is_file()


def test_the_walk_from_a_table_leads_to_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    draw = np.random.default_rng(0)
    flowers = draw.normal(size=(150, 2)).round(3)
    flowers[:75] += 3
    lines = [f"{a},{b},{'daisy' if i < 75 else 'rose'}" for i, (a, b) in enumerate(flowers)]
    Path("flowers.csv").write_text("\n".join(["petal,stem,species", *lines]))
    Path("new.csv").write_text("stem,petal\n3,3.5\n0,-0.5\n")
    houses = [f"{i},{i % 13 or ''},{1000.5 * (i % 13)}" for i in range(60)]
    Path("houses.csv").write_text("\n".join(["Id,area,price", *houses]))
    for line in block("sh", "predict").splitlines():
        program, *words = shlex.split(line)
        assert program == "plugnet"
        assert main(words) == 0
    with Path("answers.csv").open(newline="") as file:
        answers = list(csv.DictReader(file))
    assert [answer["predicted_class"] for answer in answers] == ["daisy", "rose"]
    assert "probability_rose" in answers[0]
    assert Path("runs/houses-1/model.safetensors").is_file()


def listed(row: str) -> list[str]:
    return sorted(re.findall(r"`(\w+)`", row))


def test_the_table_lists_what_is_built_in() -> None:
    rows = dict(re.findall(r"^\| (\w+) \| (`.*) \|$", README, re.MULTILINE))
    assert {kind.view for kind in KINDS.values()} == rows.keys()
    with registry.isolated():
        for kind in KINDS.values():
            assert listed(rows[kind.view]) == list(registry.view(kind.name).names())


def test_the_tables_list_what_our_packages_provide() -> None:
    rows = re.findall(r"^\| \[(plugnet-\w+)\]\(.*\) \| (`.*) \|$", README, re.MULTILINE)
    assert {name for name, _ in rows} == set(PUBLISHED.values())
    for package, row in rows:
        provided = (name for (_, name), provider in PUBLISHED.items() if provider == package)
        assert listed(row) == sorted(provided)


@pytest.mark.parametrize("readme", LAYERS, ids=lambda path: path.parent.name)
def test_the_example_of_a_plugin(readme: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip(PEERS.get(readme.parent.name, "numpy"))
    ((_, code),) = (found for found in blocks(readme.read_text()) if found[0] == "python")
    names: dict[str, Any] = {}
    with as_if_installed(readme.parent):
        exec(code, names)
        network = names["network"]
        shown = capsys.readouterr().out
        inputs = network.input_shape or (2,)  # any that fit where the data decide
        assert network.predict(np.ones((3, *inputs))).shape == (3, *network.output_shape)
    assert re.findall(r"^print\(.*\)  # (.*)$", code, re.MULTILINE) in ([], shown.splitlines())


@pytest.mark.parametrize(
    "readme", [ROOT / "README.md", *PLUGINS], ids=lambda path: path.parent.name
)
def test_files_that_are_linked_exist(readme: Path) -> None:
    for target in re.findall(r"\]\(([\w/.]+)\)", readme.read_text().replace("\n", " ")):
        assert (readme.parent / target).is_file(), target


def test_the_files_to_read_fit_two_screens_each() -> None:
    part = README.partition("### All of backpropagation, file by file\n")[2].partition("\nThe ")[0]
    files = re.findall(r"\]\(([\w/]+\.py)\)", part)
    assert files[0] == "examples/by_hand.py"
    for file in files:
        assert len((ROOT / file).read_text().splitlines()) <= 140, file


def test_the_step_fits_one_screen() -> None:
    source, _ = inspect.getsourcelines(Trainer.step)
    assert len(source) <= 50
