"""Races training steps of fully connected networks: small, large, and so tiny that all is overhead.

    python tests/benchmarks/race_mlp.py [--net small] [--optimizer sgd] [--threads 1] [--json FILE]

What a step is, and who runs, is in peers.py. Sizes are inputs, hidden units, outputs.
"""

from __future__ import annotations

import argparse
from dataclasses import replace

from mlp import DECAY, RATES, Problem
from peers import line_up
from racing import Result, options, race, table, write

NETS = {
    "small": Problem((784, 50, 50, 10), batch=100, rows=10_000),
    "large": Problem((784, 1024, 1024, 10), batch=256, rows=2_560),
    "tiny": Problem((20, 16, 16, 3), batch=32, rows=4_096),
}
NOT_FRAMEWORKS = (
    "plugnet", "bare matrix products", "NumPy, written for this net",
    "the tutorial's per-sample code", "the tutorial's code",
)  # fmt: skip


def main() -> None:
    """Run the chosen races and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--net", choices=NETS, help="only this one")
    parser.add_argument("--optimizer", choices=RATES, help="only this one")
    chosen = options(parser)
    results = []
    for name in [chosen.net] if chosen.net else NETS:
        for optimizer in [chosen.optimizer] if chosen.optimizer else RATES:
            problem = replace(NETS[name], optimizer=optimizer)
            if chosen.quick:
                problem = replace(problem, rows=problem.batch * 4)
            racers, skipped = line_up(problem, chosen.quick)
            title = f"{name} network, {optimizer}: one training step"
            results.append(
                race(title, racers, chosen.rounds, work=work(problem, chosen.threads),
                     skipped=skipped)
            )  # fmt: skip
            print(table(results[-1]) + verdict(results[-1]), flush=True)
    write(chosen.json, chosen.threads, results)


def work(problem: Problem, threads: int) -> dict[str, str]:
    """Return the exact work."""
    return {
        "network": "-".join(map(str, problem.sizes)) + ", tanh, softmax and cross-entropy",
        "batch": f"{problem.batch} of {problem.rows} shuffled rows, float32 (the tutorial: "
        f"float64), {threads} thread(s)",
        "step": "fetch, forward, loss, backward, decay, update",
        "decay": f"{DECAY} on the weights",
    }


def verdict(result: Result) -> str:
    """Return plugnet's place between the products and the fastest framework."""
    products = next(line for line in result.lines if line.name == "bare matrix products")
    peers = [line for line in result.lines if line.name not in NOT_FRAMEWORKS]
    said = f"  plugnet takes {1 / products.ratio:.2f} times as long as the bare products"
    if not peers:
        return said + ".\n"
    fastest = min(peers, key=lambda line: line.ratio)
    return f"{said};\n  {fastest.name}, the fastest framework, {fastest.ratio:.2f} times plugnet.\n"


if __name__ == "__main__":
    main()
