"""Parameter: an array that belongs to a layer, and its gradient; and all of a network's, flat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count, islice
from typing import Any, ClassVar, NamedTuple

import numpy as np

from plugnet.arguments import number
from plugnet.arrays import Array
from plugnet.errors import ArgumentError, ShapeError, shown
from plugnet.files.budget import spend

MULTIPLIERS = ("lr_mult", "decay_mult", "trainable")

MOST_SHOWN = 20  # of a network's parameters, in a repr

_versions = count(1)


class Parameter:
    """An array of a layer and the gradient of the loss with respect to it.

    It has no name: the layer's `parameters()` names it, and a network prefixes the layer's path.

    >>> bias = Parameter(np.zeros(3), lr_mult=2, decay_mult=0)
    >>> bias.value = [1.0, 2.0, 3.0]  # copied in: the array stays the same
    >>> bias.value.tolist(), bias.grad.tolist()
    ([1.0, 2.0, 3.0], [0.0, 0.0, 0.0])

    Attributes:
        value: the array. Assignment copies into it: it is bound once, when a network lays all of
            its parameters side by side, and never replaced.
        grad: same shape and dtype as ``value``, and bound like it; overwritten by every backward
            pass, never accumulated. Zero while the parameter is not trained.
        lr_mult: what the learning rate is multiplied by for it (Caffe's word).
        decay_mult: what the regularizer's gradient is multiplied by; 0 for biases.
        trainable: False for an array that is saved with the network but not trained. It may be
            changed at any time, as may the multipliers.
    """

    __slots__ = ("decay_mult", "grad", "lr_mult", "trainable", "value")

    value: Array
    grad: Array
    lr_mult: float
    decay_mult: float
    trainable: bool

    #: Changes whenever a multiplier or ``trainable`` of any parameter does: what was derived from
    #: them before, such as the methods that a backward pass calls, is then derived anew.
    version: ClassVar[int] = 0

    def __init__(
        self, value: Array, *, lr_mult: float = 1.0, decay_mult: float = 1.0, trainable: bool = True
    ) -> None:
        # The gradient, and both in a network's flat arrays.
        spend(3 * value.nbytes, "The parameters")
        # Not zeros_like, which writes the zeros: memory that nobody has written to takes none.
        self._bind(value, np.zeros(value.shape, value.dtype))
        for name, own in zip(MULTIPLIERS, (lr_mult, decay_mult, trainable), strict=True):
            super().__setattr__(name, checked(name, own))

    def __setattr__(self, name: str, new: Any) -> None:
        if name in ("value", "grad"):
            held: Array = getattr(self, name)
            if new is held:  # after `parameter.value += 1`
                return
            if np.shape(new) != held.shape:
                raise ShapeError(
                    f"A parameter keeps its shape, {held.shape}, but the {name} to copy into it "
                    f"has {np.shape(new)}.",
                    expected=held.shape,
                    got=np.shape(new),
                )
            held[...] = new
            return
        new = checked(name, new)
        if new == getattr(self, name):
            return
        super().__setattr__(name, new)
        if name == "trainable" and not self.trainable:
            self.grad.fill(0)  # or a sum over all gradients would find the last one here
        Parameter.change()

    @classmethod
    def change(cls) -> None:
        """Say that something has changed that others derive from: see `version`."""
        Parameter.version = next(_versions)

    def __reduce__(self) -> tuple[Any, ...]:
        multipliers = {name: getattr(self, name) for name in MULTIPLIERS}
        return _copied, (type(self), self.value, multipliers)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(shape={self.value.shape}, dtype={self.value.dtype})"

    def _bind(self, value: Array, grad: Array) -> None:
        object.__setattr__(self, "value", value)
        object.__setattr__(self, "grad", grad)


class Statistic(Parameter):
    """An array that follows what the batches show, such as a running mean, and is not trained.

    A training forward writes the batch's value into ``grad``; at the end of the step `commit` moves
    ``value``. So a step that fails has moved nothing.

    Attributes:
        momentum: how much of the old value stays, from 0, which replaces it, to 1, for what no
            step moves, such as what `Layer.adapt` learns; nothing is written to its ``grad`` then.

    >>> mean = Statistic(np.zeros(2), momentum=0.75)
    >>> mean.grad = [4.0, 8.0]  # the batch's mean
    >>> mean.commit()
    >>> mean.value.tolist()
    [1.0, 2.0]
    """

    __slots__ = ("momentum",)

    momentum: float

    def __init__(self, value: Array, *, momentum: float) -> None:
        super().__init__(value, lr_mult=0.0, decay_mult=0.0, trainable=False)
        object.__setattr__(self, "momentum", number("momentum", momentum, at_least=0, at_most=1))

    def __setattr__(self, name: str, new: Any) -> None:
        if name == "momentum" or (name in MULTIPLIERS and getattr(self, name) != new):
            raise ArgumentError(
                f"A statistic is not trained, and its '{name}' stays {getattr(self, name)}, but it "
                f"was to be {shown(new)}. Leave out what is a plugnet.parameter.Statistic.",
                argument=name,
                value=new,
            )
        super().__setattr__(name, new)

    def __reduce__(self) -> tuple[Any, ...]:
        return _copied, (type(self), self.value, {"momentum": self.momentum})

    def moved(self) -> Array:
        """Return ``momentum * value + (1 - momentum) * grad``, which `commit` makes the value."""
        moved: Array = self.momentum * self.value
        moved += (1 - self.momentum) * self.grad
        return moved

    def commit(self) -> None:
        """Move ``value`` in one step, because another thread may be predicting."""
        self.value[...] = self.moved()


class Run(NamedTuple):
    """A stretch of the flat arrays in which all numbers are trained, with equal multipliers."""

    place: slice
    lr_mult: float
    decay_mult: float


class Parameters(Mapping[str, Parameter]):
    """All parameters of a network by path, as "residual1.fc2.weight", laid side by side.

    What is done to each number on its own can be done to all at once: a network has many small
    arrays, and a call of NumPy costs as much as some thousand additions. They are laid once, by
    the multipliers that their layers give them, statistics last; no array ever moves.

    Attributes:
        value: ``(n,)``, the values of all but the statistics; each `Parameter.value` is a view.
        grad: ``(n,)``, their gradients, likewise: what may be clipped or scaled as a whole.
        places: where each of them lies in the two, by path, in the order of the layers.
        statistics: the parameters that follow the batches, all with a momentum below 1.

    >>> weight, bias = Parameter(np.ones((2, 3))), Parameter(np.zeros(3), decay_mult=0)
    >>> parameters = Parameters({"fc1.weight": weight, "fc1.bias": bias}, np.dtype(float))
    >>> parameters.value += 1  # all of them, and so each
    >>> parameters["fc1.bias"].value.tolist(), float(weight.value.max())
    ([1.0, 1.0, 1.0], 2.0)
    """

    def __init__(self, parameters: Mapping[str, Parameter], dtype: np.dtype[Any]) -> None:
        """Lay ``parameters`` side by side in two new arrays of ``dtype``.

        Raises:
            ArgumentError: one of them has another dtype.
        """
        self._parameters = dict(parameters)
        for path, parameter in parameters.items():
            if parameter.value.dtype != dtype:
                raise ArgumentError(
                    f"Parameter '{path}' has the dtype {parameter.value.dtype}, but the network's "
                    f"is {dtype}. Make it of the dtype that initialize is given.",
                    argument="dtype",
                    value=parameter.value.dtype,
                )
        self._order = sorted(self._parameters, key=self._rank)
        statistics = [p for p in parameters.values() if isinstance(p, Statistic)]
        self.statistics = tuple(p for p in statistics if p.momentum < 1)
        size = sum(parameter.value.size for parameter in parameters.values())
        values, grads = (np.zeros(size, dtype) for _ in range(2))
        places, start = {}, 0
        for path in self._order:
            parameter = self._parameters[path]
            shape, stop = parameter.value.shape, start + parameter.value.size
            place = places[path] = slice(start, stop)
            values[place] = parameter.value.reshape(-1)
            grads[place] = parameter.grad.reshape(-1)
            parameter._bind(values[place].reshape(shape), grads[place].reshape(shape))
            start = stop
        rest = size - sum(statistic.value.size for statistic in statistics)
        self.value, self.grad = values[:rest], grads[:rest]
        self.places = {
            path: places[path] for path in parameters if not isinstance(self[path], Statistic)
        }

    def runs(self, *multipliers: str) -> list[Run]:
        """Return the stretches of what is trained, as long as may be with equal ``multipliers``.

        Args:
            multipliers: "lr_mult" for optimizers, "decay_mult" for regularizers, or both. A
                multiplier that is not named may differ within a stretch, and says nothing there.
        """
        found: list[Run] = []
        for path in self._order:
            parameter = self._parameters[path]
            if not parameter.trainable:
                continue
            place = self.places[path]
            run = Run(place, parameter.lr_mult, parameter.decay_mult)
            last = found[-1] if found else None
            if (
                last is not None
                and last.place.stop == place.start
                and all(getattr(last, name) == getattr(run, name) for name in multipliers)
            ):
                found[-1] = last._replace(place=slice(last.place.start, place.stop))
            else:
                found.append(run)
        return found

    def __getitem__(self, path: str) -> Parameter:
        return self._parameters[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parameters)

    def __len__(self) -> int:
        return len(self._parameters)

    def __repr__(self) -> str:
        shapes = [f"{path} {one.value.shape}" for path, one in islice(self.items(), MOST_SHOWN)]
        more = len(self) - len(shapes)
        return f"Parameters({', '.join(shapes)}{f' and {more:,} more' if more else ''})"

    def _rank(self, path: str) -> tuple[bool, bool, float, float]:
        parameter = self._parameters[path]
        return (
            isinstance(parameter, Statistic),
            not parameter.trainable,
            parameter.lr_mult,
            -parameter.decay_mult,
        )


def checked(name: str, value: Any) -> bool | float:
    """Return a multiplier as a float, or whether to train.

    Raises:
        ArgumentError: it is neither.
    """
    if name == "trainable":
        if isinstance(value, bool | np.bool_):
            return bool(value)
        wanted = "True or False"
    else:
        is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if is_number and 0 <= float(value) < np.inf:
            return float(value)
        wanted = "a finite number, at least 0"
    raise ArgumentError(
        f"'{name}' of a parameter must be {wanted}, but it is {shown(value)}.",
        argument=name,
        value=value,
    )


def _copied(cls: type[Parameter], value: Array, options: Mapping[str, Any]) -> Parameter:
    """Return a parameter like one that was pickled; its gradient is not saved."""
    return cls(np.array(value), **options)
