"""The step of mlp.py as the beginners' text wrote it, sample by sample."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar

import numpy as np

from fitting import Stepwise
from mlp import DECAY, MOMENTUM, Problem
from plugnet.arrays import Array


class Literal(Stepwise):
    """The beginners' text taken at its word: float64, and a gradient for each sample by itself."""

    name: ClassVar[str] = "the tutorial's per-sample code"

    def __init__(self, problem: Problem, x: Array, y: Array) -> None:
        if problem.optimizer != "sgd":
            raise NotImplementedError("it has no other update than momentum")
        weights = sum(inputs * outputs for inputs, outputs in pairwise(problem.sizes))
        if weights * problem.batch > 10**8:  # numbers in its arrays of gradients
            raise NotImplementedError("it would need seconds for a step")
        values = [p.value.astype(float) for p in problem.network().parameters().values()]
        self.weight, self.bias = values[0::2], values[1::2]
        self.rate, self.batch, self.point = problem.rate, problem.batch, len(x)
        self.directions = [np.zeros_like(value) for value in values]
        self.x, self.label = x.astype(float), np.eye(problem.sizes[-1])[y]
        self.rng = np.random.default_rng(0)
        self.losses: list[float] = []

    def pull_data(self) -> tuple[Array, Array]:
        if self.point + self.batch > len(self.x):
            order = self.rng.permutation(len(self.x))
            self.x, self.label, self.point = self.x[order], self.label[order], 0
        rows = slice(self.point, self.point + self.batch)
        self.point += self.batch
        return self.x[rows], self.label[rows]

    def step(self) -> None:
        x, label = self.pull_data()
        inputs = [x]
        for layer in range(len(self.weight)):
            bias = np.tile(self.bias[layer], (self.batch, 1))
            output = np.dot(inputs[-1], self.weight[layer]) + bias
            inputs.append(np.tanh(output))
        p = np.exp(output) / np.tile(np.exp(output).sum(axis=1)[:, None], (1, label.shape[1]))
        self.losses.append(-np.mean([np.log(p[i][label[i].argmax()]) for i in range(self.batch)]))
        grad, grads = p - label, []
        for layer in reversed(range(len(self.weight))):
            grad_weights = np.zeros((self.batch, *self.weight[layer].shape))
            grad_bias = np.zeros((self.batch, *self.bias[layer].shape))
            grad_inputs = np.zeros((self.batch, len(self.weight[layer])))
            for i in range(self.batch):
                grad_weights[i] = np.outer(inputs[layer][i], grad[i]) + DECAY * self.weight[layer]
                grad_bias[i] = grad[i]
                grad_inputs[i] = np.dot(self.weight[layer], grad[i])
            grads += [grad_bias.mean(axis=0), grad_weights.mean(axis=0)]
            grad = grad_inputs * (1 - inputs[layer] ** 2)
        for k, (value, grad) in enumerate(zip(self.weights(), reversed(grads), strict=True)):
            self.directions[k] = MOMENTUM * self.directions[k] + self.rate * grad
            value -= self.directions[k]

    def weights(self) -> list[Array]:
        return [array for layer in zip(self.weight, self.bias, strict=True) for array in layer]
