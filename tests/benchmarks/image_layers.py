"""Convolution and pooling alone: six geometries of each, in plugnet, PyTorch and JAX.

For each layer and peer there is a pair of calls: forward, as in training, and backward, which is
given dy and computes dx and, for a convolution, dw and db. All arrays have the peer's memory
layout, and PyTorch's kernels are called without its bookkeeping.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from frameworks import load_jax
from plugnet import registry
from plugnet.arrays import Array, Shape
from plugnet.interfaces import Layer

Call = Callable[[], Sequence[Any]]
Calls = tuple[Call, Call]  # forward: (y,); backward: (dx, dw, db) or (dx,)

BATCH = 64


@dataclass(frozen=True)
class Work:
    """One layer on images ``(size, size, channels)``; ``outputs`` is None for max pooling."""

    size: int
    channels: int
    outputs: int | None
    kernel_size: int
    stride: int = 1
    padding: int = 0

    def __str__(self) -> str:
        images = f"{self.size} x {self.size} x {self.channels}"
        kernel = f"{self.kernel_size} x {self.kernel_size}"
        window = f"{kernel}, stride {self.stride}, padding {self.padding}"
        what = "max pool" if self.outputs is None else f"convolution to {self.outputs}"
        return f"{what} of {images}, {window}"

    def layer(self) -> Layer:
        """Return plugnet's layer."""
        moves = {"kernel_size": self.kernel_size, "stride": self.stride, "padding": self.padding}
        if self.outputs is None:
            layer = registry.layers.build("max_pool", **moves)
        else:
            layer = registry.layers.build("conv2d", self.outputs, **moves)
        layer.initialize(self.shape, np.random.default_rng(0), np.dtype("float32"))
        return layer

    @property
    def shape(self) -> Shape:
        """The shape of one image."""
        return self.size, self.size, self.channels

    def data(self, layer: Layer) -> tuple[Array, Array]:
        """Return x and dy."""
        rng = np.random.default_rng(1)
        shapes = self.shape, layer.output_shape(self.shape)
        x, dy = (rng.standard_normal((BATCH, *shape), dtype=np.float32) for shape in shapes)
        return x, dy


CONVOLUTIONS = (
    Work(28, 1, 20, 5),
    Work(12, 20, 50, 5),
    Work(32, 3, 32, 3, padding=1),
    Work(32, 16, 32, 3, padding=1),
    Work(32, 32, 64, 3, stride=2, padding=1),
    Work(16, 64, 64, 3, padding=1),
)
POOLS = (
    Work(24, 20, None, 2, stride=2),
    Work(8, 50, None, 2, stride=2),
    Work(32, 16, None, 2, stride=2),
    Work(16, 64, None, 2, stride=2),
    Work(32, 32, None, 3, stride=2),
    Work(16, 64, None, 3, stride=2, padding=1),
)


def plugnet(work: Work) -> Calls:
    """Return plugnet's calls."""
    layer = work.layer()
    x, dy = work.data(layer)
    layer.prepare(x.shape, x.dtype)

    def forward() -> Sequence[Any]:
        return (layer.forward(x, training=True),)

    def backward() -> Sequence[Any]:
        if work.outputs is not None:
            layer.gradients(dy)
        return (layer.backward(dy), *(parameter.grad for parameter in layer.parameters().values()))

    forward()
    return forward, backward


def torch(work: Work, channels_last: bool = False) -> Calls:
    """Return PyTorch's calls, in its default layout or with channels last."""
    import torch

    layout = torch.channels_last if channels_last else torch.contiguous_format
    layer = work.layer()

    def laid_out(array: Array, *axes: int) -> Any:
        # from contiguous memory: with 1 channel torch takes the strides for either layout
        contiguous = np.ascontiguousarray(array.transpose(axes))
        return torch.from_numpy(contiguous).contiguous(memory_format=layout)

    x, dy = (laid_out(array, 0, 3, 1, 2) for array in work.data(layer))
    moves = [work.kernel_size] * 2, [work.stride] * 2, [work.padding] * 2
    aten = torch.ops.aten
    if work.outputs is None:
        held = aten.max_pool2d_with_indices(x, *moves)

        def pool_forward() -> Sequence[Any]:
            return (aten.max_pool2d_with_indices(x, *moves)[0],)

        def pool_backward() -> Sequence[Any]:
            arguments = (*moves, [1, 1], False, held[1])
            return (aten.max_pool2d_with_indices_backward(dy, x, *arguments),)

        return pool_forward, pool_backward
    weight, bias = (parameter.value for parameter in layer.parameters().values())
    w, b = laid_out(weight, 3, 2, 0, 1), torch.from_numpy(bias)

    def forward() -> Sequence[Any]:
        return (torch.conv2d(x, w, b, *moves[1:]),)

    def backward() -> Sequence[Any]:
        arguments = (*moves[1:], [1, 1], False, [0, 0], 1, [True] * 3)
        return tuple(aten.convolution_backward(dy, x, w, [work.outputs], *arguments))

    return forward, backward


def jax(work: Work) -> Calls:
    """Return JAX's calls, each one compiled function, channels last."""
    jax = load_jax()
    lax, layer = jax.lax, work.layer()
    padding, strides = [(work.padding, work.padding)] * 2, (work.stride, work.stride)
    x, dy = map(jax.numpy.array, work.data(layer))
    parameters = [jax.numpy.array(parameter.value) for parameter in layer.parameters().values()]

    def compute(x: Any, *parameters: Any) -> Any:
        if work.outputs is None:
            sides, steps = (1, work.kernel_size, work.kernel_size, 1), (1, *strides, 1)
            outer = ((0, 0), *padding, (0, 0))
            return lax.reduce_window(x, -np.inf, lax.max, sides, steps, outer)
        layout = ("NHWC", "HWIO", "NHWC")
        weight, bias = parameters
        y = lax.conv_general_dilated(x, weight, strides, padding, dimension_numbers=layout)
        return y + bias

    compiled = jax.jit(compute)
    pulled = jax.jit(lambda dy, *inputs: jax.vjp(compute, *inputs)[1](dy))

    def forward() -> Sequence[Any]:
        return (jax.block_until_ready(compiled(x, *parameters)),)

    def backward() -> Sequence[Any]:
        inputs = jax.block_until_ready(pulled(dy, x, *parameters))
        return tuple(inputs)

    return forward, backward


def from_torch(results: Sequence[Any]) -> list[Array]:
    """Return PyTorch's y, dx, or dx, dw and db, with the axes in plugnet's order."""
    orders = [(0, 2, 3, 1), (2, 3, 1, 0), (0,)]
    pairs = zip(results, orders, strict=False)
    return [result.detach().numpy().transpose(order) for result, order in pairs]
