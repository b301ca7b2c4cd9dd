"""`plugnet time`: where the time of a training step goes."""

from __future__ import annotations

import json
import platform
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from plugnet import Trainer
from plugnet.arguments import file_path, integer
from plugnet.cli import run_setup
from plugnet.schema import Schema
from plugnet.training.threads import limited
from plugnet.training.timing import Piece, Timing, time_step
from plugnet.versions import running

ROW = "{:<24}{:>12}{:>13}{:>10}{:>9}{:>10}"
HEADINGS = ROW.format("piece", "forward ms", "backward ms", "GFLOP/s", "% step", "% bare")
NOTES = """\
The forward column holds the data and the forward passes of the layers and the
loss; the backward column holds the backward passes, weight decay and update. A
layer within another is indented, and the outer one's time includes it.
% step: share of the time of all pieces. GFLOP/s: from the layer's flops().
% bare: the time of the bare matrix products of the layer's weights, forward and
for the gradients, as a share of the layer's time.
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    run_setup.add_arguments(parser)
    parser.add_argument(
        "--rounds",
        type=int,
        default=100,
        metavar="N",
        help="how many steps to take the medians of; by default %(default)s",
    )
    parser.add_argument("--json", metavar="FILE", help="also write the figures to FILE, as JSON")


def run(arguments: Namespace) -> int:
    """Time as the arguments say, and return the exit status."""
    rounds = integer("--rounds", arguments.rounds, at_least=1)
    target = None if arguments.json is None else Path(file_path("--json", arguments.json))
    config, _ = run_setup.configured(arguments)
    trainer, samples, _ = run_setup.build(config, arguments.threads)
    if samples.classes:  # labels may be any words
        ignored = () if trainer.ignore_label is None else (trainer.ignore_label,)
        trainer.schema = Schema("class", samples.classes, ignored=ignored)
    with limited(trainer.threads) as threads:
        timing = time_step(trainer, samples.train.x, samples.train.y, rounds)
    print(_table(timing, trainer, threads, rounds))
    if target is not None:
        report = _report(timing, trainer, threads, rounds)
        target.write_text(json.dumps(report, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    return 0


def _table(timing: Timing, trainer: Trainer, threads: int, rounds: int) -> str:
    total = timing.seconds
    lines = [
        f"batch of {trainer.batch_size}, {trainer.network.dtype.name}, "
        f"at most {threads} thread{'s' if threads > 1 else ''}, medians of {rounds} rounds",
        HEADINGS,
        "-" * len(HEADINGS),
    ]
    lines += [_row(piece, total) for piece in timing.pieces]
    products = timing.products
    lines += [
        "-" * len(HEADINGS),
        f"whole step, in one go:  {timing.step * 1e3:12.3f} ms",
        f"bare matrix products:   {products * 1e3:12.3f} ms, {products / timing.step:.0%} of it",
        "",
        NOTES,
    ]
    return "\n".join(lines).rstrip()


def _row(piece: Piece, total: float) -> str:
    rate = f"{piece.flops / piece.seconds / 1e9:.1f}" if piece.flops else "-"
    bare = "-" if piece.products is None else f"{piece.products / piece.seconds:.0%}"
    forward, backward = (
        f"{seconds * 1e3:.3f}" if seconds else "-" for seconds in (piece.forward, piece.backward)
    )
    share = f"{piece.seconds / total:.0%}"
    name = "  " * piece.depth + (piece.name.rpartition(".")[2] if piece.depth else piece.name)
    return ROW.format(name[:24], forward, backward, rate, share, bare)


def _report(timing: Timing, trainer: Trainer, threads: int, rounds: int) -> dict[str, Any]:
    total = timing.seconds
    return {
        "batch_size": trainer.batch_size,
        "dtype": trainer.network.dtype.name,
        "threads": threads,
        "rounds": rounds,
        "step_seconds": timing.step,
        "products_seconds": timing.products,
        "pieces": [
            {
                "name": piece.name,
                "depth": piece.depth,
                "forward_seconds": piece.forward,
                "backward_seconds": piece.backward,
                "flops": piece.flops,
                "share": piece.seconds / total,
                "products_seconds": piece.products,
            }
            for piece in timing.pieces
        ],
        "versions": running(),
        "platform": platform.platform(),
    }
