"""The contract: every kind of component, on one page.

A component is a class that implements one of these interfaces. (Hooks need none: see
`plugnet.training.hooks`.) These rules hold for all:

* Every constructor argument is kept as an attribute of the same name (a dataclass does this for
  you), so that a component can be described, saved and copied without help from its author: a
  copy is the class and the arguments; a network's copy also has the parameters and the generators'
  states, but no buffers.
* Classes are abstract or final: the interfaces here are abstract, and a component is not
  subclassed. To change one, wrap it.
* Computing is pure. A training forward, a backward pass and a loss write buffers and
  `Parameter.grad` only. What is saved changes in one place, the trainer's commit, at the end of a
  step: a step that fails on its way there has not happened. So a running mean is a
  `plugnet.parameter.Statistic`: a training forward writes the batch's mean into its ``grad``, and
  the commit moves its ``value``.

Arrays are C-ordered NumPy arrays with the samples along axis 0: ``(N, features)``, and channels
last for images: ``(N, height, width, channels)``. A *shape* leaves ``N`` out, a *batch shape* has
it. The dtype is that of the network, float32 unless it says otherwise; a component computes in the
dtype that comes in. Gradients are those of the mean loss over the batch: a loss divides by the
batch's total weight, layers only sum.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.component import Component as Component
from plugnet.component import Example as Example
from plugnet.errors import CallOrderError, brief_call
from plugnet.parameter import Parameter
from plugnet.schema import Label, Schema
from plugnet.targets import check_targets


class Batch(NamedTuple):
    """What one training step sees.

    Attributes:
        x: ``(N, *shape)`` samples.
        y: ``(N,)`` integer class ids, or ``(N, K)`` targets.
        weights: ``(N,)``, how much each sample counts, or None: all the same.

    >>> batch = Batch(np.zeros((2, 3)), np.array([0, 1]))
    >>> batch.x.shape, batch.weights
    ((2, 3), None)
    """

    x: Array
    y: Array
    weights: Array | None = None

    def __repr__(self) -> str:
        return brief_call(self, self._asdict())


class Layer(Component):
    """A differentiable step of a network: ``y = f(x)`` forward, ``dx = dy . df/dx`` backward.

    >>> from plugnet import registry
    >>> layer = registry.layers.build("fc", inputs=2, outputs=3)
    >>> layer.initialize((2,), np.random.default_rng(0), np.dtype("float32"))
    >>> layer.output_shape((2,)), sorted(layer.parameters())
    ((3,), ['bias', 'weight'])
    >>> y = layer.forward(np.ones((4, 2), np.float32), training=True)
    >>> layer.gradients(np.ones_like(y))  # fills parameter.grad, here summed over 4 samples
    >>> layer.parameters()["bias"].grad.tolist()
    [4.0, 4.0, 4.0]

    A layer without parameters writes `forward` and `backward`. One with parameters also writes
    `initialize`, `parameters` and `gradients`. One that changes the shape writes `output_shape`.
    One that wants to allocate nothing in any step after the first writes `prepare`. One that holds
    layers writes `inner`, and `backprop` instead of `gradients` and `backward`. Whoever calls them,
    a chain of layers as a rule, has checked what goes in: the methods check nothing.
    """

    #: Whether `forward` computes something else if ``training``, as dropout does.
    differs_in_training: ClassVar[bool] = False

    #: Whether there is a gradient with respect to the inputs. If not, for example because they are
    #: looked up in a table, `backward` is never called: no layer before this one can be trained.
    differentiable: ClassVar[bool] = True

    #: Whether, as a network's first layer, it takes samples in the dtype in which they are stored,
    #: and casts them itself. Others are given them in the network's dtype.
    takes_stored: bool = False

    #: The layer's own generator. A layer that draws random numbers in training forwards keeps the
    #: one given to `initialize` here: then it is placed, before each of them, by the network's
    #: seed, the iteration and the shard (the number of the part, where a batch is divided), so that
    #: the same step always draws the same.
    rng: np.random.Generator | None = None

    #: Set by the network that the layer belongs to, so that no other one takes it over.
    owner: object = None

    def __reduce__(self) -> tuple[Any, ...]:
        if self._is_initialized():
            raise CallOrderError(
                f"{type(self).__name__} is initialized, and a copy of it alone would lose its "
                "parameters. Copy or pickle the network that holds it, or copy before initialize."
            )
        return super().__reduce__()

    def _is_initialized(self) -> bool:
        try:
            owned = any(isinstance(each, Parameter) for each in self.parameters().values())
        except AttributeError:  # a parameter is not there yet
            return False
        return owned or any(layer._is_initialized() for layer in self.inner().values())

    def inner(self) -> Mapping[str, Layer]:
        """Return the layers that it holds, by name; here, none.

        Override it in a layer that holds layers, best as chains, `plugnet.chain.Chain`: their
        parameters, generators and flags are then found here, and `parameters` is for its own.
        """
        return {}

    def input_shape(self) -> Shape | None:
        """Return the shape this layer must be given, or None if its constructor does not say.

        Override it where the constructor fixes the shape: the network can then be built and
        summarised before any data are seen.
        """
        return None

    def input_scale(self) -> float | None:
        """Return the magnitude of the inputs it is made for; here, 1. None: any will do.

        Override it if the layer brings inputs to the order of 1. Samples of quite another magnitude
        give a warning before the network is trained.
        """
        return 1.0

    @property
    def needs_adapt(self) -> bool:
        """Whether it learns from the samples, by `adapt`, and has not yet; here, False.

        Override it with `adapt`.
        """
        return False

    @property
    def fills_missing(self) -> bool:
        """Whether samples may hold NaN, for which it puts a number; here, False."""
        return False

    def adapt(self, blocks: Iterable[Array]) -> None:
        """Learn from the samples of the training part what its outputs depend on; here, nothing.

        Only a network's first layer is asked, once, before the first step. What it learns is the
        value of a `plugnet.parameter.Statistic` with the momentum 1, which no step moves: so it is
        saved, and neither loading nor further training changes it. `forward` also works before, and
        `initialize` is called earlier.

        Args:
            blocks: all samples once, in blocks ``(n, *shape)``, in the dtype in which they are
                stored. They are finite, except for NaN if `fills_missing`, and must not be changed.
        """

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the output for inputs of ``shape``; here, the same.

        Override it if the layer changes the shape or restricts it. Raise
        ``ShapeError(message, expected=..., got=shape)`` for a shape that the layer cannot take:
        the network adds which layer it is and who produced the shape.
        """
        return shape

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        """Create the parameters for inputs of ``shape``; here, those of inner layers.

        Called once, before the first `forward`. Override it if the layer has parameters of its own,
        or draws random numbers: then keep ``rng``, which is this layer's alone, as ``self.rng``;
        or if its inner layers are given anything but ``shape``.
        """
        layers = self.inner().values()
        for layer, own in zip(layers, rng.spawn(len(layers)) if layers else (), strict=True):
            layer.initialize(shape, own, dtype)

    def parameters(self) -> Mapping[str, Parameter]:
        """Return the layer's own parameters by name, always in the same order; here, none.

        Those of inner layers are not among them.
        """
        return {}

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        """Make the buffers for training batches of ``batch_shape``, ``(N, *shape)``; here, none.

        Caffe's Reshape. A chain calls it just before a training `forward` of a new batch shape. A
        layer works without it, too, only with a new array for each result: then a buffer is None,
        which is what NumPy's ``out`` takes for "make one".
        """

    @abstractmethod
    def forward(self, x: Array, training: bool = False) -> Array:
        """Return ``y``, shape ``(N, *output_shape)``, for ``x``, shape ``(N, *shape)``.

        ``x`` must not be changed. If ``training``, keep what `backward` reads, and nothing more;
        ``y`` may be a buffer that the next training call overwrites. Otherwise change no attribute,
        and return a new array, or a view of ``x`` if that is all the layer does.
        """

    def gradients(self, dy: Array) -> None:
        """Overwrite ``grad`` of every own parameter, summed over the batch.

        ``dy``, shape of ``y``, is the gradient of the loss with respect to the last training
        output, and must not be changed. Write it if `parameters` gives any that is trained, unless
        `backprop` does all of its work.
        """
        if type(self).backprop is Layer.backprop:
            raise NotImplementedError(
                f"{type(self).__name__} has parameters, so it must implement gradients(dy) and "
                "fill parameter.grad there."
            )
        self.backprop(dy, False)

    def backward(self, dy: Array) -> Array:
        """Return ``dx``, the gradient of the loss with respect to the last training input.

        ``dx`` has the shape of ``x``, and may be a buffer that the next call overwrites.
        ``dy`` is as for `gradients`. Write it, unless `backprop` does all of its work or
        `differentiable` is False.
        """
        if type(self).backprop is Layer.backprop:
            raise NotImplementedError(
                f"{type(self).__name__} must implement backward(dy) and return dx, or say that "
                "there is no gradient with respect to its inputs: differentiable = False."
            )
        dx = self.backprop(dy, True)
        assert dx is not None, "backprop(dy, True) returns dx"
        return dx

    def backprop(self, dy: Array, inputs: bool) -> Array | None:
        """Do all of a backward pass: `gradients`, then `backward` if ``inputs``.

        ``inputs`` says whether somebody reads ``dx``, which is returned then, else None. In
        training nobody does for the first layer that has anything to train. Override it in a layer
        that shares work between the two, or that holds layers.
        """
        if any(parameter.trainable for parameter in self.parameters().values()):
            self.gradients(dy)
        return self.backward(dy) if inputs else None

    def flops(self, shape: Shape) -> int:
        """Return the floating-point operations of `forward` for one sample; here, none.

        A multiplication and an addition count as two. `Network.summary`, the choice of threads and
        `plugnet time` ask.
        """
        return 0


