"""What is compared of trainers."""

import hashlib

import numpy as np

from plugnet import Trainer
from plugnet.arrays import Array


def weights_of(trainer: Trainer) -> Array:
    """Return a copy of all that is trained, as one array."""
    values: Array = trainer.network.parameters().value.copy()
    return values


def saved_bits(trainer: Trainer) -> str:
    """Hash all of a trainer that is saved: parameters, statistics, slots, counts and history."""
    found = hashlib.sha256()
    history = trainer.history
    arrays = {**trainer.network.state(), **trainer.update.state()}
    arrays |= {"loss": np.array(history.loss), "rate": np.array(history.rate)}
    for name, array in arrays.items():
        found.update(name.encode() + np.ascontiguousarray(array).tobytes())
    counts = trainer.iteration, trainer.position, trainer.rate_scale, history.evaluations
    found.update(repr(counts).encode())
    return found.hexdigest()
