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


def train(iterations: int = 6, hook: Any = "progress", validated: bool = True) -> Trainer:
    """Train a tiny network on two classes, with a validation every 4 iterations."""
    x = np.random.default_rng(0).random((20, 3), np.float32)
    y = np.arange(20) % 2
    trainer = Trainer(Network([("fc", 3, 2)]), batch_size=5, hooks=[hook])
    trainer.fit(x, y, iterations, validation=(x, y) if validated else None, evaluate_every=4)
    return trainer


def on_terminal(monkeypatch: pytest.MonkeyPatch, columns: int, validated: bool = True) -> str:
    """Return what training writes to a terminal of the given width."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with os.fdopen(theirs, "w", encoding="ascii") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        train(validated=validated)
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


@pytest.mark.parametrize("validated", [False, True])
def test_the_bar_has_count_speed_time_and_loss(
    monkeypatch: pytest.MonkeyPatch, validated: bool
) -> None:
    shown = on_terminal(monkeypatch, 100, validated)
    pattern = r"6/6 \|=+\| +[\d.]+it/s, 00:00 left, loss (\d\.\d{4}), ([^\r\n]*)"
    loss, rest = re.findall(pattern, shown)[-1]
    history = train(hook="early_stop").history
    assert float(loss) == pytest.approx(history.loss[-1], abs=5e-5)
    assert rest.strip() == (
        f"validation loss {history['validation_loss'][-1]:.4f}, "
        f"accuracy {history['validation_accuracy'][-1]:.4f}"
        if validated
        else f"rate {history.rate[-1]:.4g}"
    )
    assert shown.endswith("\r\n")


def test_elsewhere_there_is_a_line_per_validation(capsys: pytest.CaptureFixture[str]) -> None:
    trainer = train()
    out, err = capsys.readouterr()
    loss, evaluations = trainer.history.loss, trainer.history.evaluations
    assert out == ""
    assert err.splitlines() == [
        f"{found.iteration}/6: loss {loss[found.iteration - 1]:.4f}, rate "
        f"{trainer.history.rate[found.iteration - 1]:.4g}, validation loss {found.loss:.4f}, "
        f"accuracy {found['accuracy']:.4f}"
        for found in evaluations
    ]
    assert len(evaluations) == 2


def test_without_validation_or_a_stream_it_says_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    train(validated=False)
    monkeypatch.setattr(sys, "stderr", None)
    train()
    assert capsys.readouterr().out == ""


def test_a_second_fit_counts_on(capsys: pytest.CaptureFixture[str]) -> None:
    trainer = train(hook=registry.hooks.build("progress"))
    x = np.eye(5, 3, dtype=np.float32)
    y = np.array([0, 1, 0, 1, 0])
    trainer.fit(x, y, 4, validation=(x, y))
    assert [line.partition(":")[0] for line in capsys.readouterr().err.splitlines()] == [
        "4/6",
        "6/6",
        "10/10",
    ]
