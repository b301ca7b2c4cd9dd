"""clip_gradients: keep one bad batch from throwing the parameters far away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from plugnet.arguments import number
from plugnet.parameter import Parameters


@dataclass(eq=False)
class ClipGradients:
    """Scale all gradients down together where their global norm is above a bound.

    The norm is that of all trained parameters' gradients as one vector, before the regularizer adds
    its own, as Caffe's clip_gradients (Pascanu, Mikolov and Bengio, 2013, "On the difficulty of
    training recurrent neural networks").

    Args:
        norm: the bound, above 0.

    Raises:
        ArgumentError: it is not a number above 0.
    """

    observes: ClassVar[bool] = False

    norm: float = 1.0

    def __post_init__(self) -> None:
        self.norm = number("norm", self.norm, above=0)

    def plugnet_gradients_ready(self, parameters: Parameters) -> None:
        trained = [parameters.grad[run.place] for run in parameters.runs()]
        squares = sum(float(np.dot(grad, grad)) for grad in trained)
        if not np.isfinite(squares):  # too large to square in float32, or not finite at all
            squares = sum(float(np.sum(np.square(grad, dtype=np.float64))) for grad in trained)
        if squares > self.norm**2:
            for grad in trained:
                grad *= self.norm / np.sqrt(squares)
