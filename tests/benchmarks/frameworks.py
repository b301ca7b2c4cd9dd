"""The step of mlp.py in PyTorch, JAX and scikit-learn, each as its users write it."""

from __future__ import annotations

import math
import os
import time
import warnings
from functools import partial
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from fitting import Stepwise
from mlp import DECAY, MOMENTUM, Problem
from plugnet.arrays import Array
from scanned import Scanned


def load_jax() -> Any:
    """Return JAX.

    It computes in a thread of its own while Python prepares the next step; with one thread it must
    not.
    """
    import jax

    jax.config.update("jax_cpu_enable_async_dispatch", os.environ["OMP_NUM_THREADS"] != "1")
    return jax


class Torch(Stepwise):
    """PyTorch, eager, its optimizer as it comes."""

    name: ClassVar[str] = "PyTorch"
    options: ClassVar[dict[str, Any]] = {}

    def __init__(self, problem: Problem, x: Array, y: Array) -> None:
        import torch

        self.torch = torch
        layers: list[Any] = []
        for inputs, outputs in pairwise(problem.sizes):
            layers += [torch.nn.Linear(inputs, outputs), torch.nn.Tanh()]
        self.network = torch.nn.Sequential(*layers[:-1])
        own = list(self.network.parameters())
        with torch.no_grad():
            for tensor, parameter in zip(own, problem.network().parameters().values(), strict=True):
                tensor.copy_(torch.from_numpy(parameter.value.T))
        groups = [
            {"params": own[0::2], "weight_decay": DECAY},
            {"params": own[1::2], "weight_decay": 0.0},
        ]
        if problem.optimizer == "sgd":
            arguments = {"momentum": MOMENTUM, **self.options}
            self.optimizer = torch.optim.SGD(groups, problem.rate, **arguments)
        else:
            self.optimizer = torch.optim.Adam(groups, problem.rate, **self.options)
        self.x, self.y = torch.from_numpy(x), torch.from_numpy(y)
        self.batch, self.point = problem.batch, len(x)
        self.order: Any = None
        self.losses: list[float] = []
        self.model = self.compiled()

    def compiled(self) -> Any:
        return self.network

    def step(self) -> None:
        if self.point + self.batch > len(self.x):
            self.order, self.point = self.torch.randperm(len(self.x)), 0
        rows = self.order[self.point : self.point + self.batch]
        self.point += self.batch
        scores = self.model(self.x[rows])
        loss = self.torch.nn.functional.cross_entropy(scores, self.y[rows])
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.losses.append(loss.item())  # as plugnet's history keeps it

    def weights(self) -> list[Array]:
        return [tensor.detach().numpy().T for tensor in self.network.parameters()]


class TorchFused(Torch):
    """PyTorch with the optimizer that is one kernel."""

    name: ClassVar[str] = "PyTorch, fused optimizer"
    options: ClassVar[dict[str, Any]] = {"fused": True}


class TorchCompiled(TorchFused):
    """PyTorch with the fused optimizer and the model through torch.compile."""

    name: ClassVar[str] = "PyTorch, compiled, fused"

    def compiled(self) -> Any:
        return self.torch.compile(self.network)


