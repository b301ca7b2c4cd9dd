"""Prints as JSON what a piece of work enters: which code of plugnet and its plugins is called.

    python tests/benchmarks/entered.py build|train|step|save|load FOLDER

For each piece of work there are rows of file, qualified name and number of calls. A module that is
imported meanwhile has a row named `<module>`, and the body of a class has a row of its own. Another
version's environment runs this file too, so it imports nothing beside it and keeps to what all
versions offer.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, TypeAlias

Calls: TypeAlias = "Counter[tuple[str, str]]"


def calls(work: Callable[[], object]) -> Calls:
    """Do the work and return how often each code was called, by file and qualified name."""
    counted: Calls = Counter()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            counted[frame.f_code.co_filename, frame.f_code.co_qualname] += 1

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    folders = tuple(
        str(Path(module.__file__).parent) + os.sep
        for name, module in sys.modules.items()
        if (name == "plugnet" or (name.startswith("plugnet_") and "." not in name))
        and module.__file__
    )
    return Counter({key: count for key, count in counted.items() if key[0].startswith(folders)})


def build(_: Path) -> dict[str, Calls]:
    """Build a layer by its name, twice."""
    from plugnet import registry

    once = calls(lambda: registry.build("fc", 784, 50))
    return {"first build": once, "second build": calls(lambda: registry.build("fc", 784, 50))}


def train(folder: Path) -> dict[str, Calls]:
    """Train on the embedded digits from the command line, for one iteration."""
    from plugnet.cli import main

    words = ["train", "--quiet", "--out", str(folder / "run"), "--set", "training.iterations=1"]
    return {"plugnet train": calls(lambda: main(words))}


def network() -> Any:
    """Return the README's network."""
    from plugnet import Network

    return Network([("fc", 64, 50), "tanh", ("fc", 50, 10)])


def step(_: Path) -> dict[str, Calls]:
    """Take one more step of a training that is under way, within an epoch."""
    from plugnet import Trainer, registry

    digits = registry.build("digits").load()
    trainer = Trainer(network())

    def fit(iterations: int) -> Callable[[], object]:
        return lambda: trainer.fit(digits.train.x, digits.train.y, iterations)

    fit(4)()
    fewer, more = calls(fit(2)), calls(fit(3))
    return {"a step of fit": more - fewer}


def save(folder: Path) -> dict[str, Calls]:
    """Save a network."""
    net = network()
    return {"save": calls(lambda: net.save(folder / "net.safetensors"))}


def load(folder: Path) -> dict[str, Calls]:
    """Load the network that was saved there."""
    from plugnet import Network

    return {"load": calls(lambda: Network.load(folder / "net.safetensors"))}


WORKS = {work.__name__: work for work in (build, train, step, save, load)}

if __name__ == "__main__":
    counted = WORKS[sys.argv[1]](Path(sys.argv[2]))
    rows = {name: [[*key, n] for key, n in found.items()] for name, found in counted.items()}
    print(json.dumps(rows))
