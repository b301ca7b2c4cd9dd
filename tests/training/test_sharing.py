"""What several trainings, threads and hooks share, and what they are refused."""

import copy
import pickle
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.layers import Same
from tests.small import trainer

from plugnet import Network, Trainer, registry
from plugnet.arrays import Array, Shape
from plugnet.errors import ArgumentError, CallOrderError, DataError, DivergenceError, SpecError
from plugnet.interfaces import Layer, Loss, LRPolicy

RNG = np.random.default_rng(0)
X, Y = RNG.random((60, 8)), RNG.integers(0, 3, 60)


def network(dtype: str = "float32") -> Network:
    return Network([("fc", 8, 6), "tanh", ("fc", 6, 3)], dtype=dtype)


class Stopping:
    """Waits within the first step until it may go on."""

    def __init__(self) -> None:
        self.began, self.may_go_on = threading.Event(), threading.Event()

    def plugnet_gradients_ready(self) -> None:
        self.began.set()
        assert self.may_go_on.wait(60)


@pytest.mark.parametrize("what", ["loss", "network", "trainer"])
def test_what_keeps_arrays_of_a_batch_is_for_one_training_at_a_time(what: str) -> None:
    stopping = Stopping()
    first = trainer(network(), hooks=[stopping])
    second = first if what == "trainer" else trainer(network())
    if what == "loss":
        second.loss = first.loss
    elif what == "network":
        second.network = first.network
    thread = threading.Thread(target=first.fit, args=(X, Y, 3))
    thread.start()
    try:
        assert stopping.began.wait(60)
        with pytest.raises(CallOrderError, match="in a training already"):
            second.fit(X, Y, 1)
    finally:
        stopping.may_go_on.set()
        thread.join()
    second.fit(X, Y, 1)


def test_a_fit_within_a_fit_of_the_same_trainer_is_refused() -> None:
    class Again:
        def plugnet_step_end(self, training: Trainer) -> None:
            training.fit(X, Y, 1)

    with pytest.raises(CallOrderError, match="in a training already"):
        trainer(network(), hooks=[Again()]).fit(X, Y, 2)


@pytest.mark.parametrize("loss", ["softmax_with_loss", "huber", "hinge", "least_square_error"])
def test_trainings_take_turns_with_one_loss(loss: str) -> None:
    shared = registry.losses.build(loss)
    pair = [trainer(network(), loss=shared, batch_size=size) for size in (20, 15)]
    alone = [trainer(network(), loss=loss, batch_size=size) for size in (20, 15)]
    for each in (*pair, *pair, *alone, *alone):
        each.fit(X, Y, 3)
    for one, other in zip(pair, alone, strict=True):
        np.testing.assert_array_equal(
            one.network.parameters().value, other.network.parameters().value
        )
    pair[0].network = network("float64")
    pair[0].fit(X, Y, 1)
    assert shared.backward().dtype == np.float64


@pytest.mark.parametrize("name", ["gelu", "swish"])
def test_networks_in_threads_share_an_activation(name: str) -> None:
    shared = registry.activations.build(name)

    def made(activation: Any) -> Trainer:
        return Trainer(Network([("fc", 8, 600), activation, ("fc", 600, 3)]), batch_size=50)

    pair, alone = [made(shared), made(shared)], made(name)
    threads = [threading.Thread(target=each.fit, args=(X, Y, 40)) for each in pair]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alone.fit(X, Y, 40)
    for each in pair:
        np.testing.assert_array_equal(each.network.state()["fc2.weight"],
                                      alone.network.state()["fc2.weight"])  # fmt: skip


class Noting:
    """Notes what is predicted after each step."""

    def __init__(self) -> None:
        self.answers: set[bytes] = set()

    def plugnet_train_start(self, training: Trainer) -> None:
        self.plugnet_step_end(training)

    def plugnet_step_end(self, training: Trainer) -> None:
        self.answers.add(training.network.predict(X[:5]).tobytes())


def test_others_see_the_network_as_it_is_after_a_step(tmp_path: Path) -> None:
    noting = Noting()
    layers = [("fc", 8, 300), "tanh", ("fc", 300, 300), "tanh", ("fc", 300, 3)]
    trained = Trainer(
        Network(layers), optimizer="adam", policy=("fixed", 0.01), batch_size=20, hooks=[noting]
    )
    own = trained.network
    over, wrong = threading.Event(), []
    seen: list[bytes] = []

    def saved() -> Network:
        own.save(tmp_path / "network")
        return Network.load(tmp_path / "network")

    def resumed() -> Network:
        trained.save(tmp_path / "trainer")
        return Trainer.resume(tmp_path / "trainer").network

    def look(get: Callable[[], Network]) -> None:
        try:
            while not over.is_set():
                seen.append(get().predict(X[:5]).tobytes())
        except BaseException as error:  # for the main thread
            wrong.append(error)

    ways = [lambda: own, lambda: copy.deepcopy(own), saved, resumed]
    threads = [threading.Thread(target=look, args=(way,)) for way in ways]

    class Starting:
        def plugnet_train_start(self) -> None:
            for thread in threads:
                thread.start()

    trained.fit(X, Y, 1)
    trained.hooks.append(Starting())
    trained.fit(X, Y, 60)
    over.set()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(seen) > 20
    assert set(seen) <= noting.answers


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))])
@pytest.mark.parametrize("optimizer", [("sgd", 0.9), "adam"])
def test_a_copy_after_the_optimizer_was_replaced_goes_on_alike(copied: Any, optimizer: Any) -> None:
    first = trainer(network())
    first.fit(X, Y, 5)
    first.optimizer = registry.optimizers.resolve(optimizer)
    second = copied(first)
    for each in (first, second):
        each.fit(X, Y, 3)
    np.testing.assert_array_equal(
        first.network.parameters().value, second.network.parameters().value
    )


