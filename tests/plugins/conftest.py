"""What the tests of the published plugins share."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pytest

from plugnet.arrays import Array

NumericalGradient: TypeAlias = Callable[[Callable[[], Any], Array], Array]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20)


@pytest.fixture(scope="session")
def numerical_gradient() -> NumericalGradient:
    """Central differences: d function() / d array, where function reads the float64 array."""

    def gradient(function: Callable[[], Any], array: Array) -> Array:
        assert array.dtype == np.float64
        result = np.empty_like(array)
        for index in np.ndindex(array.shape):
            original = array[index]
            array[index] = original + 1e-6
            above = float(function())
            array[index] = original - 1e-6
            below = float(function())
            array[index] = original
            result[index] = (above - below) / 2e-6
        return result

    return gradient
