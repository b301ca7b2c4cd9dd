"""Checks of optimizers, on a bowl: half the squared distance of the weights from a goal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from plugnet.arrays import Array
from plugnet.interfaces import Optimizer
from plugnet.parameter import Parameter, pack
from plugnet.testing.arrays import near, same
from plugnet.testing.general import pickled
from plugnet.testing.report import require
from plugnet.testing.subject import Subject

RATES: Final = (1.0, 0.1, 0.01)
STEPS: Final = 20


def exercise(subject: Subject) -> list[Array]:
    """Take some steps."""
    results = []
    for optimizer in _built(subject):
        parameters = _parameters("float32")
        _steps(optimizer, parameters, 3)
        results += [parameter.value for parameter in parameters]
    return results


def check_descends(subject: Subject) -> None:
    """With one of the rates 1, 0.1 and 0.01, every parameter comes nearer to the least loss."""
    for example in subject.usable:
        nearer = []
        for rate in RATES:
            parameters = _parameters()
            before = [_cost(parameter) for parameter in parameters]
            _steps(subject.build(example), parameters, STEPS, rate)
            after = [_cost(parameter) for parameter in parameters]
            nearer.append(all(b < a for a, b in zip(before, after, strict=True)))
        require(
            any(nearer),
            f"After {STEPS} steps down a bowl the loss is not lower, with none of the rates "
            f"{RATES}. An update must subtract.",
        )


def check_in_place(subject: Subject) -> None:
    """Values are changed in place: `Parameter.value` stays the same array, of the same dtype."""
    for optimizer in _built(subject):
        for dtype in ("float32", "float64"):
            parameters = _parameters(dtype, prefix=dtype)
            arrays = [parameter.value for parameter in parameters]
            _steps(optimizer, parameters, 2)
            require(
                all(p.value is array for p, array in zip(parameters, arrays, strict=True)),
                "update must change parameter.value in place (value -= ...): layers hold views.",
            )


def check_grad_unchanged(subject: Subject) -> None:
    """`Parameter.grad` is left as it is: hooks and logs read it after the update."""
    for optimizer in _built(subject):
        parameters = _parameters()
        for _ in range(2):
            _fill(parameters)
            grads = [(parameter.grad, parameter.grad.copy()) for parameter in parameters]
            optimizer.update(parameters, 0.1)
            for parameter, (array, value) in zip(parameters, grads, strict=True):
                require(
                    parameter.grad is array and same(array, value),
                    "update changes parameter.grad, but must leave it as it is.",
                )


def check_zero_gradient(subject: Subject) -> None:
    """A parameter whose gradient was always zero, and that does not decay, stays as it is."""
    for optimizer in _built(subject):
        parameters = [Parameter("bias", np.linspace(-1, 1, 5), decay=False)]
        before = parameters[0].value.copy()
        for _ in range(3):
            optimizer.update(parameters, 0.1)
        require(
            same(parameters[0].value, before), "A zero gradient changes the value, even a bias."
        )


def check_rate(subject: Subject) -> None:
    """The first step is longer with a higher rate."""
    for example in subject.usable:
        lengths = []
        for rate in (0.01, 0.02):
            parameters = _parameters()
            before = [parameter.value.copy() for parameter in parameters]
            _steps(subject.build(example), parameters, 1, rate)
            moves = [p.value - b for p, b in zip(parameters, before, strict=True)]
            lengths.append(sum(float(np.vdot(move, move)) for move in moves))
        require(
            lengths[1] > lengths[0],
            "The first step is no longer with the rate 0.02 than with 0.01: update must use the "
            "rate that it is given.",
        )


def check_parameters_apart(subject: Subject) -> None:
    """What is remembered of one parameter is not used for another: their order does not matter."""
    for example in subject.usable:
        one, other = _parameters(), _parameters()
        _steps(subject.build(example), one, 3)
        _steps(subject.build(example), other[::-1], 3)
        for parameter, turned in zip(one, other, strict=True):
            require(
                near(parameter.value, turned.value),
                f"With the parameters in the opposite order, {parameter.name} moves elsewhere. "
                "Remember what belongs to each parameter under its name.",
            )


def check_state(subject: Subject) -> None:
    """`state`, restored into a new optimizer, goes on bit for bit as without interruption."""
    for example in subject.usable:
        whole, first, second = (subject.build(example) for _ in range(3))
        straight, resumed = _parameters(), _parameters()
        _steps(whole, straight, 6)
        _steps(first, resumed, 3)
        state = first.state()
        require(
            all(isinstance(k, str) and isinstance(v, np.ndarray) for k, v in state.items()),
            "state must give arrays by name.",
        )
        kept = {name: array.copy() for name, array in state.items()}
        second.restore(kept)
        saved = {name: array.copy() for name, array in kept.items()}
        _steps(second, resumed, 3)
        require(
            all(same(one.value, other.value) for one, other in zip(straight, resumed, strict=True)),
            "After restore(state) in a new optimizer, training does not go on as it would have. "
            "state must give, and restore take over, all that update remembers.",
        )
        require(
            all(same(kept[name], saved[name]) for name in kept),
            "restore must copy: the arrays it was given were changed by the next update.",
        )


def check_state_is_whole(subject: Subject) -> None:
    """A state that was taken before any step can be restored too, and starts anew."""
    for example in subject.usable:
        one, other = subject.build(example), subject.build(example)
        parameters, expected = _parameters(), _parameters()
        one.restore({name: array.copy() for name, array in one.state().items()})
        _steps(one, parameters, 2)
        _steps(other, expected, 2)
        require(
            all(same(p.value, e.value) for p, e in zip(parameters, expected, strict=True)),
            "The state of a new optimizer, restored, makes it take other steps.",
        )


def check_pickle_in_use(subject: Subject) -> None:
    """An optimizer and its parameters, sent to another process after some steps, go on there."""
    for optimizer in _built(subject):
        parameters = _parameters()
        pack(parameters)  # as a network does
        _steps(optimizer, parameters, 3)
        there, others = pickled(subject, (optimizer, parameters))
        _steps(optimizer, parameters, 3)
        _steps(there, others, 3)
        require(
            all(same(p.value, other.value) for p, other in zip(parameters, others, strict=True)),
            "A pickled copy of an optimizer and its parameters takes other steps. Views of arrays "
            "become arrays of their own in a copy: leave them out in __getstate__.",
        )


def _built(subject: Subject) -> Iterator[Optimizer]:
    return (subject.build(example) for example in subject.usable)


def _parameters(dtype: str = "float64", prefix: str = "fc1") -> list[Parameter]:
    rng = np.random.default_rng(1)
    return [
        Parameter(f"{prefix}.weight", rng.normal(1, 0.2, (4, 3)).astype(dtype)),
        Parameter(f"{prefix}.bias", rng.normal(-1, 0.2, 3).astype(dtype), decay=False),
        Parameter(f"{prefix}.other", rng.normal(2, 0.2, (4, 3)).astype(dtype)),
    ]


def _fill(parameters: Sequence[Parameter]) -> None:
    for parameter in parameters:
        np.subtract(parameter.value, 0.25, out=parameter.grad)


def _cost(parameter: Parameter) -> float:
    error: Array = parameter.value - 0.25
    return float(np.vdot(error, error))


def _steps(
    optimizer: Optimizer, parameters: Sequence[Parameter], count: int, rate: float = 0.1
) -> None:
    for _ in range(count):
        _fill(parameters)
        optimizer.update(parameters, rate)


CHECKS: Final = (
    check_descends,
    check_in_place,
    check_grad_unchanged,
    check_zero_gradient,
    check_rate,
    check_parameters_apart,
    check_state,
    check_state_is_whole,
    check_pickle_in_use,
)
