"""progress: a bar on a terminal, plain lines elsewhere, nothing where there is no stream."""

import fcntl
import os
import pty
import re
import struct
import sys
import termios
from typing import Any

import numpy as np
import pytest

from plugnet import Network, Trainer, registry


def train(iterations: int = 6, hook: Any = "progress", tested: bool = True) -> Trainer:
    """Train a tiny network on two classes, with a test every 4 iterations."""
    x = np.random.default_rng(0).random((20, 3), np.float32)
    y = np.arange(20) % 2
    trainer = Trainer(Network([("fc", 3, 2)]), batch_size=5, hooks=[hook])
    trainer.fit(x, y, iterations, (x, y) if tested else None, evaluate_every=4)
    return trainer


def on_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> str:
    """Return what training writes to a terminal of the given width."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with os.fdopen(theirs, "w", encoding="ascii") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        train()
    shown = b""
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
    except OSError:  # what Linux says when the other end is closed
        pass
    os.close(ours)
    return shown.decode("ascii")


@pytest.mark.parametrize("columns", [0, 2, 20, 80, 200])
def test_the_bar_fits_the_terminal(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    lines = on_terminal(monkeypatch, columns).replace("\n", "\r").split("\r")
    assert 0 < max(map(len, lines)) <= (columns or 80)


def test_the_bar_has_count_speed_time_loss_and_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = on_terminal(monkeypatch, 80)
    pattern = r"6/6 \|=+\| +[\d.]+it/s, 00:00 left, loss (\d\.\d{4}), rate (0\.\d+)"
    loss, rate = re.findall(pattern, shown)[-1]
    trainer = train(hook="early_stop")
    assert float(loss) == pytest.approx(trainer.history.loss[-1], abs=5e-5)
    assert float(rate) == pytest.approx(trainer.history.rate[-1], rel=1e-3)
    assert shown.endswith("\r\n")


def test_elsewhere_there_is_a_line_per_test(capsys: pytest.CaptureFixture[str]) -> None:
    trainer = train()
    out, err = capsys.readouterr()
    loss, tests = trainer.history.loss, trainer.history.evaluations
    assert out == ""
    assert err.splitlines() == [
        f"{test.iteration}/6: loss {loss[test.iteration - 1]:.4f}, rate "
        f"{trainer.history.rate[test.iteration - 1]:.4g}, test loss {test.loss:.4f}, "
        f"accuracy {test.accuracy:.4f}"
        for test in tests
    ]
    assert len(tests) == 2


def test_without_a_test_or_a_stream_it_says_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    train(tested=False)
    monkeypatch.setattr(sys, "stderr", None)
    train()
    assert capsys.readouterr().out == ""


def test_a_second_fit_counts_on(capsys: pytest.CaptureFixture[str]) -> None:
    trainer = train(hook=registry.hooks.build("progress"))
    x = np.eye(5, 3, dtype=np.float32)
    trainer.fit(x, np.array([0, 1, 0, 1, 0]), 4, (x, np.array([0, 1, 0, 1, 0])))
    assert [line.partition(":")[0] for line in capsys.readouterr().err.splitlines()] == [
        "4/6",
        "6/6",
        "10/10",
    ]
