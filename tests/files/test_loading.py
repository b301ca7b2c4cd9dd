"""Loading a network: nothing is drawn in vain, and its arrays are what it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.layers import Same
from tests.small import LAYERS, X, Y, trainer

from plugnet import Model, Network, Parameter, registry
from plugnet.arrays import Array, Shape
from plugnet.errors import BudgetError, FileFormatError, SpecError
from plugnet.files import budget, documents
from plugnet.interfaces import Initializer, Layer


class Counting(Initializer):
    """Draws, and counts how often."""

    calls = 0

    def __call__(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> Array:
        Counting.calls += 1
        return rng.normal(size=shape).astype(dtype)


class Weighted(Layer):
    """Adds a row of weights, which `initialize` draws; the tests' layers differ in what else."""

    _weight: Parameter
    _fixed: Array

    def __init__(self, initializer: Any = "counting") -> None:
        self.initializer = registry.initializers.resolve(initializer)

    def parameters(self) -> Mapping[str, Parameter]:
        return {"weight": self._weight}

    def forward(self, x: Array, training: bool = False) -> Array:
        noise = self.rng.random(dtype=np.float32) if training and self.rng is not None else 0
        return x + self._weight.value + self._fixed + noise

    def gradients(self, dy: Array) -> None:
        dy.sum(axis=0, out=self._weight.grad)

    def backward(self, dy: Array) -> Array:
        return dy


class Plain(Weighted):
    """Draws nothing but its weights."""

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        self._weight, self._fixed = (
            Parameter(self.initializer(shape, rng, dtype)),
            np.zeros(1, dtype),
        )


class Projecting(Weighted):
    """Keeps something else that an initializer has drawn."""

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        self._fixed = self.initializer(shape, rng, dtype)
        self._weight = Parameter(self.initializer(shape, rng, dtype))


class DrawingAfter(Weighted):
    """Draws something else by its generator, after its weights."""

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        self._weight = Parameter(self.initializer(shape, rng, dtype))
        self._fixed = rng.normal(size=shape).astype(dtype)


class DrawingInTraining(Weighted):
    """Draws in training, from the place where it has drawn its weights."""

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        self.rng = rng
        self._weight, self._fixed = (
            Parameter(self.initializer(shape, rng, dtype)),
            np.zeros(1, dtype),
        )


class Inverting(Weighted):
    """Computes with its weights what NaN has not."""

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        drawn = self.initializer((*shape, *shape), rng, dtype)
        self._weight, self._fixed = Parameter(drawn[0].copy()), np.linalg.svd(drawn)[1]


class Large(Same):
    """Makes a parameter of ones as large as a sample, as a stranger would."""

    _gain: Parameter

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        self._gain = Parameter(np.ones(shape, dtype))

    def parameters(self) -> Mapping[str, Parameter]:
        return {"gain": self._gain}


class Announcing(Same):
    """Counts what it makes by its arguments before it makes it."""

    def __init__(self, size: int = 1) -> None:
        self.size = size

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        budget.spend(self.size, "The table of 'announcing'")


KEEPING = [Projecting, DrawingAfter, DrawingInTraining, Inverting]


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    with registry.isolated():
        registry.initializers.register("counting")(Counting)
        for cls in (Plain, *KEEPING, Large, Announcing):
            registry.layers.register(cls.__name__.lower())(cls)
        yield


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "network"


def changed(path: Path, **arrays: Any) -> None:
    """Save a network with some arrays changed."""
    network = Network(LAYERS)
    documents.write(path, {**network.state(), **arrays}, network.document())


def test_nothing_is_drawn_that_the_file_replaces(path: Path) -> None:
    network = Network([("fc", 4, 5, "counting"), ("chain", ["plain", ("fc", 5, 5, "counting")])])
    network.save(path)
    before = Counting.calls
    again = Network.load(path)
    assert Counting.calls == before
    np.testing.assert_array_equal(again.predict(X), network.predict(X))
    assert again.spec() == network.spec()


@pytest.mark.parametrize("cls", KEEPING)
def test_what_a_layer_draws_besides_parameters_is_drawn_again(path: Path, cls: type[Layer]) -> None:
    network = Network([("fc", 4, 5), cls.__name__.lower()], seed=3)
    network.state()["fc1.weight"][...] = 1
    network.save(path)
    again = Network.load(path)
    np.testing.assert_array_equal(again.predict(X), network.predict(X))
    for each in (network, again):
        each.place(7)
    np.testing.assert_array_equal(again.forward(X, True), network.forward(X, True))
    assert again.spec() == network.spec()


