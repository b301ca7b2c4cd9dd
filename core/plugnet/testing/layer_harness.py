"""A harness for layers: builds one, and resets its generators before each pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.interfaces import Layer
from plugnet.layers import is_differentiable, parameters_of, walk
from plugnet.parameter import Parameter, Parameters
from plugnet.testing.comparison import allclose
from plugnet.testing.report import NotApplicable
from plugnet.testing.snapshot import find_instances
from plugnet.testing.target import Example, Target

ROWS: Final = 3
ROOT: Final = "layer"


class Case(NamedTuple):
    """One way to try a layer: its arguments, and the shape of one sample."""

    example: Example
    shape: Shape


class PassResult(NamedTuple):
    """The results of one training pass, as copies.

    Attributes:
        y: the outputs.
        dx: the gradient with respect to the inputs; empty if there is none.
        grads: ``grad`` of each trainable parameter and each statistic, by name.
    """

    y: Array
    dx: Array
    grads: dict[str, Array]

    def allclose(self, other: PassResult) -> bool:
        """Tell whether the results of two passes are equal up to rounding."""
        return (
            allclose(self.y, other.y)
            and allclose(self.dx, other.dx)
            and self.grads.keys() == other.grads.keys()
            and all(allclose(grad, other.grads[name]) for name, grad in self.grads.items())
        )


class LayerHarness:
    """An initialized layer for one case, with inputs and an upstream gradient.

    Attributes:
        layer: the layer; noise is added to its trainable parameters, so none is exactly 0 or 1.
        layers: the layer and its inner layers, by path.
        parameters: the parameters of all layers, by path, in one block as in a network.
        differentiable: whether there is a gradient with respect to the inputs.
        x: ``(rows, *shape)`` inputs: the example's, or drawn from a normal distribution.
        dy: ``(rows, *output_shape)`` gradient with respect to the outputs.
    """

    def __init__(
        self,
        target: Target,
        case: Case,
        *,
        dtype: str = "float64",
        rows: int = ROWS,
        seed: int = 1,
        spread: float = 1,
        prepares: bool = True,
    ) -> None:
        rng = np.random.default_rng(seed)
        self.target, self.case = target, case
        self.layer: Layer = target.build(case.example)
        self.layer.initialize(case.shape, np.random.default_rng(seed + 1), np.dtype(dtype))
        self.layers = walk({ROOT: self.layer})
        found = parameters_of(self.layers)
        self.parameters = Parameters(
            {path.removeprefix(f"{ROOT}."): found[path] for path in found}, np.dtype(dtype)
        )
        self.differentiable = is_differentiable(self.layer)
        for parameter in self.trained().values():
            parameter.value += np.asarray(rng.normal(0, 0.1, parameter.value.shape), dtype)
        self._generators = [
            (g, g.bit_generator.state) for g in find_instances(self.layer, np.random.Generator)
        ]
        self.save_untrained()
        self._drawn: Array = np.asarray(rng.normal(0, spread, (rows, *case.shape)))
        self._prepares, self._batch_shape = prepares, (-1,)
        self._dtype = dtype
        self.x = self.inputs(0)
        shape = (rows, *self.layer.output_shape(case.shape))
        self.dy: Array = np.asarray(rng.normal(size=shape), dtype)

    def inputs(self, number: int) -> Array:
        """Return ``x`` for number 0, and different inputs of the same shape for other numbers."""
        given, rows = self.case.example.inputs, len(self._drawn)
        if given is None:
            x: Array = (-2) ** number * np.roll(self._drawn, number, axis=0)
        else:
            x = given[(np.arange(rows) + number) % len(given)]
        return np.asarray(x, self._dtype)

    def trained(self) -> dict[str, Parameter]:
        """Return the trainable parameters by name."""
        return {name: p for name, p in self.parameters.items() if p.trainable}

    def require_trained(self) -> None:
        """Raise NotApplicable if there is nothing to train."""
        if not self.trained():
            raise NotApplicable("it has no parameters to train")

    def has_drawn(self) -> bool:
        """Tell whether random numbers were drawn since the last `restore`."""
        return any(repr(g.bit_generator.state) != repr(state) for g, state in self._generators)

    def save_untrained(self) -> None:
        """Save the untrained parameters for `restore`."""
        self._untrained: list[tuple[Array, Array]] = [
            (p.value, p.value.copy()) for p in self.parameters.values() if not p.trainable
        ]

    def restore(self) -> None:
        """Reset the generators and the untrained parameters, which a separate check covers."""
        for generator, state in self._generators:
            generator.bit_generator.state = state
        for array, value in self._untrained:
            array[...] = value

    def forward(self, x: Array | None = None, training: bool = True) -> Array:
        """Return a copy of the outputs for a copy of ``x``, after `restore`."""
        x = self.x if x is None else x
        return np.array(self.forward_in_place(x.copy(), training))

    def forward_in_place(self, x: Array, training: bool = True) -> Array:
        """Return the outputs themselves, not a copy; call `prepare` first, as a chain does."""
        self.restore()
        if training and self._prepares and x.shape != self._batch_shape:
            self.layer.prepare(x.shape, x.dtype)
            self._batch_shape = x.shape
        return self.layer.forward(x, training)

    def loss(self, x: Array) -> float:
        """Return the sum of ``dy * y``, whose gradient with respect to the outputs is ``dy``."""
        return float(np.vdot(self.dy, self.forward(x)))

    def backprop(self) -> Array | None:
        """Return dx itself, not a copy, for a copy of ``dy``; None if there is none."""
        return self.layer.backprop(self.dy.copy(), self.differentiable)

    def backward(
        self, dy: Array | None = None, inputs: bool = True
    ) -> tuple[Array, dict[str, Array]]:
        """Return copies of dx (empty if there is none) and of the gradients."""
        dy = self.dy if dy is None else dy
        self.clear_gradients()
        dx = self.layer.backprop(dy.copy(), inputs and self.differentiable)
        return (dy[:0] if dx is None else np.array(dx)), self.grads()

    def backward_methods(self) -> dict[str, Callable[[Array], Array | None]]:
        """Return `gradients` and `backward`, each only if the layer needs it."""
        found: dict[str, Callable[[Array], Array | None]] = {}
        if self.trained() and type(self.layer).gradients is not Layer.gradients:
            found["gradients"] = self.layer.gradients
        if self.differentiable:
            found["backward"] = self.layer.backward
        return found

    def clear_gradients(self) -> None:
        """Set gradients to 0; a separate check proves that a pass overwrites them."""
        for parameter in self.trained().values():
            parameter.grad.fill(0)

    def grads(self) -> dict[str, Array]:
        """Return copies of ``grad`` of the trainable parameters and the statistics."""
        followed = [*self.trained().values(), *self.parameters.statistics]
        return {n: p.grad.copy() for n, p in self.parameters.items() if p in followed}

    def run(self, x: Array | None = None, dy: Array | None = None) -> PassResult:
        """Run one training pass."""
        return PassResult(self.forward(x), *self.backward(dy))

    def twin(self, **options: Any) -> LayerHarness:
        """Return another harness of the same case, whose layer has the same values."""
        self.restore()
        other = LayerHarness(self.target, self.case, **options)
        for own, theirs in zip(other.parameters.values(), self.parameters.values(), strict=True):
            own.value = theirs.value
        other.save_untrained()
        return other