class Activation(Component):
    """An elementwise function and its derivative. The layer ``activation`` wraps one.

    >>> from plugnet import registry
    >>> relu = registry.activations.build("relu")
    >>> x = np.array([-1.0, 2.0])
    >>> y = relu.forward(x)
    >>> y.tolist(), relu.derivative(x, y).tolist()
    ([0.0, 2.0], [0.0, 1.0])
    """

    @abstractmethod
    def forward(self, x: Array, out: Array | None = None) -> Array:
        """Return ``f(x)``, written to ``out`` if given (same shape and dtype, never ``x``)."""

    @abstractmethod
    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        """Return ``f'(x)``, written to ``out`` if given; ``y = f(x)`` may save work."""


class Loss(Component):
    """The weighted mean over the batch of what each sample's outputs cost.

    >>> from plugnet import registry
    >>> loss = registry.losses.build("least_square_error")
    >>> outputs, targets = np.array([[1.0], [3.0]]), np.array([[0.0], [3.0]])
    >>> loss.forward(outputs, targets, training=True)
    0.25
    >>> loss.backward().tolist()
    [[0.5], [0.0]]
    """

    #: The score above which a network with a single output answers "class 1" rather than
    #: "class 0". None: the answers of a single output are not classes.
    threshold: ClassVar[float | None] = None

    #: The batch shape and dtype that it is prepared for, and whether a training uses it now. Set by
    #: the trainer.
    prepared_for: tuple[Shape, np.dtype[Any]] | None = None
    is_in_training: bool = False

    def check(self, targets: Array, batch_shape: Shape) -> None:
        """Check targets once, where they enter, for outputs of ``batch_shape``, ``(N, K)``.

        Here, that they are ``(N, K)``, or ``(N,)`` class ids, integers from 0 to K - 1; with a
        `threshold`, a single output has the classes 0 and 1. Override it to require more.

        Raises:
            ShapeError: the shapes do not fit; nothing is ever broadcast.
            DataError: a target cannot be compared with an output.
        """
        check_targets(targets, batch_shape, binary=self.threshold is not None)

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        """Make the buffers for training outputs of ``batch_shape``; here, none. See `Layer`."""

    @abstractmethod
    def forward(
        self,
        outputs: Array,
        targets: Array,
        weights: Array | None = None,
        total: float | None = None,
        training: bool = False,
    ) -> float:
        """Return sum(w l) / total, where l is the loss of a sample and w its weight.

        If ``training``, keep what `backward` reads. Otherwise change no attribute.

        Args:
            outputs: ``(N, K)``, the network's scores.
            targets: as `check` wants them: ``(N, K)``, or ``(N,)`` integer class ids, which mean
                the same as one-hot rows; `plugnet.targets.as_rows` makes the ones of the others.
            weights: ``(N,)`` of the outputs' dtype, at least 0; None: 1 each. A whole number means
                the same as that many copies of the sample.
            total: the weight of the whole batch, if these samples are only a part of it; None: the
                sum of ``weights``. If it is 0, so are the loss and its gradient.
            training: whether a backward pass follows.

        `plugnet.targets.weighted_mean` computes it.
        """

    @abstractmethod
    def backward(self) -> Array:
        """Return d loss / d outputs, ``(N, K)``, of the last training `forward`.

        It may be a buffer that the next call overwrites. `plugnet.targets.reweight` makes it from
        the gradient of a plain mean.
        """

    def probabilities(self, outputs: Array) -> Array | None:
        """Return scores ``(N, K)`` as probabilities, or None if they are not; here, None.

        Override it if they are: a new array ``(N, K)``, the probability of each class; for a
        single output with a `threshold` ``(N, 1)``, that of class 1.
        """
        return None


