"""Optimizers with one fault each, most of which their authors have met in public.

`FORMULA` names those that keep the contract: only their own formula says that they are wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from plugnet.arrays import Array
from plugnet.interfaces import Optimizer


class CountsFromZero(Optimizer):
    """Corrects Adam's bias by t - 1, so that the first step divides by zero."""

    slots: ClassVar[tuple[str, ...]] = ("mean", "square")

    # kozistr/pytorch_optimizer#308: "duplicated the minus-one operation in the bias correction"
    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        mean, square, _ = arrays
        mean += 0.1 * (grad - mean)
        square += 0.001 * (grad * grad - square)
        first, second = 1 - np.power(0.9, t - 1), 1 - np.power(0.999, t - 1)
        value -= rate * (mean / first) / (np.sqrt(square / second) + 1e-8)


class CountsFromTwo(Optimizer):
    """Corrects Adam's bias by t + 1, so that the first steps are about half as long."""

    slots: ClassVar[tuple[str, ...]] = ("mean", "square")

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        mean, square, _ = arrays
        mean += 0.1 * (grad - mean)
        square += 0.001 * (grad * grad - square)
        first, second = 1 - 0.9 ** (t + 1), 1 - 0.999 ** (t + 1)
        value -= rate * (mean / first) / (np.sqrt(square / second) + 1e-8)


class CountsItself(Optimizer):
    """Counts its calls instead of reading t: with many blocks a step has many calls."""

    slots: ClassVar[tuple[str, ...]] = ("mean",)

    # albi3ro in PennyLaneAI/pennylane#1929: accumulation["t"] lives in the optimizer
    def __init__(self) -> None:
        self._t = 0

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        self._t += 1
        arrays[0][...] += 0.1 * (grad - arrays[0])
        value -= rate * arrays[0] / (1 - 0.9**self._t)


class SharedVelocities(Optimizer):
    """Keeps velocities in a dictionary of the class, by shape, for all instances together."""

    _held: ClassVar[dict[tuple[int, ...], Array]] = {}

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        velocity = self._held.setdefault(value.shape, np.zeros_like(value))
        velocity *= 0.9
        velocity += grad
        value -= rate * velocity


class VelocityInside(Optimizer):
    """Keeps the velocity as an attribute, which no checkpoint holds."""

    def __init__(self, momentum: float = 0.9) -> None:
        self.momentum = momentum
        self._velocity: Any = 0.0

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        if np.shape(self._velocity) != value.shape or t == 1:
            self._velocity = np.zeros_like(value)
        self._velocity = self.momentum * self._velocity + grad
        value -= rate * self._velocity


class VelocityInDefault(Optimizer):
    """Keeps the velocity in a mutable default argument, which all instances share."""

    # deel-ai/deel-lip#64 describes the same trap
    def __init__(self, held: dict[str, Any] = {}) -> None:  # noqa: B006 # the fault
        self.held = held

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        before = self.held.get("velocity")
        after = grad if before is None or before.shape != grad.shape else 0.9 * before + grad
        self.held["velocity"] = np.array(after)
        value -= rate * after


class ScalesTheGradient(Optimizer):
    """Multiplies the gradient by the rate in place."""

    # apache/mxnet#8925: grad *= rescale_grad + ...
    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        grad *= rate
        value -= grad


class ClipsTheGradient(Optimizer):
    """Clips in place: only a gradient above 1 shows it."""

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        np.clip(grad, -1, 1, out=grad)
        value -= rate * grad


class CleansTheGradient(Optimizer):
    """Puts 0 for NaN into the gradient itself, so that divergence goes unseen."""

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        np.nan_to_num(grad, copy=False)
        value -= rate * grad


class DecaysTheGradient(Optimizer):
    """Adds the decay to the gradient in place, although it says that its decay is decoupled."""

    decoupled_decay: ClassVar[bool] = True

    # nntrainer/nntrainer#3565
    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        grad += 0.01 * decay * value
        value -= rate * grad


class DecaysTwice(Optimizer):
    """Applies the decoupled decay, and the same decay again in the direction."""

    decoupled_decay: ClassVar[bool] = True
    slots: ClassVar[tuple[str, ...]] = ("velocity",)

    # dylanyunlon/Neuron_SP#13
    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        velocity = arrays[0]
        velocity *= 0.9
        velocity += grad + 0.01 * decay * value
        value *= 1 - rate * 0.01 * decay
        value -= rate * velocity


