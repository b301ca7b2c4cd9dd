"""From what `fit` and `evaluate` are given to what a step takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from plugnet.arrays import Array
from plugnet.data.answers import as_labels, ignoring, learn_schema, scaling
from plugnet.data.categories import fixed_classes
from plugnet.data.frames import as_inputs, check_aligned
from plugnet.data.labels import as_targets, as_weights
from plugnet.data.samples import as_sample_rows
from plugnet.errors import ArgumentError, DataError
from plugnet.evaluation import gives_probabilities
from plugnet.interfaces import Batch, Loss
from plugnet.model import check_batch, count_outputs
from plugnet.network import Network
from plugnet.registry import registry
from plugnet.schema import Label, Schema

#: By how much the probabilities of a row may miss the sum of 1.
TOLERANCE = 1e-3


class Preparation(NamedTuple):
    """What samples, labels and weights mean to a training.

    Attributes:
        network: what is trained.
        loss: what is minimised.
        schema: what inputs and answers mean.
    """

    network: Network
    loss: Loss
    schema: Schema

    @classmethod
    def learn(
        cls,
        network: Network,
        loss: Loss,
        samples: Batch,
        ignore_label: Label | None = None,
        classes: Sequence[Label] | None = None,
        columns: Mapping[str, tuple[str, ...]] | None = None,
        scale_targets: bool = False,
    ) -> Preparation:
        """Return one for what the first samples mean, which also fix the network's input shape.

        Args:
            network: what is trained.
            loss: what is minimised.
            samples: as the user has them.
            ignore_label: the label whose samples do not count, or None.
            classes: all classes, or None: those of the labels.
            columns: the names of columns, as `Schema` has them.
            scale_targets: whether real values are scaled by their mean and standard deviation.

        Raises:
            DataError: the labels do not fit the network.
            ShapeError: its output is not flat.
            ArgumentError: ``scale_targets``, but the labels are classes.
        """
        names: dict[str, Any] = dict(columns or {})
        x = network.validate_input(as_sample_rows(as_inputs(samples.x), "samples"))
        y, weights = samples.y, samples.weights
        if ignore_label is not None:
            if classes is None and not isinstance(y, np.ndarray):
                classes = fixed_classes(y, ignore_label)
            y, weights = ignoring(y, weights, ignore_label)
            names["ignored"] = (ignore_label,)
        outputs = count_outputs(network)
        names["input_shape"] = network.input_shape
        schema = learn_schema(y, outputs, loss.threshold is not None, classes, **names)
        _check_kind(schema, loss, y, outputs)
        if scale_targets:
            if schema.kind == "class":
                raise ArgumentError(
                    "scale_targets is for real values, but the labels are classes. Leave it out.",
                    argument="scale_targets",
                    value=True,
                )
            targets = as_targets(as_labels(y).astype(float), len(x), float)
            counted = None if weights is None else as_weights(weights, len(x), float)
            offsets, scales = scaling(targets, counted)
            schema = replace(schema, offsets=offsets, scales=scales)
        return cls(network, loss, schema)

    def check(
        self, x: Any, y: Any, weights: Any = None, name: str = "samples", remember: bool = True
    ) -> Batch:
        """Return samples, targets and weights as a step takes them; see `Trainer.check`."""
        check_aligned(x, y, weights)
        given = Batch(x, y, weights)
        return check_batch(
            given, self.network, self.loss, self.schema, name=name, remember=remember
        )

    def for_step(self, given: Batch, by_class: Array | None) -> Batch:
        """Return a checked batch to train on: in the network's shape, and weighted by class.

        Args:
            given: samples, targets and weights.
            by_class: the weight of each class, ``(classes,)``, or None.
        """
        x, y, weights = given
        if by_class is not None:
            with np.errstate(over="ignore"):
                own = by_class[y].astype(self.network.dtype)
            if not np.isfinite(own).all():
                raise ArgumentError(
                    f"The weights of class_weight must be finite in {self.network.dtype}, but one "
                    "is too large. Lower it.",
                    argument="class_weight",
                    value=by_class,
                )
            weights = own if weights is None else own * weights
        return Batch(self.network.validate_input(x), y, weights)


def _check_kind(schema: Schema, loss: Loss, y: Any, outputs: int) -> None:
    """Check that a loss whose outputs are probabilities of classes is not given real values.

    Raises:
        DataError: it is.
    """
    if schema.kind == "class" or loss.threshold is not None or not gives_probabilities(loss):
        return
    values = as_labels(y).astype(np.float64)
    values = values.reshape(len(values), -1)
    if values.shape[1] != outputs or not (values >= 0).all():
        return  # which is refused where targets are checked
    fits = (np.abs(values.sum(axis=1) - 1) <= TOLERANCE) & (outputs > 1)
    if fits.all():
        return
    row = int(np.argmin(fits))
    name = registry.name_of(loss) or type(loss).__name__
    raise DataError(
        f"The loss '{name}' learns classes or their probabilities, rows that sum to 1, but row "
        f'{row} of the labels is {values[row]}. For real values choose loss="least_square_error".',
        row=row,
    )
