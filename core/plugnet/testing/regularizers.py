"""Checks of regularizers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from plugnet.arrays import Array
from plugnet.interfaces import Regularizer
from plugnet.testing.arrays import near, same
from plugnet.testing.gradients import compare
from plugnet.testing.report import NotApplicable, require
from plugnet.testing.subject import Subject


def exercise(subject: Subject) -> list[Array]:
    """Compute penalties and gradients."""
    results = []
    for regularizer in _built(subject):
        grad = np.zeros_like(_value())
        regularizer.add_gradient(_value(), grad)
        results += [np.array(regularizer.penalty(_value())), grad]
    return results


def check_gradient(subject: Subject) -> None:
    """`add_gradient` adds the gradient of `penalty`, in float64."""
    for regularizer in _built(subject):
        value, grad = _value(), np.zeros_like(_value())
        regularizer.add_gradient(value.copy(), grad)
        compare(grad, lambda: regularizer.penalty(value), value, "gradient")  # noqa: B023


def check_adds(subject: Subject) -> None:
    """What is in the gradient before stays in the sum."""
    for regularizer in _built(subject):
        alone, sum_ = np.zeros_like(_value()), np.full_like(_value(), 3)
        regularizer.add_gradient(_value(), alone)
        regularizer.add_gradient(_value(), sum_)
        require(near(sum_, alone + 3), "add_gradient must add to grad, which holds the loss's.")


def check_elementwise(subject: Subject) -> None:
    """If ``elementwise``, several parameters in one flat array give what each gives alone."""
    if not subject.cls.elementwise:
        raise NotApplicable("the class does not say elementwise = True")
    for regularizer in _built(subject):
        parts = [_value(), 3 * _value()[:2]]
        grads = [np.zeros_like(part) for part in parts]
        for part, grad in zip(parts, grads, strict=True):
            regularizer.add_gradient(part, grad)
        flat, whole = (np.concatenate([part.ravel() for part in group]) for group in (parts, grads))
        together = np.zeros_like(flat)
        regularizer.add_gradient(flat, together)
        require(
            near(together, whole)
            and near(regularizer.penalty(flat), sum(map(regularizer.penalty, parts))),
            "Two arrays in one have another gradient or penalty than each by itself, so the class "
            "must not say elementwise = True.",
        )


def check_penalty(subject: Subject) -> None:
    """The penalty is a finite float of at least 0."""
    for regularizer in _built(subject):
        for value in (_value(), np.zeros((2, 3), "float32"), _value().astype("float32")):
            penalty = regularizer.penalty(value)
            require(
                isinstance(penalty, float) and 0 <= penalty < np.inf,
                f"The penalty must be a finite float of at least 0, but it is {penalty!r}.",
            )


def check_value_unchanged(subject: Subject) -> None:
    """The weights are left as they are."""
    for regularizer in _built(subject):
        value = _value()
        regularizer.penalty(value)
        regularizer.add_gradient(value, np.zeros_like(value))
        require(same(value, _value()), "penalty or add_gradient changes the weights.")


def _built(subject: Subject) -> Iterator[Regularizer]:
    return (subject.build(example) for example in subject.usable)


def _value() -> Array:
    value: Array = np.random.default_rng(1).normal(size=(4, 3))
    return value


CHECKS: Final = (
    check_gradient,
    check_adds,
    check_elementwise,
    check_penalty,
    check_value_unchanged,
)
