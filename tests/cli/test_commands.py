"""The other commands: convert, plugins, --version, and sub-commands of plugins."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import loadmat
from tests.aliases import Fake, Refused, Shown
from tests.images import write_images
from tests.process import printed

import plugnet
from plugnet.cli import main
from plugnet.cli.config import DataSettings
from plugnet.cli.data_source import pointed_at, relative_to
from plugnet.errors import ConfigError
from plugnet.registry import registry


@pytest.fixture
def idx_folder(tmp_path: Path) -> Path:
    """A folder with the four IDX files of 30 + 10 images of 2 x 3 pixels."""
    folder = tmp_path / "idx"
    folder.mkdir()
    write_images(folder, 2, 3, train=30, test=10, classes=3)
    return folder


def test_convert_writes_the_tutorials_four_variables(
    idx_folder: Path, tmp_path: Path, shown: Shown
) -> None:
    target = tmp_path / "data.mat"
    assert "30 samples to train on, 10 to test" in shown("convert", str(idx_folder), str(target))
    found = loadmat(target)
    pixels = np.arange(180, dtype=np.float32).reshape(30, 6) / 255
    np.testing.assert_allclose(found["train_data"], pixels, rtol=1e-6)
    np.testing.assert_array_equal(found["test_label"], np.eye(3)[np.arange(10) % 3])


def test_convert_takes_what_train_takes(tmp_path: Path, shown: Shown) -> None:
    target = str(tmp_path / "data.mat")
    assert "1497 samples to train on, 300 to test" in shown("convert", "digits", target)
    np.savez(tmp_path / "x.npz", x=np.eye(10), y=np.array(["bee", "ant"] * 5))
    said = shown("convert", str(tmp_path / "x.npz"), target, "--force")
    assert "8 samples to train on, 2 to test" in said
    assert "Columns of the labels: ant, bee" in said


def test_convert_replaces_a_file_only_by_force(
    idx_folder: Path, tmp_path: Path, refused: Refused
) -> None:
    target = tmp_path / "data.mat"
    target.write_text("mine")
    assert "--force" in refused("convert", str(idx_folder), str(target))
    assert target.read_text() == "mine"
    assert main(["convert", str(idx_folder), str(target), "--force"]) == 0
    assert loadmat(target)["train_data"].shape == (30, 6)


def test_a_system_error_is_one_clean_message(
    idx_folder: Path, tmp_path: Path, refused: Refused
) -> None:
    err = refused("convert", str(idx_folder), str(tmp_path / "none" / "data.mat"))
    assert "No such file" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("settings", "name", "reader"),
    [
        (DataSettings(), "some.csv", "csv"),
        (DataSettings(), "SOME.CSV", "csv"),
        (DataSettings(("csv", {"seed": 3})), "some.csv", ("csv", {"seed": 3})),
        (DataSettings(("csv", {"seed": 3})), "some.npz", "npz"),
        (DataSettings(("csv", {"seed": 3})), "some.txt", ("csv", {"seed": 3})),
        (DataSettings(("csv", {"seed": 3})), "some.dat", ("csv", {"seed": 3})),
        (DataSettings(("csv", "a.csv")), "some.csv.gz", ("csv", "a.csv")),
        (DataSettings(), "some.tsv", "csv"),
        (DataSettings(), "some.data.GZ", "csv"),
        (DataSettings(), "folder", "idx"),
        (DataSettings("mnist"), "folder", "mnist"),
    ],
)
def test_data_chooses_the_reader(
    tmp_path: Path, settings: DataSettings, name: str, reader: Any
) -> None:
    path = tmp_path / name
    path.mkdir() if name == "folder" else path.write_text("")
    assert pointed_at(settings, str(path)) == DataSettings(reader, str(path))


def test_data_that_nobody_reads_are_refused(tmp_path: Path) -> None:
    (tmp_path / "some.xls").write_text("")
    with pytest.raises(ConfigError, match="no dataset reader is named 'xls'"):
        pointed_at(DataSettings(), str(tmp_path / "some.xls"))
    with pytest.raises(ConfigError, match=r"--set data\.reader=mnist"):
        pointed_at(DataSettings(), "mnist")


def test_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "sub"
    assert relative_to(DataSettings("csv", "a.csv"), Path("sub")) == DataSettings(
        "csv", str(folder / "a.csv")
    )
    reader = ("csv", "a.csv", "b.csv", {"seed": 3})
    absolute = {"path": str(folder / "a.csv"), "test_path": str(folder / "b.csv"), "seed": 3}
    moved = relative_to(DataSettings(reader), Path("sub"))
    assert moved == DataSettings(("csv", absolute))
    assert relative_to(moved, Path("other")) == moved
    assert relative_to(DataSettings("digits"), folder) == DataSettings("digits")
    Path("a.csv").write_text("")
    expected = DataSettings("csv", str(tmp_path / "a.csv"))
    assert pointed_at(DataSettings(), "a.csv") == expected


def test_a_stream_is_a_table() -> None:
    reader = ("csv", {"label": 0})
    assert pointed_at(DataSettings(), "-") == DataSettings("csv", "-")
    assert pointed_at(DataSettings(reader), "-") == DataSettings(reader, "-")


def test_list_shows_every_entry(shown: Shown) -> None:
    found = json.loads(shown("plugins", "list", "--all", "--json"))
    expected = [entry._asdict() for entry in registry.entries()]
    assert sorted(found, key=str) == sorted(expected, key=str)


def test_list_of_a_kind_in_words(shown: Shown) -> None:
    rows = [line.split() for line in shown("plugins", "list", "--kind", "optimizer").splitlines()]
    assert rows[0] == ["kind", "name", "provided", "by", "state"]
    assert {row[0] for row in rows[1:]} == {"optimizer"}
    assert {row[1] for row in rows[1:]} == set(registry.optimizers.names())
    assert ["optimizer", "sgd", "plugnet", plugnet.__version__, "built-in"] in rows


def test_info_says_signature_place_and_documentation(shown: Shown) -> None:
    out = shown("plugins", "info", "lr_policy:inv")
    cls = registry.lr_policies.get("inv")
    assert out.splitlines()[0] == "inv(rate, gamma=0.0005, power=0.75)"
    assert f"lr_policy of plugnet {plugnet.__version__} (" in out
    assert (cls.__doc__ or "").splitlines()[0] in out
    (place,) = [line for line in out.splitlines() if "lr_policies.py:" in line]
    file, _, line = place.strip().rpartition(":")
    assert Path(file).read_text().splitlines()[int(line) - 1] in ("class Inv(LRPolicy):", DATACLASS)

    report = json.loads(shown("plugins", "info", "lr_policy:inv", "--json"))
    assert report["entry"]["kind"] == "lr_policy"


DATACLASS = "@dataclass(eq=False)"  # from Python 3.13 on, a class begins at its decorator


def test_info_keeps_the_lines_of_an_example(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    example = (registry.layers.get("fc").__doc__ or "").partition(">>>")[2].strip().splitlines()
    out = shown("plugins", "info", "fc").splitlines()
    assert [line.strip() for line in example[1:]] == out[-len(example) + 1 :]


def test_info_on_an_unknown_or_ambiguous_name(refused: Refused) -> None:
    assert "softmax_with_loss" in refused("plugins", "info", "softmax_with_los")
    assert "activation:sigmoid" in refused("plugins", "info", "sigmoid")


# Plugins that are installed: a folder on the path with an entry point, in a new process ----------


def install(fake_distribution: Fake, name: str, source: str) -> Path:
    """Install a distribution with a hook module, and return its folder."""
    hooks = {"hooks": {"greeting": name}}
    return fake_distribution(name, hooks, {f"{name}.py": source}, version="1.2").parent


@pytest.fixture
def stranger(fake_distribution: Fake) -> dict[str, str]:
    """The environment with a distribution `stranger` that adds the sub-command `greet`."""
    site = install(
        fake_distribution,
        "stranger",
        "def plugnet_cli(subparsers):\n"
        "    parser = subparsers.add_parser('greet', help='say hello')\n"
        "    parser.add_argument('who')\n"
        "    parser.set_defaults(run=greet)\n"
        "def greet(arguments):\n"
        "    print('hello', arguments.who)\n"
        "    return 7\n",
    )
    return {**os.environ, "PYTHONPATH": str(site)}


def call(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "plugnet", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_a_plugin_adds_a_sub_command(stranger: dict[str, str]) -> None:
    done = call(stranger, "greet", "you")
    assert (done.returncode, done.stdout, done.stderr) == (7, "hello you\n", "")
    assert "say hello" in call(stranger, "--help").stdout


def test_version_also_prints_the_plugins(stranger: dict[str, str]) -> None:
    shown = call(stranger, "--version").stdout.splitlines()
    assert shown[0].startswith(f"plugnet {plugnet.__version__}, Python 3.")
    assert "  stranger 1.2" in shown


def test_a_broken_plugin_takes_nothing_else_down(stranger: dict[str, str]) -> None:
    Path(stranger["PYTHONPATH"], "stranger.py").write_text("def plugnet_cli(subparsers): 1 / 0\n")
    done = call(stranger, "--help")
    assert done.returncode == 0
    assert "train" in done.stdout
    assert "ZeroDivisionError" in done.stderr
    assert "stranger" in done.stderr
    assert "Traceback" not in done.stderr
    assert call(stranger, "plugins", "list").stderr == ""


def test_a_broken_plugin_leaves_the_sub_commands_of_others(
    stranger: dict[str, str], fake_distribution: Fake
) -> None:
    for name in ("another", "zebra"):  # before and after `stranger`
        install(fake_distribution, name, "def plugnet_cli(subparsers): 1 / 0\n")
    done = call(stranger, "greet", "you")
    assert (done.returncode, done.stdout) == (7, "hello you\n")
    first, second = done.stderr.splitlines()
    assert "Sub-commands of another/greeting are missing" in first
    assert "Sub-commands of zebra/greeting are missing" in second


def test_list_imports_no_plugin(stranger: dict[str, str]) -> None:
    Path(stranger["PYTHONPATH"], "stranger.py").write_text("raise SystemExit('imported')\n")
    done = call(stranger, "plugins", "list", "--kind", "hook")
    assert (done.returncode, done.stderr) == (0, "")
    assert "stranger 1.2" in done.stdout


def test_only_the_command_that_runs_is_imported() -> None:
    code = (
        "import sys; from plugnet.cli import main; main(['plugins', 'list', '--json'])\n"
        "print(sorted(m for m in sys.modules if m.startswith('plugnet.cli.')))"
    )
    modules = ["plugnet.cli.command_line", "plugnet.cli.plugins", "plugnet.cli.plugins.listing"]
    assert printed(code).splitlines()[-1] == str(modules)


def test_help_needs_neither_scipy_nor_matplotlib() -> None:
    code = (
        "import sys; from plugnet.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: print([m for m in ('scipy', 'matplotlib', 'tqdm') if m in sys.modules])"
    )
    assert printed(code).splitlines()[-1] == "[]"
