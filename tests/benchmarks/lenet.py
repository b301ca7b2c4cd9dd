"""A training step of LeNet: plugnet's, PyTorch's in three ways, and JAX's.

A step is: fetch the next batch of a shuffled set that lies in memory, push it forward, softmax and
cross-entropy, backward, weight decay on the weights (not on the biases), and one update with
momentum; the loss is kept. float32, a fixed rate. The network is that of examples/lenet.toml.
"""

from __future__ import annotations

import time
from typing import Any, ClassVar, Protocol

import numpy as np

from fitting import Fit, Stepwise, Trained
from frameworks import load_jax
from plugnet import Network
from plugnet.arrays import Array
from scanned import Scanned

BATCH, ROWS = 64, 1280
RATE, MOMENTUM, DECAY = 0.01, 0.9, 0.0005
LAYERS: tuple[Any, ...] = (
    ("conv2d", 20, {"kernel_size": 5}),
    ("max_pool", 2),
    ("conv2d", 50, {"kernel_size": 5}),
    ("max_pool", 2),
    ("fc", {"outputs": 500}),
    "relu",
    ("fc", {"outputs": 10}),
)


def network() -> Network:
    """Return the network, which has the first weights of all peers."""
    return Network(LAYERS, input_shape=(28, 28, 1))


def data(rows: int = ROWS) -> tuple[Array, Array]:
    """Return ``(rows, 28, 28, 1)`` images and ``(rows,)`` class ids."""
    x = np.random.default_rng(1).random((rows, 28, 28, 1), dtype=np.float32)
    return x, np.arange(rows) % 10


class Peer(Trained, Protocol):
    """Someone who trains on ``x`` and ``y``, from plugnet's first weights."""

    def __init__(self, x: Array, y: Array) -> None: ...


class Plugnet(Fit):
    """Plugnet's step."""

    def __init__(self, x: Array, y: Array) -> None:
        super().__init__(
            network(),
            x,
            y,
            optimizer=("sgd", MOMENTUM),
            policy=("fixed", RATE),
            regularizer=("l2", DECAY),
            batch_size=BATCH,
        )