class DecaysAfterwards(Optimizer):
    """Decays what the step has already changed, not the value before it."""

    decoupled_decay: ClassVar[bool] = True

    # huggingface/transformers#14539
    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        value -= rate * grad
        value *= 1 - rate * 0.01 * decay


class DecaysBiases(Optimizer):
    """Decays by the same whatever decay_mult is, even where that is 0."""

    decoupled_decay: ClassVar[bool] = True

    # vturrisi/solo-learn#288: bias and norm belong out of the decay
    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        value *= 1 - rate * 0.01
        value -= rate * grad


class DecaysInSecret(Optimizer):
    """Decays itself, but does not say so: the trainer's regularizer decays again."""

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        value *= 1 - rate * 0.01 * decay
        value -= rate * grad


class NeverDecays(Optimizer):
    """Says that it decays itself, so that nobody else does, and forgets to."""

    decoupled_decay: ClassVar[bool] = True

    # e-sensing/torchopt#14: "missing multiplying the weight decay by the param value"
    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        value -= rate * grad


class DecaysWithoutRate(Optimizer):
    """Decays by the same whatever the rate is, even where that is 0."""

    decoupled_decay: ClassVar[bool] = True

    # FluxML/Optimisers.jl#182
    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        value *= 1 - 0.01 * decay
        value -= rate * grad


class NormOfABlock(Optimizer):
    """Divides by the norm of what it is given, and says that it is elementwise."""

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        value -= rate * grad / (np.sqrt(np.sum(grad * grad)) + 1e-8)


class MeanOfABlock(Optimizer):
    """Centres the gradient by the mean of what it is given, and says that it is elementwise."""

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        value -= rate * (grad - 0.01 * grad.mean())


class LooksForABeginning(Optimizer):
    """Takes a slot without a non-zero number for the first step: blocks then matter."""

    slots: ClassVar[tuple[str, ...]] = ("velocity",)

    # pytorch/pytorch#122131: the first momentum is the first gradient that is there
    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        velocity = arrays[0]
        if velocity.any():
            velocity *= 0.9
            velocity += 0.1 * grad
        else:
            velocity[...] = grad
        value -= rate * velocity


class NoTrustInZeros(Optimizer):
    """Scales by the norm of the weights, so that zeros never change."""

    elementwise: ClassVar[bool] = False

    # cybertronai/pytorch-lamb#6
    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        norm = np.sqrt(np.sum(grad * grad)) + 1e-8
        value -= rate * np.sqrt(np.sum(value * value)) / norm * grad


class ZeroGradient(Optimizer):
    """Divides by the gradient's norm: NaN where that is 0."""

    elementwise: ClassVar[bool] = False

    # PaddlePaddle/Paddle#32038
    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        value -= rate * grad / np.sqrt(np.sum(grad * grad))


class ZeroRow(Optimizer):
    """Divides each row by its norm: NaN for a row without a gradient, as of a rare word."""

    elementwise: ClassVar[bool] = False

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        value -= rate * grad / np.sqrt(np.sum(grad * grad, axis=-1, keepdims=True))


class NoEpsilon(Optimizer):
    """Divides AdaGrad's 0 by 0 until a number has had a gradient."""

    slots: ClassVar[tuple[str, ...]] = ("squares",)

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        arrays[0][...] += grad * grad
        value -= rate * grad / np.sqrt(arrays[0])


class EpsilonInside(Optimizer):
    """sqrt(s + 1e-8), where its formula is sqrt(s) + 1e-8: a tiny gradient moves too little."""

    slots: ClassVar[tuple[str, ...]] = ("squares",)

    # tensorflow/tensorflow#9047 and karpathy/nanochat#304 dispute where it belongs
    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        arrays[0][...] += grad * grad
        value -= rate * grad / np.sqrt(arrays[0] + 1e-8)


class NegativeVariance(Optimizer):
    """sqrt(mean of squares - square of mean): rounding makes that negative, and the root NaN."""

    slots: ClassVar[tuple[str, ...]] = ("mean", "square")

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        mean, square, _ = arrays
        mean += 0.1 * (grad - mean)
        square += 0.1 * (grad * grad - square)
        share = 1 - 0.9**t
        value -= rate * grad / (np.sqrt(square / share - (mean / share) ** 2) + 1e-4)


