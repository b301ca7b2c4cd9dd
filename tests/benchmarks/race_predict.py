"""Races predictions of the small network: a single row, and 10,000 rows.

    python tests/benchmarks/race_predict.py [--threads 1] [--json FILE]

From samples that lie in memory, as the framework's own arrays, to outputs that are there: the
scores, but for scikit-learn, which gives probabilities. The network is 784-50-50-10 with tanh.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import cast

import numpy as np

from frameworks import Sklearn, load_jax
from mlp import Problem, aligned, bare
from plugnet.arrays import Array
from race_mlp import NETS, verdict
from racing import DifferentError, Racer, options, race, table, why_not, write

Predict = Callable[[], object]


def main() -> None:
    """Run both races and print their tables."""
    chosen = options(argparse.ArgumentParser(description=__doc__.splitlines()[0]))
    results = []
    for rows in (1, 200) if chosen.quick else (1, 10_000):
        racers, skipped = line_up(NETS["small"], rows, chosen.quick)
        work = {
            "network": "784-50-50-10, tanh",
            "samples": f"({rows}, 784) float32, {chosen.threads} thread(s)",
        }
        title = f"prediction of {rows} row{'s' if rows > 1 else ''}"
        results.append(race(title, racers, chosen.rounds, work=work, skipped=skipped))
        print(table(results[-1]) + verdict(results[-1]), flush=True)
    write(chosen.json, chosen.threads, results)


def line_up(problem: Problem, rows: int, quick: bool) -> tuple[list[Racer], dict[str, str]]:
    """Return those who run, all of whom give the same, and why the others cannot.

    Raises:
        DifferentError: a peer gives something else.
    """
    network = problem.network()
    values = [parameter.value for parameter in network.parameters().values()]
    x = np.random.default_rng(1).random((rows, problem.sizes[0]), dtype=np.float32)
    racers = [
        Racer("plugnet", lambda: network.predict(x)),
        products(problem, rows),
    ]
    scores = network.predict(x).astype(float)
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    skipped: dict[str, str] = {}
    for name, start in PEERS.items():
        if quick and start is not literal:
            skipped[name] = "a quick run"
            continue
        try:
            predict = start(problem, values, x)
            wanted = p if "probabilities" in name else scores
            if not np.allclose(np.asarray(predict()), wanted, rtol=1e-4, atol=1e-5):
                raise DifferentError(f"{name} predicts something else than plugnet.")
        except Exception as error:
            skipped[name] = why_not(error)
        else:
            racers.append(Racer(name, predict))
    return racers, skipped


def products(problem: Problem, rows: int) -> Racer:
    """Return the products alone, of arrays that begin at multiples of 64 bytes."""
    sizes = pairwise(problem.sizes)
    return bare([(aligned(rows, i), aligned(i, o), aligned(rows, o)) for i, o in sizes])


def layers(values: list[Array]) -> Iterator[tuple[Array, Array]]:
    """Yield weight and bias of each layer."""
    return zip(values[0::2], values[1::2], strict=True)


def torch(problem: Problem, values: list[Array], samples: Array) -> Predict:
    """Return PyTorch's prediction, eager."""
    import torch

    modules: list[torch.nn.Module] = []
    for weight, bias in layers(values):
        linear = torch.nn.Linear(*weight.shape)
        linear.load_state_dict(
            {"weight": torch.from_numpy(weight.T), "bias": torch.from_numpy(bias)}
        )
        modules += [linear, torch.nn.Tanh()]
    model = torch.nn.Sequential(*modules[:-1]).eval()
    x = torch.from_numpy(samples)

    def predict() -> object:
        with torch.inference_mode():
            return model(x)

    return predict


def torch_compiled(problem: Problem, values: list[Array], samples: Array) -> Predict:
    """Return PyTorch's prediction through torch.compile."""
    from torch import compile as compiled

    return cast("Predict", compiled(torch(problem, values, samples)))


def jax(problem: Problem, values: list[Array], samples: Array) -> Predict:
    """Return JAX's prediction, one compiled function."""
    jax = load_jax()
    own = [jax.numpy.array(value) for value in values]

    @jax.jit  # type: ignore[untyped-decorator]
    def scores(values: list[Array], x: Array) -> Array:
        for weight, bias in list(layers(values))[:-1]:
            x = jax.numpy.tanh(x @ weight + bias)
        y: Array = x @ values[-2] + values[-1]
        return y

    x = jax.numpy.array(samples)
    return lambda: scores(own, x).block_until_ready()


def sklearn(problem: Problem, values: list[Array], samples: Array) -> Predict:
    """Return the prediction of scikit-learn, which does not look for NaN in the samples."""
    import sklearn

    sklearn.set_config(assume_finite=True)
    model = Sklearn(problem, *Problem(problem.sizes, problem.batch, problem.batch).data()).model
    return lambda: model.predict_proba(samples)


def literal(problem: Problem, values: list[Array], samples: Array) -> Predict:
    """Return the prediction of the tutorial's code: float64, and a bias for every sample."""
    own = [value.astype(float) for value in values]
    x = samples.astype(float)

    def predict() -> object:
        y = x
        for number, (weight, bias) in enumerate(layers(own)):
            y = np.dot(np.tanh(y) if number else y, weight) + np.tile(bias, (len(x), 1))
        return y

    return predict


PEERS = {
    "PyTorch": torch,
    "PyTorch, compiled": torch_compiled,
    "JAX jit": jax,
    "scikit-learn, probabilities": sklearn,
    "the tutorial's code": literal,
}


if __name__ == "__main__":
    main()
