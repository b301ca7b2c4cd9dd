"""What the tests of several plugins share."""

import copy
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from plugnet import Trainer


@pytest.fixture(params=["file", "pickle", "deepcopy"])
def copied(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Trainer], Trainer]:
    """Give each of the ways to make a second trainer that continues where the first one is."""

    def make(trainer: Trainer) -> Trainer:
        if request.param == "deepcopy":
            return copy.deepcopy(trainer)
        if request.param == "pickle":
            again: Trainer = pickle.loads(pickle.dumps(trainer))
            return again
        trainer.save(tmp_path / "run")
        return Trainer.resume(tmp_path / "run")

    return make