class Initializer(Component):
    """Draws the first values of an array of weights.

    >>> from plugnet import registry
    >>> he = registry.initializers.build("he_normal")
    >>> weight = he((400, 300), np.random.default_rng(0), np.dtype("float32"))
    >>> weight.shape, round(float(weight.var()) / he.variance((400, 300)), 1)
    ((400, 300), 1.0)
    """

    @abstractmethod
    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        """Return a new array. ``shape`` is ``(inputs, outputs)`` or a kernel's
        ``(height, width, inputs, outputs)``: the last axis counts outputs.
        """

    def variance(self, shape: Shape) -> float | None:
        """Return the variance that its rule gives the values for ``shape``; here, None.

        Override it if there is such a rule: the conformance kit compares what is drawn.
        """
        return None


class LRPolicy(Component):
    """The learning rate as a pure function of the iteration.

    >>> from plugnet import registry
    >>> policy = registry.lr_policies.build("step", 0.5, step_size=100, gamma=0.1)
    >>> policy(0), policy(100)
    (0.5, 0.05)
    """

    @abstractmethod
    def __call__(self, iteration: int) -> float:
        """Return the rate for ``iteration``, which starts at 0."""


class Optimizer(Component):
    """The formula by which a gradient changes values.

    It keeps nothing: the trainer owns the slots, counts the steps, saves and restores both.

    >>> from plugnet import registry
    >>> sgd = registry.optimizers.build("sgd", momentum=0.9)
    >>> value, grad, velocity = np.array([1.0]), np.array([0.5]), np.array([0.0])
    >>> for t in (1, 2):
    ...     sgd.step(value, grad, 0.1, 0.0, t, velocity, np.empty(1))
    >>> sgd.slots, round(float(value[0]), 3)
    (('velocity',), 0.855)
    """

    #: Whether each number is updated on its own: then values come in blocks of many parameters,
    #: flat, and possibly in several threads. If not, whole parameters come, in their shape.
    elementwise: ClassVar[bool] = True

    #: The names of the arrays kept for each parameter, zero at first, as "velocity".
    slots: ClassVar[tuple[str, ...]] = ()

    #: How many more arrays `step` computes in.
    scratches: ClassVar[int] = 1

    #: Whether it decays the weights itself, as adamw: a trainer then has no regularizer unless it
    #: is given one.
    decoupled_decay: ClassVar[bool] = False

    @abstractmethod
    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        """Change ``value`` and the slots in place; no attribute, and not ``grad``.

        Args:
            value: numbers of one or several parameters.
            grad: the gradient of the loss, and of the regularizer, by them.
            rate: the learning rate, times the parameters' ``lr_mult``.
            decay: the parameters' ``decay_mult``, for an optimizer with `decoupled_decay`.
            t: which step this is, counted from 1.
            arrays: the slots, then the scratch arrays, which hold anything; all have the shape and
                dtype of ``value``.
        """


