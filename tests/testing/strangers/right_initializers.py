"""Initializers that are right, however odd they look."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet.errors import ShapeError
from plugnet.interfaces import Initializer


class Identity(Initializer):
    """Ones on the diagonal, also of a kernel's middle: deterministic, no use of the generator."""

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        if len(shape) < 2:
            raise ShapeError(
                "An identity needs two axes.", expected=("inputs", "outputs"), got=shape
            )
        weight = np.zeros(shape, dtype)
        middle = tuple(size // 2 for size in shape[:-2])
        weight[middle] = np.eye(shape[-2], shape[-1])
        return weight


class Ramp(Initializer):
    """Evenly spaced numbers: deterministic, and neurons differ."""

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        return np.linspace(-0.1, 0.1, math.prod(shape)).astype(dtype).reshape(shape)


class Sparse(Initializer):
    """Ten numbers per output, the others 0 (Martens 2010): the variance is an expected one."""

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        rows, columns = math.prod(shape[:-1]), shape[-1]
        weight = np.zeros((rows, columns))
        for column in range(columns):
            chosen = rng.choice(rows, min(10, rows), replace=False)
            weight[chosen, column] = rng.normal(size=len(chosen))
        return weight.astype(dtype).reshape(shape)


class TruncatedRight(Initializer):
    """Cuts the tails at 2 standard deviations, and draws wider to make up for them."""

    def variance(self, shape: Shape) -> float:
        return 1 / math.prod(shape[:-1])

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        drawn = rng.normal(0, 1, shape)
        while (bad := np.abs(drawn) > 2).any():
            drawn[bad] = rng.normal(0, 1, int(bad.sum()))
        std = math.sqrt(self.variance(shape)) / 0.87962566103423978
        return (std * drawn).astype(dtype)


class Signs(Initializer):
    """Plus or minus a scale: two values only, of exactly the variance that it names."""

    def variance(self, shape: Shape) -> float:
        return 2 / math.prod(shape[:-1])

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        scale = math.sqrt(self.variance(shape))
        return (scale * rng.choice([-1.0, 1.0], shape)).astype(dtype)


class HeavyTails(Initializer):
    """Student's t with 5 degrees of freedom: now and then a large number."""

    def variance(self, shape: Shape) -> float:
        return 1e-4

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        return (0.01 * math.sqrt(3 / 5) * rng.standard_t(5, shape)).astype(dtype)


class DrawsPerOutput(Initializer):
    """Normalises each neuron to length 1: the columns' norms do not vary at all."""

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        matrix = rng.normal(size=(math.prod(shape[:-1]), shape[-1]))
        weight: Array = (matrix / np.linalg.norm(matrix, axis=0)).astype(dtype).reshape(shape)
        return weight


class Spawns(Initializer):
    """Draws from a child of the generator that is passed in."""

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        return rng.spawn(1)[0].normal(0, 0.01, shape).astype(dtype)


class SeedsFromIts(Initializer):
    """Hands a seed that it has drawn to a generator of another kind, such as a library's own."""

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        own = np.random.Generator(np.random.Philox(int(rng.integers(2**63))))
        return own.normal(0, 0.01, shape).astype(dtype)


COMPONENTS: list[tuple[str, Callable[[], Any]]] = [
    ("Identity", Identity),
    ("Ramp", Ramp),
    ("Sparse", Sparse),
    ("TruncatedRight", TruncatedRight),
    ("Signs", Signs),
    ("HeavyTails", HeavyTails),
    ("DrawsPerOutput", DrawsPerOutput),
    ("Spawns", Spawns),
    ("SeedsFromIts", SeedsFromIts),
]
