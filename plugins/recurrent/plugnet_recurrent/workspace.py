"""The arrays that a pass through time computes in.

Time comes before N in them, so that the numbers of one step are contiguous.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from plugnet.arrays import Array


class ForwardWorkspace(NamedTuple):
    """What a forward pass computes in.

    Attributes:
        x: ``(T, N, inputs)``, the steps in reading order.
        xw: ``(T, N, G * outputs)``, x W + b for all G gates.
        hu: ``(N, G * outputs)``, h U of one step.
        gates: ``(T, G, N, outputs)``; outside training ``(1, G, N, outputs)``, of one step.
        cache: ``(cached_count, T + 1, N, outputs)``, h and what else a step leaves; first zeros.
        y: ``(N, T, outputs)``; empty if only the last h is returned.
    """

    x: Array
    xw: Array
    hu: Array
    gates: Array
    cache: Array
    y: Array


class BackwardWorkspace(NamedTuple):
    """What a backward pass computes in; dproducts and dhu are dgates and dxw unless
    `Recurrent.has_own_products`.

    Attributes:
        dy: ``(T, N, outputs)``; empty if only the last h was returned.
        dgates: ``(G, N, outputs)``, of one step.
        dxw: ``(T, N, G * outputs)``, dgates of all steps.
        dproducts: ``(G, N, outputs)``, of h U in one step.
        dhu: ``(T, N, G * outputs)``, dproducts of all steps.
        dh: ``(N, outputs)``, what comes through h U.
        dstates: ``(2, state_count, N, outputs)``, the gradients on their way from step to step.
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


def rows(steps: Array) -> Array:
    """Return ``(T, N, K)`` as ``(T * N, K)``, for one product over all steps."""
    return steps.reshape(len(steps) * steps.shape[1], steps.shape[2])


def clear(steps: Array, skipped: Array | None) -> None:
    """Zero the steps of ``(T, N, K)`` that ``skipped``, ``(T, N, 1)``, marks."""
    if skipped is not None:
        np.copyto(steps, 0, where=skipped)
