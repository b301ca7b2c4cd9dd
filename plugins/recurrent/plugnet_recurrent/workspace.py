"""The arrays that a pass through time computes in.

Time comes before N in them, so that the numbers of one step are contiguous.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from plugnet.arrays import Array, Shape
from plugnet_recurrent.cell import Cell


class ForwardWorkspace(NamedTuple):
    """What a forward pass computes in.

    Attributes:
        x: ``(T, N, inputs)``, the steps in reading order.
        xw: ``(T, N, G * outputs)``, x W + b for all G gates.
        hu: ``(N, G * outputs)``, h U of one step.
        gates: ``(T, G, N, outputs)``; outside training ``(1, G, N, outputs)``, of one step.
        cache: ``(cached, T + 1, N, outputs)``, h and what else a step leaves; the first is zeros.
        y: ``(N, T, outputs)``; empty if only the last h is returned.
    """

    x: Array
    xw: Array
    hu: Array
    gates: Array
    cache: Array
    y: Array

    @classmethod
    def new(
        cls,
        cell: Cell,
        outputs: int,
        batch_shape: Shape,
        dtype: np.dtype[Any],
        return_sequences: bool,
        training: bool,
    ) -> ForwardWorkspace:
        """Return new arrays for batches ``(N, T, inputs)``; only the zeros are set."""
        n, steps, inputs = batch_shape
        cache = np.empty((cell.cached, steps + 1, n, outputs), dtype)
        cache[:, 0] = 0
        return cls(
            x=np.empty((steps, n, inputs), dtype),
            xw=np.empty((steps, n, cell.gates * outputs), dtype),
            hu=np.empty((n, cell.gates * outputs), dtype),
            gates=np.empty((steps if training else 1, cell.gates, n, outputs), dtype),
            cache=cache,
            y=np.empty((n, steps if return_sequences else 0, outputs), dtype),
        )


class BackwardWorkspace(NamedTuple):
    """What a backward pass computes in; dgates and dproducts are one unless the cell
    `has_own_products`.

    Attributes:
        dy: ``(T, N, outputs)``; empty if only the last h was returned.
        dgates: ``(G, N, outputs)``, of one step.
        dxw: ``(T, N, G * outputs)``, dgates of all steps.
        dproducts: ``(G, N, outputs)``, of h U in one step.
        dhu: ``(T, N, G * outputs)``, dproducts of all steps.
        dh: ``(N, outputs)``, what comes through h U.
        dstates: ``(2, states, N, outputs)``, the gradients on their way from step to step.
        dx_steps: ``(T, N, inputs)``.
        dx: ``(N, T, inputs)``.
    """

    dy: Array
    dgates: Array
    dxw: Array
    dproducts: Array
    dhu: Array
    dh: Array
    dstates: Array
    dx_steps: Array
    dx: Array

    @classmethod
    def new(
        cls,
        cell: Cell,
        outputs: int,
        batch_shape: Shape,
        dtype: np.dtype[Any],
        return_sequences: bool,
    ) -> BackwardWorkspace:
        """Return new arrays for batches ``(N, T, inputs)``."""
        n, steps, inputs = batch_shape
        dgates = np.empty((cell.gates, n, outputs), dtype)
        dxw = np.empty((steps, n, cell.gates * outputs), dtype)
        return cls(
            dy=np.empty((steps if return_sequences else 0, n, outputs), dtype),
            dgates=dgates,
            dxw=dxw,
            dproducts=np.empty_like(dgates) if cell.has_own_products else dgates,
            dhu=np.empty_like(dxw) if cell.has_own_products else dxw,
            dh=np.empty((n, outputs), dtype),
            dstates=np.empty((2, cell.states, n, outputs), dtype),
            dx_steps=np.empty((steps, n, inputs), dtype),
            dx=np.empty(batch_shape, dtype),
        )


def rows(steps: Array) -> Array:
    """Return ``(T, N, K)`` as ``(T * N, K)``, for one product over all steps."""
    return steps.reshape(len(steps) * steps.shape[1], steps.shape[2])


def clear(steps: Array, skipped: Array | None) -> None:
    """Zero the steps of ``(T, N, K)`` that ``skipped``, ``(T, N, 1)``, marks."""
    if skipped is not None:
        np.copyto(steps, 0, where=skipped)
