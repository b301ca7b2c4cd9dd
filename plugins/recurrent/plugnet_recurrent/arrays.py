"""The arrays that a pass through time computes in: new ones, or buffers.

Time comes before N in them, so that the numbers of one step lie together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from plugnet.arrays import Array, Shape

if TYPE_CHECKING:
    from plugnet_recurrent.recurrent import Recurrent


class ForwardArrays(NamedTuple):
    """What a forward pass computes in.

    Attributes:
        x: ``(T, N, inputs)``, the steps in the order in which they are read.
        xw: ``(T, N, G * outputs)``, x W + b for all G gates.
        hu: ``(N, G * outputs)``, h U of one step.
        gates: ``(T, G, N, outputs)``; outside training ``(1, G, N, outputs)``, of one step.
        memory: ``(kept, T + 1, N, outputs)``, h and what else is kept of a step; at first zeros.
        y: ``(N, T, outputs)``; empty if only the last h is returned.
    """

    x: Array
    xw: Array
    hu: Array
    gates: Array
    memory: Array
    y: Array

    @classmethod
    def new(
        cls, layer: Recurrent, batch_shape: Shape, dtype: np.dtype[Any], training: bool
    ) -> ForwardArrays:
        """Return new arrays for batches ``(N, T, inputs)``; of them only the zeros are set."""
        n, steps, inputs = batch_shape
        count, outputs = layer.gate_count, layer.outputs
        memory = np.empty((layer.kept, steps + 1, n, outputs), dtype)
        memory[:, 0] = 0
        return cls(
            x=np.empty((steps, n, inputs), dtype),
            xw=np.empty((steps, n, count * outputs), dtype),
            hu=np.empty((n, count * outputs), dtype),
            gates=np.empty((steps if training else 1, count, n, outputs), dtype),
            memory=memory,
            y=np.empty((n, steps if layer.return_sequences else 0, outputs), dtype),
        )


class BackwardArrays(NamedTuple):
    """What a backward pass computes in.

    Attributes:
        dy: ``(T, N, outputs)``; empty if only the last h was returned.
        dgates: ``(G, N, outputs)``, of one step.
        dxw: ``(T, N, G * outputs)``, the same of all steps: the gradient by x W + b.
        dproducts: as dgates, of h U; the same array if h U is only added to x W + b.
        dhu: as dxw, the gradient by h U.
        dh: ``(N, outputs)``, what comes through h U.
        flow: ``(2, carried, N, outputs)``, the gradients on their way from step to step.
        dx_steps: ``(T, N, inputs)``.
        dx: ``(N, T, inputs)``.
    """

    dy: Array
    dgates: Array
    dxw: Array
    dproducts: Array
    dhu: Array
    dh: Array
    flow: Array
    dx_steps: Array
    dx: Array

    @classmethod
    def new(cls, layer: Recurrent, batch_shape: Shape, dtype: np.dtype[Any]) -> BackwardArrays:
        """Return new arrays for batches ``(N, T, inputs)``."""
        n, steps, inputs = batch_shape
        count, outputs = layer.gate_count, layer.outputs
        dgates = np.empty((count, n, outputs), dtype)
        dxw = np.empty((steps, n, count * outputs), dtype)
        return cls(
            dy=np.empty((steps if layer.return_sequences else 0, n, outputs), dtype),
            dgates=dgates,
            dxw=dxw,
            dproducts=np.empty_like(dgates) if layer.has_own_products else dgates,
            dhu=np.empty_like(dxw) if layer.has_own_products else dxw,
            dh=np.empty((n, outputs), dtype),
            flow=np.empty((2, layer.carried, n, outputs), dtype),
            dx_steps=np.empty((steps, n, inputs), dtype),
            dx=np.empty(batch_shape, dtype),
        )


def rows(steps: Array) -> Array:
    """Return ``(T, N, K)`` as ``(T * N, K)``, for one product over all steps."""
    return steps.reshape(len(steps) * steps.shape[1], steps.shape[2])


def clear(steps: Array, skipped: Array | None) -> None:
    """Write zeros to the steps of ``(T, N, K)`` to skip, by ``(T, N, 1)``."""
    if skipped is not None:
        np.copyto(steps, 0, where=skipped)
