"""What the page about runs and files shows is run here, as it stands."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plugnet import Model, Network, Trainer, registry
from plugnet.cli import config_file, main
from tests.small import LAYERS, X, Y

PAGE = (Path(__file__).parents[1] / "examples/nothing_lost.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_there_are_as_many_blocks_as_are_run_here() -> None:
    assert [language for language, _ in BLOCKS] == ["sh", "toml", "python", "sh", "python"]


@pytest.mark.usefixtures("sketches")
def test_a_run_is_trained_and_resumed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [f"{i % 7},{i % 5},{'even' if i % 2 == 0 else 'odd'}" for i in range(40)]
    Path("flowers.csv").write_text("\n".join(["a,b,label", *rows]))
    for line in BLOCKS[0][1].splitlines():
        assert main([*line.split()[1:], "--quiet"]) == 0
    assert Model.load("runs/flowers").classes == ("even", "odd")


def test_the_configuration_is_one(tmp_path: Path) -> None:
    (tmp_path / "often.toml").write_text(BLOCKS[1][1])
    (hook,) = config_file.load(tmp_path / "often.toml").training.hooks
    assert registry.hooks.resolve(hook).keep == 5


def test_a_training_goes_on_in_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = BLOCKS[2][1].replace("10_000", "40").split("\n\n")
    names: dict[str, Any] = {
        "Trainer": lambda network, **others: Trainer(network, batch_size=5, **others),
        "network": Network(LAYERS), "x": X, "y": Y,
    }  # fmt: skip
    exec(first, names)
    exec(second, names | {"Trainer": Trainer})
    assert Trainer.resume("flowers").iteration == 40


def test_budgets_are_given_as_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("sparse.npz", x=X, y=Y)
    trainer = Trainer(Network(LAYERS), batch_size=5)
    trainer.fit(X, Y, 1)
    trainer.model.save("large.safetensors")
    exec(BLOCKS[4][1], {"registry": registry, "Model": Model})
    with_variable, with_argument = BLOCKS[3][1].splitlines()
    name, _, value = with_variable.split()[0].partition("=")
    monkeypatch.setenv(name, value)
    command = with_argument.partition(" --set ")[2].strip("'")
    assert main(["train", "--quiet", "--data", "sparse.npz", "--set", command, "--out", "r"]) == 0
