"""Chain: layers in a row, itself a layer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import numpy as np

from plugnet import first_pass
from plugnet.arrays import Array, Shape
from plugnet.errors import ArgumentError, CallOrderError, ShapeError
from plugnet.files.budget import check
from plugnet.first_pass import Stage
from plugnet.interfaces import Layer
from plugnet.layers import (
    as_layers,
    check_differentiable,
    infer_shapes,
    is_differentiable,
    is_trained,
    names_of,
    parameters_of,
    walk,
)  # fmt: skip
from plugnet.parameter import Parameter, Statistic

T = TypeVar("T")


class Chain(Layer):
    """``y = f_n(... f_2(f_1(x)))``: each layer takes what the one before it gives.

    What the layers give is checked once, when training meets a batch of another shape. Outside
    training only the last result is, and if it is wrong, or a layer fails, those before it.

    >>> chain = Chain([("fc", 4, 3), "tanh", ("fc", 3, 2)])
    >>> chain.layer_names, chain.output_shape((4,))
    (('fc1', 'tanh1', 'fc2'), (2,))

    Attributes:
        layers: the layers, first to last.
        layer_names: their names in this chain, such as "fc1", "tanh1", "fc2".
        output_shapes: the shape of one sample after each layer; empty before `initialize`.
    """

    def __init__(self, layers: Iterable[Any]) -> None:
        """Build the layers.

        Args:
            layers: each a layer or activation, its name (``"tanh"``), a tuple of the name and its
                arguments (``("fc", 784, 50)``) or a spec.

        Raises:
            ArgumentError: they are not a list, or the list is empty.
            RegistryError: a name cannot be built.
        """
        self.layers = as_layers(layers)
        self.layer_names = names_of(self.layers)
        self.output_shapes: tuple[Shape, ...] = ()
        self._batch_shape: Shape | None = None  # for which all layers are prepared
        self._checked: set[bool] = set()  # the ``inputs`` whose backward pass was checked
        self.takes_stored = self.layers[0].takes_stored
        self._dtype: np.dtype[Any] | None = None  # that all layers give
        self._version = -1  # of the parameters, from which the stages were derived
        self._stages: tuple[list[Stage], list[Stage]] = ([], [])

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        """Return two chains to try, one within the other."""
        fc = ("fc", {"outputs": 5})
        return [{"layers": [fc, "tanh"]}, {"layers": [("chain", [fc, "sigmoid"]), fc]}]

    def inner(self) -> Mapping[str, Layer]:
        return dict(zip(self.layer_names, self.layers, strict=True))

    def input_shape(self) -> Shape | None:
        return self.layers[0].input_shape()

    def input_scale(self) -> float | None:
        return self.layers[0].input_scale()

    @property
    def needs_adapt(self) -> bool:
        return self.layers[0].needs_adapt

    @property
    def fills_missing(self) -> bool:
        return self.layers[0].fills_missing

    def adapt(self, blocks: Iterable[Array]) -> None:
        self.layers[0].adapt(blocks)

    def output_shape(self, shape: Shape) -> Shape:
        """Return the shape after the last layer.

        Raises:
            ShapeError: a layer cannot take what it is given; the message says by whom.
        """
        return infer_shapes(self.layers, self.layer_names, shape)[-1]

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        """Initialize every layer for what the one before it gives."""
        shapes = tuple(infer_shapes(self.layers, self.layer_names, shape))
        entering = (shape, *shapes[:-1])
        for given in {shape, *shapes}:
            check(math.prod(given) * dtype.itemsize, "One sample somewhere in the network")
        generators = rng.spawn(len(self.layers))
        for name, layer, own, given in zip(
            self.layer_names, self.layers, generators, entering, strict=True
        ):
            first_pass.initialize(layer, name, given, own, dtype)
        first = next((i for i, layer in enumerate(self.layers) if is_trained(layer)), len(shapes))
        check_differentiable(dict(list(self.inner().items())[first + 1 :]))
        self.output_shapes, self._batch_shape, self._version = shapes, None, -1
        self._dtype = dtype

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return what the last layer gives, ``(N, *output_shapes[-1])``."""
        if training and x.shape != self._batch_shape:
            return self._first_forward(x, training)
        layer, y = self.layers[0], x
        try:
            for layer in self.layers:
                y = layer.forward(y, training)
            if training or (
                len(y) == len(x)
                and y.shape[1:] == self.output_shapes[-1]
                and (y.dtype == x.dtype or (self.takes_stored and y.dtype == self._dtype))
            ):
                return y
        except Exception as error:
            if training:
                failed = next(i for i, each in enumerate(self.layers) if each is layer)
                with _located(self.inner()):
                    first_pass.blame(error, [*self.inner().items()], failed, y, "forward")
            self._first_forward(x, False)  # names the layer, or the one that gave it a wrong array
            raise  # it failed only once
        return self._first_forward(x, False)

    def backprop(self, dy: Array, inputs: bool) -> Array | None:
        """Go back from the last layer to the first whose gradient is needed.

        Raises:
            ArgumentError: ``inputs``, but a layer has no gradient with respect to its input.
            ShapeError: ``dy`` does not have the shape of the last training outputs.
        """
        if self._version != Parameter.version:
            self._plan()
        if inputs not in self._checked:
            return self._first_backprop(dy, inputs)
        index = len(self.layers) - 1
        try:
            for gradients, backward, index in self._stages[inputs]:  # noqa: B007 # read below
                if gradients is not None:
                    gradients(dy)
                if backward is not None:
                    dy = backward(dy)  # type: ignore[assignment] # None only after the last
        except Exception as error:
            reverse = list(self.inner().items())[::-1]
            with _located(self.inner()):
                first_pass.blame(error, reverse, len(reverse) - 1 - index, dy, "backward")
        return dy if inputs else None

    def flops(self, shape: Shape) -> int:
        """Return the operations of all layers together."""
        shapes = (shape, *infer_shapes(self.layers, self.layer_names, shape))
        return sum(layer.flops(given) for layer, given in zip(self.layers, shapes, strict=False))

    def _plan(self) -> None:
        """Derive what `backprop` calls."""
        version = Parameter.version
        self._checked = set()  # as layers may be visited that were not before
        whole = all(map(is_differentiable, self.layers))
        self._stages = self._derive(inputs=False), self._derive(inputs=True) if whole else []
        self._version = version  # last: an interrupt before has derived nothing

    def _derive(self, inputs: bool) -> list[Stage]:
        trained = [is_trained(layer) for layer in self.layers]
        stages: list[Stage] = []
        for index in reversed(range(len(self.layers))):
            layer, goes_on = self.layers[index], inputs or any(trained[:index])
            if not (goes_on or trained[index]):
                break
            frozen = [
                parameter.grad
                for parameter in parameters_of(walk({"": layer})).values()
                if not (parameter.trainable or isinstance(parameter, Statistic))
            ]
            if type(layer).backprop is Layer.backprop:
                gradients = _cleared(layer.gradients, frozen) if trained[index] else None
                stages.append((gradients, layer.backward if goes_on else None, index))
            else:
                whole = partial(layer.backprop, inputs=goes_on)
                stages.append((None, _cleared(whole, frozen), index))
        return stages

    def _first_forward(self, x: Array, training: bool) -> Array:
        if training:
            self._batch_shape, self._checked = None, set()
        shapes = self.output_shapes or infer_shapes(self.layers, self.layer_names, x.shape[1:])
        dtype = self._dtype if self.takes_stored and self._dtype is not None else x.dtype
        with _located(self.inner()):
            y = first_pass.forward(self.inner(), shapes, x, dtype, training)
        if training:
            self._batch_shape = x.shape
        return y

    def _first_backprop(self, dy: Array, inputs: bool) -> Array | None:
        if self._batch_shape is None:
            raise CallOrderError(
                "There are no training outputs yet: call forward with training=True before the "
                "backward pass, which reads what it keeps."
            )
        if inputs:
            check_differentiable(self.inner())
        n, *shape = self._batch_shape
        shapes = [tuple(shape), *infer_shapes(self.layers, self.layer_names, tuple(shape))]
        batch_shapes = [(n, *each) for each in shapes]
        stages = self._stages[inputs]
        last = -1 if inputs or not stages else stages[-1][2]  # whose dx nobody reads
        with _located(self.inner()):
            dx = first_pass.backprop(self.inner(), batch_shapes, dy, stages, last)
        self._checked.add(inputs)
        return dx if inputs else None


@contextmanager
def _located(layers: Mapping[str, Layer]) -> Iterator[None]:
    """Name a layer that has returned something wrong by its path in ``layers``, the outermost."""
    try:
        yield
    except (ArgumentError, ShapeError) as error:
        if hasattr(error, "method"):  # which the checks of the first pass add
            name: str = error.layer  # type: ignore[union-attr]
            wrong = vars(error).setdefault("wrong", layers.get(name))
            paths = (path for path, layer in walk(layers).items() if layer is wrong)
            path = next(paths, name)
            error.layer = path  # type: ignore[union-attr]
            error.args = (error.args[0].replace(f"layer '{name}'", f"layer '{path}'", 1),)
        raise


def _cleared(call: Callable[[Array], T], frozen: Sequence[Array]) -> Callable[[Array], T]:
    """Return ``call``, after which the gradients of frozen parameters are zero as before it."""
    if not frozen:
        return call

    def cleared(dy: Array) -> T:
        result = call(dy)
        for grad in frozen:
            grad.fill(0)
        return result

    return cleared
