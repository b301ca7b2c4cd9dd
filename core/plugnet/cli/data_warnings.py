"""What looks wrong about a table before a training on it."""

from __future__ import annotations

import re
import warnings

import numpy as np

from plugnet.arrays import Array
from plugnet.cli.config import DataSettings
from plugnet.cli.data_source import advised
from plugnet.data.lazy import LazyArray
from plugnet.errors import DataWarning
from plugnet.interfaces import DataSplits

FEWEST = 10  # samples; fewer teach a network hardly anything

_WORDS = "id|index|idx|nr|no|num|number|row|rownum|key|uuid|guid"
#: Names such as id, ID, row, user_id, customerId and PassengerID.
_IDENTIFIER = re.compile(rf"(?i:{_WORDS})|.*[_ .-](?i:id|uuid|key)|.*[a-z0-9](Id|ID)")


def warn_of_data(samples: DataSplits, settings: DataSettings) -> None:
    """Warn of few samples, and of inputs that seem to be identifiers."""
    count = len(samples.train.x)
    if count < FEWEST:
        warnings.warn(
            f"There {'is' if count == 1 else 'are'} only {count} "
            f"sample{'s' * (count > 1)} to train on; a network learns little from fewer than "
            f"{FEWEST}.",
            DataWarning,
            stacklevel=2,
        )
    found = [
        name
        for place, name in enumerate(samples.columns)
        if _IDENTIFIER.fullmatch(name) and _differs(samples, place)
    ]
    if found:
        names, is_one = ", ".join(map(repr, found)), len(found) == 1
        message = (
            f"{'Column' if is_one else 'Columns'} {names} {'has' if is_one else 'have'} a "
            f"different number in every row and {'looks like an identifier' if is_one else ''}"
            f"{'' if is_one else 'look like identifiers'}. To leave {'it' if is_one else 'them'} "
            "out"
        )
        advice = advised(settings, "drop", tuple(found))
        ending = f":\n    {advice}" if advice else f", say drop=[{names}]."
        warnings.warn(message + ending, DataWarning, stacklevel=2)


def _differs(samples: DataSplits, place: int) -> bool:
    """Tell whether an input is a whole number that differs in every row."""
    parts = [part.x for part in (samples.train, samples.test) if part is not None]
    if any(part.ndim != 2 or isinstance(part, LazyArray) for part in parts):
        return False
    values: Array = np.concatenate([part[:, place] for part in parts])
    return (
        len(values) > 1
        and bool((values == np.floor(values)).all())
        and len(np.unique(values)) == len(values)
    )