class Jax:
    """JAX: the whole step, batch and all, is one compiled function that is given its arrays."""

    name: ClassVar[str] = "JAX jit"

    def __init__(self, problem: Problem, x: Array, y: Array) -> None:
        jax = self.jax = load_jax()
        self.batch = problem.batch
        values = [jax.numpy.array(p.value) for p in problem.network().parameters().values()]
        zeros = [[jax.numpy.zeros_like(value) for value in values] for _ in range(2)]
        if problem.optimizer == "sgd":
            rule, self.state = self.sgd, (values, zeros[0])
        else:
            rule, self.state = self.adam, (values, *zeros, jax.numpy.zeros(()))
        self.rule = partial(rule, problem.rate)
        self.update = jax.jit(self.step, donate_argnums=0)
        self.x, self.y = jax.numpy.array(x), jax.numpy.array(y.astype(np.int32))
        self.rng, self.point = np.random.default_rng(0), len(x)
        self.losses: list[Any] = []

    def loss(self, values: list[Any], x: Any, y: Any) -> Any:
        for weight, bias in zip(values[:-2:2], values[1:-2:2], strict=True):
            x = self.jax.numpy.tanh(x @ weight + bias)
        log_p = self.jax.nn.log_softmax(x @ values[-2] + values[-1])
        return -self.jax.numpy.take_along_axis(log_p, y[:, None], axis=1).mean()

    def step(self, state: Any, x: Any, y: Any, order: Any, point: Any) -> Any:
        rows = self.jax.lax.dynamic_slice(order, (point,), (self.batch,))
        return self.learn(state, x[rows], y[rows])

    def learn(self, state: Any, x: Any, y: Any) -> Any:
        loss, grads = self.jax.value_and_grad(self.loss)(state[0], x, y)
        pairs = zip(state[0], grads, strict=True)
        grads = [grad + DECAY * value if grad.ndim == 2 else grad for value, grad in pairs]
        return self.rule(state, grads), loss

    def sgd(self, rate: float, state: Any, grads: list[Any]) -> Any:
        values, velocities = state
        tree = self.jax.tree.map
        velocities = tree(lambda v, grad: MOMENTUM * v + grad, velocities, grads)
        return tree(lambda value, v: value - rate * v, values, velocities), velocities

    def adam(self, rate: float, state: Any, grads: list[Any]) -> Any:
        values, means, squares, count = state
        tree, count = self.jax.tree.map, count + 1
        means = tree(lambda m, grad: 0.9 * m + 0.1 * grad, means, grads)
        squares = tree(lambda s, grad: 0.999 * s + 0.001 * grad * grad, squares, grads)
        rate, scale = rate / (1 - 0.9**count), 1 / self.jax.numpy.sqrt(1 - 0.999**count)

        def moved(value: Any, mean: Any, square: Any) -> Any:
            return value - rate * mean / (self.jax.numpy.sqrt(square) * scale + 1e-8)

        return tree(moved, values, means, squares), means, squares, count

    def clock(self, steps: int) -> float:
        start = time.perf_counter()
        for _ in range(steps):
            if self.point + self.batch > len(self.x):
                self.order = self.jax.numpy.array(self.rng.permutation(len(self.x)), np.int32)
                self.point = 0
            self.state, loss = self.update(self.state, self.x, self.y, self.order, self.point)
            self.point += self.batch
            self.losses.append(loss)
        self.jax.block_until_ready(self.state)
        return time.perf_counter() - start

    def first_loss(self) -> float:
        return float(self.losses[0])

    def weights(self) -> list[Array]:
        return [np.asarray(value) for value in self.state[0]]


class JaxScan(Scanned, Jax):
    """JAX at its fastest."""

    def __init__(self, problem: Problem, x: Array, y: Array) -> None:
        super().__init__(problem, x, y)
        self.begin(problem.batch, self.learn)


class Sklearn:
    """scikit-learn's MLPClassifier: `fit` for some epochs, started warm.

    Its check of the samples for NaN is switched off; what is left before the first step is about 1%
    of what is timed, and is in it.
    """

    name: ClassVar[str] = "scikit-learn, fit"
    epochs = 4  # at least

    def __init__(self, problem: Problem, x: Array, y: Array) -> None:
        import sklearn
        from sklearn.neural_network import MLPClassifier

        sklearn.set_config(assume_finite=True)
        self.x, self.y, self.steps = x, y, len(x) // problem.batch
        self.model = MLPClassifier(
            problem.sizes[1:-1],
            activation="tanh",
            solver=problem.optimizer,
            alpha=DECAY * problem.batch,  # it divides by the batch
            batch_size=problem.batch,
            learning_rate_init=problem.rate,
            momentum=MOMENTUM,
            nesterovs_momentum=False,
            epsilon=1e-9,  # it adds it before the bias correction
            tol=0.0,
            n_iter_no_change=10**9,
            max_iter=1,
            warm_start=True,
        )
        self.fit(1)
        values = [parameter.value for parameter in problem.network().parameters().values()]
        for own, value in zip(self.weights(), values, strict=True):
            own[...] = value
        self.penalty = DECAY / 2 * sum(float(np.vdot(w, w)) for w in self.model.coefs_)
        self.done = len(self.model.loss_curve_)

    def fit(self, epochs: int) -> None:
        self.model.max_iter = epochs
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it has not converged
            self.model.fit(self.x, self.y)

    def clock(self, steps: int) -> float:
        epochs = steps if self.steps == 1 else max(self.epochs, math.ceil(steps / self.steps))
        start = time.perf_counter()
        self.fit(epochs)
        return (time.perf_counter() - start) * steps / (epochs * self.steps)

    def first_loss(self) -> float:
        return float(self.model.loss_curve_[self.done]) - self.penalty

    def weights(self) -> list[Array]:
        layers = zip(self.model.coefs_, self.model.intercepts_, strict=True)
        return [array for layer in layers for array in layer]
