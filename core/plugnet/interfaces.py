"""The contract: every kind of component, on one page.

A component is a class that implements one of these eight interfaces. Two rules hold for all:

* Every constructor argument is kept as an attribute of the same name (a dataclass gives that for
  nothing), so that `spec()` can describe the component without help from its author.
* Classes are abstract or final: the interfaces here are abstract, and a component is not
  subclassed. To change one, wrap it.

Arrays are C-ordered NumPy arrays with the samples along axis 0: ``(N, features)``, and channels
last for images: ``(N, height, width, channels)``. A *shape* leaves ``N`` out. The dtype is that of
the network, float32 unless it says otherwise; a component computes in the dtype that comes in.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias, TypeVar

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.errors import CallOrderError
from plugnet.parameter import Parameter

T = TypeVar("T")

#: Arguments for a constructor, by name. For a layer the shape of one sample may go with them, or,
#: where only some numbers may come in, samples to use; for an activation, numbers in its domain.
Example: TypeAlias = Mapping[str, Any] | tuple[Mapping[str, Any], Shape | Array]


class Component(ABC):
    """What all kinds share: a component can describe itself. Only `examples` is overridden."""

    #: Turns a component into its spec. Set by the registry, which knows the registered names.
    describe: ClassVar[Callable[[Component], dict[str, Any]]]

    @classmethod
    def examples(cls) -> Sequence[Example]:
        """Return arguments to try the class with; here, once without any.

        Only the kit `plugnet.testing` asks. Override it if the constructor needs arguments, or if
        several choices are worth trying; give an empty list if none work everywhere, as for the
        path of a file. Layers are tried with inputs of many shapes, unless an example says which;
        layers and activations with all sorts of numbers, unless an example gives an array of them:
        ``[({"words": 100}, np.array([[7.0, 0.0], [3.0, 99.0]]))]``.
        """
        return [{}]

    def arguments(self) -> dict[str, object]:
        """Return the constructor's arguments by name, read from the attributes."""
        names = inspect.signature(type(self)).parameters
        return {name: getattr(self, name) for name in names}

    def spec(self) -> dict[str, Any]:
        """Return a JSON-ready description from which ``registry.from_spec`` builds an equal one.

        Raises:
            SpecError: an argument cannot be written as JSON, or the class is not registered.
        """
        return type(self).describe(self)

    def kept(self, held: T | None) -> T:
        """Return what `forward` kept for `backward`; for layers and losses to call.

        Raises:
            CallOrderError: ``held`` is None, as there was no `forward` that keeps anything.
        """
        if held is None:
            raise CallOrderError(
                f"{type(self).__name__}: call forward before backward and gradients, a layer's "
                "with training=True; they read what it keeps."
            )
        return held

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.arguments().items())
        return f"{type(self).__name__}({arguments})"


class Layer(Component):
    """A differentiable step of a network: ``y = f(x)`` forward, ``dx = dy . df/dx`` backward.

    A layer without parameters writes `forward` and `backward`. One with parameters also writes
    `initialize`, `parameters` and `gradients`. One that changes the shape writes `output_shape`.
    Only the network calls these methods; `parameters` and those below it after `initialize`.
    """

    #: Whether `forward` computes something else if ``training``, as dropout does.
    differs_in_training: ClassVar[bool] = False

    #: Whether there is a gradient by the inputs. If not, as where they are looked up in a table,
    #: `backward` is never called: no layer before this one can have anything to train.
    differentiable: ClassVar[bool] = True

    #: Set by the network that the layer belongs to, so that no other one takes it over.
    owner: object = None

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

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape of the output for inputs of ``shape``; here, the same.

        Override it if the layer changes the shape or restricts it. Raise
        ``ShapeError(message, expected=..., got=shape)`` for a shape that the layer cannot take:
        the network adds which layer it is and who produced the shape.
        """
        return shape

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        """Create the parameters for inputs of ``shape``; here, nothing.

        Called once, before the first `forward`. Override it if the layer has parameters or draws
        random numbers: ``rng`` is this layer's own, keep it as an attribute to draw later.
        """

    def parameters(self) -> Sequence[Parameter]:
        """Return the parameters, always in the same order; here, none."""
        return ()

    @abstractmethod
    def forward(self, x: Array, training: bool = False) -> Array:
        """Return ``y``, shape ``(N, *output_shape)``, for ``x``, shape ``(N, *shape)``.

        ``x`` must not be changed. If ``training``, keep what `backward` reads, and nothing more;
        ``y`` may be a buffer that the next training call overwrites. Otherwise keep nothing, and
        return a new array, or a view of ``x`` if that is all the layer does.
        """

    @abstractmethod
    def backward(self, dy: Array) -> Array:
        """Return ``dx``, shape of ``x``, the gradient of the loss with respect to the last input.

        ``dy`` has the shape of ``y`` and must not be changed; ``dx`` may be a buffer that the next
        call overwrites. Called after `gradients`, and only where somebody reads ``dx``: in
        training, never for the first layer that has anything to train.
        """

    def gradients(self, dy: Array) -> None:
        """Overwrite ``parameter.grad`` of every trainable parameter, summed over the batch.

        Override it if `parameters` gives any. The loss has divided by ``N`` already.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has parameters, so it must implement gradients(dy) and fill "
            "parameter.grad there."
        )

    def flops(self, shape: Shape) -> int:
        """Return the floating-point operations of `forward` for one sample; here, none.

        A multiplication and an addition count as two. `Network.summary`, the choice of threads and
        `plugnet time` ask.
        """
        return 0


