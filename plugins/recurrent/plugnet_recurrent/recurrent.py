"""What rnn, lstm and gru share: everything except what happens within one step."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np

from plugnet import registry
from plugnet.arguments import flag, integer
from plugnet.arrays import Array, Shape, sum_rows
from plugnet.errors import ShapeError
from plugnet.interfaces import Initializer, Layer
from plugnet.parallel import matmul
from plugnet.parameter import Parameter
from plugnet_recurrent.workspace import BackwardWorkspace, ForwardWorkspace, clear, rows

#: What `Recurrent.step` was given and has written: gates, old and new.
Step: TypeAlias = tuple[Array, Array, Array]


class Recurrent(Layer):
    """h' = step(x W + b, h U) for each step of a sequence in turn; h starts at 0.

    Samples are ``(T, inputs)``, T steps. W is ``(inputs, G * outputs)`` for G gates, the columns of
    the first gate first; U is ``(outputs, G * outputs)``.
    """

    gate_count: ClassVar[int]  # G
    cached_count: ClassVar[int] = 1  # arrays (N, outputs) that a step leaves behind, h first
    state_count: ClassVar[int] = 1  # how many of them the next step reads
    operations: ClassVar[int] = 0  # per output and step, besides the products and the bias

    #: Whether a step does more with h U than add it to x W + b, so that its gradient is another.
    has_own_products: ClassVar[bool] = False

    _weight: Parameter
    _recurrent_weight: Parameter
    _bias: Parameter
    _arrays: ForwardWorkspace  # of the last training forward
    _skipped: Array | None  # (T, N, 1), the steps it skipped
    _forward_buffers: ForwardWorkspace | None = None
    _backward_buffers: BackwardWorkspace | None = None

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
            outputs: the size of h.
            return_sequences: whether to return h of every step, ``(T, outputs)``, or only the last,
                ``(outputs,)``.
            padding: whether to skip steps that are all zeros: h stays as it is, and in a sequence
                the output for such a step is zeros too, for the next layer to skip.
            reverse: whether to read the last step first. Outputs stay aligned with their steps.
            initializer: what draws W, one gate at a time.
            recurrent_initializer: what draws U, one gate at a time.

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

    # What a cell defines -------------------------------------------------------------------------

    @abstractmethod
    def step(self, gates: Array, products: Array, old: Array, new: Array) -> None:
        """Do one step: turn x W + b and h U into gates, and write what is cached to ``new``.

        Args:
            gates: ``(G, N, outputs)``, the parts of x W + b, to be changed in place.
            products: ``(G, N, outputs)``, the parts of h U.
            old: ``(cached_count, N, outputs)``, h and the rest from the step before.
            new: ``(cached_count, N, outputs)``, the same from this step.
        """

    @abstractmethod
    def step_back(
        self, step: Step, dgates: Array, dproducts: Array, dold: Array, dnew: Array
    ) -> None:
        """Go back through one step: fill ``dgates``, ``dproducts`` and ``dold``.

        Args:
            step: gates, old and new, as `step` left them.
            dgates: ``(G, N, outputs)``, the gradients with respect to the parts of x W + b.
            dproducts: ``(G, N, outputs)``, to the parts of h U; dgates itself unless the cell
                `has_own_products`.
            dold: ``(state_count, N, outputs)``, to ``old``, except through h U.
            dnew: ``(state_count, N, outputs)``, to ``new``.
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
                f"{shape}. Reshape the samples, or put an embedding before it if they are ids.",
                expected=("steps", "features"),
                got=shape,
            )
        return (shape[0], self.outputs) if self.return_sequences else (self.outputs,)

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        """Draw the weights; the bias starts at zero and is exempt from regularization."""
        self.output_shape(shape)
        gates = self.gate_count

        def draw(initializer: Initializer, fan_in: int) -> Parameter:
            parts = [initializer((fan_in, self.outputs), rng, dtype) for _ in range(gates)]
            return Parameter(np.concatenate(parts, axis=1))

        self._weight = draw(self.initializer, shape[1])
        self._recurrent_weight = draw(self.recurrent_initializer, self.outputs)
        self._bias = Parameter(np.zeros(gates * self.outputs, dtype), decay_mult=0)

    def parameters(self) -> Mapping[str, Parameter]:
        return {
            "weight": self._weight,
            "recurrent_weight": self._recurrent_weight,
            "bias": self._bias,
        }

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        self._forward_buffers = self._forward_workspace(batch_shape, dtype, training=True)
        self._backward_buffers = self._backward_workspace(batch_shape, dtype)

    # Forward -------------------------------------------------------------------------------------

    def forward(self, x: Array, training: bool = False) -> Array:
        """Return the last h, ``(N, outputs)``; with return_sequences all, ``(N, T, outputs)``."""
        arrays = self._forward_buffers if training else None
        arrays = arrays or self._forward_workspace(x.shape, x.dtype, training)
        steps, xw, hu, gates, cache, y = arrays
        steps[...] = self._by_time(x)  # (N, T, inputs) -> (T, N, inputs)
        skipped = np.logical_not(steps.any(axis=2, keepdims=True)) if self.padding else None
        matmul(rows(steps), self._weight.value, out=rows(xw))
        xw += self._bias.value
        recurrent_weight = self._recurrent_weight.value
        for t in range(len(steps)):
            matmul(cache[0, t], recurrent_weight, out=hu)
            step_gates = gates[t if training else 0]
            step_gates[...] = self._by_gate(xw[t])  # (N, G * outputs) -> (G, N, outputs)
            old, new = cache[:, t], cache[:, t + 1]
            self.step(step_gates, self._by_gate(hu), old, new)
            if skipped is not None:
                for before, after in zip(old, new, strict=True):
                    np.copyto(after, before, where=skipped[t])
        if training:
            self._arrays, self._skipped = arrays, skipped
        if not self.return_sequences:
            last: Array = cache[0, -1]
            return last if training else last.copy()  # a view would keep all steps alive
        h = self._by_time(y)  # (N, T, outputs) -> (T, N, outputs)
        h[...] = cache[0, 1:]
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

    def _through_time(self, dy: Array) -> BackwardWorkspace:
        """Go back from the last step to the first, and fill dxw and dhu."""
        x, _, _, gates, cache, _ = self._arrays
        arrays = self._backward_buffers
        arrays = arrays or self._backward_workspace((len(dy), *x.shape[::2]), dy.dtype)
        dys, dgates, dxw, dproducts, dhu, dh, (dold, dnew), *_ = arrays
        skipped, recurrent_weight = self._skipped, self._recurrent_weight.value
        dnew.fill(0)
        if self.return_sequences:
            dys[...] = self._by_time(dy)  # (N, T, outputs) -> (T, N, outputs)
            clear(dys, skipped)
        else:
            dnew[0] = dy
        for t in reversed(range(len(x))):
            if self.return_sequences:
                dnew[0] += dys[t]
            step = gates[t], cache[:, t], cache[:, t + 1]
            self.step_back(step, dgates, dproducts, dold, dnew)
            self._by_gate(dxw[t])[...] = dgates  # (G, N, outputs) -> (N, G * outputs)
            if self.has_own_products:
                self._by_gate(dhu[t])[...] = dproducts
            dold[0] += matmul(dhu[t], recurrent_weight.T, out=dh)
            if skipped is not None:
                np.copyto(dold, dnew, where=skipped[t])
            dold, dnew = dnew, dold
        clear(dxw, skipped)
        clear(dhu, skipped)
        return arrays

    def _write_gradients(self, arrays: BackwardWorkspace) -> None:
        """Write dW = x^T dxw and dU = h^T dhu, each over all steps, and db, the sum of dxw."""
        dxw, dhu = rows(arrays.dxw), rows(arrays.dhu)
        h = self._arrays.cache[0, :-1]  # before each step
        matmul(rows(self._arrays.x).T, dxw, out=self._weight.grad)
        matmul(rows(h).T, dhu, out=self._recurrent_weight.grad)
        sum_rows(dxw, out=self._bias.grad)

    def _input_gradient(self, arrays: BackwardWorkspace) -> Array:
        """Return dx = dxw W^T."""
        matmul(rows(arrays.dxw), self._weight.value.T, out=rows(arrays.dx_steps))
        self._by_time(arrays.dx)[...] = arrays.dx_steps  # (T, N, inputs) -> (N, T, inputs)
        return arrays.dx

    def _by_time(self, array: Array) -> Array:
        """Return a view of ``(N, T, K)`` as ``(T, N, K)``, in reading order."""
        steps = array.swapaxes(0, 1)
        return steps[::-1] if self.reverse else steps

    def _by_gate(self, row: Array) -> Array:
        """Return a view of ``(N, G * outputs)`` as ``(G, N, outputs)``."""
        return row.reshape(len(row), self.gate_count, self.outputs).swapaxes(0, 1)

    def flops(self, shape: Shape) -> int:
        """Return, for each step, two per weight, one per bias, and those of the cell itself."""
        steps, inputs = shape
        each = self.gate_count * (2 * (inputs + self.outputs) + 1) + self.operations
        return steps * self.outputs * each

    # Workspaces ----------------------------------------------------------------------------------

    def _forward_workspace(
        self, batch_shape: Shape, dtype: np.dtype[Any], training: bool
    ) -> ForwardWorkspace:
        """Return new arrays for batches ``(N, T, inputs)``; only the zeros are set."""
        n, steps, inputs = batch_shape
        count, outputs = self.gate_count, self.outputs
        cache = np.empty((self.cached_count, steps + 1, n, outputs), dtype)
        cache[:, 0] = 0
        return ForwardWorkspace(
            x=np.empty((steps, n, inputs), dtype),
            xw=np.empty((steps, n, count * outputs), dtype),
            hu=np.empty((n, count * outputs), dtype),
            gates=np.empty((steps if training else 1, count, n, outputs), dtype),
            cache=cache,
            y=np.empty((n, steps if self.return_sequences else 0, outputs), dtype),
        )

    def _backward_workspace(self, batch_shape: Shape, dtype: np.dtype[Any]) -> BackwardWorkspace:
        """Return new arrays for batches ``(N, T, inputs)``."""
        n, steps, inputs = batch_shape
        count, outputs = self.gate_count, self.outputs
        dgates = np.empty((count, n, outputs), dtype)
        dxw = np.empty((steps, n, count * outputs), dtype)
        return BackwardWorkspace(
            dy=np.empty((steps if self.return_sequences else 0, n, outputs), dtype),
            dgates=dgates,
            dxw=dxw,
            dproducts=np.empty_like(dgates) if self.has_own_products else dgates,
            dhu=np.empty_like(dxw) if self.has_own_products else dxw,
            dh=np.empty((n, outputs), dtype),
            dstates=np.empty((2, self.state_count, n, outputs), dtype),
            dx_steps=np.empty((steps, n, inputs), dtype),
            dx=np.empty(batch_shape, dtype),
        )
