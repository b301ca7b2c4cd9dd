"""A trainer that goes on from what another one, or it itself, has saved."""

from pathlib import Path

import pytest
from tests.small import X, Y, trainer
from tests.trained import saved_bits

from plugnet.data import ArrayBatches
from plugnet.errors import ShapeError
from plugnet.interfaces import Batch


def source() -> ArrayBatches:
    return ArrayBatches(Batch(X, Y), 5, seed=3)


def test_a_source_of_batches_goes_back_as_well(tmp_path: Path) -> None:
    run, plain, batches = trainer(), trainer(), source()
    run.fit(batches, iterations=3)
    run.save(tmp_path / "run")
    run.fit(batches, iterations=4)
    run.load(tmp_path / "run")
    run.fit(batches, iterations=5)
    plain.fit(source(), iterations=8)
    assert saved_bits(run) == saved_bits(plain)


def test_what_another_optimizer_has_saved_changes_nothing(
    tmp_path: Path,
) -> None:
    other, run = trainer(optimizer="adam"), trainer()
    other.fit(X, Y, 3)
    other.save(tmp_path / "run")
    run.fit(X, Y, 2)
    before = saved_bits(run)
    with pytest.raises(ShapeError, match="The optimizer's state"):
        run.load(tmp_path / "run")
    assert saved_bits(run) == before
