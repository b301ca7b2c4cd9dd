"""A step that fails anywhere has not happened: whatever fails, `fit` goes on to the same bits.

Here an error is raised at every single line that a step executes, in plugnet, in the built-in
plugins and in a layer of a user, one after the other; and a real SIGINT at any moment.
"""

from __future__ import annotations

import copy
import functools
import importlib.util
import itertools
import linecache
import os
import pickle
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar

import numpy as np
import pytest
from tests.trained import saved_bits

import plugnet.training.interrupts
from plugnet import Network, Parameter, Trainer
from plugnet.arrays import Array, Shape
from plugnet.errors import BrokenStepError
from plugnet.interfaces import Batch, Layer, Optimizer
from plugnet.parameter import Statistic

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(60, 4)), RNG.integers(0, 3, 60)
WEIGHTS = RNG.integers(1, 4, 60)

#: Where lines are counted: here for the layer and the hook.
FOLDERS = (
    __file__,
    *(
        str(Path(spec.origin).parent)
        for name in ("plugnet", "plugnet_builtin", "plugnet_normalization", "plugnet_dropout")
        if (spec := importlib.util.find_spec(name)) is not None and spec.origin is not None
    ),
)
OWN: list[Any] = ["centred"]
PLUGINS: list[Any] = ["batch_norm", ("dropout", 0.2)]


class Centred(Layer):
    """y = x - mean + noise: a layer with a statistic that draws, as batch_norm and dropout."""

    _mean: Statistic
    _y: Array | None = None

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        self._mean = Statistic(np.zeros(shape, dtype), momentum=0.9)
        self.rng = rng

    def parameters(self) -> dict[str, Parameter]:
        return {"mean": self._mean}

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        self._y = np.empty(batch_shape, dtype)

    def forward(self, x: Array, training: bool = False) -> Array:
        if not training:
            return x - self._mean.value
        assert self.rng is not None
        np.mean(x, axis=0, out=self._mean.grad)
        y: Array = np.subtract(x, self._mean.grad, out=self._y)
        y += 0.1 * self.rng.standard_normal(x.shape, np.float32)
        return y

    def backward(self, dy: Array) -> Array:
        dx: Array = dy - dy.mean(axis=0)
        return dx


@functools.cache
def is_with(file: str, line: int) -> bool:
    return linecache.getline(file, line).lstrip().startswith("with ")


class Fails:
    """A hook that raises ``error`` at a line of the step, of that number, outside the commit.

    Not at the line of a ``with``: it comes again before the block is left, when nothing but a
    tracer can raise. A line in a loop counts twice at the most.

    Attributes:
        where: the line, once it has raised.
    """

    def __init__(self, error: type[BaseException]) -> None:
        self.error, self.number, self.count, self.where = error, 0, 0, ""

    def plugnet_train_start(self, training: Trainer) -> None:
        self.training, self.count, self.where, self.is_within = training, 0, "", False
        self.passes: Counter[tuple[str, int]] = Counter()
        sys.settrace(self._call)

    def plugnet_gradients_ready(self, training: Trainer) -> None:
        assert training.network.parameters().grad.any()

    def plugnet_step_end(self, loss: float) -> None:
        assert loss > 0

    def _call(self, frame: FrameType, event: str, _: Any) -> Any:
        self.is_within |= frame.f_code is Trainer._run.__code__
        file = frame.f_code.co_filename
        return self._line if self.is_within and file.startswith(FOLDERS) else None

    def _line(self, frame: FrameType, event: str, _: Any) -> Any:
        if event == "return" and frame.f_code is Trainer._run.__code__:
            sys.settrace(None)
        if event == "line" and not self.training._interrupts.is_held:
            file, line = frame.f_code.co_filename, frame.f_lineno
            self.passes[file, line] += 1
            if self.passes[file, line] > 2 or is_with(file, line):
                return self._line
            self.count += 1
            if self.count == self.number:
                self.where = f"{Path(file).name}:{line}"
                raise self.error(self.where)
        return self._line

    def at(self, number: int, trained: Trainer) -> str:
        """Have the trainer take a step that fails there; return the line, "" if there is none."""
        before = sys.gettrace()
        self.number, trained.hooks = number, [self]
        try:
            trained.fit(X, Y, 1, weights=WEIGHTS)
        except self.error as error:
            assert str(error) == self.where  # noqa: PT017
        finally:
            sys.settrace(before)
            trained.hooks = []
        return self.where