class Torch(Stepwise):
    """PyTorch, eager, in its default layout, (N, channels, height, width); a fused optimizer."""

    name: ClassVar[str] = "PyTorch, default layout"
    channels_last: ClassVar[bool] = False

    def __init__(self, x: Array, y: Array) -> None:
        import torch

        self.torch, nn = torch, torch.nn
        layers = [nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2)]
        layers += [nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10)]
        self.network = nn.Sequential(*layers)
        own = list(self.network.parameters())
        with torch.no_grad():
            for tensor, parameter in zip(own, network().parameters().values(), strict=True):
                tensor.copy_(torch.from_numpy(_to_torch(parameter.value)))
        if self.channels_last:
            self.network = self.network.to(memory_format=torch.channels_last)
        groups = [
            {"params": own[0::2], "weight_decay": DECAY},
            {"params": own[1::2], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.SGD(groups, RATE, momentum=MOMENTUM, fused=True)
        # by reshape, as the strides of a transposed array would say channels last
        self.x, self.y = torch.from_numpy(x.reshape(-1, 1, 28, 28)), torch.from_numpy(y)
        self.order, self.point = torch.arange(0), len(x)
        self.losses: list[float] = []
        self.model = self.compiled()

    def compiled(self) -> Any:
        return self.network

    def step(self) -> None:
        if self.point + BATCH > len(self.x):
            self.order, self.point = self.torch.randperm(len(self.x)), 0
        rows = self.order[self.point : self.point + BATCH]
        self.point += BATCH
        x = self.x[rows]
        if self.channels_last:
            x = x.contiguous(memory_format=self.torch.channels_last)
        loss = self.torch.nn.functional.cross_entropy(self.model(x), self.y[rows])
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.losses.append(loss.item())  # as plugnet's history keeps it

    def weights(self) -> list[Array]:
        return [_from_torch(tensor.detach().numpy()) for tensor in self.network.parameters()]


class TorchChannelsLast(Torch):
    """PyTorch, eager, images and weights in memory as plugnet has the images."""

    name: ClassVar[str] = "PyTorch, channels_last"
    channels_last: ClassVar[bool] = True


class TorchCompiled(TorchChannelsLast):
    """PyTorch with channels last and the model through torch.compile."""

    name: ClassVar[str] = "PyTorch, channels_last, compiled"

    def compiled(self) -> Any:
        return self.torch.compile(self.network)


def _to_torch(value: Array) -> Array:
    if value.ndim == 4:
        return value.transpose(3, 2, 0, 1)  # (height, width, in, out) -> (out, in, height, width)
    if value.shape[0] == 800:  # (height * width * channels, out) -> channels first
        return value.reshape(4, 4, 50, 500).transpose(3, 2, 0, 1).reshape(500, 800)
    return value.T


def _from_torch(value: Array) -> Array:
    if value.ndim == 4:
        return value.transpose(2, 3, 1, 0)
    if value.shape[-1] == 800:
        return value.reshape(500, 50, 4, 4).transpose(2, 3, 1, 0).reshape(800, 500)
    return value.T


class Jax:
    """JAX, channels last: the whole step, batch and all, is one compiled function."""

    name: ClassVar[str] = "JAX jit"

    def __init__(self, x: Array, y: Array) -> None:
        jax = self.jax = load_jax()
        values = [jax.numpy.array(parameter.value) for parameter in network().parameters().values()]
        self.state = values, [jax.numpy.zeros_like(value) for value in values]
        self.update = jax.jit(self.step, donate_argnums=0)
        self.x, self.y = jax.numpy.array(x), jax.numpy.array(y.astype(np.int32))
        self.rng, self.point = np.random.default_rng(0), len(x)
        self.order: Any = None
        self.losses: list[Any] = []

    def scores(self, values: list[Any], x: Any) -> Any:
        lax, numpy = self.jax.lax, self.jax.numpy
        for kernel, bias in (values[0:2], values[2:4]):
            layout = ("NHWC", "HWIO", "NHWC")
            x = lax.conv_general_dilated(x, kernel, (1, 1), "VALID", dimension_numbers=layout)
            window = (1, 2, 2, 1)
            x = lax.reduce_window(x + bias, -numpy.inf, lax.max, window, window, "VALID")
        x = numpy.maximum(x.reshape(len(x), -1) @ values[4] + values[5], 0)
        return x @ values[6] + values[7]

    def loss(self, values: list[Any], x: Any, y: Any) -> Any:
        log_p = self.jax.nn.log_softmax(self.scores(values, x))
        return -self.jax.numpy.take_along_axis(log_p, y[:, None], axis=1).mean()

    def step(self, state: Any, x: Any, y: Any, order: Any, point: Any) -> Any:
        rows = self.jax.lax.dynamic_slice(order, (point,), (BATCH,))
        return self.learn(state, x[rows], y[rows])

    def learn(self, state: Any, x: Any, y: Any) -> Any:
        values, velocities = map(list, state)
        loss, grads = self.jax.value_and_grad(self.loss)(values, x, y)
        for i, value in enumerate(values):
            grad = grads[i] + DECAY * value if value.ndim > 1 else grads[i]
            velocities[i] = MOMENTUM * velocities[i] + grad
            values[i] = value - RATE * velocities[i]
        return (values, velocities), loss

    def clock(self, steps: int) -> float:
        start = time.perf_counter()
        for _ in range(steps):
            if self.point + BATCH > len(self.x):
                self.order = self.jax.numpy.array(self.rng.permutation(len(self.x)), np.int32)
                self.point = 0
            self.state, loss = self.update(self.state, self.x, self.y, self.order, self.point)
            self.point += BATCH
            self.losses.append(loss)
        self.jax.block_until_ready(self.state)
        return time.perf_counter() - start

    def first_loss(self) -> float:
        return float(self.losses[0])

    def weights(self) -> list[Array]:
        return [np.asarray(value) for value in self.state[0]]


class JaxScan(Scanned, Jax):
    """All steps in one call, which is slower here: XLA compiles what stands in a loop without the
    library that it calls for convolutions elsewhere.
    """

    def __init__(self, x: Array, y: Array) -> None:
        super().__init__(x, y)
        self.begin(BATCH, self.learn)


PEERS: tuple[type[Peer], ...] = (Torch, TorchChannelsLast, TorchCompiled, Jax, JaxScan)
