"""What it costs to start: the import against NumPy's, and the first and a warm build.

    python tests/benchmarks/start_up.py [--rounds 21]

Each figure of a process is the median over fresh processes, taken in turn; the times are those that
the process itself measures around the statement, so the interpreter's own start is not in them.
Bytecode is cached, as it is for anyone who has not forbidden it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys

CLOCK = "from time import perf_counter as now\nstart = now()\n{}\nprint((now() - start) * 1e3)"
CASES = {
    "import numpy": CLOCK.format("import numpy"),
    "import plugnet": CLOCK.format("import plugnet"),
    "first build": "from plugnet import registry\n" + CLOCK.format('registry.build("fc", 784, 50)'),
    "warm build": """
from timeit import repeat
from plugnet import registry
print(min(repeat(lambda: registry.build("fc", 784, 50), number=10_000, repeat=5)) / 10)
""",
}


def milliseconds(code: str) -> float:
    """Return what a fresh process prints."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True, env=environment
    )
    return float(shown.stdout)


def main() -> None:
    """Measure all cases in turn, round by round, and print their medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=21)
    rounds = parser.parse_args().rounds
    taken: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(rounds + 1):  # the first round fills caches and is dropped
        for name, code in CASES.items():
            taken[name].append(milliseconds(code))
    medians = {name: statistics.median(times[1:]) for name, times in taken.items()}
    ratio = medians["import plugnet"] / medians["import numpy"]
    print(f"import numpy    {medians['import numpy']:7.1f} ms")
    print(f"import plugnet  {medians['import plugnet']:7.1f} ms, with NumPy: {ratio:.2f} times")
    print(f"first build     {medians['first build']:7.1f} ms")
    print(f"warm build      {medians['warm build'] * 1e3:7.2f} us")


if __name__ == "__main__":
    main()
