"""Divergence: what the error names, where the trainer is afterwards, and what may not hide it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.layers import Same
from tests.small import X, Y, trainer
from tests.trained import saved_bits

from plugnet import Network, Trainer, registry
from plugnet.arrays import Array
from plugnet.data import ArrayBatches
from plugnet.errors import DivergenceError, PluginWarning, TrainingWarning
from plugnet.interfaces import Batch, Layer, Loss

HELD = (X[::2], Y[::2])


class Fuse(Same):
    """Passes on what it is given until it has seen a number of batches, and NaN from then on."""

    def __init__(self, batches: int = 3) -> None:
        self.left = batches

    def forward(self, x: Array, training: bool = False) -> Array:
        self.left -= training
        return x if self.left >= 0 else x * np.nan


class Around(Same):
    """Holds a layer."""

    def __init__(self, fuse: Layer) -> None:
        self.fuse = fuse

    def inner(self) -> Mapping[str, Layer]:
        return {"fuse": self.fuse}

    def forward(self, x: Array, training: bool = False) -> Array:
        return self.fuse.forward(x, training)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("middle", "path"),
    [
        (lambda fuse: fuse, "fuse1"),
        (lambda fuse: ("chain", ["tanh", fuse]), "chain1.fuse1"),
        (lambda fuse: ("residual", ["tanh", fuse]), "residual1.fuse1"),
        (
            lambda fuse: ("residual", [("chain", ["tanh", fuse, "tanh"])]),
            "residual1.chain1.fuse1",
        ),
        (Around, "around1.fuse"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_layer_whose_outputs_are_not_finite_is_named(
    middle: Any, path: str, dtype: str
) -> None:
    network = Network([("fc", 4, 5), middle(Fuse()), ("fc", 5, 3)], dtype=dtype)
    run = trainer(network, policy=("fixed", 0.125))
    with pytest.raises(DivergenceError) as caught:
        run.fit(X, Y, 9)
    error = caught.value
    assert (error.iteration, error.rate, error.layer) == (3, 0.125, path)
    assert np.isnan(error.loss)
    text = str(error)
    assert f"diverged at iteration 3: the loss is nan; {path} is the first layer" in text
    assert "learning rate of 0.125" in text


def test_a_parameter_that_is_not_finite_is_named_with_its_norms() -> None:
    class Spoiler:
        def plugnet_step_end(self, training: Trainer) -> None:
            if training.iteration == 4:
                parameters = training.network.state()
                parameters["fc2.bias"][...] = 2.0
                parameters["fc2.weight"][1, 1] = np.inf

    run = trainer(hooks=[Spoiler()])
    with pytest.raises(DivergenceError) as caught:
        run.fit(X, Y, 9)
    assert (caught.value.iteration, caught.value.layer) == (4, "fc2")
    text = str(caught.value)
    assert "fc2.weight is the first parameter that is not finite" in text
    assert "fc2.weight inf (gradient " in text
    assert f"fc2.bias {np.sqrt(12):.3g} (gradient " in text
    assert "fc1" not in text


class Vanishing(Loss):
    """A loss that is NaN from a batch on, whatever it is given."""

    def __init__(self, batches: int = 3) -> None:
        self.inner, self.left = registry.losses.build("softmax_with_loss"), batches

    def prepare(self, shape: Any, dtype: Any) -> None:
        self.inner.prepare(shape, dtype)

    def forward(self, *arguments: Any, **options: Any) -> float:
        self.left -= options.get("training", False)
        value: float = self.inner.forward(*arguments, **options)
        return value if self.left >= 0 else float("nan")

    def backward(self) -> Array:
        dy: Array = self.inner.backward()
        return dy


def test_a_loss_that_alone_is_not_finite_is_named() -> None:
    run = trainer(loss=Vanishing())
    with pytest.raises(DivergenceError, match="though all of the network's outputs are") as got:
        run.fit(X, Y, 9)
    assert (got.value.iteration, got.value.layer) == (3, None)
    assert "fc1.weight" in str(got.value)


# Where the trainer is ----------------------------------------------------------------------------


class Explode:
    """Makes the rate so large, after an iteration, that the parameters overflow."""

    def __init__(self, iteration: int) -> None:
        self.iteration = iteration

    def plugnet_step_end(self, training: Trainer) -> None:
        if training.iteration == self.iteration:
            training.rate_scale = 1e300


SETTINGS: dict[str, Any] = {"optimizer": "adam", "policy": ("fixed", 0.01)}


@pytest.mark.parametrize(
    ("options", "hooks", "back_at"),
    [
        ({}, [], 0),
        ({"validation": HELD, "evaluate_every": 2}, [], 4),
        ({"validation": HELD, "evaluate_every": 4}, [("plateau", 0.5, 1)], 4),
        ({}, ["checkpoint"], 3),
        ({"validation": HELD, "evaluate_every": 2}, ["checkpoint"], 4),
    ],
    ids=["the start", "an evaluation", "a changed rate", "a checkpoint", "both"],
)
def test_it_goes_on_from_the_last_snapshot_to_the_same_bits(
    options: dict[str, Any], hooks: list[Any], back_at: int, tmp_path: Path
) -> None:
    def saving(name: str) -> list[Any]:
        checkpoint = ("checkpoint", {"path": str(tmp_path / name), "iterations": 3})
        return [checkpoint if hook == "checkpoint" else hook for hook in hooks]

    run = trainer(hooks=[*saving("run"), Explode(5)], **SETTINGS)
    with pytest.raises(DivergenceError) as caught:
        run.fit(X, Y, 12, **options)
    assert caught.value.__notes__[-1] == f"The trainer is back at iteration {back_at}."
    assert (run.iteration, run.goal, run.position) == (back_at, 12, 5 * back_at)
    assert run.rate_scale < 2
    plain = trainer(hooks=saving("plain"), **SETTINGS)
    if back_at:
        plain.fit(X, Y, back_at, **options)
    run.hooks = run.hooks[:-1]
    for each in (run, plain):
        each.policy = registry.lr_policies.build("fixed", 0.001)
        each.fit(X, Y, 12 - back_at, **options)
    assert run.history.rate == plain.history.rate
    assert saved_bits(run) == saved_bits(plain)


def test_a_source_is_taken_back_as_well() -> None:
    def source() -> ArrayBatches:
        return ArrayBatches(Batch(X, Y), 5)

    layers = ["standardize", ("fc", {"outputs": 3})]  # whose parameters the first batch makes
    run, plain = (Trainer(Network(layers), **SETTINGS) for _ in range(2))
    run.hooks = [Explode(2)]
    batches = source()
    with pytest.raises(DivergenceError):
        run.fit(batches, iterations=6)
    assert run.iteration == 0
    run.hooks = []
    run.fit(batches)
    plain.fit(source(), iterations=6)
    assert saved_bits(run) == saved_bits(plain)


def test_hooks_that_remember_go_back_too() -> None:
    class Counter:
        """Counts steps."""

        def __init__(self) -> None:
            self.steps = 0

        def plugnet_step_end(self) -> None:
            self.steps += 1

        def state(self) -> dict[str, int]:
            return {"steps": self.steps}

        def restore(self, state: Mapping[str, int]) -> None:
            self.steps = state["steps"]

    counter = Counter()
    run = trainer(hooks=[counter, Explode(5)], **SETTINGS)
    with pytest.raises(DivergenceError):
        run.fit(X, Y, 12, validation=HELD, evaluate_every=2)
    assert counter.steps == run.iteration == 4


class Raising:
    observes = False

    def plugnet_train_end(self) -> None:
        raise OSError("no disk")


class Stopping:
    """Stops in the step whose update spoils the parameters."""

    def plugnet_step_end(self, training: Trainer) -> None:
        if training.iteration == 6:
            training.stop("enough")


@pytest.mark.filterwarnings("ignore:Raising has failed", "ignore:early_stop has seen one")
@pytest.mark.parametrize(
    "hooks",
    [
        [("early_stop", 1)],
        [("plateau", 0.5, 1)],
        [("csv_log", "log.csv")],
        [("best_model", "best")],
        [Raising()],
        [Stopping(), ("early_stop", 9)],
        [("clip_gradients", 1.0)],
    ],
    ids=["early_stop", "plateau", "csv_log", "best_model", "an error", "a stop", "clip_gradients"],
)
def test_nothing_hides_it(
    hooks: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = trainer(hooks=[Explode(5), *hooks], policy=("fixed", 1e-4))
    with pytest.raises(DivergenceError):
        run.fit(X, Y, 12, validation=HELD, evaluate_every=4)
    assert run.iteration == 4
    assert run.history.stopped is None
    assert all(np.isfinite(value).all() for value in run.network.state().values())


def test_a_note_says_what_else_has_failed() -> None:
    run = trainer(hooks=[Explode(5), Raising()], policy=("fixed", 1e-4))
    with pytest.warns(PluginWarning, match="no disk"), pytest.raises(DivergenceError):
        run.fit(X, Y, 12)
    assert run.history.notes == ["Raising has failed and is left out: OSError: no disk"]


def test_a_hook_that_cannot_go_back_does_not_hide_it() -> None:
    class Lost:
        def plugnet_step_end(self) -> None:
            pass

        def state(self) -> dict[str, int]:
            return {}

        def restore(self, state: Mapping[str, int]) -> None:
            raise KeyError("steps")

    run = trainer(hooks=[Lost(), Explode(5)], **SETTINGS)
    with pytest.raises(DivergenceError) as caught:
        run.fit(X, Y, 12, validation=HELD, evaluate_every=2)
    assert caught.value.__notes__ == [
        "Not all hooks are back: KeyError: 'steps'",
        "The trainer is back at iteration 4.",
    ]


def test_a_loss_that_has_grown_far_is_a_warning() -> None:
    class Grow:
        """Makes the scores larger and larger, though a batch now and then fits them."""

        def plugnet_step_end(self, training: Trainer, iteration: int) -> None:
            if iteration == 30:
                training.network.state()["fc2.weight"][...] *= 1e5

    run = trainer(hooks=[Grow()], policy=("fixed", 1e-9))
    with pytest.warns(TrainingWarning, match="The loss has grown far: the loss was"):
        run.fit(X, Y, 40)
