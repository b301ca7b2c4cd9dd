"""From what `Trainer.fit` is given to batches that its step takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Protocol

import numpy as np

from plugnet.data.answers import as_classes, as_labels
from plugnet.data.categories import fixed_classes
from plugnet.data.frames import as_inputs
from plugnet.data.joined import joined
from plugnet.data.labels import warn_one_class
from plugnet.data.lazy import LazyArray
from plugnet.data.samples import as_samples
from plugnet.errors import ArgumentError, DataError, DataWarning, listed
from plugnet.interfaces import Batch, DataSplits, Loss
from plugnet.network import Network
from plugnet.schema import Label, Schema
from plugnet.training.given import as_batch, gather, names_of
from plugnet.training.preparation import Preparation
from plugnet.training.weighting import weights_by_class
from plugnet.warning import warn_user


class Settings(Protocol):
    """What of a trainer decides what samples and labels mean to it; see `Trainer`."""

    network: Network
    loss: Loss
    schema: Schema | None
    class_weight: Mapping[Label, float] | str | None
    ignore_label: Label | None
    scale_targets: bool
    seed: int


def prepare(
    own: Settings,
    samples: Batch,
    classes: Sequence[Label] | None = None,
    columns: Mapping[str, tuple[str, ...]] | None = None,
) -> Preparation:
    """Return what samples mean: what they meant in the first `fit`, or else what they say.

    Args:
        own: the trainer's settings.
        samples: as the user has them.
        classes: all classes, or None: those of the labels.
        columns: the names of columns, as `Schema` has them; None: those of the samples.
    """
    if own.schema is not None:
        return Preparation(own.network, own.loss, own.schema)
    return Preparation.learn(
        own.network,
        own.loss,
        samples,
        own.ignore_label,
        classes,
        names_of(samples) if columns is None else columns,
        own.scale_targets,
    )


def take_data(
    own: Settings,
    data: Batch | DataSplits,
    validation: Any,
    test: Any,
    classes: Sequence[Label] | None,
) -> tuple[Batch, dict[str, Batch]]:
    """Return all samples to train on, and those to evaluate on by part, checked.

    What they mean is kept as the trainer's schema. See `Trainer.fit` for the arguments.
    """
    if own.schema and classes is not None and as_classes(classes) != own.schema.classes:
        raise ArgumentError(
            f"classes are fixed by the first fit, {listed(own.schema.classes) or 'real values'}, "
            f"but now they are {listed(as_classes(classes))}. Leave them out, or train a new "
            "network.",
            argument="classes",
            value=classes,
        )
    is_new = classes is None and own.schema is None
    if is_new and isinstance(data, Batch) and not isinstance(data.y, np.ndarray):
        classes = fixed_classes(data.y, own.ignore_label)  # a part of it no longer has its type
    given = gather(data, validation, test, classes, own.seed, own.schema)
    prepared = prepare(own, given.train, given.classes, given.names)
    if own.schema is None and own.ignore_label is not None:
        _warn_if_absent(own.ignore_label, [given.train, given.validation, given.test])
    train = prepared.check(*given.train)
    warn_one_class(train.y, prepared.schema.classes)
    parts = {
        part: prepared.check(*samples, name=f"{part} samples")
        for part, samples in (("validation", given.validation), ("test", given.test))
        if samples is not None
    }
    by_class = None
    if own.class_weight is not None:
        counted = train.y if train.weights is None else train.y[train.weights > 0]
        by_class = weights_by_class(own.class_weight, counted, prepared.schema)
    own.schema = prepared.schema
    weighted = prepared.for_step(train, by_class)
    if weighted.weights is not None and not weighted.weights.any():
        raise DataError(
            "The weights of classes and samples together are all 0, so no sample counts. Give a "
            "class that occurs a weight above 0.",
            row=None,
        )
    return weighted, parts


def take_parts(
    own: Settings, validation: Any, test: Any, classes: Sequence[Label] | None
) -> dict[str, Batch]:
    """Return the samples to evaluate on beside a source of batches, checked."""
    if isinstance(validation, int | float):
        raise ArgumentError(
            f"validation={validation} would set aside a part of all samples, but they come batch "
            'by batch. Give the samples, validation=(x, y), or "test".',
            argument="validation",
            value=validation,
        )
    if isinstance(validation, str) and validation == "test" and test is not None:
        validation = test
    parts = {}
    for part, samples in (("validation", validation), ("test", test)):
        if samples is not None:
            batch = as_batch(samples, part)
            prepared = prepare(own, batch, classes)
            parts[part] = prepared.check(*batch, name=f"{part} samples")
            own.schema = prepared.schema  # so that the batches mean the same
    return parts


def take_batch(
    own: Settings, classes: Sequence[Label] | None, x: Any, y: Any, weights: Any = None
) -> Batch:
    """Return a batch of a source, checked; what the first one means is kept."""
    batch = joined(x, y, weights)
    prepared = prepare(own, batch, classes)
    own.schema = prepared.schema
    by_class = None
    if own.class_weight is not None:
        by_class = weights_by_class(own.class_weight, None, prepared.schema)
    checked = prepared.for_step(prepared.check(*batch, remember=False), by_class)
    is_lazy = isinstance(checked.x, LazyArray)  # such as a sparse matrix
    return checked._replace(x=checked.x[:]) if is_lazy else checked


def adapt(network: Network, samples: Any, schema: Schema | None) -> None:
    """Let the first layer learn from all samples, if it does so and has not yet.

    Args:
        network: the network.
        samples: ``(N, *shape)``, or a source of batches.
        schema: what a source's samples mean, as its first batch says.

    Raises:
        ArgumentError: a source cannot yield them all.
    """
    if not network.needs_adapt:
        return
    if not hasattr(samples, "__next__"):
        network.adapt(samples)
        return
    if not hasattr(samples, "blocks"):
        raise ArgumentError(
            f"The network's first layer, '{network.layer_names[0]}', learns from all samples "
            "before training, but the source of batches has no method blocks() that yields them. "
            "Add it, or call network.adapt(x) before.",
            argument="x",
            value=samples,
        )
    known = schema or Schema("real")
    others = {*known.targets, *known.dropped}
    blocks = (
        network.validate_input(
            as_samples(
                as_inputs(block, known.columns, others), None, allow_missing=network.fills_missing
            )
        )[:]  # which reads what is not in memory
        for block in samples.blocks()
    )
    first = next(blocks)  # which fixes the input shape
    network.chain.adapt(chain([first], blocks))


def _warn_if_absent(ignore_label: Label, parts: Sequence[Batch | None]) -> None:
    """Say so if no sample has the label that is to be ignored."""
    held = (part for part in parts if part is not None)
    if not any(np.any(as_labels(part.y) == ignore_label) for part in held):
        warn_user(
            f"No label is {ignore_label!r}, which is to be ignored. Correct ignore_label if it is "
            "misspelt.",
            DataWarning,
        )
