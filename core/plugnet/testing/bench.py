"""A layer on the bench: built, initialized, and run with what it keeps set back each time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.interfaces import Layer
from plugnet.parameter import Parameter, pack
from plugnet.testing.report import NotApplicable
from plugnet.testing.state import Beginning, silent
from plugnet.testing.subject import Example, Subject

#: Shapes of inputs to try, unless an example says one: of each rank the first that is taken.
SHAPES: Final[tuple[tuple[Shape, ...], ...]] = (
    ((6,),),
    ((5, 4),),
    ((4, 5, 3), (7, 8, 4)),
)
ROWS: Final = 3


class Case(NamedTuple):
    """One way to try a layer: its arguments, and the shape of its inputs."""

    example: Example
    shape: Shape


class Passed(NamedTuple):
    """What one training pass gave, as copies.

    Attributes:
        y: the outputs.
        dx: the gradient with respect to the inputs.
        grads: the gradient of each trainable parameter, in order.
    """

    y: Array
    dx: Array
    grads: list[Array]


class Bench:
    """A layer that is initialized for one case, with inputs and an upstream gradient.

    Attributes:
        layer: the layer; its trained parameters are moved away from zeros and ones.
        x: inputs ``(rows, *shape)``: the example's, or else drawn from a normal distribution.
        dy: the gradient with respect to the outputs, of their shape.
        beginning: what the layer keeps for itself, to be set back before a forward.
    """

    def __init__(
        self,
        subject: Subject,
        case: Case,
        *,
        dtype: str = "float64",
        rows: int = ROWS,
        seed: int = 1,
        spread: float = 1,
    ) -> None:
        rng = np.random.default_rng(seed)
        self.case = case
        self.layer: Layer = subject.build(case.example)
        self.layer.initialize(case.shape, np.random.default_rng(seed + 1), np.dtype(dtype))
        pack(self.trained())  # as a network does
        for parameter in self.trained():
            away = np.asarray(rng.normal(0, 0.1, parameter.value.shape))
            parameter.value += away.astype(dtype)
        self.beginning = Beginning(self.layer)
        self._drawn: Array = np.asarray(rng.normal(0, spread, (rows, *case.shape)))
        self._dtype = dtype
        self.x = self.inputs(0)
        shape = (rows, *self.layer.output_shape(case.shape))
        self.dy: Array = np.asarray(rng.normal(size=shape), dtype)

    def inputs(self, number: int) -> Array:
        """Return ``x`` for 0, and for other numbers other inputs of the same shape."""
        given, rows = self.case.example.inputs, len(self._drawn)
        if given is None:
            x: Array = (-2) ** number * np.roll(self._drawn, number, axis=0)
        else:
            x = given[(np.arange(rows) + number) % len(given)]
        return np.asarray(x, self._dtype)

    def trained(self) -> list[Parameter]:
        """Return the trainable parameters."""
        return [parameter for parameter in self.layer.parameters() if parameter.trainable]

    def forward(self, x: Array, training: bool = True) -> Array:
        """Return a copy of the outputs for a copy of ``x``, from the same beginning each time."""
        self.beginning.restore()
        return np.array(self.layer.forward(x.copy(), training))

    def backward(self, dy: Array) -> tuple[Array, list[Array]]:
        """Return copies of dx and of the gradients, in the order in which a network asks.

        For a layer that is not differentiable, dx has no entries.
        """
        for parameter in self.trained():
            parameter.grad.fill(0)  # that what is in it does not count has a check of its own
        if self.trained():
            self.layer.gradients(dy)
        dx = np.array(self.layer.backward(dy)) if self.layer.differentiable else dy[:0]
        return dx, [parameter.grad.copy() for parameter in self.trained()]

    def run(self, x: Array | None = None, dy: Array | None = None) -> Passed:
        """Return what one training pass gives."""
        y = self.forward(self.x if x is None else x)
        return Passed(y, *self.backward((self.dy if dy is None else dy).copy()))


def cases(subject: Subject) -> list[Case]:
    """Return the ways to try a layer that work at all.

    Raises:
        NotApplicable: there is none, of which `check_shapes` says why.
    """
    found = [case for example in subject.usable for case in _working(subject, example)]
    if not found:
        raise NotApplicable("no shape of inputs works: see shapes")
    return found


def benches(subject: Subject, **options: Any) -> Iterator[Bench]:
    """Yield a bench for each case."""
    for case in cases(subject):
        yield Bench(subject, case, **options)


def candidates(subject: Subject, example: Example) -> tuple[tuple[Shape, ...], ...]:
    """Return the shapes to try for one example, in groups of which one is enough."""
    shape = example.shape or subject.build(example).input_shape()
    return SHAPES if shape is None else ((tuple(shape),),)


def _working(subject: Subject, example: Example) -> Iterator[Case]:
    for group in candidates(subject, example):
        for shape in group:
            case = Case(example, shape)
            try:
                with silent():
                    Bench(subject, case).run()
            except Exception:
                continue
            yield case
            break
