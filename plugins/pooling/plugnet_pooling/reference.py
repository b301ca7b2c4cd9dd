"""What pooling computes, as plainly as can be. Read it first: the layers only do the same faster.

They are tested against it. Both functions take images x and the gradient dy of what they become,
and return y, ``(N, output height, output width, channels)``, and dx. Numbers must be finite.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from plugnet.arrays import Array
from plugnet_pooling.windows import Windows


def max_pool(x: Array, dy: Array, windows: Windows) -> tuple[Array, Array]:
    """Each window becomes its largest pixel, the first of several, which alone gets dy."""
    pixels = _windows(_padded(x, -np.inf, windows), dy, windows)
    pixels = pixels.reshape(*dy.shape, -1)  # (..., kernel height, kernel width) -> (..., pixels)
    winner = pixels.argmax(axis=-1)
    dx = _padded(np.zeros_like(x), 0, windows)
    dx_pixels = _windows(dx, dy, windows)
    for number, (i, j) in enumerate(np.ndindex(windows.kernel)):
        dx_pixels[..., i, j] += np.where(winner == number, dy, 0)
    return pixels.max(axis=-1), _image(dx, x, windows)


def average_pool(
    x: Array, dy: Array, windows: Windows, count_include_pad: bool = True
) -> tuple[Array, Array]:
    """Each window becomes the mean of its pixels, each of which gets an equal share of dy."""
    pixels = _windows(_padded(x, 0, windows), dy, windows)
    size = windows.sizes(x.shape[1:], count_include_pad)[:, :, np.newaxis]
    dx = _padded(np.zeros_like(x), 0, windows)
    dx_pixels = _windows(dx, dy, windows)
    for i, j in np.ndindex(windows.kernel):
        dx_pixels[..., i, j] += dy / size
    return pixels.sum(axis=(-2, -1)) / size, _image(dx, x, windows)


def _windows(padded: Array, dy: Array, windows: Windows) -> Array:
    """Return the pixels of all windows, ``(*dy.shape, kernel height, kernel width)``.

    They are a view: what is added here is added to the images.
    """
    (down, across), (_, height, width, _) = windows.stride, dy.shape
    view = sliding_window_view(padded, windows.kernel, axis=(1, 2), writeable=True)
    return view[:, ::down, ::across][:, :height, :width]


def _padded(images: Array, value: float, windows: Windows) -> Array:
    """Return the images with padding around them, and after it all that may stick out."""
    sides = [
        (padding, padding + stride)
        for padding, stride in zip(windows.padding, windows.stride, strict=True)
    ]
    return np.pad(images, [(0, 0), *sides, (0, 0)], constant_values=value)


def _image(padded: Array, x: Array, windows: Windows) -> Array:
    (top, left), (_, height, width, _) = windows.padding, x.shape
    return padded[:, top : top + height, left : left + width]
