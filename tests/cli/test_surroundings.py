"""The command in poor surroundings: no display, no home, no terminal, closed or ASCII streams."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "plugnet"]
SHORT = ["--set", "iterations=3"]
NO_MATPLOTLIB = "import sys; sys.modules['matplotlib'] = None"
PICTURES = {"loss.png", "confusion.png", "mistakes.png"}
REST = {
    "config.toml", "run.json", "checkpoints", "history.csv", "model.safetensors", "result.json"
}  # fmt: skip


def environment(**changes: str) -> dict[str, str]:
    """Return hardly any environment, with some changes."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    return {**kept, "OMP_NUM_THREADS": "1", **changes}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize(
    "changes",
    [
        {"MPLCONFIGDIR": "/dev/null/none", "LC_ALL": "C", "PYTHONUTF8": "0"},
        {"PYTHONIOENCODING": "ascii", "COLUMNS": "0", "MPLBACKEND": "TkAgg"},
    ],
    ids=["no home, no display, C locale", "ASCII streams, no columns, a backend without display"],
)
def test_train_in_a_poor_environment(tmp_path: Path, changes: dict[str, str]) -> None:
    folder = tmp_path / "ünï cödé"
    done = subprocess.run(
        [*COMMAND, "train", *SHORT, "--out", str(folder)],
        env=environment(**changes),
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert names(folder) == REST | PICTURES
    assert b"Accuracy" in done.stdout
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import os; os.environ['MPLBACKEND'] = 'nonsense'", b"nonsense"),
        (NO_MATPLOTLIB, b"matplotlib cannot be imported"),
    ],
    ids=["bad MPLBACKEND", "no matplotlib"],
)
def test_without_usable_matplotlib_all_but_the_pictures_is_there(
    tmp_path: Path, code: str, message: bytes
) -> None:
    words = ["train", *SHORT, "--out", str(tmp_path / "run")]
    program = f"{code}; from plugnet.cli import main; raise SystemExit(main({words!r}))"
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, check=False
    )
    assert done.returncode == 0
    assert message in done.stderr
    assert b"Traceback" not in done.stderr
    assert names(tmp_path / "run") == REST


def test_a_reader_that_goes_away_does_no_harm(digits_run: Path) -> None:
    with subprocess.Popen(
        [*COMMAND, "predict", str(digits_run)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_closed_streams_do_no_harm(tmp_path: Path) -> None:
    words = ["train", *SHORT, "--out", str(tmp_path / "run")]
    program = f"{NO_MATPLOTLIB}; from plugnet.cli import main; raise SystemExit(main({words!r}))"
    shell = ["sh", "-c", 'exec "$0" -c "$1" >&- 2>&-', sys.executable, program]
    assert subprocess.run(shell, env=environment(), check=False).returncode == 0
    assert names(tmp_path / "run") == REST


def test_a_killed_run_keeps_its_history(tmp_path: Path) -> None:
    history = tmp_path / "run" / "history.csv"
    words = ["train", "--set", "iterations=10000000", "--quiet", "--out", str(tmp_path / "run")]
    with subprocess.Popen([*COMMAND, *words]) as process:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if history.exists() and history.stat().st_size > 5000:
                break
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    header, *rows = history.read_text().splitlines()
    assert header == "iteration,loss,rate,validation_loss,validation_accuracy"
    assert [int(row.split(",")[0]) for row in rows] == list(range(1, len(rows) + 1))
    assert all(row.count(",") == 4 for row in rows)
    assert len(rows) > 50