class Activation(Component):
    """An elementwise function and its derivative. The layer ``activation`` wraps one."""

    @abstractmethod
    def forward(self, x: Array, out: Array | None = None) -> Array:
        """Return ``f(x)``, written to ``out`` if given (same shape and dtype, never ``x``)."""

    @abstractmethod
    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        """Return ``f'(x)``, written to ``out`` if given; ``y = f(x)`` may save work."""


class Loss(Component):
    """The mean over the batch of what each sample's answer costs."""

    #: The score above which a network with a single output answers "class 1" rather than
    #: "class 0". None: the answers of a single output are not classes.
    threshold: ClassVar[float | None] = None

    @abstractmethod
    def forward(self, outputs: Array, targets: Array) -> float:
        """Return the loss, and keep what `backward` reads.

        Args:
            outputs: ``(N, K)``, the network's scores.
            targets: ``(N, K)`` of the same shape exactly, or ``(N,)`` integer class ids, which
                mean the same as one-hot rows.

        Raises:
            ShapeError: the shapes differ; nothing is ever broadcast.
        """

    @abstractmethod
    def backward(self) -> Array:
        """Return d loss / d outputs, ``(N, K)``, of the last `forward`.

        It may be a buffer that the next call overwrites.
        """

    def probabilities(self, outputs: Array) -> Array | None:
        """Return scores ``(N, K)`` as probabilities, or None if they are not; here, None.

        Override it if they are: a new array ``(N, K)``, the probability of each class; for a
        single output with a `threshold` ``(N, 1)``, that of class 1.
        """
        return None


class Initializer(Component):
    """Draws the first values of an array of weights."""

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
    """The learning rate as a pure function of the iteration."""

    @abstractmethod
    def __call__(self, iteration: int) -> float:
        """Return the rate for ``iteration``, which starts at 0."""


class Optimizer(Component):
    """Changes the parameters' values in place, given their gradients."""

    @abstractmethod
    def update(self, parameters: Sequence[Parameter], rate: float) -> None:
        """Take one step with learning rate ``rate``. Called once per iteration, always with the
        same parameters; ``parameter.grad`` is left as it is.
        """

    def state(self) -> dict[str, Array]:
        """Return what must be saved to go on later, by name; here, nothing.

        The arrays are the optimizer's own, not copies. Override both if there is any state.
        """
        return {}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Take over, by copy, what `state` returned: the next `update` goes on from there."""


class Regularizer(Component):
    """A penalty on the size of parameters. Called for those with ``parameter.decay`` only."""

    #: Whether each number is penalised by itself: then many parameters may come as one flat array.
    elementwise: ClassVar[bool] = False

    @abstractmethod
    def penalty(self, value: Array) -> float:
        """Return what ``value`` adds to the loss."""

    @abstractmethod
    def add_gradient(self, value: Array, grad: Array) -> None:
        """Add d penalty / d value to ``grad`` in place."""


@dataclass(frozen=True)
class Samples:
    """What a data set holds, under the tutorial's four names.

    Attributes:
        train_data: ``(N, *shape)`` floating point, scaled for training; or integers, for a network
            that begins with a layer that scales them.
        train_label: ``(N,)`` integer class ids from 0, or ``(N, K)`` real targets.
        test_data: as train_data, ``(M, *shape)``; M may be 0.
        test_label: as train_label, for test_data.
        classes: the names of the class ids, or () if they are just numbers or there are none.
    """

    train_data: Array
    train_label: Array
    test_data: Array
    test_label: Array
    classes: tuple[str, ...] = ()


class Dataset(Component):
    """Reads labelled samples from somewhere."""

    @abstractmethod
    def load(self) -> Samples:
        """Read everything and return it.

        Raises:
            FileFormatError: a file is missing, damaged or of another format.
            DataError: samples or labels break a rule.
        """
