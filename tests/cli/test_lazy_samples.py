"""A data set whose samples are read when they are wanted, on the command line and in the kit."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.aliases import Shown
from tests.lazy import Held
from tests.splits import held_out

from plugnet import registry
from plugnet.convert import write_mat
from plugnet.interfaces import Batch, Dataset, DataSplits
from plugnet.testing import check_component

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 255, (200, 6, 6, 1)).astype(np.uint8)
TABLE = RNG.normal(0, 100, (200, 4))


class Samples(Dataset):
    """Pictures, or a table with or without names."""

    def __init__(self, kind: str = "images", is_lazy: bool = True) -> None:
        self.kind, self.is_lazy = kind, is_lazy

    def load(self) -> DataSplits:
        """Return 150 samples to train on and 50 to test on."""
        x = IMAGES if self.kind == "images" else TABLE
        y = np.where(x.reshape(200, -1)[:, 0] > np.median(x), "dog", "cat")
        held: Any = [Held(part) if self.is_lazy else part for part in (x[:150], x[150:])]
        columns = ("a", "b", "c", "d") if self.kind == "named" else ()
        parts = Batch(held[0], y[:150]), Batch(held[1], y[150:])
        return DataSplits(*parts, classes=("cat", "dog"), columns=columns)


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    with registry.isolated():
        registry.datasets.register("samples")(Samples)
        yield


@pytest.mark.usefixtures("sketches")
@pytest.mark.parametrize("kind", ["images", "table", "named"])
def test_training_and_answers_are_those_of_arrays(kind: str, tmp_path: Path, shown: Shown) -> None:
    found = []
    for is_lazy in (True, False):
        config, run = tmp_path / f"{is_lazy}.toml", tmp_path / str(is_lazy)
        reader = f'["samples", "{kind}", {str(is_lazy).lower()}]'
        config.write_text(f"[data]\nreader = {reader}\n[training]\nepochs = 3\n")
        shown("train", str(config), "--out", str(run), "--quiet")
        judged = json.loads(shown("evaluate", str(run), "--json"))
        answers = shown("predict", str(run))
        network = (run / "model.safetensors").read_bytes()[-1000:]
        found.append((judged["loss"], judged["classes"], answers, network))
    assert found[0] == found[1]


def test_the_kit_reads_it() -> None:
    check_component(Samples())


def test_it_is_converted_to_a_file(tmp_path: Path) -> None:
    write_mat(Samples().load(), tmp_path / "lazy.mat")
    loaded = registry.datasets.build("mat", str(tmp_path / "lazy.mat")).load()
    np.testing.assert_array_equal(held_out(loaded).x, IMAGES[150:].reshape(50, 36))
