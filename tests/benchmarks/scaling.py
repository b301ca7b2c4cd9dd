"""How time and memory of a training step grow: with batch, width, depth, data-set size and threads.

    python tests/benchmarks/scaling.py [--rounds 9] [--axis batch] [--picture FILE] [--json FILE]

Each axis is varied by itself from 784-100-100-10 at batch 100 of 6,000 rows, momentum, one thread;
threads by 784-1000-1000-10. Next to plugnet's step, that of mlp.py, stand the bare matrix products
of the same shapes, and what of the step is above them. Memory is the most that Python and NumPy
held while network and trainer were made and took a few steps, the data set not counted; next to it
stand the arrays of the products.

Where a step does not grow as its products do, the table says why.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import textwrap
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path

from mlp import Plugnet, Problem, products
from racing import Racer, options, race, write

START = Problem((784, 100, 100, 10), batch=100, rows=6_000)


#: Where plugnet's time and memory grow otherwise than the products' along an axis, and why.
REASONS = {
    "batch": "A call costs the same whatever it computes, and decay and update the same for every "
    "batch, so small batches count for little. A batch of one makes of every product one of a "
    "matrix and a vector, or of two vectors, for which NumPy is slow.",
    "width": "Below 0.2 ms it is mostly calls. Decay and update pass over the weights, and grow "
    "with the width squared as the products do; from some 10 MB on they wait for the memory. Each "
    "weight has a gradient and the optimizer's arrays.",
    "depth": "A layer adds its calls, some 15, to its products.",
    "rows": "The products do not see the set. Rows are fetched in random order, from the cache if "
    "the set fits into it (a thousand of MNIST's size are 3 MB), else from memory. The order "
    "takes 8 bytes per row.",
    "threads": "Products are divided, 5 million multiplications or more for each thread, and so "
    "are decay and update, 260,000 weights or more for each; not the passes over batches.",
}


@dataclass(frozen=True)
class Point:
    """One place on an axis: seconds and bytes, of plugnet's step and of its products."""

    x: int
    seconds: float
    products: float
    memory: int
    arrays: int


def hidden(*sizes: int) -> Problem:
    """Return the start with other hidden layers."""
    return replace(START, sizes=(784, *sizes, 10))


AXES: dict[str, tuple[Sequence[int], Callable[[int], Problem]]] = {
    "batch": ((1, 10, 100, 1000, 4000), lambda x: replace(START, batch=x)),
    "width": ((10, 30, 100, 300, 1000), lambda x: hidden(x, x)),
    "depth": ((1, 2, 4, 8, 16), lambda x: hidden(*[100] * x)),
    "rows": ((1_000, 10_000, 60_000), lambda x: replace(START, rows=x)),
    "threads": ((1, 2, 4), lambda _: hidden(1000, 1000)),
}


def main() -> None:
    """Measure every axis, print the table and draw the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw the axes there")
    parser.add_argument("--axis", choices=AXES, help="only this one")
    parser.add_argument("--at", nargs=2, metavar=("AXIS", "X"), help="measure one place only")
    chosen = options(parser, rounds=9)
    if chosen.at:
        axis, x = chosen.at[0], int(chosen.at[1])
        print(json.dumps(vars(measure(x, AXES[axis][1](x), chosen.rounds))))
        return
    axes: dict[str, list[Point]] = {}
    for axis in [chosen.axis] if chosen.axis else AXES:
        places, _ = AXES[axis]
        if axis == "threads":
            places = [x for x in places if x <= (os.cpu_count() or 1)]
        axes[axis] = [
            elsewhere(axis, x, chosen.rounds) for x in (places[:2] if chosen.quick else places)
        ]
        print(table(axis, axes[axis]), flush=True)
    if chosen.picture:
        draw(axes, chosen.picture)
    plain = {axis: [vars(point) for point in points] for axis, points in axes.items()}
    work = "momentum, decay, a batch of 100 unless said otherwise, float32"
    write(chosen.json, chosen.threads, [], scaling=plain, reasons=REASONS, work=work)


def elsewhere(axis: str, x: int, rounds: int) -> Point:
    """Measure in a process of its own, with the number of threads that the axis asks for."""
    threads = x if axis == "threads" else 1
    command = [sys.executable, __file__, "--at", axis, str(x), "--rounds", str(rounds)]
    shown = subprocess.run(
        [*command, "--threads", str(threads)], stdout=subprocess.PIPE, check=True
    ).stdout
    return Point(**json.loads(shown))


def measure(x: int, problem: Problem, rounds: int) -> Point:
    """Race plugnet against the products, then run it once more to see its memory."""
    samples, labels = problem.data()
    peer = Plugnet(problem, samples, labels)
    own = Racer(peer.name, partial(peer.clock, 1), peer.clock)
    result = race("", [own, products(problem)], rounds)
    tracemalloc.start()
    Plugnet(problem, samples, labels).clock(5)
    memory = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    seconds = result.lines[0].seconds
    return Point(x, seconds, seconds * result.lines[1].ratio, memory, product_bytes(problem))


def product_bytes(problem: Problem) -> int:
    """Return the size of the arrays of `products`: x, W, y or its gradient, dW, and dx."""
    layers = enumerate(pairwise(problem.sizes))
    return 4 * sum(
        2 * inputs * outputs + problem.batch * (outputs + inputs * (2 if number else 1))
        for number, (inputs, outputs) in layers
    )


def table(axis: str, points: Sequence[Point]) -> str:
    """Return an axis as text; growth is from each place to the next."""
    rows = [
        f"{axis:>8}{'step':>11}{'growth':>8}{'products':>12}{'growth':>8}{'above':>11}"
        f"{'memory':>11}{'arrays':>10}"
    ]
    for number, point in enumerate(points):
        before = points[max(number - 1, 0)]
        rows.append(
            f"{point.x:>8}{point.seconds * 1e3:>8.3f} ms{point.seconds / before.seconds:>7.2f}x"
            f"{point.products * 1e3:>9.3f} ms{point.products / before.products:>7.2f}x"
            f"{(point.seconds - point.products) * 1e3:>8.3f} ms"
            f"{point.memory / 2**20:>8.2f} MB{point.arrays / 2**20:>7.2f} MB"
        )
    said = textwrap.wrap(REASONS[axis], 76, initial_indent="  ", subsequent_indent="  ")
    return "\n".join([*rows, *said]) + "\n"


def draw(axes: dict[str, list[Point]], path: Path) -> None:
    """Draw time above and memory below, plugnet and the products, one column per axis."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.2 * len(axes), 6), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(2, len(axes), squeeze=False, sharey="row")
    for column, (axis, points) in enumerate(axes.items()):
        x = [point.x for point in points]
        time, memory = grid[0, column], grid[1, column]
        time.loglog(x, [point.seconds * 1e3 for point in points], "o-", label="plugnet")
        time.loglog(x, [point.products * 1e3 for point in points], "s--", label="products")
        memory.loglog(x, [point.memory / 2**20 for point in points], "o-", label="plugnet, peak")
        memory.loglog(x, [point.arrays / 2**20 for point in points], "s--", label="products")
        memory.set_xlabel(axis)
        for panel in (time, memory):
            panel.set_xticks(x, [f"{place:,}" for place in x], minor=False)
            panel.set_xticks([], minor=True)
            panel.grid(visible=True, alpha=0.3)
    grid[0, 0].set_ylabel("one step, ms")
    grid[1, 0].set_ylabel("memory, MB")
    grid[0, 0].legend()
    grid[1, 0].legend()
    figure.savefig(path)


if __name__ == "__main__":
    main()
