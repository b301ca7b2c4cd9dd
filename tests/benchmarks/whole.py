"""The same program in several frameworks: read, train 800 iterations, evaluate, save.

784-50-50-10 with tanh, or as many inputs as the samples have; softmax and cross-entropy, batches of
100 in an order drawn anew for each epoch, momentum 0.9, decay 0.001 on the weights, rate
0.1 (1 + 0.0005 i)^-0.75 but for scikit-learn, where it is 0.09 throughout. The pixels stay bytes,
and a batch at a time is divided by 255; but scikit-learn is given a whole set of float32. Each
function returns the accuracy on the test set. Nothing is imported before it is needed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

ITERATIONS, BATCH, MOMENTUM, DECAY = 800, 100, 0.9, 0.001


def plugnet(folder: str, model: str) -> float:
    """plugnet, its default trainer."""
    from plugnet import Network, Trainer, registry

    samples = registry.datasets.build("mnist", folder, scaled=False).load()
    layers = [
        ("rescale", 255),
        ("fc", None, 50),
        "tanh",
        ("fc", None, 50),
        "tanh",
        ("fc", None, 10),
    ]
    network = Network(layers)
    trainer = Trainer(network)
    history = trainer.fit(samples, iterations=ITERATIONS)
    network.save(model)
    return history.evaluations[-1]["accuracy"]


def pytorch(folder: str, model: str) -> float:
    """PyTorch, eager, with the fused optimizer."""
    import torch

    x, y, xt, yt = (torch.from_numpy(array) for array in read(folder))
    sizes = (x.shape[1], 50, 50, 10)
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Linear(sizes[0], 50), torch.nn.Tanh(),
        torch.nn.Linear(50, 50), torch.nn.Tanh(),
        torch.nn.Linear(50, 10),
    )  # fmt: skip
    own = list(network.parameters())
    groups = [{"params": own[0::2], "weight_decay": DECAY}, {"params": own[1::2]}]
    optimizer = torch.optim.SGD(groups, 0.1, momentum=MOMENTUM, fused=True)
    policy = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    order, point = torch.randperm(len(x)), 0
    for _ in range(ITERATIONS):
        if point + BATCH > len(x):
            order, point = torch.randperm(len(x)), 0
        rows = order[point : point + BATCH]
        point += BATCH
        loss = torch.nn.functional.cross_entropy(network(x[rows] / 255), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        policy.step()
    with torch.inference_mode():
        answers = torch.cat([network(block / 255).argmax(1) for block in xt.split(1024)])
        accuracy = float((answers == yt).float().mean())
    torch.save(network.state_dict(), model)
    return accuracy


def jax(folder: str, model: str) -> float:
    """JAX, a compiled function for the whole step."""
    from itertools import pairwise

    import jax
    import numpy as np

    x, y, xt, yt = (jax.numpy.array(array) for array in read(folder))
    rng = np.random.default_rng(0)
    sizes = (x.shape[1], 50, 50, 10)
    values = []
    for inputs, outputs in pairwise(sizes):
        limit = (6 / (inputs + outputs)) ** 0.5
        weight = rng.uniform(-limit, limit, (inputs, outputs)).astype(np.float32)
        values += [jax.numpy.array(weight), jax.numpy.zeros(outputs)]

    @jax.jit  # type: ignore[untyped-decorator]
    def scores(values: Any, x: Any) -> Any:
        x = x / jax.numpy.float32(255)
        x = jax.numpy.tanh(x @ values[0] + values[1])
        x = jax.numpy.tanh(x @ values[2] + values[3])
        return x @ values[4] + values[5]

    def loss(values: Any, x: Any, y: Any) -> Any:
        log_p = jax.nn.log_softmax(scores(values, x))
        penalty = sum((weight**2).sum() for weight in values[0::2])
        data = -jax.numpy.take_along_axis(log_p, y[:, None], axis=1).mean()
        return data + DECAY / 2 * penalty

    @jax.jit  # type: ignore[untyped-decorator]
    def step(values: Any, velocities: Any, x: Any, y: Any, rows: Any, rate: Any) -> Any:
        grads = jax.grad(loss)(values, x[rows], y[rows])
        velocities = [MOMENTUM * v + rate * grad for v, grad in zip(velocities, grads, strict=True)]
        return [value - v for value, v in zip(values, velocities, strict=True)], velocities

    velocities = [jax.numpy.zeros_like(value) for value in values]
    order, point = rng.permutation(len(x)), 0
    for iteration in range(ITERATIONS):
        if point + BATCH > len(x):
            order, point = rng.permutation(len(x)), 0
        rows = order[point : point + BATCH]
        point += BATCH
        values, velocities = step(values, velocities, x, y, rows, 0.1 * rate(iteration))
    accuracy = float((scores(values, xt).argmax(1) == yt).mean())
    with Path(model).open("wb") as file:
        np.savez(file, *values)
    return accuracy


def sklearn(folder: str, model: str) -> float:
    """scikit-learn: an epoch is a call of partial_fit, the last one over what is left."""
    import pickle

    import numpy as np
    from sklearn.neural_network import MLPClassifier

    x, y, xt, yt = read(folder)
    x, xt = (pixels / np.float32(255) for pixels in (x, xt))
    network = MLPClassifier(
        (50, 50), activation="tanh", solver="sgd", alpha=DECAY * BATCH, batch_size=BATCH,
        learning_rate_init=0.09, momentum=MOMENTUM, nesterovs_momentum=False, random_state=0,
    )  # fmt: skip
    left = ITERATIONS * BATCH
    while left:
        count = min(left, len(x) // BATCH * BATCH)
        network.partial_fit(x[:count], y[:count], classes=range(10))
        left -= count
    Path(model).write_bytes(pickle.dumps(network))
    return float(network.score(xt, yt))


def rate(iteration: int) -> float:
    """Return the share of the first rate that is left."""
    return float((1 + 0.0005 * iteration) ** -0.75)


def read(folder: str) -> tuple[Any, Any, Any, Any]:
    """Return MNIST's pixels ``(N, features)``, bytes, and class ids, for peers without a reader.

    gzip and NumPy only: for them, too, the quickest way to the data.
    """
    import gzip

    import numpy as np

    arrays: list[Any] = []
    for part in ("train", "t10k"):
        images = gzip.decompress(Path(folder, f"{part}-images-idx3-ubyte.gz").read_bytes())
        labels = gzip.decompress(Path(folder, f"{part}-labels-idx1-ubyte.gz").read_bytes())
        count, height, width = np.frombuffer(images, ">i4", 3, 4)
        pixels = np.frombuffer(images, np.uint8, offset=16).reshape(count, height * width)
        arrays += [pixels, np.frombuffer(labels, np.uint8, offset=8).astype(int)]
    return tuple(arrays)
