"""What `Trainer.fit` is given: what to train on, to validate on and to test on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, NamedTuple

import numpy as np

from plugnet.arguments import integer, number
from plugnet.data.answers import as_labels, by_name
from plugnet.data.frames import as_inputs, check_aligned, column_names, target_names
from plugnet.data.joined import joined
from plugnet.data.labels import as_weights
from plugnet.data.mapped import mapped_file
from plugnet.data.samples import as_stored, check_rows
from plugnet.data.splits import hold_out, take_rows
from plugnet.errors import ArgumentError, DataError, counted
from plugnet.interfaces import Batch, DataSplits
from plugnet.schema import Label, Schema

#: How many iterations there are if nothing says it.
ITERATIONS = 800


class Given(NamedTuple):
    """Samples as the user has them, not checked yet.

    Attributes:
        train: what to train on.
        validation: what to evaluate on during training, or None.
        test: what to evaluate on once, at the end, or None.
        classes: all classes, in the order of the outputs, or None: those of the labels.
        names: the names of columns, as `Schema` has them.
    """

    train: Batch
    validation: Batch | None
    test: Batch | None
    classes: Sequence[Label] | None
    names: Mapping[str, tuple[str, ...]]


def gather(
    data: DataSplits | Batch,
    validation: Any,
    test: Any,
    classes: Sequence[Label] | None,
    seed: int,
    schema: Schema | None = None,
) -> Given:
    """Take apart what `fit` was given; see there for the arguments.

    The schema is what an earlier `fit` learnt: columns are found by its names.

    Raises:
        ArgumentError, DataError: an argument is not what it must be.
    """
    names: Mapping[str, tuple[str, ...]]
    if isinstance(data, DataSplits):
        classes = data.classes or None if classes is None else classes
        names = {name: getattr(data, name) for name in ("columns", "targets", "dropped")}
        train, test = data.train, data.test if test is None else test
    else:
        train, names = data, names_of(data)
    if hasattr(train.x, "tocsr"):  # once for all that follows
        train = train._replace(x=as_stored(train.x, "samples"))
    test = None if test is None else as_batch(test, "test")
    if isinstance(validation, str) and validation == "test":
        if test is None:
            raise ArgumentError(
                'validation="test" validates on the test samples, but there are none. Give '
                "test=(x, y), or validation=0.1 for a part of the training samples.",
                argument="validation",
                value=validation,
            )
        return Given(train, test, test, classes, names)
    if isinstance(validation, Real) and not isinstance(validation, bool):
        fraction = number("validation", validation, at_least=0, below=1)
        if not fraction:
            return Given(train, None, test, classes, names)
        train, held = cut(train, fraction, seed, schema)
        return Given(train, held, test, classes, names)
    held_out = None if validation is None else as_batch(validation, "validation")
    return Given(train, held_out, test, classes, names)


def names_of(samples: Batch) -> Mapping[str, tuple[str, ...]]:
    """Return the names of the columns of samples and labels, as `Schema` has them."""
    return {"columns": column_names(samples.x), "targets": target_names(samples.y)}


def cut(
    train: Batch, fraction: float, seed: int, schema: Schema | None = None
) -> tuple[Batch, Batch]:
    """Return training samples in two parts, the second a fraction, with its share of each class."""
    check_aligned(*train)
    known = schema or Schema("real")
    others = {*known.targets, *known.dropped}
    x = as_stored(as_inputs(train.x, known.columns, others), "samples")
    y = as_labels(by_name(train.y, known))
    y = y.reshape(-1) if y.size == len(x) else y  # such as (N, 1), and MATLAB's (1, N)
    check_rows(x, y)
    weights = None if train.weights is None else as_weights(train.weights, len(x), np.float64)
    if mapped_file(x) is not None:
        raise DataError(
            "validation as a fraction would copy a memory map into the memory. Give the samples to "
            "validate on: validation=(x, y).",
            row=None,
        )
    rows, held = hold_out(y, fraction, seed)
    if not len(held):
        raise DataError(
            f"validation={fraction} of {counted(len(x), 'sample')} leaves none to validate on, as "
            "each class gives its share. Give a larger fraction, or validation=(x, y).",
            row=None,
        )
    whole = Batch(x, y, weights)
    return take_rows(whole, rows), take_rows(whole, held)


def as_batch(given: Any, argument: str) -> Batch:
    """Return samples, labels and weights or None.

    Raises:
        ArgumentError: it is not a pair or a triple.
    """
    if not isinstance(given, tuple | list) or len(given) not in (2, 3):
        raise ArgumentError(
            f"{argument} must be a pair (samples, labels), or these and weights, but it is a "
            f"{type(given).__name__}. Write {argument}=(x, y).",
            argument=argument,
            value=given,
        )
    x, y, *weights = given
    return joined(x, y, *(weights or [None]))


def count_iterations(
    iterations: int | None, epochs: float | None, rows: int | None, batch_size: int
) -> int:
    """Return the number of iterations; an epoch takes ``rows / batch_size``, rounded up at the end.

    Raises:
        ArgumentError: both are given, one is out of range, or ``rows`` is not known for epochs.
    """
    if epochs is None:
        return integer("iterations", ITERATIONS if iterations is None else iterations, at_least=1)
    if iterations is not None:
        raise ArgumentError(
            f"Say how long to train in iterations or in epochs, but iterations={iterations} and "
            f"epochs={epochs} were both given.",
            argument="epochs",
            value=epochs,
        )
    if rows is None:
        raise ArgumentError(
            "epochs needs to know how many samples there are, but the source of batches has no "
            "attribute 'rows'. Add it, or give iterations.",
            argument="epochs",
            value=epochs,
        )
    if not number("epochs", epochs, at_least=0):
        raise ArgumentError("epochs must be above 0.", argument="epochs", value=epochs)
    return math.ceil(round(epochs * rows / batch_size, 9))  # 1.1 * 10 is a little more than 11