def trainer_of(pieces: list[Any], optimizer: Any = ("sgd", 0.9)) -> Trainer:
    pieces = [Centred() if piece == "centred" else piece for piece in pieces]
    network = Network([("fc", 4, 6), *pieces, "tanh", ("fc", 6, 3)])
    return Trainer(network, optimizer=optimizer, batch_size=20, policy=("inv", 0.05))


def warm(trained: Trainer) -> Trainer:
    """Leave everything as it is: all buffers are there."""
    return trained


def resized(trained: Trainer) -> Trainer:
    """Have the next step prepare for another batch shape, and derive what it calls anew."""
    trained.batch_size = 20 + trained.iteration % 2
    trained.network.parameters()["fc1.weight"].lr_mult = 1
    return trained


@pytest.mark.parametrize(
    ("before", "error"),
    [
        (warm, KeyboardInterrupt),
        (warm, MemoryError),
        (warm, RuntimeError),
        (resized, KeyboardInterrupt),
    ],
)
def test_a_step_that_fails_at_any_line_has_not_happened(
    before: Callable[[Trainer], Trainer], error: type[BaseException]
) -> None:
    fails = Fails(error)
    failing, whole = trainer_of(OWN), trainer_of(OWN)
    for number in itertools.count(1):
        failing = before(failing)
        where = fails.at(number, failing)
        if not where:
            break
        if failing.iteration < number:
            failing.fit(X, Y, 1, weights=WEIGHTS)
        whole.batch_size = failing.batch_size
        whole.fit(X, Y, 1, weights=WEIGHTS)
        assert saved_bits(failing) == saved_bits(whole), where
    assert number > 200


def test_a_copys_first_step_that_fails_has_not_happened() -> None:
    pytest.importorskip("plugnet_normalization")
    pytest.importorskip("plugnet_dropout")
    whole = trainer_of(PLUGINS)
    whole.fit(X, Y, 1, weights=WEIGHTS)
    copied = pickle.dumps(whole)
    whole.fit(X, Y, 1, weights=WEIGHTS)
    expected = saved_bits(whole)
    fails = Fails(MemoryError)
    for number in itertools.count(1):
        failing = pickle.loads(copied)
        where = fails.at(number, failing)
        if not where:
            break
        if failing.iteration == 1:
            failing.fit(X, Y, 1, weights=WEIGHTS)
        assert saved_bits(failing) == expected, where
    assert number > 400


# Interrupts --------------------------------------------------------------------------------------


@pytest.fixture
def interrupts() -> Iterator[list[int]]:
    """Handle SIGINT as Python and notebooks do; give the list of those that were heard."""
    heard: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        heard.append(number)
        signal.default_int_handler(number, frame)

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield heard
        assert signal.getsignal(signal.SIGINT) is handle
    finally:
        signal.signal(signal.SIGINT, before)


class Presses:
    """Presses Ctrl-C so many seconds after training has begun."""

    def __init__(self, seconds: float) -> None:
        self.key = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))

    def plugnet_train_start(self) -> None:
        self.key.start()


def test_an_interrupt_at_any_moment_leaves_whole_steps(interrupts: list[int]) -> None:
    interrupted, whole = trainer_of(OWN), trainer_of(OWN)
    for trained in (interrupted, whole):
        trained.fit(X, Y, 1)  # imports what is imported late
    moments, ended_early = np.random.default_rng(0), 0
    for count in range(1, 101):
        presses = Presses(moments.uniform(0, 0.004))
        interrupted.hooks = [presses]
        try:
            interrupted.fit(X, Y, 2000)
            presses.key.join()
        except KeyboardInterrupt:
            ended_early += 1
        if interrupted.iteration > whole.iteration:
            whole.fit(X, Y, interrupted.iteration - whole.iteration)
        assert saved_bits(interrupted) == saved_bits(whole)
        assert len(interrupts) == count
    assert whole.iteration > 100
    assert ended_early > 90  # Python drops what is raised in a callback of its garbage collector


