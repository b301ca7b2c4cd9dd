"""What rnn, lstm and gru share: everything but what happens within one step."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from plugnet import registry
from plugnet.arguments import flag, integer
from plugnet.arrays import Array, Shape, sum_rows
from plugnet.errors import ShapeError
from plugnet.interfaces import Initializer, Layer
from plugnet.parallel import matmul
from plugnet.parameter import Parameter
from plugnet_recurrent.arrays import BackwardArrays, ForwardArrays, clear, rows


class Recurrent(Layer):
    """h' = step(x W + b, h U), for one step of a sequence after the other; h is 0 at first.

    Samples are ``(T, inputs)``, T steps. W is ``(inputs, G * outputs)`` for G gates, the columns of
    the first gate first; U is ``(outputs, G * outputs)``.
    """

    gate_count: ClassVar[int]  # G
    kept: ClassVar[int] = 1  # arrays (N, outputs) that a step leaves: h first
    carried: ClassVar[int] = 1  # how many of them the next step reads, so gradients come back by
    operations: ClassVar[int] = 0  # per output and step, besides the products and the bias

    #: Whether h U is more than added to x W + b, so that its gradient is another one.
    has_own_products: ClassVar[bool] = False

    _weight: Parameter
    _recurrent_weight: Parameter
    _bias: Parameter
    _arrays: ForwardArrays  # of the last training forward
    _skipped: Array | None  # (T, N, 1), its steps to skip
    _forward_buffers: ForwardArrays | None = None
    _backward_buffers: BackwardArrays | None = None

    def __init__(
        self,
        outputs: int,
        return_sequences: bool = False,
        padding: bool = False,
        reverse: bool = False,
        initializer: Initializer | str = "xavier",
        recurrent_initializer: Initializer | str = "orthogonal",
    ) -> None:
        """Describe the layer.

        Args:
            outputs: the numbers in h.
            return_sequences: whether h of every step is returned, ``(T, outputs)``, or only the
                last, ``(outputs,)``.
            padding: whether a step of only zeros is skipped: h stays, and in a sequence the
                output at its place is zeros again, for the next layer to skip.
            reverse: whether the last step is read first. Outputs stand at the place of their step.
            initializer: what draws W, each gate's by itself.
            recurrent_initializer: what draws U, each gate's by itself.

        Raises:
            ArgumentError: an argument is of a wrong type or out of range.
        """
        self.outputs = integer("outputs", outputs, at_least=1)
        self.return_sequences = flag("return_sequences", return_sequences)
        self.padding = flag("padding", padding)
        self.reverse = flag("reverse", reverse)
        self.initializer = registry.initializers.resolve(initializer)
        self.recurrent_initializer = registry.initializers.resolve(recurrent_initializer)

    @classmethod
    def examples(cls) -> Sequence[Any]:
        return [
            ({"outputs": 3}, (5, 4)),
            ({"outputs": 4, "return_sequences": True, "reverse": True}, (3, 2)),
            ({"outputs": 2, "return_sequences": True, "padding": True}, (4, 3)),
        ]

    # What a cell says ----------------------------------------------------------------------------

    @abstractmethod
    def step(self, gates: Array, products: Array, old: Array, new: Array) -> None:
        """Do one step: make gates of x W + b and h U, and write what is kept to ``new``.

        Args:
            gates: ``(G, N, outputs)``, the parts of x W + b, to be changed in place.
            products: of the same shape, those of h U.
            old: ``(kept, N, outputs)``, h and so on of the step before.
            new: the same of this step.
        """

    @abstractmethod
    def step_back(
        self,
        gates: Array,
        old: Array,
        new: Array,
        dgates: Array,
        dproducts: Array,
        dold: Array,
        dnew: Array,
    ) -> None:
        """Go back through one step: fill ``dgates``, ``dproducts`` and ``dold``.

        Args:
            gates: ``(G, N, outputs)``, as `step` left them.
            old: as in `step`.
            new: as in `step`.
            dgates: ``(G, N, outputs)``, the gradients by the parts of x W + b.
            dproducts: by those of h U; the same array unless `has_own_products`.
            dold: ``(carried, N, outputs)``, by what was before the step, but not through h U.
            dnew: by what was after it.
        """

    # Shapes and parameters -----------------------------------------------------------------------

    def output_shape(self, shape: Shape) -> Shape:
        """Return ``(outputs,)``, or ``(T, outputs)`` with return_sequences.

        Raises:
            ShapeError: a sample is not ``(T, inputs)``.
        """
        if len(shape) != 2 or min(shape) < 1:
            raise ShapeError(
                "This layer reads sequences, samples of shape (steps, features), but the shape is "
                f"{shape}. Reshape them, or put an embedding before it if they are ids.",
                expected=("steps", "features"),
                got=shape,
            )
        return (shape[0], self.outputs) if self.return_sequences else (self.outputs,)

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        """Draw the weights; the bias is zero, and exempt from regularization."""
        self.output_shape(shape)

        def drawn(initializer: Initializer, fan_in: int) -> Parameter:
            each = [initializer((fan_in, self.outputs), rng, dtype) for _ in range(self.gate_count)]
            return Parameter(np.concatenate(each, axis=1))

        self._weight = drawn(self.initializer, shape[1])
        self._recurrent_weight = drawn(self.recurrent_initializer, self.outputs)
        self._bias = Parameter(np.zeros(self.gate_count * self.outputs, dtype), decay_mult=0)

    def parameters(self) -> Mapping[str, Parameter]:
        return {
            "weight": self._weight,
            "recurrent_weight": self._recurrent_weight,
            "bias": self._bias,
        }

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        self._forward_buffers = ForwardArrays.new(self, batch_shape, dtype, training=True)
        self._backward_buffers = BackwardArrays.new(self, batch_shape, dtype)

    # Forward -------------------------------------------------------------------------------------

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return the last h, ``(N, outputs)``; with return_sequences all, ``(N, T, outputs)``."""
        arrays = self._forward_buffers if training else None
        arrays = arrays or ForwardArrays.new(self, x.shape, x.dtype, training)
        steps, xw, hu, gates, memory, y = arrays
        steps[...] = self._by_time(x)  # (N, T, inputs) -> (T, N, inputs)
        skipped = np.logical_not(steps.any(axis=2, keepdims=True)) if self.padding else None
        matmul(rows(steps), self._weight.value, out=rows(xw))
        xw += self._bias.value
        for t in range(len(steps)):
            matmul(memory[0, t], self._recurrent_weight.value, out=hu)
            now = gates[t if training else 0]
            now[...] = self._by_gate(xw[t])  # (N, G * outputs) -> (G, N, outputs)
            old, new = memory[:, t], memory[:, t + 1]
            self.step(now, self._by_gate(hu), old, new)
            if skipped is not None:
                for before, after in zip(old, new, strict=True):
                    np.copyto(after, before, where=skipped[t])
        if training:
            self._arrays, self._skipped = arrays, skipped
        if not self.return_sequences:
            last: Array = memory[0, -1]
            return last if training else last.copy()  # which does not hold the other steps
        h = self._by_time(y)  # (N, T, outputs) -> (T, N, outputs)
        h[...] = memory[0, 1:]
        clear(h, skipped)
        return y

    # Backward, through time (Werbos 1990) --------------------------------------------------------

    def gradients(self, dy: Array) -> None:
        """Write dW, dU and db."""
        self._write_gradients(self._through_time(dy))

    def backward(self, dy: Array) -> Array:
        """Return dx, ``(N, T, inputs)``."""
        return self._input_gradient(self._through_time(dy))

    def backprop(self, dy: Array, inputs: bool) -> Array | None:
        arrays = self._through_time(dy)
        if any(parameter.trainable for parameter in self.parameters().values()):
            self._write_gradients(arrays)
        return self._input_gradient(arrays) if inputs else None

    def _through_time(self, dy: Array) -> BackwardArrays:
        """Go back from the last step to the first, and fill dxw and dhu."""
        x, _, _, gates, memory, _ = self._arrays
        arrays = self._backward_buffers
        arrays = arrays or BackwardArrays.new(self, (len(dy), *x.shape[::2]), dy.dtype)
        dys, dgates, dxw, dproducts, dhu, dh, (dold, dnew), *_ = arrays
        skipped = self._skipped
        dnew.fill(0)
        if self.return_sequences:
            dys[...] = self._by_time(dy)  # (N, T, outputs) -> (T, N, outputs)
            clear(dys, skipped)
        else:
            dnew[0] = dy
        for t in reversed(range(len(x))):
            if self.return_sequences:
                dnew[0] += dys[t]
            old, new = memory[:, t], memory[:, t + 1]
            self.step_back(gates[t], old, new, dgates, dproducts, dold, dnew)
            self._by_gate(dxw[t])[...] = dgates  # (G, N, outputs) -> (N, G * outputs)
            if self.has_own_products:
                self._by_gate(dhu[t])[...] = dproducts
            dold[0] += matmul(dhu[t], self._recurrent_weight.value.T, out=dh)
            if skipped is not None:
                np.copyto(dold, dnew, where=skipped[t])
            dold, dnew = dnew, dold
        clear(dxw, skipped)
        clear(dhu, skipped)
        return arrays

    def _write_gradients(self, arrays: BackwardArrays) -> None:
        """Write dW = x^T dxw and dU = h^T dhu, each over all steps, and db, the sum of dxw."""
        dxw, dhu = rows(arrays.dxw), rows(arrays.dhu)
        h = self._arrays.memory[0, :-1]  # before each step
        matmul(rows(self._arrays.x).T, dxw, out=self._weight.grad)
        matmul(rows(h).T, dhu, out=self._recurrent_weight.grad)
        sum_rows(dxw, out=self._bias.grad)

    def _input_gradient(self, arrays: BackwardArrays) -> Array:
        """Return dx = dxw W^T."""
        matmul(rows(arrays.dxw), self._weight.value.T, out=rows(arrays.dx_steps))
        self._by_time(arrays.dx)[...] = arrays.dx_steps  # (T, N, inputs) -> (N, T, inputs)
        return arrays.dx

    def _by_time(self, array: Array) -> Array:
        """Return a view of ``(N, T, K)`` as ``(T, N, K)``, in the order of reading."""
        steps = array.swapaxes(0, 1)
        return steps[::-1] if self.reverse else steps

    def _by_gate(self, row: Array) -> Array:
        """Return a view of ``(N, G * outputs)`` as ``(G, N, outputs)``."""
        return row.reshape(len(row), self.gate_count, self.outputs).swapaxes(0, 1)

    def flops(self, shape: Shape) -> int:
        """Return two per weight and one per bias at each step, and what makes h of the gates."""
        steps, inputs = shape
        each = self.gate_count * (2 * (inputs + self.outputs) + 1) + self.operations
        return steps * self.outputs * each
