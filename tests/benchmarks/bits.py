"""Golden hashes of many small trainings: they tell, row by row, whose bits a change changes.

    python tests/benchmarks/bits.py [--data FOLDER] > before.txt
    python tests/benchmarks/bits.py [--data FOLDER] --against before.txt

A row is a training: its name and, as the beginnings of SHA-256 sums, what it comes to: the
network's arrays after it, the losses of its iterations, and the outputs for some fixed samples. The
second form prints only the rows that differ, and in what, and exits with 1 if there are any. A row
that cannot be trained has the error's name in place of the sums, and differs.

Bits depend on the processor, NumPy and BLAS, so compare only what one machine has computed. The
first line, a comment, says which it was. BLAS has one thread and chooses its kernels itself,
whatever the environment says. There are rows with MNIST if the folder with its four files is there.
"""

from __future__ import annotations

import os

os.environ.update(
    dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
)
os.environ.pop("OPENBLAS_CORETYPE", None)
os.environ.pop("OPENBLAS_L2_SIZE", None)

import argparse
import hashlib
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np  # before all that might change the environment
from numpy.typing import NDArray

from plugnet import Network, Trainer, registry
from racing import conditions
from whole import read

DTYPES = ("float32", "float64")
SHOWN = 12  # digits of a sum

Array: TypeAlias = NDArray[Any]
Way: TypeAlias = Callable[[Trainer, Array, Array, int], Trainer]


class Bits(NamedTuple):
    """What a training comes to, each as the beginning of a SHA-256 sum."""

    weights: str
    losses: str
    predictions: str


# The ways to train -------------------------------------------------------------------------------


def straight(trainer: Trainer, x: Array, y: Array, iterations: int) -> Trainer:
    """Train in one go."""
    trainer.fit(x, y, iterations=iterations)
    return trainer