class Rebinds(Optimizer):
    """Computes the new value and gives it to a local name: nothing ever changes."""

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        value = value - rate * grad  # the fault


class Ascends(Optimizer):
    """Goes up the gradient."""

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        value += rate * grad


class SinglePrecision(Optimizer):
    """Computes in float32 whatever comes in."""

    slots: ClassVar[tuple[str, ...]] = ("velocity",)

    # tinygrad/tinygrad#10387
    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        velocity = arrays[0].astype(np.float32) * np.float32(0.9) + grad.astype(np.float32)
        arrays[0][...] = velocity
        value -= np.float32(rate) * velocity


class DividesByRate(Optimizer):
    """Keeps the velocity in units of the rate: a rate of 0, as in a warm-up, gives NaN."""

    slots: ClassVar[tuple[str, ...]] = ("velocity",)

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        velocity = arrays[0]
        velocity *= np.float64(0.9) / rate
        velocity += grad
        velocity *= rate
        value -= velocity


class MatricesOnly(Optimizer):
    """Unpacks two axes: biases and kernels end the training."""

    elementwise: ClassVar[bool] = False

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        rows, columns = value.shape
        value -= rate * grad * math.sqrt(columns / rows)


class KernelsByPlane(Optimizer):
    """Takes matrices along the first two axes: a kernel's are height and width; norms mix."""

    elementwise: ClassVar[bool] = False

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        if value.ndim == 1 or not grad.any():
            value -= rate * grad
            return
        u, _, v = np.linalg.svd(
            grad.reshape(value.shape[0], math.prod(value.shape[1:])), full_matrices=False
        )
        value -= rate * (u @ v).reshape(value.shape)


class Transposed(Optimizer):
    """Subtracts the transposed gradient: a square matrix hides the shape error."""

    elementwise: ClassVar[bool] = False

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        value -= rate * np.ascontiguousarray(grad.T).reshape(value.shape)


class TooFewScratches(Optimizer):
    """Unpacks two scratch arrays, but asks for one."""

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        first, second = arrays
        np.multiply(grad, rate, out=first)
        np.multiply(first, 1.0, out=second)
        value -= second


class CleanScratch(Optimizer):
    """Adds to the scratch array as if it held zeros."""

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        arrays[0][...] += rate * grad
        value -= arrays[0]


class ScratchRemembers(Optimizer):
    """Keeps its velocity in the scratch array, which is another one in the next step."""

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        velocity = arrays[0]
        if t == 1:
            velocity[...] = 0
        velocity *= 0.9
        velocity += grad
        value -= rate * velocity


class ForgetsTheSlot(Optimizer):
    """Sets its velocity to zero in each step, so that momentum has no effect."""

    slots: ClassVar[tuple[str, ...]] = ("velocity",)

    # kozistr/pytorch_optimizer#516
    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        velocity = arrays[0]
        velocity[...] = 0
        velocity *= 0.9
        velocity += grad
        value -= rate * velocity


class ForgetsTheMaximum(Optimizer):
    """AMSGrad whose maximum goes to the scratch array, not to its slot."""

    slots: ClassVar[tuple[str, ...]] = ("square", "largest")

    # apaszke in pytorch/pytorch#4034: "only assigning it to a local"
    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        square, largest, scratch = arrays
        square += 0.1 * (grad * grad - square)
        np.maximum(largest, square, out=scratch)
        value -= rate * grad / (np.sqrt(scratch) + 1e-8)


class RemembersTheGradient(Optimizer):
    """Keeps a reference to the last gradient, which is overwritten before it is read."""

    def __init__(self) -> None:
        self._last: Any = None

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        last = self._last if self._last is not None and self._last.shape == grad.shape else grad
        self._last = grad
        value -= rate * (1.5 * grad - 0.5 * last)


class ChangesItsMomentum(Optimizer):
    """Anneals its own constructor argument, call by call."""

    slots: ClassVar[tuple[str, ...]] = ("velocity",)

    def __init__(self, momentum: float = 0.5) -> None:
        self.momentum = momentum

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        self.momentum = min(0.99, self.momentum * 1.001)
        arrays[0][...] = self.momentum * arrays[0] + grad
        value -= rate * arrays[0]