class Regularizer(Component):
    """A penalty on the size of parameters.

    >>> from plugnet import registry
    >>> l2, value, grad = registry.regularizers.build("l2", 0.1), np.array([3.0]), np.zeros(1)
    >>> l2.add_gradient(value, grad, 1.0, np.empty(1))
    >>> round(l2.penalty(value), 3), grad.round(3).tolist()
    (0.45, [0.3])
    """

    #: Whether each number is penalised on its own: then values come in blocks of many parameters,
    #: flat, and possibly in several threads. If not, whole parameters come, in their shape.
    elementwise: ClassVar[bool] = False

    @abstractmethod
    def penalty(self, value: Array) -> float:
        """Return what ``value`` adds to the loss."""

    @abstractmethod
    def add_gradient(self, value: Array, grad: Array, scale: float, scratch: Array) -> None:
        """Add ``scale`` times d penalty / d value to ``grad`` in place.

        ``scale`` is the parameters' ``decay_mult``; ``scratch``, of the shape and dtype of
        ``value``, holds anything.
        """


class Metric(Component):
    """A number that judges answers, gathered block by block, for any number of samples.

    It keeps sums, not samples, and does not depend on how the samples are divided into blocks.
    What it keeps is no part of its description: a copy starts without samples.

    >>> from plugnet import registry
    >>> accuracy = registry.metrics.build("accuracy")
    >>> accuracy.reset()
    >>> accuracy.update(np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 0]))
    >>> accuracy.compute()
    0.5
    """

    #: What it judges: "class", predicted classes, or "real", predicted real values.
    kind: ClassVar[Literal["class", "real"]] = "class"

    #: Whether a higher number is a better one.
    greater_is_better: ClassVar[bool] = True

    #: What the class ids stand for, in their order; () if that is not known. Set before `reset`.
    classes: tuple[Label, ...] = ()

    @abstractmethod
    def reset(self) -> None:
        """Forget all samples. Called before the first `update`, too."""

    @abstractmethod
    def update(self, scores: Array, targets: Array, weights: Array | None = None) -> None:
        """Take in some more samples, of the same K as before; the arrays must not be changed.

        Args:
            scores: ``(N, K)``; for classes K is at least 2, and the highest score is the answer,
                the first of equal ones (a single score s comes as ``(0, s - threshold)``); or K
                real values. A row with a NaN answers no class; a real NaN makes the number NaN.
            targets: ``(N,)`` integer class ids from 0 to K - 1, or ``(N, K)`` real values.
            weights: ``(N,)``, for how many samples each counts, at least 0; None: for one. A row
                of weight 0 is ignored, whatever its scores.

        Raises:
            ArgumentError: a constructor argument does not fit K, such as the id of a class.
        """

    @abstractmethod
    def compute(self) -> float:
        """Return the number for all samples since `reset`, NaN if there are none.

        It changes nothing, and more samples may follow.
        """