def test_a_network_whose_parameters_cannot_be_made_again_has_none() -> None:
    class Failing:
        calls = 0

    class Sometimes(Same):
        def initialize(self, shape: Shape, rng: Any, dtype: Any) -> None:
            Failing.calls += 1
            if Failing.calls > 1:
                raise RuntimeError("no more")

    own = Network([("fc", 8, 3), Sometimes()])
    with pytest.raises(RuntimeError):
        own.initialize((8,))
    assert own.input_shape is None
    with pytest.raises(Exception, match="no more"):
        own.predict(X)


def test_a_component_whose_arguments_have_no_names_is_not_copied() -> None:
    class Scale(Layer):
        def __init__(self, **options: float) -> None:
            self.options = options

        def forward(self, x: Array, training: bool = False) -> Array:
            return x * self.options["by"]

        def backward(self, dy: Array) -> Array:
            return dy * self.options["by"]

    with pytest.raises(SpecError, match=r"Scale takes '\*\*options"):
        copy.deepcopy(Network([Scale(by=3.0), ("fc", 8, 3)]))


# Evaluations that were due ------------------------------------------------------------------------


class Failing:
    """Raises once, at the end of one iteration."""

    def __init__(self, at: int) -> None:
        self.at = at

    def plugnet_step_end(self, iteration: int) -> None:
        if iteration == self.at:
            self.at = -1
            raise OSError("the disk is full")


@pytest.mark.parametrize("at", [9, 19, 29])
@pytest.mark.parametrize("way", ["the same", "copied", "resumed"])
def test_an_evaluation_that_was_due_is_made_up(at: int, way: str, tmp_path: Path) -> None:
    def fit(each: Trainer, iterations: int) -> None:
        each.fit(X, Y, iterations, test=(X, Y), evaluate_every=10)

    first, undisturbed = trainer(network(), hooks=[Failing(at)]), trainer(network())
    with pytest.raises(OSError, match="full"):
        fit(first, 30)
    if way == "copied":
        first = copy.deepcopy(first)
    elif way == "resumed":
        first.save(tmp_path / "run")
        first = Trainer.resume(tmp_path / "run")
    fit(first, 40 - first.iteration)
    fit(undisturbed, 40)
    assert first.history.evaluations == undisturbed.history.evaluations


def test_none_is_made_up_where_none_was_due() -> None:
    trained = trainer(network())
    trained.fit(X, Y, 10)
    trained.fit(X, Y, 10, test=(X, Y), evaluate_every=10)
    assert [each.iteration for each in trained.history.evaluations] == [20]


# Own losses and policies --------------------------------------------------------------------------


class Own(Loss):
    """Half the squared error, with a wrong gradient or value."""

    def __init__(self, gradient: Callable[[Array], Any] = lambda dx: dx) -> None:
        self.gradient = gradient

    def forward(self, outputs: Array, targets: Array, *_: Any, training: bool = False) -> Any:
        if training:
            self.outputs = outputs
        return (outputs**2).mean()  # a np.float32

    def backward(self) -> Any:
        return self.gradient(self.outputs * np.float32(2 / self.outputs.size))


@pytest.mark.parametrize(
    ("gradient", "what"),
    [
        (lambda dx: dx.astype("float64"), "dtype float64"),
        (lambda dx: dx[:, :2], r"shape \(20, 2\)"),
        (lambda dx: None, "NoneType"),
    ],
)
def test_a_wrong_gradient_of_a_loss_is_the_losss_fault(gradient: Any, what: str) -> None:
    with pytest.raises(ArgumentError, match=rf"Own\.backward must return .*{what}"):
        trainer(network(), loss=Own(gradient), batch_size=20).fit(X, Y, 1)


def test_a_loss_and_a_policy_may_return_numpy_numbers(tmp_path: Path) -> None:
    with registry.isolated():
        registry.losses.register("own")(
            type("Plain", (Own,), {"__init__": lambda self: Own.__init__(self)})
        )
        trained = Trainer(network(), loss="own", batch_size=20)
        trained.rate_scale = np.float32(0.5)  # type: ignore[assignment]
        trained.fit(X, Y, 2, test=(X, Y))
        trained.save(tmp_path / "run")
        assert Trainer.resume(tmp_path / "run").rate_scale == 0.5
    assert all(type(loss) is float for loss in trained.history.loss)


def test_what_is_not_finite_is_named() -> None:
    samples = X.astype("float32")
    trained = trainer(network())
    trained.fit(samples, Y, 3)
    samples[:, 0] = np.nan  # after they were checked
    with pytest.raises(DataError, match="after the samples were checked"):
        trained.fit(samples, Y, 3)

    class Lost(LRPolicy):
        def __call__(self, iteration: int) -> float:
            return float("nan")

    with pytest.raises(DivergenceError, match="learning rate is nan"):
        trainer(network(), policy=Lost()).fit(X, Y, 1)


def test_restore_takes_all_or_nothing() -> None:
    own = network()
    before = {name: value.copy() for name, value in own.state().items()}
    wrong = {**before, "fc1.weight": np.zeros((8, 6)), "fc2.bias": np.array(["x", "y", "z"])}
    with pytest.raises(DataError):
        own.restore(wrong)
    for name, value in own.state().items():
        np.testing.assert_array_equal(value, before[name])
