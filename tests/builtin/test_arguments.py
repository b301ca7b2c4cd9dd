"""The checks of constructor arguments."""

import re
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from plugnet.arguments import flag, integer, number, pair
from plugnet.errors import ArgumentError


@pytest.mark.parametrize("value", [1, 1.0, np.float32(1), np.int8(1), Fraction(1)])
def test_number_returns_a_float(value: Any) -> None:
    result = number("rate", value, above=0, at_most=1)
    assert result == 1
    assert type(result) is float


@pytest.mark.parametrize("value", [3, np.int64(3), np.uint8(3)])
def test_integer_returns_an_int(value: Any) -> None:
    result = integer("outputs", value, at_least=3, at_most=3)
    assert result == 3
    assert type(result) is int


@pytest.mark.parametrize(
    "value", [True, "1", None, [1], float("nan"), float("inf"), 1j, 10**400, np.ones(1)]
)
def test_number_refuses_all_but_finite_numbers(value: Any) -> None:
    with pytest.raises(ArgumentError, match="'rate' must be a finite number, but it is"):
        number("rate", value)


@pytest.mark.parametrize("value", [True, 3.0, "3", None, np.float64(3), Fraction(3)])
def test_integer_refuses_all_but_integers(value: Any) -> None:
    with pytest.raises(ArgumentError, match="'outputs' must be an integer, but it is"):
        integer("outputs", value)


@pytest.mark.parametrize(
    ("bounds", "inside", "outside", "words"),
    [
        ({"at_least": 0}, 0, -1, "at least 0"),
        ({"above": 0}, 1, 0, "above 0"),
        ({"at_most": 5}, 5, 6, "at most 5"),
        ({"below": 5}, 4, 5, "below 5"),
        ({"at_least": 0, "below": 1}, 0, 1, "at least 0 and below 1"),
    ],
)
def test_number_keeps_to_its_bounds_and_names_them(
    bounds: dict[str, float], inside: float, outside: float, words: str
) -> None:
    assert number("momentum", inside, **bounds) == inside
    message = f"'momentum' must be a finite number {words}, but it is {outside}."
    with pytest.raises(ArgumentError, match=re.escape(message)) as caught:
        number("momentum", outside, **bounds)
    assert (caught.value.argument, caught.value.value) == ("momentum", outside)


@pytest.mark.parametrize("value", [3, (3, 3), [3, np.int64(3)]])
def test_pair_is_one_integer_or_two(value: Any) -> None:
    result = pair("stride", value, at_least=1, at_most=3)
    assert result == (3, 3)
    assert all(type(size) is int for size in result)


@pytest.mark.parametrize("value", [(), (3,), [3, 3, 3]])
def test_pair_refuses_sequences_of_other_lengths(value: Any) -> None:
    message = f"'stride' must be an integer or a pair (height, width), but it is {value}."
    with pytest.raises(ArgumentError, match=re.escape(message)) as caught:
        pair("stride", value)
    assert (caught.value.argument, caught.value.value) == ("stride", value)


@pytest.mark.parametrize("value", ["33", None, 2.0, (3, True), (3, 0), 0, np.ones(2, int)])
def test_pair_refuses_all_but_integers_within_the_bounds(value: Any) -> None:
    with pytest.raises(ArgumentError, match="'stride' must be an integer at least 1, but it is"):
        pair("stride", value, at_least=1)


def test_flag_is_true_or_false() -> None:
    assert flag("bias", True) is True
    assert flag("bias", False) is False
    for value in (1, 0, None, "yes", np.True_):
        with pytest.raises(ArgumentError, match="'bias' must be True or False, but it is"):
            flag("bias", value)