@dataclass(frozen=True)
class DataSplits:
    """What a data set holds, divided in what to train on and what to test on.

    Labels are in the user's words: whoever trains on them gets answers in the same.

    Attributes:
        train: ``x``, ``(N, *shape)`` floating point, scaled for training, or numbers for a network
            that begins with a layer that scales them; or a `plugnet.data.LazyArray`; ``y``,
            ``(N,)`` labels, whole numbers or strings, or ``(N, K)`` real targets; and ``weights``,
            ``(N,)`` or None.
        test: the same for testing, or None.
        classes: all labels that there are, in the order of a network's outputs. () if the labels
            are class ids from 0, or real targets.
        columns: the names of the columns of ``x``, if it comes from a table that names them.
        targets: the names of the columns of ``y``, likewise.
        dropped: the names of a table's other columns, such as an id.
        missing: what stands for values that are missing, NaN in ``x``: "mean", that of the column,
            or a number. None: no value is missing.

    >>> x, y = np.zeros((4, 2)), np.array(["dog", "cat", "cat", "dog"])
    >>> splits = DataSplits(Batch(x[:3], y[:3]), Batch(x[3:], y[3:]), classes=("cat", "dog"))
    >>> splits.test.x.shape
    (1, 2)
    """

    train: Batch
    test: Batch | None = None
    classes: tuple[Label, ...] = ()
    columns: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    missing: float | str | None = None

    def __repr__(self) -> str:
        return brief_call(self, vars(self))


class Rows(NamedTuple):
    """Some rows of a file with samples that a trained model is asked about.

    Attributes:
        x: ``(N, *shape)`` samples, or a mapping from the names of columns to ``(N,)`` arrays.
        y: as in `DataSplits`, or None if the file has no labels.
        numbers: ``(N,)``, which rows of the file they are, counted from 0.
        lines: ``(N,)``, their line numbers from 1 if the file is text, else None.
        others: further columns, ``(N,)`` each, by name, such as an id.
        weights: ``(N,)``, how much each row counts, or None: all the same.
    """

    x: Any
    y: Array | None
    numbers: Sequence[int]
    lines: Sequence[int] | None = None
    others: Mapping[str, Sequence[Any]] = MappingProxyType({})
    weights: Array | None = None

    def __repr__(self) -> str:
        return brief_call(self, self._asdict())


class Dataset(Component):
    """Reads labelled samples from somewhere.

    >>> from plugnet import registry
    >>> digits = registry.datasets.build("digits").load()
    >>> digits.train.x.shape, digits.test.y.shape
    ((1497, 8, 8, 1), (300,))
    """

    @abstractmethod
    def load(self) -> DataSplits:
        """Read everything and return it.

        Raises:
            FileFormatError: a file is missing, damaged or of another format.
            DataError: samples or labels break a rule.
        """

    def rows(self, schema: Schema) -> Iterator[Rows]:
        """Yield all rows, in the file's order and in blocks, for a model to answer.

        Here, those of `load`, the training part first. Override it if there may be no labels, or
        if the file may be larger than the memory.

        Args:
            schema: what the model knows of its inputs and answers: a table's columns are found by
                their names.
        """
        splits = self.load()
        start = 0
        for part in (splits.train, splits.test):
            if part is not None:
                yield Rows(part.x, part.y, range(start, start := start + len(part.x)))