class RenamesItsArgument(Optimizer):
    """Keeps its argument by another name, so that no copy can be made."""

    slots: ClassVar[tuple[str, ...]] = ("velocity",)

    def __init__(self, momentum: float = 0.9) -> None:
        self._beta = momentum

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        arrays[0][...] = self._beta * arrays[0] + grad
        value -= rate * arrays[0]


class IgnoresItsArgument(Optimizer):
    """Keeps its argument rounded to one digit: a copy of 0.95 is another optimizer."""

    slots: ClassVar[tuple[str, ...]] = ("velocity",)

    def __init__(self, momentum: float = 0.9) -> None:
        self.momentum = momentum * 0.5

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        arrays[0][...] = self.momentum * arrays[0] + grad
        value -= rate * arrays[0]


class GlobalNoise(Optimizer):
    """Adds Langevin noise from NumPy's global generator: no run can be repeated."""

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        value -= rate * (grad + 1e-3 * np.random.normal(size=grad.shape))  # noqa: NPY002


class Drifts(Optimizer):
    """Takes the sign of gradient + 1e-12: a number without a gradient walks away."""

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        value -= rate * np.sign(grad + 1e-12)


class ReturnsTheValue(Optimizer):
    """Returns the new value as a functional library would, and leaves the array alone."""

    # the habit of optax: updates are returned
    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        new: Array = value - rate * grad
        return new  # type: ignore[return-value]


class ChangesTheRateLater(Optimizer):
    """Divides the rate by sqrt(t) with an integer root: the same for steps 4 to 8."""

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        value -= rate / math.isqrt(t) * grad


#: Those that keep the contract, and are wrong by their own formula only.
FORMULA = {
    "CountsFromTwo",
    "DecaysTwice",
    "DecaysAfterwards",
    "EpsilonInside",
    "ForgetsTheSlot",
    "ForgetsTheMaximum",
    "KernelsByPlane",
    "ChangesTheRateLater",
}


COMPONENTS: list[tuple[str, Callable[[], Any]]] = [
    ("CountsFromZero", CountsFromZero),
    ("CountsFromTwo", CountsFromTwo),
    ("CountsItself", CountsItself),
    ("SharedVelocities", SharedVelocities),
    ("VelocityInside", VelocityInside),
    ("VelocityInDefault", VelocityInDefault),
    ("ScalesTheGradient", ScalesTheGradient),
    ("ClipsTheGradient", ClipsTheGradient),
    ("CleansTheGradient", CleansTheGradient),
    ("DecaysTheGradient", DecaysTheGradient),
    ("DecaysTwice", DecaysTwice),
    ("DecaysAfterwards", DecaysAfterwards),
    ("DecaysBiases", DecaysBiases),
    ("DecaysInSecret", DecaysInSecret),
    ("NeverDecays", NeverDecays),
    ("DecaysWithoutRate", DecaysWithoutRate),
    ("NormOfABlock", NormOfABlock),
    ("MeanOfABlock", MeanOfABlock),
    ("LooksForABeginning", LooksForABeginning),
    ("NoTrustInZeros", NoTrustInZeros),
    ("ZeroGradient", ZeroGradient),
    ("ZeroRow", ZeroRow),
    ("NoEpsilon", NoEpsilon),
    ("EpsilonInside", EpsilonInside),
    ("NegativeVariance", NegativeVariance),
    ("Rebinds", Rebinds),
    ("Ascends", Ascends),
    ("SinglePrecision", SinglePrecision),
    ("DividesByRate", DividesByRate),
    ("MatricesOnly", MatricesOnly),
    ("KernelsByPlane", KernelsByPlane),
    ("Transposed", Transposed),
    ("TooFewScratches", TooFewScratches),
    ("CleanScratch", CleanScratch),
    ("ScratchRemembers", ScratchRemembers),
    ("ForgetsTheSlot", ForgetsTheSlot),
    ("ForgetsTheMaximum", ForgetsTheMaximum),
    ("RemembersTheGradient", RemembersTheGradient),
    ("ChangesItsMomentum", ChangesItsMomentum),
    ("RenamesItsArgument", RenamesItsArgument),
    ("IgnoresItsArgument", IgnoresItsArgument),
    ("GlobalNoise", GlobalNoise),
    ("Drifts", Drifts),
    ("ReturnsTheValue", ReturnsTheValue),
    ("ChangesTheRateLater", ChangesTheRateLater),
]