def in_two(trainer: Trainer, x: Array, y: Array, iterations: int) -> Trainer:
    """Train in two calls of `fit`."""
    trainer.fit(x, y, iterations=iterations // 2)
    trainer.fit(x, y, iterations=iterations - iterations // 2)
    return trainer


def resumed(trainer: Trainer, x: Array, y: Array, iterations: int) -> Trainer:
    """Save the trainer in the middle and go on with what the file gives."""
    trainer.fit(x, y, iterations=iterations // 2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trainer"
        trainer.save(path)
        trainer = Trainer.resume(path)
    trainer.fit(x, y, iterations=iterations - iterations // 2)
    return trainer


# A row -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """One training.

    Attributes:
        name: without spaces.
        layers: the network's.
        x: ``(N, *shape)`` samples.
        y: their targets.
        training: the trainer's arguments; without them a fixed rate, no penalty and batches of 32.
        dtype: the network's.
        iterations: how many.
        way: how they are divided.
        asked: how many samples are predicted.
    """

    name: str
    layers: Sequence[Any]
    x: Array
    y: Array
    training: Mapping[str, Any] = field(default_factory=dict)
    dtype: str = "float32"
    iterations: int = 12
    way: Way = straight
    asked: int = 100

    def bits(self) -> Bits:
        """Train, and return what it comes to."""
        network = Network(self.layers, input_shape=self.x.shape[1:], dtype=self.dtype, seed=1)
        basis = {"policy": ("fixed", 0.02), "regularizer": None, "batch_size": 32, "threads": 1}
        trainer = self.way(
            Trainer(network, **{"seed": 2, **basis, **self.training}),
            self.x,
            self.y,
            self.iterations,
        )
        network = trainer.network
        arrays = [item for pair in sorted(network.state().items()) for item in pair]
        losses = np.array(trainer.history.loss, np.float64)
        answers = [network.predict(self.x[: self.asked]), network.predict(self.x[-1:])]
        return Bits(digest(*arrays), digest(losses), digest(*answers))


def digest(*items: str | Array) -> str:
    """Return the beginning of the SHA-256 sum of arrays, their dtypes and shapes, and texts."""
    total = hashlib.sha256()
    for item in items:
        if isinstance(item, str):
            total.update(item.encode())
        else:
            total.update(f"{item.dtype.str}{item.shape}".encode())
            total.update(item.tobytes())
    return total.hexdigest()[:SHOWN]


def numbers(seed: int, rows: int, *shape: int, dtype: str = "float32") -> Array:
    """Return normally distributed numbers ``(rows, *shape)``."""
    return np.random.default_rng(seed).standard_normal((rows, *shape)).astype(dtype)


def pixels(seed: int, rows: int, *shape: int) -> Array:
    """Return bytes ``(rows, *shape)``."""
    return np.random.default_rng(seed).integers(0, 256, (rows, *shape), np.uint8)


def ids(seed: int, rows: int, classes: int) -> Array:
    """Return class ids ``(rows,)``."""
    return np.random.default_rng(seed).integers(0, classes, rows)


def fc(outputs: int, **more: Any) -> tuple[Any, ...]:
    """Return a fully connected layer."""
    return "fc", {"outputs": outputs, **more}


# The rows ----------------------------------------------------------------------------------------

OPTIMIZERS: dict[str, tuple[Any, float]] = {
    "sgd": ("sgd", 0.1),
    "momentum": (("sgd", 0.9), 0.05),
    "nesterov": (("nesterov", 0.9), 0.05),
    "adagrad": ("adagrad", 0.01),
    "rmsprop": ("rmsprop", 0.001),
    "adadelta": ("adadelta", 1.0),
    "adam": ("adam", 0.001),
    "adamw": ("adamw", 0.001),
}
REGULARIZERS: dict[str, Any] = {
    "none": None,
    "l2": ("l2", 0.001),
    "l1": ("l1", 0.0001),
    "elastic": ("elastic", 0.001, 0.3),
}
POLICIES: dict[str, Any] = {
    "inv": ("inv", 0.1),
    "fixed": ("fixed", 0.05),
    "step": ("step", 0.1, 5),
    "multistep": ("multistep", 0.1, [4, 9], 0.5),
    "exp": ("exp", 0.1, 0.95),
    "poly": ("poly", 0.1, 20, 2.0),
    "sigmoid": ("sigmoid", 0.1, 8, -0.5),
    "cosine": ("cosine", 0.1, 15, 0.001),
    "warmup": ("warmup", ("inv", 0.1), 6, 0.001),
}
ACTIVATIONS: dict[str, Any] = {
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "relu": "relu",
    "leaky_relu": "leaky_relu",
    "leaky_relu-0.2": ("leaky_relu", 0.2),
    "elu": "elu",
    "elu-1.7": ("elu", 1.7),
    "gelu": "gelu",
    "gelu-approximate": ("gelu", {"approximate": True}),
    "softplus": "softplus",
    "swish": "swish",
    "identity": "identity",
}
INITIALIZERS: dict[str, Any] = {
    "xavier": "xavier",
    "constant": ("constant", 0.02),
    "gaussian": ("gaussian", 0.01, 0.1),
    "uniform": ("uniform", -0.1, 0.2),
    "glorot_uniform": "glorot_uniform",
    "glorot_normal": "glorot_normal",
    "he_uniform": "he_uniform",
    "he_normal": "he_normal",
    "lecun_normal": "lecun_normal",
    "orthogonal": "orthogonal",
    "orthogonal-1.4": ("orthogonal", 1.4),
}
#: Layers for images of 4 channels, which another layer has computed: so their dx is needed.
LAYERS: dict[str, Any] = {
    "conv2d/5": ("conv2d", 6, 5),
    "conv2d/5-first": None,  # the layer before is this one
    "conv2d/3-same": ("conv2d", 6, 3, {"padding": "same"}),
    "conv2d/1x1": ("conv2d", 6, 1),
    "conv2d/depthwise": ("conv2d", 8, 3, {"padding": 1, "groups": 4}),
    "conv2d/grouped": ("conv2d", 6, 3, {"padding": 1, "groups": 2}),
    "conv2d/strided": ("conv2d", 6, 3, {"stride": 2, "padding": "same"}),
    "conv2d/dilated": ("conv2d", 6, 3, {"dilation": 2}),
    "conv2d/oblong": ("conv2d", 6, [2, 3], {"stride": [1, 2], "padding": [1, 0], "bias": False}),
    "conv2d_transpose/3": ("conv2d_transpose", 6, 3),
    "conv2d_transpose/strided": ("conv2d_transpose", 3, 3, {"stride": 2, "padding": "same"}),
    "conv2d_transpose/grouped": ("conv2d_transpose", 6, 3, {"padding": 1, "groups": 2}),
    "conv2d_transpose/dilated": (
        "conv2d_transpose",
        3,
        3,
        {"stride": 2, "dilation": 2, "output_padding": 1, "bias": False},
    ),
    "max_pool/disjoint": ("max_pool", 2),
    "max_pool/overlapping": ("max_pool", 3, 2),
    "max_pool/padded": ("max_pool", [2, 3], {"stride": 2, "padding": 1}),
    "max_pool/ceil": ("max_pool", 3, {"stride": 2, "ceil_mode": True}),
    "average_pool/disjoint": ("average_pool", 2),
    "average_pool/overlapping": ("average_pool", 3, 2),
    "average_pool/padded": (
        "average_pool",
        3,
        {"stride": 2, "padding": 1, "count_include_pad": False},
    ),
    "average_pool/ceil": ("average_pool", 3, {"stride": 2, "ceil_mode": True}),
    "global_max_pool": "global_max_pool",
    "global_average_pool": "global_average_pool",
    "batch_norm/images": "batch_norm",
    "batch_norm/images-plain": ("batch_norm", {"scale": False, "shift": False}),
    "layer_norm/images": "layer_norm",
    "dropout/images": ("dropout", 0.3),
    "dropout/channels": ("dropout", 0.3, {"channels": True}),
    "flatten": "flatten",
    "reshape/images": ("reshape", [6, 24, 4]),
}
#: Layers for flat samples, between two fully connected ones.
FLAT: dict[str, Any] = {
    "batch_norm/flat": "batch_norm",
    "batch_norm/flat-0.5": ("batch_norm", {"momentum": 0.5, "shift": False}),
    "layer_norm/flat": "layer_norm",
    "layer_norm/flat-plain": ("layer_norm", {"scale": False, "shift": False}),
    "dropout/flat": "dropout",
    "dropout/flat-0.2": ("dropout", 0.2),
    "rescale/hidden": ("rescale", 0.5, 0.1),
    "fc/no-bias": fc(12, bias=False),
}
LENET: tuple[Any, ...] = (
    ("conv2d", 20, {"kernel_size": 5}),
    ("max_pool", 2),
    ("conv2d", 50, {"kernel_size": 5}),
    ("max_pool", 2),
    fc(500),
    "relu",
    fc(10),
)
CAFFE: dict[str, Any] = {
    "optimizer": ("sgd", 0.9),
    "policy": ("inv", 0.01, {"gamma": 0.0001, "power": 0.75}),
    "regularizer": ("l2", 0.0005),
    "batch_size": 64,
}
SMALL = (fc(50), "tanh", fc(50), "tanh", fc(10))  # 784-50-50-10
TINY = (fc(16), "tanh", fc(16), "tanh", fc(3))  # 20-16-16-3
WIDE = (fc(256), "tanh", fc(256), "tanh", fc(10))  # 784-256-256-10
WINOGRAD = (
    ("conv2d", 64, 3, {"padding": "same"}),
    "relu",
    ("conv2d", 64, 3, {"padding": "same"}),
    "relu",
    fc(10),
)


def all_rows(mnist: Path | None) -> Iterator[Row]:
    """Yield all rows, those with MNIST if its folder is there."""
    groups: list[Callable[[], Iterator[Row]]] = [
        fully_connected,
        activations,
        losses,
        initializers,
        layers,
        images,
        runs,
        digits,
    ]
    if mnist is not None and mnist.is_dir():
        groups.append(partial(handwritten, mnist))
    for group in groups:
        try:
            yield from group()
        except Exception as error:  # the others may be there
            print(f"{group}: {type(error).__name__}: {error}", file=sys.stderr)


def fully_connected() -> Iterator[Row]:
    """Yield networks of three sizes with optimizers, regularizers and policies."""
    for dtype in DTYPES:
        x, y = numbers(0, 950, 784, dtype=dtype), ids(1, 950, 10)
        for (name, (optimizer, rate)), (penalty, regularizer) in product(
            OPTIMIZERS.items(), REGULARIZERS.items()
        ):
            training = {
                "optimizer": optimizer,
                "policy": ("fixed", rate),
                "regularizer": regularizer,
                "batch_size": 100,
            }
            if name != "adamw" or regularizer is None:
                yield Row(f"small/{dtype}/{name}/{penalty}", SMALL, x, y, training, dtype)
        for name, policy in POLICIES.items():
            training = {
                "optimizer": ("sgd", 0.9),
                "policy": policy,
                "regularizer": ("l2", 0.001),
                "batch_size": 100,
            }
            yield Row(f"small/{dtype}/policy/{name}", SMALL, x, y, training, dtype, iterations=18)
        for name, (optimizer, rate) in OPTIMIZERS.items():
            training = {
                "optimizer": optimizer,
                "policy": ("fixed", rate / 5),
                "regularizer": None if name == "adamw" else ("l2", 0.001),
                "batch_size": 256,
            }
            yield Row(f"wide/{dtype}/{name}", WIDE, x, y, training, dtype, iterations=6)
        x, y = numbers(2, 300, 20, dtype=dtype), ids(3, 300, 3)
        for (name, (optimizer, rate)), penalty in product(OPTIMIZERS.items(), ("none", "l2")):
            training = {
                "optimizer": optimizer,
                "policy": ("fixed", rate),
                "regularizer": REGULARIZERS[penalty],
            }
            if name != "adamw" or penalty == "none":
                yield Row(f"tiny/{dtype}/{name}/{penalty}", TINY, x, y, training, dtype, 40)


def activations() -> Iterator[Row]:
    """Yield each activation, in the tiny network."""
    for dtype, (name, activation) in product(DTYPES, ACTIVATIONS.items()):
        x, y = numbers(4, 300, 20, dtype=dtype), ids(5, 300, 3)
        hidden = (fc(16), activation, fc(16), activation, fc(3))
        yield Row(f"activation/{dtype}/{name}", hidden, x, y, dtype=dtype, iterations=30)


def losses() -> Iterator[Row]:
    """Yield each loss with each form of targets."""
    rng = np.random.default_rng(6)
    classes = ids(7, 300, 5)
    one_hot = np.eye(5)[classes]
    soft = rng.dirichlet(np.ones(5), 300)
    real = rng.standard_normal((300, 5)) * 2
    several = (rng.random((300, 5)) < 0.4).astype(float)
    likely = rng.random((300, 5))
    yes = ids(8, 300, 2)
    cases: tuple[tuple[str, Any, Array], ...] = (
        ("softmax_with_loss/ids", "softmax_with_loss", classes),
        ("softmax_with_loss/one-hot", "softmax_with_loss", one_hot),
        ("softmax_with_loss/soft", "softmax_with_loss", soft),
        ("softmax_with_loss/weights", "softmax_with_loss", likely),
        ("least_square_error/ids", "least_square_error", classes),
        ("least_square_error/real", "least_square_error", real),
        ("sigmoid_cross_entropy/1-ids", "sigmoid_cross_entropy", yes),
        ("sigmoid_cross_entropy/1-soft", "sigmoid_cross_entropy", likely[:, :1]),
        ("sigmoid_cross_entropy/5-ids", "sigmoid_cross_entropy", classes),
        ("sigmoid_cross_entropy/5", "sigmoid_cross_entropy", several),
        ("sigmoid_cross_entropy/5-soft", "sigmoid_cross_entropy", likely),
        ("hinge/1-ids", "hinge", yes),
        ("hinge/ids", "hinge", classes),
        ("hinge/several", "hinge", several),
        ("hinge-l2/ids", ("hinge", "L2"), classes),
        ("hinge-l2/several", ("hinge", "L2"), several),
        ("huber/ids", "huber", classes),
        ("huber/real", "huber", real),
        ("huber-0.3/real", ("huber", 0.3), real),
    )
    for dtype, (name, loss, y) in product(DTYPES, cases):
        outputs = 1 if y is yes or y.shape[1:] == (1,) else 5
        hidden, x = (fc(16), "tanh", fc(outputs)), numbers(9, 300, 20, dtype=dtype)
        yield Row(f"loss/{dtype}/{name}", hidden, x, y, {"loss": loss}, dtype, iterations=25)


def initializers() -> Iterator[Row]:
    """Yield each initializer, for weights and for kernels."""
    x, y = numbers(10, 200, 8, 8, 2), ids(11, 200, 3)
    for dtype, (name, initializer) in product(DTYPES, INITIALIZERS.items()):
        drawn = {"initializer": initializer}
        hidden = (("conv2d", 5, 3, drawn), "relu", fc(16, **drawn), "tanh", fc(3, **drawn))
        yield Row(f"initializer/{dtype}/{name}", hidden, x.astype(dtype), y, dtype=dtype)


def layers() -> Iterator[Row]:
    """Yield each layer, and samples that come in another dtype than the network's."""
    for dtype in DTYPES:
        x, y = numbers(12, 130, 12, 12, 3, dtype=dtype), ids(13, 130, 4)
        for name, layer in LAYERS.items():
            first: Any = ("conv2d", 4, 3, {"padding": "same"})
            hidden = [first, "tanh", layer] if layer else [("conv2d", 4, 5), "tanh"]
            yield Row(f"layer/{dtype}/{name}", (*hidden, fc(4)), x, y, dtype=dtype)
        x = numbers(14, 300, 20, dtype=dtype)
        y = ids(15, 300, 3)
        for name, layer in FLAT.items():
            hidden = [fc(16), layer, "tanh", fc(3)]
            yield Row(f"layer/{dtype}/{name}", hidden, x, y, dtype=dtype, iterations=25)
            hidden = [layer, "tanh", fc(3)]
            yield Row(f"layer/{dtype}/{name}-first", hidden, x, y, dtype=dtype, iterations=25)
        shaped = (("reshape", [4, 5, 1]), ("conv2d", 4, 3), "relu", "flatten", fc(3))
        yield Row(f"layer/{dtype}/reshape/flat", shaped, x, y, dtype=dtype, iterations=25)
        x, y = pixels(16, 300, 7, 7, 1), ids(17, 300, 3)
        for name, rescale in {"bytes": ("rescale", 255), "offset": ("rescale", 64, 127.5)}.items():
            hidden = [rescale, "flatten", fc(16), "tanh", fc(3)]
            yield Row(f"layer/{dtype}/rescale/{name}", hidden, x, y, dtype=dtype, iterations=25)
        others = ("float64", "float32", "int16")
        for other in (name for name in others if name != dtype):
            x, y = (numbers(18, 300, 20) * 3).astype(other), ids(19, 300, 3)
            yield Row(f"samples/{dtype}/{other}", TINY, x, y, dtype=dtype, iterations=25)


def images() -> Iterator[Row]:
    """Yield convolutional networks of several layers."""
    for dtype in DTYPES:
        x, y = numbers(20, 200, 28, 28, 1, dtype=dtype), ids(21, 200, 10)
        yield Row(f"lenet/{dtype}", LENET, x, y, CAFFE, dtype, iterations=6)
        x, y = numbers(22, 100, 8, 8, 3, dtype=dtype), ids(23, 100, 10)
        yield Row(f"winograd/{dtype}", WINOGRAD, x, y, dtype=dtype, iterations=6)
        x, y = numbers(24, 100, 9, 7, 3, dtype=dtype), ids(25, 100, 10)
        yield Row(f"winograd-odd/{dtype}", WINOGRAD, x, y, dtype=dtype, iterations=6)
        mixed = (
            ("conv2d", 8, 3, {"padding": "same", "bias": False}),
            "batch_norm",
            "relu",
            ("max_pool", 2),
            ("conv2d", 16, 3, {"padding": "same", "groups": 8}),
            ("conv2d", 16, 1),
            "layer_norm",
            "gelu",
            ("dropout", 0.2, {"channels": True}),
            "global_average_pool",
            fc(10),
        )
        x, y = numbers(26, 200, 14, 14, 3, dtype=dtype), ids(27, 200, 10)
        yield Row(f"mixed/{dtype}", mixed, x, y, {"optimizer": "adam"}, dtype)


def runs() -> Iterator[Row]:
    """Yield other ways through the samples, breaks in a training, and two threads."""
    x, y = numbers(28, 310, 20), ids(29, 310, 3)
    hidden = (fc(16), "batch_norm", "relu", "dropout", fc(3))
    training: dict[str, Any] = {
        "optimizer": "adam",
        "policy": ("inv", 0.01),
        "regularizer": ("l2", 0.001),
    }
    more: dict[str, Any] = {"training": training, "iterations": 31}
    ordered: dict[str, Any] = {"training": {**training, "shuffle": False}, "iterations": 31}
    yield Row("run/straight", hidden, x, y, **more)
    yield Row("run/ordered", hidden, x, y, **ordered)
    yield Row("run/whole-set", hidden, x, y, {**training, "batch_size": 310, "shuffle": False})
    yield Row("run/one-by-one", TINY, x, y, {**training, "batch_size": 1}, iterations=50)
    yield Row("run/two-fits", hidden, x, y, **more, way=in_two)
    yield Row("run/two-fits-ordered", hidden, x, y, **ordered, way=in_two)
    yield Row("run/resumed", hidden, x, y, **more, way=resumed)
    for name, (optimizer, rate) in OPTIMIZERS.items():
        chosen = {"optimizer": optimizer, "policy": ("inv", rate)}
        yield Row(f"run/resumed/{name}", hidden, x, y, chosen, iterations=31, way=resumed)
    defaults = {"policy": ("inv", 0.1), "regularizer": ("l2", 0.001), "batch_size": 100, "seed": 0}
    yield Row(
        "run/defaults", SMALL, numbers(30, 1500, 784), ids(31, 1500, 10), defaults, asked=1500
    )
    x, y = numbers(32, 600, 784), ids(33, 600, 10)
    for threads in (1, 2):
        training = {**CAFFE, "batch_size": 256, "threads": threads}
        yield Row(f"threads-{threads}/wide", WIDE, x, y, training, iterations=6)
        training = {**CAFFE, "threads": threads}
        cubes, answers = numbers(34, 150, 28, 28, 1), ids(35, 150, 10)
        yield Row(f"threads-{threads}/lenet", LENET, cubes, answers, training, iterations=5)
        cubes, answers = numbers(36, 100, 8, 8, 3), ids(37, 100, 10)
        yield Row(f"threads-{threads}/winograd", WINOGRAD, cubes, answers, training, iterations=5)


def digits() -> Iterator[Row]:
    """Yield networks for the embedded data set."""
    held = registry.datasets.build("digits").load()
    x, y = held.train.x, held.train.y
    flat = ("flatten", fc(30), "tanh", fc(10))
    yield Row("digits/flat", flat, x, y, {"policy": ("inv", 0.1)}, iterations=60)
    convolved = (("conv2d", 8, 3, {"padding": "same"}), "relu", ("max_pool", 2), fc(10))
    yield Row("digits/images", convolved, x, y, {"optimizer": ("sgd", 0.9)}, iterations=30)


def handwritten(folder: Path) -> Iterator[Row]:
    """Yield networks for MNIST, its pixels as bytes and as numbers from 0 to 1."""
    x, y, _, _ = read(str(folder))
    raw, answers = x[:6000], y[:6000]
    training = {"policy": ("inv", 0.1), "regularizer": ("l2", 0.001), "batch_size": 100}
    scaled = raw / np.float32(255)
    yield Row(
        "mnist/bytes", (("rescale", 255), *SMALL), raw, answers, training, iterations=80, asked=1200
    )
    yield Row("mnist/scaled", SMALL, scaled, answers, training, iterations=80, asked=1200)
    shaped = scaled.reshape(-1, 28, 28, 1)
    yield Row("mnist/lenet", LENET, shaped, answers, CAFFE, iterations=8)


# The command -------------------------------------------------------------------------------------


def main() -> None:
    """Train all rows; print them, or those that differ."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER", help="the folder of MNIST's four files"
    )
    parser.add_argument("--against", type=Path, metavar="FILE", help="what was printed before")
    chosen = parser.parse_args()
    before = None if chosen.against is None else chosen.against.read_text().splitlines()
    after = {}
    failed = False
    if before is None:
        print(f"# {machine()}")
    for row in all_rows(chosen.data):
        if row.name in after:
            raise ValueError(f"There are two rows {row.name}.")
        try:
            bits = row.bits()
        except Exception as error:  # which the other rows may not have
            print(f"{row.name}: {type(error).__name__}: {error}", file=sys.stderr)
            bits, failed = Bits(*[type(error).__name__] * 3), True
        after[row.name] = bits
        if before is None:
            print(f"{row.name:44}", *bits, flush=True)
    if before is not None:
        failed |= differ(before, after)
    sys.exit(failed)


def machine() -> str:
    """Return what bits depend on."""
    held = conditions(1)
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        blas = "unknown BLAS"
    else:  # SciPy may have one of its own
        pools = sorted(threadpool_info(), key=lambda pool: "numpy" not in pool["filepath"])
        kinds = ("internal_api", "version", "architecture")
        blas = " ".join(str(pools[0].get(kind)) for kind in kinds) if pools else "unknown BLAS"
    numpy = f"numpy {held['versions']['numpy']}"
    return ", ".join((held["processor"], numpy, blas, f"Python {held['python']}"))


def differ(before: Sequence[str], after: Mapping[str, Bits]) -> bool:
    """Print the rows that differ from those printed before, and return whether any does."""
    notes = [line.removeprefix("# ") for line in before if line.startswith("#")]
    if notes != [machine()]:
        print(f"# before: {'; '.join(notes)}\n# now:    {machine()}")
    held = {name: Bits(*sums) for name, *sums in map(str.split, before) if name != "#"}
    found = 0
    for name in {**held, **after}:
        if name not in after or name not in held:
            what = ["missing" if name in held else "new"]
        else:
            pairs = zip(Bits._fields, held[name], after[name], strict=True)
            what = [part for part, old, new in pairs if old != new]
        if what:
            found += 1
            print(f"{name:44}", *what)
    print(f"# {found} of {len({**held, **after})} rows differ")
    return found > 0


if __name__ == "__main__":
    main()
