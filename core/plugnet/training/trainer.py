"""Trainer: the loop in which data, network, loss, policy and optimizer meet."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from plugnet.arguments import flag, integer
from plugnet.arrays import Array
from plugnet.errors import ArgumentError, DivergenceError
from plugnet.interfaces import Loss, LRPolicy, Optimizer, Regularizer
from plugnet.labels import as_targets, warn_one_class
from plugnet.network import BLOCK, Network
from plugnet.parameter import Pack, Parameter, packed
from plugnet.registry import registry
from plugnet.samples import as_samples
from plugnet.targets import check_targets
from plugnet.training.data import Data
from plugnet.training.evaluation import blocks, evaluate
from plugnet.training.history import Evaluation, History
from plugnet.training.threads import limited

if TYPE_CHECKING:
    from plugnet.training.hooks import HookCaller


class Trainer:
    """Trains a network by stochastic gradient descent.

    The constructor's arguments are attributes of the same names, names and tuples turned into
    components. Further attributes:
        iteration: how many iterations are done, over all calls of `fit`.
        position: how many samples they have seen, from which the next batch follows.
        history: what they recorded.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss | Any = "softmax_with_loss",
        optimizer: Optimizer | Any = ("sgd", 0.9),
        policy: LRPolicy | Any = ("inv", 0.1),
        regularizer: Regularizer | Any | None = ("l2", 0.001),
        batch_size: int = 100,
        seed: int = 0,
        shuffle: bool = True,
        hooks: Iterable[Any] = (),
        threads: int | None = None,
    ) -> None:
        """Put the pieces together; each may be an object, a name, a tuple or a spec.

        Args:
            network: what is trained.
            loss: what is minimised.
            optimizer: how a gradient changes the parameters.
            policy: the learning rate of each iteration.
            regularizer: the penalty on the size of the weights, or None.
            batch_size: samples per iteration.
            seed: what the order of the samples is drawn from.
            shuffle: whether each epoch has a random order of its own.
            hooks: plugins that look on or step in; see `plugnet.training.hooks`.
            threads: among how many threads `fit` and `evaluate` divide large matrix products and
                convolutions; a small network has none. None: as many as the process may run in;
                see `plugnet.parallel`. The same number gives the same bits.

        Raises:
            ArgumentError: an argument is of a wrong type or out of range.
            RegistryError: a name cannot be built.
        """
        if not isinstance(network, Network):
            raise ArgumentError(
                f"A trainer trains a Network, but it was given a {type(network).__name__}. Write "
                "Trainer(Network([...])).",
                argument="network",
                value=network,
            )
        self.network = network
        self.loss: Loss = registry.losses.resolve(loss)
        self.optimizer: Optimizer = registry.optimizers.resolve(optimizer)
        self.policy: LRPolicy = registry.lr_policies.resolve(policy)
        self.regularizer: Regularizer | None = (
            None if regularizer is None else registry.regularizers.resolve(regularizer)
        )
        self.batch_size = integer("batch_size", batch_size, at_least=1)
        self.seed = integer("seed", seed, at_least=0)
        self.shuffle = flag("shuffle", shuffle)
        if isinstance(hooks, str):
            hooks = (hooks,)
        if not isinstance(hooks, Iterable):
            raise ArgumentError(
                f'The hooks must be a list, as ["early_stop"], but they are {hooks!r}.',
                argument="hooks",
                value=hooks,
            )
        self.hooks = [registry.hooks.resolve(hook) for hook in hooks]
        self.threads = None if threads is None else integer("threads", threads, at_least=1)
        self.iteration = 0
        self.position = 0
        self.history = History()
        self._stop: str | None = None

    def fit(
        self,
        x: Any,
        y: Any,
        iterations: int = 800,
        test: tuple[Any, Any] | None = None,
        evaluate_every: int | None = None,
    ) -> History:
        """Train for so many iterations, going on where the last call ended.

        Args:
            x: ``(N, *shape)`` samples. If the network's dtype can hold their numbers exactly, as
                float32 can hold bytes, they stay as they are and are converted batch by batch. A
                memory map (``numpy.load(path, mmap_mode="r")``) of such numbers is read in parts,
                so it may be larger than the memory.
            y: ``(N,)`` integer class ids, or ``(N, K)`` floating-point targets: one-hot rows or
                real values.
            iterations: how many batches to train on.
            test: samples and targets to evaluate on, at the end at least.
            evaluate_every: also evaluate after every so many iterations.

        Returns:
            The history of all iterations so far.

        Raises:
            DataError, ShapeError: samples or targets break a rule.
            DivergenceError: the loss or the parameters are no longer finite. No update follows the
                first such loss.
        """
        integer("iterations", iterations, at_least=1)
        last = self.iteration + iterations
        every = last
        if evaluate_every is not None:
            every = integer("evaluate_every", evaluate_every, at_least=1)
        samples, targets = self._arrays(x, y)
        warn_one_class(targets)
        held_out = None if test is None else self._arrays(*_pair(test), "test samples")
        batches = Data(self.batch_size, self.shuffle, self.seed)
        batches.get_data(samples, targets)
        batches.seek(self.position)
        hooks = self._hook_caller()
        started = time.perf_counter()
        try:
            _call(hooks.caller("plugnet_train_start"), trainer=self, iterations=iterations)
            with limited(self.threads):
                while self.iteration < last and self._stop is None:
                    pause = min(last, (self.iteration // every + 1) * every)
                    self._run(batches, pause, hooks)
                    if held_out is not None:
                        self._evaluate_test(held_out, hooks)
        finally:
            self.history.seconds += time.perf_counter() - started
            self.history.stopped = self._stop if self.iteration < last else None
            self._stop = None
            _call(hooks.caller("plugnet_train_end"), trainer=self, history=self.history)
        return self.history

    def _run(self, batches: Data, last: int, hooks: HookCaller) -> None:
        """Train until ``last`` iterations are done: the loop itself."""
        network, policy, optimizer, history = (
            self.network, self.policy, self.optimizer, self.history,
        )  # fmt: skip
        parameters = network.parameters()
        pack = self._pack(parameters)
        gradients_ready = hooks.caller("plugnet_gradients_ready")
        step_end = hooks.caller("plugnet_step_end")
        with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
            while self.iteration < last and self._stop is None:
                x, y = batches.pull_data()
                scores = network.forward(x, training=True)
                loss = self.loss.forward(scores, y)
                rate = policy(self.iteration)
                self._check(loss, rate)
                network.backward(self.loss.backward())
                self._regularize(parameters, pack)
                if gradients_ready is not None:
                    gradients_ready(trainer=self, iteration=self.iteration, parameters=parameters)
                optimizer.update(parameters, rate)
                history.loss.append(loss)
                history.rate.append(rate)
                self.iteration += 1
                self.position += len(x)
                if step_end is not None:
                    step_end(trainer=self, iteration=self.iteration - 1, loss=loss, rate=rate)
        self._check_parameters(parameters)

    def stop(self, reason: str) -> None:
        """End `fit` after the current iteration; for hooks and signals.

        ``reason`` goes to the history. Called before `fit`, it ends the next one at its start.
        """
        self._stop = reason

    def evaluate(self, x: Any, y: Any) -> Evaluation:
        """Return loss and recognition rate on the samples ``x`` with targets ``y``, as in `fit`.

        Neither the training nor the network's parameters are touched. Memory is that of a block of
        rows, so ``x`` may be a memory map larger than it; values of one from 1 GiB on are not
        looked at first, and a row with a NaN counts as answered wrong.
        """
        samples, targets = self._arrays(x, y)
        predict = self.network.predict
        with limited(self.threads):
            return self._judge(
                (predict(samples[rows]), targets[rows]) for rows in blocks(len(samples), BLOCK)
            )

    def penalty(self) -> float:
        """Return what the regularizer adds to the loss at the present parameters."""
        if self.regularizer is None:
            return 0.0
        return sum(
            self.regularizer.penalty(parameter.value)
            for parameter in self.network.parameters()
            if parameter.decay
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything needed to go on later to one file, wholly or not at all.

        That is the network, all components, the optimizer's state, the place in the data, every
        layer's generator and the history; not the data, the hooks and the threads.

        Raises:
            SpecError: a component cannot be described, as it is not registered.
            OSError: the file cannot be written.
        """
        from plugnet.training import checkpoint

        checkpoint.save(self, path)

    @classmethod
    def resume(
        cls,
        path: str | os.PathLike[str],
        hooks: Iterable[Any] = (),
        threads: int | None = None,
    ) -> Trainer:
        """Return the trainer that `save` wrote; `fit` on the same data goes on bit for bit.

        ``hooks`` and ``threads`` are not in the file, as they belong to a run and a machine.

        Raises:
            FileFormatError: the file is missing, damaged or not a saved trainer.
            SpecError: it needs components that are not installed.
        """
        from plugnet.training import checkpoint

        return checkpoint.load(path, hooks, threads)

    # The steps of the loop -----------------------------------------------------------------------

    def _pack(self, parameters: Sequence[Parameter]) -> Pack | None:
        """Return the pack of the parameters, if the regularizer can act on it as a whole."""
        elementwise = self.regularizer is not None and self.regularizer.elementwise
        return packed(parameters) if elementwise else None

    def _regularize(self, parameters: Sequence[Parameter], pack: Pack | None) -> None:
        if self.regularizer is None:
            return
        if pack is not None and pack.holds(parameters):
            decaying = pack.decaying
            self.regularizer.add_gradient(pack.values[decaying], pack.grads[decaying])
            return
        for parameter in parameters:
            if parameter.decay:
                self.regularizer.add_gradient(parameter.value, parameter.grad)

    def _check(self, loss: float, rate: float) -> None:
        if not (math.isfinite(loss) and math.isfinite(rate)):
            raise self._diverged(f"loss is {loss} at", loss, rate)

    def _check_parameters(self, parameters: Sequence[Parameter]) -> None:
        """Check what the last update left; those before it show in the next loss."""
        history = self.history
        if history.loss and not all(np.isfinite(p.value).all() for p in parameters):
            what = "parameters are not finite after"
            raise self._diverged(what, history.loss[-1], history.rate[-1])

    def _diverged(self, what: str, loss: float, rate: float) -> DivergenceError:
        return DivergenceError(
            f"Training has diverged: the {what} iteration {self.iteration}, with a learning rate "
            f"of {rate:.4g}. Lower the rate, or scale the data; then start again, or from a model "
            "that was saved before.",
            iteration=self.iteration,
            loss=loss,
            rate=rate,
        )

    def _evaluate_test(self, test: tuple[Array, Array], hooks: HookCaller) -> None:
        x, targets = test
        outputs = self.network.predict(x)
        evaluation = self._judge(
            (outputs[rows], targets[rows]) for rows in blocks(len(outputs), BLOCK)
        )
        self.history.evaluations.append(evaluation)
        _call(
            hooks.caller("plugnet_evaluate_end"),
            trainer=self,
            evaluation=evaluation,
            x=x,
            outputs=outputs,
            targets=targets,
        )

    def _judge(self, answered: Iterable[tuple[Array, Array]]) -> Evaluation:
        with np.errstate(over="ignore", invalid="ignore"):
            loss, accuracy = evaluate(self.loss, answered)
        return Evaluation(self.iteration, loss, accuracy)

    def _arrays(self, x: Any, y: Any, name: str = "samples") -> tuple[Array, Array]:
        """Return samples and targets, all of them checked before any is used."""
        scale = self.network.layers[0].input_scale()
        samples = as_samples(x, self.network.dtype, name, scale)
        targets = as_targets(y, len(samples), self.network.dtype)
        self.network.accept(samples)  # an image stays one, for the hooks
        outputs = (len(samples), *(self.network.output_shape or ()))
        check_targets(targets, outputs, binary=self.loss.threshold is not None)
        return samples, targets

    def _hook_caller(self) -> HookCaller:
        from plugnet.training.hooks import HookCaller  # late: only training needs pluggy

        return HookCaller(self.hooks)


def _pair(test: Any) -> tuple[Any, Any]:
    if not isinstance(test, tuple | list) or len(test) != 2:
        raise ArgumentError(
            f"test must be a pair (samples, targets), but it is a {type(test).__name__}. Write "
            "test=(xt, yt).",
            argument="test",
            value=test,
        )
    return test[0], test[1]


def _call(hook: Callable[..., None] | None, **arguments: object) -> None:
    if hook is not None:
        hook(**arguments)
