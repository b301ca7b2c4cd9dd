"""clip_gradients: by hand, with what is frozen, and with numbers beyond float32."""

import numpy as np
import pytest

from plugnet import Parameter, registry
from plugnet.errors import ArgumentError
from plugnet.parameter import Parameters


def clipped(norm: float, *gradients: list[float], dtype: str = "float64") -> list[list[float]]:
    """Return what becomes of the gradients of parameters, of which every third is frozen."""
    parameters = Parameters(
        {
            f"layer{number}.weight": Parameter(
                np.zeros(len(gradient), dtype), trainable=number % 3 != 2
            )
            for number, gradient in enumerate(gradients)
        },
        np.dtype(dtype),
    )
    for parameter, gradient in zip(parameters.values(), gradients, strict=True):
        parameter.grad[...] = gradient
    registry.hooks.build("clip_gradients", norm).plugnet_gradients_ready(parameters=parameters)
    return [parameter.grad.tolist() for parameter in parameters.values()]


def test_gradients_are_scaled_down_together_to_the_norm() -> None:
    assert clipped(6.5, [3.0, 4.0], [12.0]) == [[1.5, 2.0], [6.0]]  # their norm is 13
    assert clipped(13.0, [3.0, 4.0], [12.0]) == [[3.0, 4.0], [12.0]]
    assert clipped(10.0, [3.0, 4.0]) == [[3.0, 4.0]]
    assert clipped(1.0, [0.0, 0.5], [0.0]) == [[0.0, 0.5], [0.0]]


def test_what_is_frozen_does_not_count() -> None:
    assert clipped(6.5, [3.0, 4.0], [12.0], [84.0]) == [[1.5, 2.0], [6.0], [84.0]]


def test_squares_beyond_float32_are_scaled_too() -> None:
    with np.errstate(over="ignore"):
        found = clipped(1.0, [3e30, 4e30], dtype="float32")
    np.testing.assert_allclose(found, [[0.6, 0.8]], rtol=1e-6)


@pytest.mark.parametrize("norm", [0, -1.0, "1"])
def test_the_norm_is_above_0(norm: object) -> None:
    with pytest.raises(ArgumentError, match="norm"):
        registry.hooks.build("clip_gradients", norm)
