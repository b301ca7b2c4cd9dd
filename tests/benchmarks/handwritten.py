"""The step of mlp.py in as few NumPy calls as it takes: what no framework on NumPy can be under."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import ClassVar

import numpy as np

from fitting import Stepwise
from mlp import DECAY, MOMENTUM, Problem
from plugnet.arrays import Array


class Handwritten(Stepwise):
    """One function, written for this network, with its arrays made beforehand, and no checks."""

    name: ClassVar[str] = "NumPy, written for this net"

    def __init__(self, problem: Problem, x: Array, y: Array) -> None:
        self.x, self.y, self.batch, self.rate = x, y, problem.batch, problem.rate
        self.is_sgd = problem.optimizer == "sgd"
        shapes = list(pairwise(problem.sizes))
        count = sum(i * o for i, o in shapes)
        size = count + sum(problem.sizes[1:])
        self.value, self.grad, self.first, self.second, self.scratch = np.zeros((5, size), "f4")
        self.decaying = slice(count)
        self.layers, self.grads = (
            self.views(flat, shapes, count) for flat in (self.value, self.grad)
        )
        parameters = problem.network().parameters().values()
        for own, parameter in zip(self.weights(), parameters, strict=True):
            own[...] = parameter.value
        outputs = [np.empty((self.batch, o), "f4") for o in problem.sizes]
        self.batch_x, self.outputs = outputs[0], outputs[1:]
        self.dys = [np.empty_like(output) for output in self.outputs]
        self.slopes = [np.empty_like(output) for output in self.outputs]
        self.ones = np.ones(self.batch, "f4")
        self.classes = np.ones(problem.sizes[-1], "f4")
        self.starts = np.arange(self.batch) * problem.sizes[-1]
        self.rng, self.point, self.steps = np.random.default_rng(0), len(x), 0
        self.losses: list[float] = []

    def views(
        self, flat: Array, shapes: list[tuple[int, int]], at: int
    ) -> list[tuple[Array, Array]]:
        """Return weight and bias of every layer; the weights come first, the biases from ``at``."""
        found, start = [], 0
        for i, o in shapes:
            found.append((flat[start : start + i * o].reshape(i, o), flat[at : at + o]))
            start, at = start + i * o, at + o
        return found

    def step(self) -> None:
        if self.point + self.batch > len(self.x):
            self.order, self.point = self.rng.permutation(len(self.x)), 0
        rows = self.order[self.point : self.point + self.batch]
        self.point += self.batch
        x = self.x.take(rows, 0, self.batch_x, "clip")
        inputs = [x]
        for (weight, bias), y in zip(self.layers, self.outputs, strict=True):
            inputs[-1].dot(weight, y)
            y += bias
            if y is not self.outputs[-1]:
                np.tanh(y, y)
            inputs.append(y)
        own = self.y.take(rows)
        own += self.starts
        scores, dy = self.outputs[-1], self.dys[-1]
        scores -= scores.max(1, keepdims=True)
        np.exp(scores, dy)
        total = dy.dot(self.classes)
        self.losses.append(float((np.log(total) - scores.take(own)).sum()) / self.batch)
        dy /= (total * self.batch)[:, None]
        dy.reshape(-1)[own] -= 1 / self.batch
        for k in reversed(range(len(self.layers))):
            inputs[k].T.dot(dy, self.grads[k][0])
            self.ones.dot(dy, self.grads[k][1])
            if k:
                below, slope, y = self.dys[k - 1], self.slopes[k - 1], inputs[k]
                dy.dot(self.layers[k][0].T, below)
                np.multiply(y, y, slope)
                np.subtract(1, slope, slope)
                below *= slope
                dy = below
        part = self.decaying
        self.grad[part] += np.multiply(self.value[part], DECAY, self.scratch[part])
        self.update()

    def update(self) -> None:
        first, second, scratch = self.first, self.second, self.scratch
        if self.is_sgd:
            first *= MOMENTUM
            first += np.multiply(self.grad, self.rate, scratch)
            self.value -= first
            return
        self.steps += 1
        first *= 0.9
        first += self.grad
        second *= 0.999
        second += np.multiply(self.grad, self.grad, scratch)
        np.sqrt(second, scratch)
        root = math.sqrt((1 - 0.999) / (1 - 0.999**self.steps))
        scratch += 1e-8 / root
        np.divide(first, scratch, scratch)
        scratch *= self.rate * (1 - 0.9) / (1 - 0.9**self.steps) / root
        self.value -= scratch

    def weights(self) -> list[Array]:
        return [array for layer in self.layers for array in layer]
