"""Holding out a part of the samples, at random, so that each class is in both parts."""

from __future__ import annotations

import numpy as np

from plugnet.arrays import Array
from plugnet.data.lazy import part_of
from plugnet.interfaces import Batch
from plugnet.targets import is_one_hot


def hold_out(labels: Array, fraction: float, seed: int) -> tuple[Array, Array]:
    """Return which rows to train on and which to hold out, both in their order.

    The rows held out are ``round(N * fraction)``, fewer only where a class, or the whole, would
    have none left to train on. Each class gives its share of them; shares are rounded by the
    method of the largest remainders.

    Args:
        labels: ``(N,)`` labels of classes, or ``(N, K)`` one-hot rows; or floating-point targets,
            which have no classes.
        fraction: how much is held out, from 0 to below 1.
        seed: of the draw.

    >>> hold_out(np.array(["a", "b", "a", "b", "b", "b"]), 1 / 3, seed=0)
    (array([2, 3, 4, 5]), array([0, 1]))
    """
    classes = np.zeros(len(labels), np.int64)
    if labels.ndim == 2 and labels.dtype.kind in "iuf" and is_one_hot(labels).all():
        labels = labels.argmax(axis=1)
    if labels.ndim == 1 and labels.dtype.kind != "f":
        classes = np.unique(labels, return_inverse=True)[1]
    counts = np.bincount(classes)
    order = np.random.default_rng(seed).permutation(len(labels))
    by_class = order[np.argsort(classes[order], kind="stable")]
    ends = np.repeat(np.cumsum(counts), counts)
    left_of_class = ends - np.arange(len(labels))  # from the class's count down to 1
    is_held = left_of_class <= np.repeat(_shares(counts, fraction), counts)
    return np.sort(by_class[~is_held]), np.sort(by_class[is_held])


def take_rows(samples: Batch, rows: Array) -> Batch:
    """Return the samples, labels and weights of some rows, as copies if they are in memory."""
    x, y, weights = samples
    return Batch(part_of(x, rows), y[rows], None if weights is None else weights[rows])


def _shares(counts: Array, fraction: float) -> Array:
    """Return how many of each class are held out, at most all but one."""
    exact = counts * fraction
    shares = np.floor(exact).astype(np.int64)
    left = min(round(counts.sum() * fraction), int((counts - 1).sum())) - int(shares.sum())
    by_remainder = np.argsort(shares - exact, kind="stable")
    while left > 0:
        room = (counts - 1 - shares)[by_remainder]
        able, room = by_remainder[room > 0][:left], room[room > 0][:left]
        more = np.minimum(room, max(left // len(able), 1))
        shares[able] += more
        left -= int(more.sum())
    return shares