@pytest.mark.parametrize(
    ("name", "says"),
    [("fc1.weight", "must be float32 of shape"), ("fc1.bias", "must be float32 of shape")],
)
@pytest.mark.parametrize("dtype", [bool, np.int32, np.float16, np.float64])
def test_no_array_of_another_dtype_is_converted(
    path: Path, name: str, says: str, dtype: type
) -> None:
    changed(path, **{name: Network(LAYERS).state()[name].astype(dtype)})
    with pytest.raises(FileFormatError, match=says) as caught:
        Network.load(path)
    assert caught.value.path == str(path)


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"fc1.bias": np.zeros(4, np.float32)}, r"of shape \(5,\), but it is float32 of shape \(4"),
        ({"fc1.bias": np.zeros((5, 1), np.float32)}, r"of shape \(5,\)"),
        ({"fc3.bias": np.zeros(4, np.float32)}, "only the file has 'fc3.bias'"),
        ({"x" * 5_000: np.zeros(4, np.float32)}, "only the file has 'xxx"),
    ],
)
def test_arrays_of_another_network_are_refused(
    path: Path, arrays: dict[str, Array], says: str
) -> None:
    changed(path, **arrays)
    with pytest.raises(FileFormatError, match=says) as caught:
        Network.load(path)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_parameters_that_are_not_finite_are_refused_unless_asked_for(
    path: Path, value: float
) -> None:
    trained = trainer()
    trained.fit(X, Y, 1)
    trained.network.state()["fc1.weight"][1, :2] = value
    trained.model.save(path)
    for load in (Network.load, Model.load):
        with pytest.raises(
            FileFormatError, match=r"2 values of 20 in 'fc1\.weight'.*allow_nonfinite"
        ):
            load(path)
    network = Network.load(path, allow_nonfinite=True)
    np.testing.assert_array_equal(network.state()["fc1.weight"][1, :2], [value] * 2)
    assert Model.load(path, allow_nonfinite=True).classes == (0, 1, 2)


@pytest.mark.parametrize("load", [Network.load, Model.load])
def test_a_network_may_not_take_more_than_its_budget(
    path: Path, load: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Network([("fc", 100, 100), ("fc", 100, 3)])
    trained = trainer(network)
    trained.fit(np.zeros((20, 100)) + Y[:, None], Y, 1)
    trained.model.save(path)
    size = path.stat().st_size
    total = sum(value.nbytes for value in network.state().values())
    for limit in (0, size, 3 * total):
        with pytest.raises(BudgetError, match="PLUGNET_BUDGET") as caught:
            load(path, budget=limit)
        assert (caught.value.path, caught.value.limit) == (str(path), limit)
    load(path, budget=4 * total)
    monkeypatch.setenv("PLUGNET_BUDGET", str(size))
    with pytest.raises(BudgetError):
        load(path)
    load(path, budget=4 * total)


def test_a_strangers_layer_counts_its_parameters_and_what_it_says(path: Path) -> None:
    for layer, says in ("large", "The parameters"), (("announcing", 10**9), "The table"):
        spec = Network([layer], (3,)).spec()
        for size, problem in (3, None), (15_000_000, BudgetError):
            content = {"network": {**spec, "input_shape": [size]}, "generators": {}}
            arrays = {"large1.gain": np.zeros(3, np.float32)} if layer == "large" else {}
            documents.write(path, arrays, content)
            if problem is None and layer == "large":
                Network.load(path)
                continue
            with pytest.raises(BudgetError, match=says):
                Network.load(path)


def test_no_file_has_too_many_patterns(path: Path) -> None:
    network = Network([("fc", 1, 1)] * 60, (1,))
    patterns: dict[str, Any] = {"*" * number: {} for number in range(1, 1_002)}
    content = network.document()
    content["network"]["parameters"] = patterns
    documents.write(path, network.state(), content)
    with pytest.raises(SpecError, match="1001, and 120 arrays"):
        Network.load(path)


def test_a_parameter_of_its_own_is_no_pattern(path: Path) -> None:
    network = Network([("fc", 1, 1)] * 600, (1,))
    for parameter in network.parameters().values():
        parameter.trainable = False
    network.save(path)
    again = Network.load(path)
    assert not any(parameter.trainable for parameter in again.parameters().values())