class Interrupts(Optimizer):
    """Plain gradient descent; in step ``at`` Ctrl-C is pressed twice."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.log: list[str] = []

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        if t == self.at:
            for _ in range(2):
                signal.raise_signal(signal.SIGINT)
        value -= np.multiply(grad, rate, out=arrays[0])
        self.log.append(f"step {t}")


def test_an_interrupt_waits_for_the_updates_end_and_comes_once(interrupts: list[int]) -> None:
    optimizer = Interrupts(at=4)
    interrupted, whole = (trainer_of(OWN, optimizer=o) for o in (optimizer, Interrupts(at=0)))
    with pytest.raises(KeyboardInterrupt):
        interrupted.fit(X, Y, 8)
    assert optimizer.log == ["step 1", "step 2", "step 3", "step 4"]
    assert (interrupted.iteration, len(interrupts)) == (4, 1)
    interrupted.fit(X, Y, 4)
    whole.fit(X, Y, 8)
    assert saved_bits(interrupted) == saved_bits(whole)


def test_two_presses_around_the_end_of_an_update_are_heard_once(interrupts: list[int]) -> None:
    held = plugnet.training.interrupts.Interrupts()
    with held.handled():
        held.is_held = True
        signal.raise_signal(signal.SIGINT)
        held.is_held = False  # the first line of release
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        held.release()
    assert len(interrupts) == 1


def test_training_goes_on_after_a_handler_that_does_not_raise() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        trained = trainer_of(OWN, optimizer=Interrupts(at=4))
        trained.fit(X, Y, 8)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (trained.iteration, heard) == (8, [signal.SIGINT])


def test_where_interrupts_are_ignored_they_stay_so() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        trained = trainer_of(OWN, optimizer=Interrupts(at=4))
        trained.fit(X, Y, 8)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert trained.iteration == 8


# An update that fails half-way -------------------------------------------------------------------


class HalfWay(Optimizer):
    """Plain gradient descent, parameter by parameter, that fails once at the third."""

    elementwise: ClassVar[bool] = False

    def __init__(self, error: BaseException) -> None:
        self.error, self.count = error, 0

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        self.count += 1
        if t == 3 and self.count % 4 == 3:
            raise self.error
        value -= rate * grad


@pytest.mark.parametrize("error", [RuntimeError("half-way"), MemoryError(), KeyboardInterrupt()])
@pytest.mark.parametrize(
    "use",
    [
        lambda broken, folder: broken.fit(X, Y, 1),
        lambda broken, folder: broken.step(Batch(X[:20].astype("float32"), Y[:20])),
        lambda broken, folder: broken.evaluate(X, Y),
        lambda broken, folder: broken.save(folder / "run"),
        lambda broken, folder: copy.copy(broken),
        lambda broken, folder: copy.deepcopy(broken),
        lambda broken, folder: pickle.dumps(broken),
    ],
    ids=["fit", "step", "evaluate", "save", "copy", "deepcopy", "pickle"],
)
def test_a_trainer_whose_update_failed_half_way_refuses_to_go_on(
    tmp_path: Path, error: BaseException, use: Callable[[Trainer, Path], object]
) -> None:
    broken = trainer_of([], optimizer=HalfWay(error))
    with pytest.raises(type(error)):
        broken.fit(X, Y, 5)
    assert len(broken.history.loss) == broken.iteration == 2
    with pytest.raises(BrokenStepError, match=r"iteration 2 .*half-way.*Trainer\.resume") as caught:
        use(broken, tmp_path)
    assert caught.value.iteration == 2
    assert not list(tmp_path.iterdir())
