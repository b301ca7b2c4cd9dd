"""Model: a trained network that answers in its user's words."""

from __future__ import annotations

import copy
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from plugnet.arguments import file_path, number
from plugnet.arrays import Array
from plugnet.class_counts import ClassCounts
from plugnet.data.answers import check_schema, counting, decode, encode
from plugnet.data.frames import as_inputs, check_aligned
from plugnet.data.joined import joined
from plugnet.data.labels import as_weights
from plugnet.data.samples import as_samples
from plugnet.errors import (
    ArgumentError,
    CallOrderError,
    DataError,
    FileFormatError,
    PlugnetError,
    ShapeError,
    brief,
    counted,
    listed,
)
from plugnet.evaluation import (
    Evaluation,
    blocks,
    build_metrics,
    evaluate,
    gives_probabilities,
    predicted_classes,
    true_classes,
)
from plugnet.interfaces import Batch, Loss
from plugnet.network import Network
from plugnet.readers import rows_of
from plugnet.registry import registry
from plugnet.schema import Label, Schema
from plugnet.versions import running

#: The model's file in the directory of a run.
FILE: Final = "model.safetensors"

#: Metrics of a model in a file.
MOST_METRICS = 100


class Model:
    """A network, the loss it was trained with, and what its inputs and answers mean.

    `Trainer.model` is one, and `Trainer.save`, `Model.save` and ``plugnet train`` write what `load`
    reads.

    >>> from plugnet import Network, Trainer
    >>> flies = {"wings": [2, 4, 2, 4], "legs": [6, 6, 6, 6]}
    >>> trainer = Trainer(Network([("fc", 2, 2)]), batch_size=4)
    >>> _ = trainer.fit(flies, ["fly", "bee", "fly", "bee"], iterations=200)
    >>> trainer.model.predict({"legs": [6, 6], "wings": [4, 2]}).tolist()
    ['bee', 'fly']

    Attributes:
        network: the trained network.
        loss: what it was trained to minimise.
        schema: what its inputs and answers mean.
        metrics: what `evaluate` judges by, by name.
        versions: what made it: the versions of plugnet and NumPy, by name.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss | Any,
        schema: Schema,
        metrics: Iterable[Any] | None = None,
        versions: Mapping[str, str] | None = None,
    ) -> None:
        """Put the parts together.

        Args:
            network: a network whose output is flat.
            loss: an object, a name, a tuple or a spec.
            schema: what inputs and answers mean.
            metrics: each an object, a name, a tuple or a spec; None: those that suit the answers.
            versions: what made it; None: what runs now.

        Raises:
            ShapeError: inputs or outputs are not as many as the schema says.
            ArgumentError: the schema contradicts itself, or a metric does not suit it.
        """
        check_schema(schema)
        self.network = network
        self.loss: Loss = registry.losses.resolve(loss)
        self.schema = schema
        self.metrics = build_metrics(metrics, schema.kind, self.loss)
        self.versions = running() if versions is None else dict(versions)
        self._check_inputs()
        self._check_outputs()

    def _check_inputs(self) -> None:
        shape, schema = self.network.input_shape or (), self.schema
        fits = schema.input_shape in ((), shape)
        if not (fits and (not schema.columns or len(schema.columns) == math.prod(shape))):
            raise ShapeError(
                f"The network takes samples of shape {shape}, but the schema says "
                f"{schema.input_shape or 'no shape'} and names "
                f"{counted(len(schema.columns), 'column')}. Name each number of a sample, or none.",
                expected=schema.input_shape or (len(schema.columns),),
                got=shape,
            )

    def _check_outputs(self) -> None:
        outputs, classes = count_outputs(self.network), len(self.schema.classes)
        is_binary = outputs == 1 and classes == 2 and self.loss.threshold is not None
        fits = outputs == classes or is_binary
        if self.schema.kind == "class" and not fits:
            raise ShapeError(
                f"The network has {counted(outputs, 'output')} for "
                f"{counted(classes, 'class', 'classes')}. Give its last layer an output for each "
                "class.",
                expected=(classes,),
                got=(outputs,),
            )
        for name in ("scales", "targets") if self.schema.kind == "real" else ():
            count = len(getattr(self.schema, name))
            if count not in (0, outputs):
                raise ShapeError(
                    f"The network has {counted(outputs, 'output')}, but the schema has {count} of "
                    f"{name}. Each output needs one.",
                    expected=(count,),
                    got=(outputs,),
                )

    @property
    def classes(self) -> tuple[Any, ...]:
        """The classes, in the order of `predict_proba`'s columns; () for real values."""
        return self.schema.classes

    def predict(self, x: Any) -> Array:
        """Return the answers: class names or numbers ``(N,)``, or real values.

        Real values are ``(N, K)``, or ``(N,)`` if there is one for each sample. A network that was
        trained on several labels at once, or on probabilities, gives probabilities.

        Args:
            x: samples as for training; or the path of a file or folder, all of whose rows are
                meant. A table's columns are found by their names, and it may also have the targets'
                and those that training left out. After a training on an array, which names none,
                they are taken as they stand, and there must be as many.

        Raises:
            DataError: a column is missing or unknown, a value is missing, or no answer comes out.
            FileFormatError: the file cannot be read, or is no file of samples.
            ShapeError: the samples have the wrong shape.
        """
        outputs = self.outputs(x)
        if self.schema.kind == "real":
            values = self.values(outputs)
            return values[:, 0] if values.shape[1] == 1 else values
        return self.names(predicted_classes(outputs, self.loss.threshold))

    def predict_proba(self, x: Any) -> Array:
        """Return the probability of each class, ``(N, classes)``, in the order of `classes`.

        Raises:
            CallOrderError: the loss gives no probabilities, or the answers are real values.
        """
        return self.probabilities(self.outputs(x))

    def evaluate(self, x: Any, y: Any = None, weights: Any = None) -> Evaluation:
        """Return the mean loss and the metrics on labelled samples.

        Args:
            x: samples, as for `predict`; or a `Batch` of samples, labels and weights; or the path
                of a file that holds both.
            y: their labels, in the words of training.
            weights: ``(N,)``, for how many samples each counts; None: for one.

        Raises:
            DataError: a label is no class of the model, or there is none; or as `predict`.
        """
        return self._judge(self._answered(x, y, weights))

    def evaluate_by_class(self, x: Any, y: Any = None, weights: Any = None) -> list[dict[str, Any]]:
        """Return a row for each class that occurs or is predicted, for the samples of `evaluate`.

        Each has the keys class, samples, correct, recall and precision. Samples of weight 0 do not
        count, all others count once.

        Raises:
            CallOrderError: the answers are not classes.
            DataError: as `evaluate`.
        """
        if self.schema.kind != "class":
            raise CallOrderError(
                "A table by class needs classes, but this model's answers are real values. Use "
                "evaluate."
            )
        counts = ClassCounts(len(self.classes))
        for outputs, targets, held in self._answered(x, y, weights):
            predicted = predicted_classes(outputs, self.loss.threshold)
            true = true_classes(targets, outputs.shape[1])
            counts.add(predicted, true, None if held is None else held > 0)
        return counts.table(self.classes)

    # What these rest on --------------------------------------------------------------------------

    def judge(
        self,
        given: Batch,
        predict_rows: Callable[[slice], Array],
        iteration: int = 0,
        part: Literal["validation", "test"] = "test",
    ) -> Evaluation:
        """Return loss and metrics on checked samples, whose outputs ``predict_rows`` gives."""
        x, y, weights = given
        answered = (
            (predict_rows(rows), y[rows], None if weights is None else weights[rows])
            for rows in blocks(len(x), self.network.predict_rows)
        )
        return self._judge(answered, iteration, part)

    def _judge(
        self,
        answered: Iterable[tuple[Array, Array, Array | None]],
        iteration: int = 0,
        part: Literal["validation", "test"] = "test",
    ) -> Evaluation:
        """Return loss and metrics for outputs, targets and weights that come block by block."""
        own = copy.deepcopy(self.metrics)  # they count, and another thread may evaluate, too
        with np.errstate(all="ignore"):  # an underflow is harmless, and NaN is judged as wrong
            loss, metrics = evaluate(self.loss, own, self.schema, answered)
        return Evaluation(iteration, loss, metrics, part)

    def _answered(
        self, x: Any, y: Any, weights: Any
    ) -> Iterator[tuple[Array, Array, Array | None]]:
        """Yield outputs, targets and weights of labelled samples, block by block."""
        given = self._labelled(x) if is_path(x) else [joined(x, y, weights)]
        for batch in given:
            samples, targets, held = self.check(*batch)
            for rows in blocks(len(samples), self.network.predict_rows):
                outputs = self.network.predict(samples[rows])
                yield outputs, targets[rows], None if held is None else held[rows]

    def _labelled(self, path: str | os.PathLike[str]) -> Iterator[Batch]:
        """Yield the rows of a file, which must have labels."""
        for rows in rows_of(path, self.schema):
            if rows.y is None:
                raise DataError(
                    f"To evaluate, samples must have labels, but those of {os.fspath(path)} have "
                    "none. Add them, or use predict.",
                    row=None,
                )
            yield Batch(rows.x, rows.y, rows.weights)

    def check(self, x: Any, y: Any, weights: Any = None) -> Batch:
        """Return samples, targets and weights as the network and the loss take them, checked."""
        check_aligned(x, y, weights)
        return check_batch(Batch(x, y, weights), self.network, self.loss, self.schema)

    def inputs(self, x: Any) -> Array:
        """Return samples as the network takes them, checked; see `predict`."""
        return check_inputs(x, self.network, self.schema)

    def outputs(self, x: Any) -> Array:
        """Return the network's outputs ``(N, K)``."""
        if is_path(x):
            found = [self.outputs(rows.x) for rows in rows_of(x, self.schema)]
            return np.concatenate(found)
        return self.network.predict(self.inputs(x))

    @property
    def gives_probabilities(self) -> bool:
        """Whether `predict_proba` works."""
        return self.schema.kind == "class" and gives_probabilities(self.loss)

    def names(self, ids: Array) -> Array:
        """Return the classes of some ids ``(N,)``.

        Raises:
            DataError: an id is -1: the network's outputs were NaN.
        """
        _require_answers(ids >= 0)
        return np.array(self.schema.classes)[ids]

    def values(self, outputs: Array) -> Array:
        """Return outputs ``(N, K)`` as real values: probabilities if they were trained on these."""
        with np.errstate(all="ignore"):
            found = self.loss.probabilities(outputs)
        values = decode(outputs, self.schema) if found is None else found
        _require_answers(np.all(np.isfinite(values), axis=1))
        return values

    def probabilities(self, outputs: Array) -> Array:
        """Return outputs ``(N, K)`` as the probability of each class; see `predict_proba`."""
        with np.errstate(all="ignore"):
            found = self.loss.probabilities(outputs) if self.schema.kind == "class" else None
        if found is None:
            name = registry.name_of(self.loss) or type(self.loss).__name__
            raise CallOrderError(
                "Probabilities need classes, and a loss that gives them, such as "
                f"softmax_with_loss, but this model's loss is '{name}' and its answers are "
                f"{'classes' if self.schema.classes else 'real values'}. Use predict."
            )
        return np.hstack([1 - found, found]) if found.shape[1] == 1 else found

    # Files ---------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to one file, wholly or not at all; `Network.load` reads it, too.

        Raises:
            SpecError: a component cannot be described, because it is not registered.
            OSError: the file cannot be written.
        """
        from plugnet.files import documents  # late: only saving and loading need it

        with self.network.lock:  # a training in another thread waits with its next commit
            documents.write(path, self.network.state(), self.document())

    def document(self) -> dict[str, Any]:
        """Return what a file holds besides the arrays."""
        return {**self.network.document(), "model": self.section()}

    def section(self) -> dict[str, Any]:
        """Return the model's own section of a file."""
        return {
            "loss": registry.spec(self.loss),
            "metrics": [registry.spec(metric) for metric in self.metrics.values()],
            "schema": asdict(self.schema),
            "versions": dict(self.versions),
        }

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        budget: int | None = None,
        allow_nonfinite: bool = False,
    ) -> Model:
        """Read what `save`, `Trainer.save` or ``plugnet train`` wrote.

        Args:
            path: the file, or the directory of a run.
            budget: how many bytes of memory it may take; see `Network.load`.
            allow_nonfinite: whether parameters may be NaN or infinite.

        Raises:
            FileFormatError: it is missing, damaged, or holds a network only.
            BudgetError: it would take more memory than it may.
            SpecError: it needs components that are not installed.
        """
        from plugnet.files import documents

        path = Path(file_path("path", path))
        if path.is_dir():
            path = path / FILE
        arrays, document = documents.read(path, budget)
        network = Network.from_document(
            arrays, document, path, budget=budget, allow_nonfinite=allow_nonfinite
        )
        return cls.from_section(document.get("model"), network, path)

    @classmethod
    def from_section(cls, section: Any, network: Network, path: str | os.PathLike[str]) -> Model:
        """Return the model that a file's section describes; ``path`` is for the errors."""
        if section is None:
            raise FileFormatError(
                f"{os.fspath(path)} holds a network, but not what its answers mean: the loss and "
                "the classes are missing. Network.load reads it; Model(network, loss, "
                'Schema("class", classes=(...))).save(...) adds them.',
                path=os.fspath(path),
            )
        try:
            given, loss, metrics = section["schema"], section["loss"], section["metrics"]
            if not all(isinstance(value, list) for key, value in given.items() if key != "kind"):
                raise TypeError("a value of the schema is not a list")
            names = {key: tuple(value) for key, value in given.items() if key != "kind"}
            for key in ("offsets", "scales"):
                names[key] = tuple(number(key, value) for value in names.get(key, ()))
            schema = Schema(given["kind"], **names)
            registry.check_specs([loss], "loss")
            if len(metrics) > MOST_METRICS:
                raise ValueError(f"it has {len(metrics)} metrics, more than {MOST_METRICS}")
            registry.check_specs(metrics, "metric")
            versions = {str(name): str(version) for name, version in section["versions"].items()}
            return cls(network, loss, schema, metrics, versions)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, PlugnetError) and not isinstance(
                error, ShapeError | ArgumentError
            ):
                raise
            raise FileFormatError(
                f"{os.fspath(path)} does not describe a model ({type(error).__name__}: {error}). "
                "Use an intact copy of a file that Model.save wrote.",
                path=os.fspath(path),
            ) from error

    def __repr__(self) -> str:
        answers = self.schema.classes or self.schema.targets
        said = brief(answers) if answers else "real values"
        return f"Model({self.network!r}, {self.schema.kind}: {said})"

    def _repr_html_(self) -> str:
        from plugnet.html.markup import facts, folded, page  # late: only notebooks ask

        schema, (gives, names) = self.schema, self._answers()
        parts = {"answers": f"{gives}: {listed(names)}" if names else gives}
        if schema.ignored:
            parts["ignored labels"] = listed(schema.ignored)
        columns, shape = schema.columns, self.network.input_shape
        if columns:
            parts["inputs"] = f"{counted(len(columns), 'column')}: {listed(columns)}"
        elif shape is not None:
            parts["inputs"] = f"samples of shape {shape}"
        if schema.dropped:
            parts["left out"] = (
                f"{counted(len(schema.dropped), 'column')}: {listed(schema.dropped)}"
            )
        parts["loss"] = brief(self.loss)
        parts["metrics"] = ", ".join(map(brief, self.metrics.values())) or "none"
        parts["made with"] = ", ".join(
            f"{name} {version}" for name, version in self.versions.items()
        )
        network = self.network
        return page(
            "Model",
            f"that answers with {gives}",
            facts("What it answers", parts),
            folded(repr(network), network._repr_html_()),
        )

    def _answers(self) -> tuple[str, Sequence[Label]]:
        """Return what the answers are, and their names."""
        schema, count = self.schema, len(self.schema.targets)
        if schema.kind == "class":
            return f"one of {counted(len(schema.classes), 'class', 'classes')}", schema.classes
        return counted(count, "real value") if count else "real values", schema.targets


