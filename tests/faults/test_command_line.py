"""Wrong input on the command line: one message, an exit status, and nothing left behind."""

import gzip
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat
from tests.aliases import Refused
from tests.small import ONE_HOT, X, Y

from plugnet import registry
from plugnet.arrays import Array
from plugnet.cli import config_file


def matlab(**changes: Any) -> Callable[[Path], None]:
    """Return what writes the tutorial's variables with some of them changed, or gone if None."""
    held = {"train_data": X, "train_label": ONE_HOT, "test_data": X[:5], "test_label": ONE_HOT[:5]}
    kept = {name: value for name, value in (held | changes).items() if value is not None}
    return lambda path: savemat(path, kept)


def spoiled(row: int, value: float) -> Array:
    """Return one-hot rows of which one holds nothing but ``value``."""
    rows = ONE_HOT.copy()
    rows[row] = value
    return rows


def written(content: str | bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())

    return write


@pytest.mark.parametrize(
    ("name", "write", "says"),
    [
        ("data.mat", written(b""), "an empty file"),
        ("data.mat", written(b"\0" * 999), "a file of zeros"),
        ("data.mat", written("<html>404</html>"), "web page"),
        ("data.mat", written(pickle.dumps([1])), "a Python pickle"),
        ("data.npz", written("<html>404</html>"), "web page"),
        ("data.npz", written(b"PK\x03\x04"), "cut short"),
        ("data.csv", written(gzip.compress(b"1,0\n2,1\n")[:-9]), "damaged or cut short"),
        ("data.csv.gz", written("1,0\n2,1\n1,"), "Line 3"),
        ("data.tsv", written("1\t0\n2\tx\n3\tx\t1\n"), "Line 3"),
        ("data.csv", written("1,0\n2,x,1\n"), "Line 2"),
        ("data.csv", written("1,0\nnan,1\n"), "Line 2 of"),
        ("data.xls", written("1,0\n"), "no dataset reader is named 'xls'"),
        ("data.mat", matlab(test_label=None), "test_data is test_x, but nothing is test_y"),
        ("data.mat", matlab(train_data=None, pixels=X), '{keys = {x = "pixels", y ='),
        ("data.mat", matlab(train_data=X * 1j), "complex"),
        ("data.mat", matlab(train_label=np.array(["a"] * 20)), "char"),
        ("data.mat", matlab(train_data=X * np.nan), "train_data[0, 0] is nan"),
        ("data.mat", matlab(test_data=X[:5] * np.inf), "test_data[0, 0] is"),
        ("data.mat", matlab(train_label=spoiled(7, np.nan)), "Row 7"),
        ("data.mat", matlab(train_label=spoiled(7, 0)), "Row 7 is [0. 0. 0.]"),
        ("data.mat", matlab(train_label=spoiled(7, 1)), "Row 7 is [1. 1. 1.]"),
        ("data.mat", matlab(train_label=Y + 0.5), "must mean the same"),
        ("data.mat", matlab(train_label=Y * 7e5 + np.arange(20)), '{labels = "targets"}'),
        ("data.mat", matlab(train_label=ONE_HOT[:9]), "(9, 3)"),
        ("data.mat", matlab(train_label=ONE_HOT.T), "pass labels.T"),
        ("data.mat", matlab(train_data=X[:0], train_label=ONE_HOT[:0]), "at least one sample"),
        ("data.mat", matlab(test_data=X[:5, :3]), "(5, 3)"),
        ("data.mat", matlab(train_data=X[:4], train_label=ONE_HOT[:4]), "there are 4 samples"),
    ],
)
@pytest.mark.filterwarnings("ignore:There are only")
def test_training_on_wrong_data_is_one_message_and_leaves_nothing(
    tmp_path: Path, name: str, write: Callable[[Path], None], says: str, refused: Refused
) -> None:
    write(tmp_path / name)
    words = ["--set", "batch_size=5", "--set", "layers=[['fc', {outputs=3}]]", "--set", "hooks=[]"]
    run = ["train", "--data", str(tmp_path / name), *words, "--out", str(tmp_path / "run")]
    err = refused(*run, "--quiet")
    assert says in err
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("assignment", "says"),
    [
        ("policy=['inv', 0]", "'rate' must be a finite number above 0, but it is 0"),
        ("policy=['inv', nan]", "but it is nan"),
        ("policy=['inv', 0.1, -1]", "'gamma'"),
        ("policy=['inv', '0.1']", "but it is '0.1'"),
        ("policy=inv", "missing a required argument: 'rate'"),
        ("policy=['multistep', 0.1, [8, 5]]", "'steps' must be a list of increasing"),
        ("optimizer=['sgd', 1.0]", "'momentum' must be"),
        ("optimizer=['sgd', {momentun=0.9}]", "Did you mean 'momentum'"),
        ("regularizer=['l2', -1]", "'strength'"),
        ("loss=softmax_with_los", "Did you mean 'softmax_with_loss'"),
        ("layers=[['fc', 64.0, 10]]", "'inputs' must be an integer"),
        ("layers=[['fc', 64, 10], ['fc', 50, 10]]", "'fc2'"),
        ("layers=[['fc', 64, 1000000000000]]", "memory"),
        ("layers=[['fc', {outputs=10, initializer='os:system'}]]", "os:system"),
        ("layers=['tahn']", "'tanh'"),
        ("layers=[['conv2d', 20]]", "pip install plugnet-convolution"),
        ("layers=[{name='fc'}]", "a list of at least one layer"),
        ("hooks=['progres']", "Did you mean 'progress'"),
        ("reader=['digits', 3]", "Signature: digits()"),
    ],
)
def test_wrong_settings_are_one_message_and_leave_nothing(
    tmp_path: Path, assignment: str, says: str, refused: Refused
) -> None:
    run = ["train", "--quiet", "--set", assignment, "--out", str(tmp_path / "run")]
    with registry.isolated():
        err = refused(*run)
    assert says in err
    assert list(tmp_path.iterdir()) == []


