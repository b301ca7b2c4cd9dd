"""What the tests of training share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import pytest

from plugnet import Trainer


@pytest.fixture(scope="session")
def saved_bits() -> Callable[[Trainer], str]:
    """Hash all of a trainer that is saved: parameters, statistics, slots, counts and history."""

    def bits(trainer: Trainer) -> str:
        found = hashlib.sha256()
        history = trainer.history
        arrays = {**trainer.network.state(), **trainer.update.state()}
        arrays |= {"loss": np.array(history.loss), "rate": np.array(history.rate)}
        for name, array in arrays.items():
            found.update(name.encode() + np.ascontiguousarray(array).tobytes())
        counts = trainer.iteration, trainer.position, trainer.rate_scale, history.evaluations
        found.update(repr(counts).encode())
        return found.hexdigest()

    return bits
