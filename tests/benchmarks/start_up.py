"""What it costs to start: the imports, the first and a warm build, and the first training.

    python tests/benchmarks/start_up.py [--before ENVIRONMENT/bin/python] [--rounds 15]

--before is the Python of an environment that has another version, which is timed next to this one.
Each figure is the median over fresh processes, taken in turn. A process measures the time of the
statement itself, so the interpreter's own start is not in it. Bytecode is cached, as it is for
anyone who has not forbidden it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping
from statistics import median
from tempfile import TemporaryDirectory

from racing import shown

CLOCK = """
from time import perf_counter as now
start = now()
{}
print(now() - start)
"""
TRAINING = """
from plugnet.cli import main
assert not main(["train", "--quiet", "--out", folder, "--set", "training.iterations=1"])
"""
CASES = {
    "import numpy": CLOCK.format("import numpy"),
    "import plugnet, after numpy": "import numpy" + CLOCK.format("import plugnet"),
    "first build": "from plugnet import registry" + CLOCK.format('registry.build("fc", 784, 50)'),
    "warm build": """
from timeit import repeat
from plugnet import registry
print(min(repeat(lambda: registry.build("fc", 784, 50), number=10_000, repeat=5)) / 10_000)
""",
    "plugnet train, one iteration": "import sys; folder = sys.argv[1] + '/run'"
    + CLOCK.format(TRAINING),
}


def output(python: str, *words: str) -> str:
    """Return what a fresh process of this or another environment's Python prints."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    if python != sys.executable:
        environment.pop("PYTHONPATH", None)  # it leads to this version
    return subprocess.run(
        [python, "-P", *words], stdout=subprocess.PIPE, check=True, text=True, env=environment
    ).stdout


def report(pythons: Mapping[str, str], rounds: int) -> None:
    """Measure all cases in turn, round by round, and print their medians.

    Args:
        pythons: an interpreter for each version, by what the version is called.
        rounds: how many, at least 1.
    """
    taken: dict[str, dict[str, list[float]]] = {
        case: {version: [] for version in pythons} for case in CASES
    }
    for number in range(rounds + 1):  # the first round fills caches and is dropped
        for case, code in CASES.items():
            for version in list(pythons)[:: 1 if number % 2 else -1]:
                with TemporaryDirectory() as folder:
                    seconds = float(output(pythons[version], "-c", code, folder))
                taken[case][version] += [seconds] if number else []
    print(f"{'':30}{''.join(f'{version:>12}' for version in pythons)}")
    medians = {case: [median(times) for times in taken[case].values()] for case in CASES}
    for case, times in medians.items():
        ratio = f"{times[0] / times[1]:9.2f}x" if len(times) == 2 else ""
        print(f"{case:30}{''.join(f'{shown(seconds):>12}' for seconds in times)}{ratio}")
    parts = zip(*(medians[case] for case in list(CASES)[:2]), strict=True)
    ratios = "".join(f"{(numpy + plugnet) / numpy:>11.2f}x" for numpy, plugnet in parts)
    print(f"{'import plugnet : import numpy':30}{ratios}")


def main() -> None:
    """Measure this version, and another one if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--before", metavar="PYTHON", help="of the other version")
    parser.add_argument("--rounds", type=int, default=15, metavar="N")
    chosen = parser.parse_args()
    before = {"before": chosen.before} if chosen.before else {}
    report({**before, "now": sys.executable}, chosen.rounds)


if __name__ == "__main__":
    main()