def test_without_plugins_everything_built_in_works(tmp_path: Path) -> None:
    environment = {**os.environ, "PLUGNET_PLUGINS": "none", "OMP_NUM_THREADS": "1"}
    run = str(tmp_path / "run")
    for words in (["train", "--set", "iterations=3", "--out", run], ["evaluate", run]):
        done = subprocess.run(
            [sys.executable, "-m", "plugnet", *words],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "Accuracy" in done.stdout


@pytest.mark.parametrize("option", ["--out", "--data"])
def test_an_empty_path_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str, refused: Refused
) -> None:
    monkeypatch.chdir(tmp_path)
    assert f"'{option}' must be a path" in refused("train", option, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("hook", ["csv_log", "loss_curve", "best_model"])
def test_a_hooks_path_in_a_config_must_be_one(tmp_path: Path, hook: str, refused: Refused) -> None:
    out = str(tmp_path / "run")
    assert "'path' must be a path" in refused(
        "train", "--out", out, "--set", f'training.hooks=[["{hook}", "a\\u0000b"]]'
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (".".join("a" * 20_000) + "=1", "line 1 has a key of more than 8 parts"),
        ("[" + ".".join("a" * 20_000) + "]", "line 1 has a key of more than 8 parts"),
        ("seed = 1\na = " + "[" * 100_000, "line 2 has more than 64 open brackets"),
        ("a = " + "{a = " * 40_000, "line 1 has more than 64 open brackets"),
        ("# " + "." * 10 + '\nb = [\'[[[\', "]\\"[", """\n["""' + "[" * 65, "line 3"),
        ("seed = " + "9" * 5000, "not valid TOML"),
        ("seed = 0x" + "f" * 5000, "at most 64 bits"),
        ("seed = 1\nseed = 2", "not valid TOML"),
        ("seed = 1\n" * 40_000, "at most 256 KiB"),
    ],
)
def test_a_hostile_config_is_one_message(
    tmp_path: Path, text: str, says: str, refused: Refused
) -> None:
    (tmp_path / "x.toml").write_text(text)
    assert says in refused("train", str(tmp_path / "x.toml"), "--out", str(tmp_path / "run"))


def test_what_strings_and_comments_hold_does_not_nest(tmp_path: Path) -> None:
    brackets, dots = "[" * 100, "a." * 100
    text = (
        f'\ufeff# {brackets}{dots}\r\n[data]\r\npath = "{brackets} \\" {dots}"\r\n'
        f"reader = ['csv', {{label = '''{brackets} ' {dots}''', drop = [{'[],' * 70} 1.5, 2.5]}}]\n"
    )
    (tmp_path / "x.toml").write_bytes(text.encode())
    assert config_file.load(tmp_path / "x.toml").data.path == f'{brackets} " {dots}'


def test_a_config_that_is_a_pipe_is_refused_at_once(tmp_path: Path, refused: Refused) -> None:
    os.mkfifo(tmp_path / "x.toml")
    assert "it is a pipe" in refused("train", str(tmp_path / "x.toml"))


def test_a_budget_is_given_with_the_reader(tmp_path: Path, refused: Refused) -> None:
    path = tmp_path / "x.csv"
    path.write_text("1,0\n2,1\n" * 100)
    words = ["train", "--data", str(path), "--out", str(tmp_path / "run"), "--set"]
    err = refused(*words, "reader=['csv', {budget=1000}]")
    assert "budget=" in err
    assert "PLUGNET_BUDGET" in err
