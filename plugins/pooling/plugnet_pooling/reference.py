"""What pooling computes, in the plainest way. Read it first: the layers only do the same faster.

They are tested against it. Both functions take images x, the gradient dy by the outputs, and a
layer for its windows; they return y, ``(N, output height, output width, channels)``, and dx.
Numbers must be finite.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from plugnet.arrays import Array
from plugnet_pooling.window_pool import WindowPool


def max_pool(x: Array, dy: Array, pool: WindowPool) -> tuple[Array, Array]:
    """Each window becomes its largest pixel, the first of several, which alone gets dy."""
    pixels = _windows(_padded(x, -np.inf, pool), dy, pool)
    # (..., kernel height, kernel width) -> (..., pixels)
    pixels = pixels.reshape(*dy.shape, -1)
    argmax = pixels.argmax(axis=-1)
    dx = _padded(np.zeros_like(x), 0, pool)
    dx_pixels = _windows(dx, dy, pool)
    for number, (i, j) in enumerate(np.ndindex(pool.kernel_size)):
        dx_pixels[..., i, j] += np.where(argmax == number, dy, 0)
    return pixels.max(axis=-1), _unpadded(dx, x, pool)


def average_pool(
    x: Array, dy: Array, pool: WindowPool, count_include_pad: bool = True
) -> tuple[Array, Array]:
    """Each window becomes the mean of its pixels, each of which gets an equal share of dy."""
    pixels = _windows(_padded(x, 0, pool), dy, pool)
    size = pool.window_sizes(x.shape[1:], count_include_pad)[:, :, np.newaxis]
    dx = _padded(np.zeros_like(x), 0, pool)
    dx_pixels = _windows(dx, dy, pool)
    for i, j in np.ndindex(pool.kernel_size):
        dx_pixels[..., i, j] += dy / size
    return pixels.sum(axis=(-2, -1)) / size, _unpadded(dx, x, pool)


def _windows(padded: Array, dy: Array, pool: WindowPool) -> Array:
    """Return a view of the pixels of all windows, ``(*dy.shape, kernel height, kernel width)``.

    What is added to it is added to the images.
    """
    (down, across), (_, height, width, _) = pool.stride, dy.shape
    view = sliding_window_view(padded, pool.kernel_size, axis=(1, 2), writeable=True)
    return view[:, ::down, ::across][:, :height, :width]


def _padded(images: Array, value: float, pool: WindowPool) -> Array:
    """Return the images with padding around them, and after it all that windows may extend over."""
    sides = [
        (padding, padding + stride)
        for padding, stride in zip(pool.padding, pool.stride, strict=True)
    ]
    return np.pad(images, [(0, 0), *sides, (0, 0)], constant_values=value)


def _unpadded(padded: Array, x: Array, pool: WindowPool) -> Array:
    (top, left), (_, height, width, _) = pool.padding, x.shape
    return padded[:, top : top + height, left : left + width]