def _require_answers(are_answers: Array) -> None:
    """Check that there is an answer in each row, ``(N,)``."""
    if not are_answers.all():
        row = int(np.argmin(are_answers))
        raise DataError(
            f"The network gives no answer for row {row}: its outputs are not numbers. Look at the "
            "values of that row; they may be too large.",
            row=row,
        )


def count_outputs(network: Network) -> int:
    """Return K, how many outputs a network gives for each sample.

    Raises:
        ShapeError: they are not flat, or not known yet.
    """
    shape = network.output_shape
    if shape is None or len(shape) != 1:
        raise ShapeError(
            "A network must give a row of numbers for each sample, but the shape of its output is "
            f"{shape}. End it with a layer whose output is flat, such as fc.",
            expected=("K",),
            got=shape,
        )
    return shape[0]


def is_path(x: Any) -> bool:
    """Tell whether ``x`` is the path of a file rather than samples."""
    return isinstance(x, str | os.PathLike)


def check_batch(
    batch: Batch, network: Network, loss: Loss, schema: Schema, **options: Any
) -> Batch:
    """Return samples, targets and weights as network and loss take them, checked.

    See `as_samples` for the options.
    """
    samples = check_inputs(batch.x, network, schema, **options)
    network.validate_input(samples)  # an image stays one, for the hooks
    rows, dtype = len(samples), network.dtype
    labels, weights = counting(batch.y, batch.weights, schema)
    targets = encode(labels, schema, rows, dtype)
    weights = None if weights is None else as_weights(weights, rows, dtype)
    loss.check(targets, (rows, *(network.output_shape or ())))
    return Batch(samples, targets, weights)


def check_inputs(x: Any, network: Network, schema: Schema, **options: Any) -> Array:
    """Return samples as a network takes them, checked; see `as_samples` for the options."""
    samples = as_inputs(x, schema.columns, {*schema.targets, *schema.dropped})
    return as_samples(
        samples,
        network.sample_dtype,
        scale=network.chain.input_scale(),
        allow_missing=network.fills_missing,
        columns=schema.columns,
        **options,
    )
