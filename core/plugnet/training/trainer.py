"""Trainer: the loop in which data, network, loss, policy and optimizer meet."""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from plugnet.arguments import flag, integer
from plugnet.arrays import Array
from plugnet.data.labels import as_targets, as_weights, warn_one_class
from plugnet.data.samples import as_samples
from plugnet.data.source import CheckedBatches, from_samples
from plugnet.errors import ArgumentError
from plugnet.interfaces import Batch, Loss, LRPolicy, Optimizer, Regularizer
from plugnet.network import PREDICT_ROWS, Network
from plugnet.registry import registry
from plugnet.training import failures
from plugnet.training.evaluation import evaluate
from plugnet.training.exclusive import exclusive
from plugnet.training.history import Evaluation, History
from plugnet.training.interrupts import Interrupts
from plugnet.training.threads import limited
from plugnet.training.update import Update

if TYPE_CHECKING:
    from plugnet.training.hooks import HookCaller

#: The default regularizer, unless the optimizer decays the weights itself.
DECAY = ("l2", 0.001)
DEFAULT = "default"


class Trainer:
    """Trains a network by stochastic gradient descent.

    >>> import numpy as np
    >>> from plugnet import Network, Trainer
    >>> x, y = np.array([[0.0], [1.0]]), np.array([0, 1])
    >>> trainer = Trainer(Network([("fc", 1, 2)]), batch_size=2)
    >>> len(trainer.fit(x, y, iterations=50).loss)
    50
    >>> trainer.evaluate(x, y).accuracy
    1.0

    The constructor's arguments are attributes of the same names, names and tuples turned into
    components. Further attributes:
        iteration: how many iterations are done, over all calls of `fit`.
        position: how many samples of arrays they have seen, from which the next batch follows.
        source_state: where a source of batches was after the last step; {} if it cannot say, None
            after a training on arrays.
        rate_scale: what the policy's learning rate is multiplied by; 1 unless a hook changes it.
        evaluation_due: the iteration after which `fit` next evaluates; None without test samples.
        history: what they recorded.
    """

    _stop: str | None
    _is_broken: bool
    _interrupts: Interrupts
    _update: Update | None
    _source: CheckedBatches | None
    _last_source: CheckedBatches | None
    _resumes: bool
    _gradients_ready: Callable[..., None] | None
    _step_end: Callable[..., None] | None

    def __init__(
        self,
        network: Network,
        loss: Loss | Any = "softmax_with_loss",
        optimizer: Optimizer | Any = ("sgd", 0.9),
        policy: LRPolicy | Any = ("inv", 0.1),
        regularizer: Regularizer | Any | None = DEFAULT,
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
            regularizer: the penalty on the size of the weights, or None. "default":
                ``("l2", 0.001)``, but None if the optimizer decays the weights itself, as adamw.
            batch_size: samples per iteration.
            seed: what the order of the samples is drawn from.
            shuffle: whether each epoch has a random order of its own.
            hooks: plugins that observe or intervene; see `plugnet.training.hooks`.
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
        if isinstance(regularizer, str) and regularizer == DEFAULT:
            regularizer = None if self.optimizer.decoupled_decay else DECAY
        self.regularizer: Regularizer | None = (
            None if regularizer is None else registry.regularizers.resolve(regularizer)
        )
        self.batch_size = integer("batch_size", batch_size, at_least=1)
        self.seed = integer("seed", seed, at_least=0)
        self.shuffle = flag("shuffle", shuffle)
        self._set_run(hooks, threads)
        self.iteration = 0
        self.position = 0
        self.source_state: Mapping[str, Any] | None = None
        self.rate_scale = 1.0
        self.evaluation_due: int | None = None
        self.history = History()
        self._begin()

    def _set_run(self, hooks: Iterable[Any], threads: int | None) -> None:
        """Set the arguments that are not saved."""
        if isinstance(hooks, str):
            hooks = (hooks,)
        if not isinstance(hooks, Iterable):
            raise ArgumentError(
                f'The hooks must be a list, such as ["early_stop"], but they are {hooks!r}.',
                argument="hooks",
                value=hooks,
            )
        self.hooks = [registry.hooks.resolve(hook) for hook in hooks]
        self.threads = None if threads is None else integer("threads", threads, at_least=1)

    def fit(
        self,
        x: Any,
        y: Any = None,
        iterations: int = 800,
        test: tuple[Any, ...] | None = None,
        evaluate_every: int | None = None,
        weights: Any = None,
    ) -> History:
        """Train for the given number of iterations, going on where the last call ended.

        Whatever ends it, an interrupt, a hook's error or a diverging loss, the state is that after
        the last step that was done, and another call goes on from there, bit for bit. Only where an
        optimizer or a regularizer fails in the middle of an update is there no way back: then all
        further use is refused.

        Args:
            x: ``(N, *shape)`` samples. If the network's dtype can hold their numbers exactly, as
                float32 can hold bytes, they stay as they are and are converted batch by batch. A
                memory map (``numpy.load(path, mmap_mode="r")``) of such numbers is read in parts,
                so it may be larger than the memory. An array that was checked by an earlier call
                is not checked again. Or, without ``y``, a source of batches: any iterator of
                ``(x, y)`` or ``(x, y, weights)``, whose end ends the training; see
                `plugnet.data.Batches`.
            y: ``(N,)`` integer class ids, or ``(N, K)`` floating-point targets: one-hot rows or
                real values.
            iterations: how many batches to train on.
            test: samples, targets and optionally weights to evaluate on, at least at the end.
            evaluate_every: also evaluate each time this many iterations are done.
            weights: ``(N,)``, how much each sample counts, at least 0; None: all the same.

        Returns:
            The history of all iterations so far.

        Raises:
            DataError, ShapeError: samples, targets or weights break a rule.
            DivergenceError: the loss or the parameters are no longer finite. No update follows the
                first such loss.
            BrokenStepError: an update failed half-way before; the state is lost.
        """
        integer("iterations", iterations, at_least=1)
        last = self.iteration + iterations
        every = last
        if evaluate_every is not None:
            every = integer("evaluate_every", evaluate_every, at_least=1)
        batches = self._batches(x, y, weights)
        held_out = None if test is None else self.check(*_parts(test), "test samples")
        hooks = self._hook_caller()
        with exclusive(self.network, self.loss):
            started = time.perf_counter()
            try:
                self._source = batches if isinstance(batches, CheckedBatches) else None
                _call(hooks.caller("plugnet_train_start"), training=self, iterations=iterations)
                with limited(self.threads), self._interrupts.handled():
                    self._train(batches, last, every, held_out, hooks)
            finally:
                self.history.seconds += time.perf_counter() - started
                self.history.stopped = self._stop if self.iteration < last else None
                self._stop = self._source = self._gradients_ready = self._step_end = None
                _call(hooks.caller("plugnet_train_end"), training=self, history=self.history)
        return self.history

    def _batches(self, x: Any, y: Any, weights: Any) -> Iterator[Batch]:
        """Return what `fit` trains on, from where the last call ended."""
        if y is not None:
            given = self._for_step(x, y, weights)
            warn_one_class(given.y)
            return from_samples(given, self.batch_size, self.shuffle, self.seed, self.position)
        if not hasattr(x, "__next__") or weights is not None:
            raise ArgumentError(
                "fit takes samples x and targets y, or, without y and weights, a source of batches "
                f"x, but x is a {type(x).__name__}. Write fit(x, y), or fit(iter(batches)).",
                argument="y",
                value=y,
            )
        if self._last_source is None or self._last_source.source is not x:
            self._last_source = CheckedBatches(x, partial(self._for_step, remember=False))
            if self._resumes and self.source_state is not None:
                self._last_source.restore(self.source_state)
        return self._last_source

    def _for_step(self, x: Any, y: Any, weights: Any = None, remember: bool = True) -> Batch:
        """Return what was checked, the samples in the shape that the first layer takes."""
        given = self.check(x, y, weights, remember=remember)
        return given._replace(x=self.network.validate_input(given.x))

    def _train(
        self, batches: Iterator[Batch], last: int, every: int, test: Batch | None, hooks: HookCaller
    ) -> None:
        """Train until ``last`` iterations are done, with an evaluation after each ``every``."""
        if test is not None and self.evaluation_due == self.iteration:
            self._evaluate_test(test, hooks)  # which the last call did not come to
        while self.iteration < last and self._stop is None:
            pause = min(last, (self.iteration // every + 1) * every)
            self.evaluation_due = None if test is None else pause
            self._run(batches, pause, hooks)
            if test is not None:
                self._evaluate_test(test, hooks)

    def _run(self, batches: Iterator[Batch], last: int, hooks: HookCaller) -> None:
        """Train until ``last`` iterations are done."""
        self._gradients_ready = hooks.caller("plugnet_gradients_ready")
        self._step_end = hooks.caller("plugnet_step_end")
        with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
            while self.iteration < last and self._stop is None:
                batch = next(batches, None)
                if batch is None:
                    self.stop("the batches have ended")
                else:
                    self.step(batch)
        self._check_parameters()

    def step(self, batch: Batch) -> float:
        """Do one iteration on a batch, and return its loss: all of training on one screen.

        Up to the commit nothing changes but buffers and gradients. `fit` has checked what it gives
        here, as `check` does; whoever else calls this must have done so, and no hook is called.
        """
        if self._is_broken:
            raise failures.broken(self.iteration)
        x, y, weights = batch
        network, loss = self.network, self.loss
        network.place(self.iteration)
        scores = network.forward(x, training=True)
        is_new = (scores.shape, scores.dtype) != loss.prepared_for
        if is_new:
            loss.prepared_for = None  # until it is prepared wholly
            loss.prepare(scores.shape, scores.dtype)
        value = float(loss.forward(scores, y, weights, training=True))
        rate = float(self.policy(self.iteration) * self.rate_scale)
        if not (math.isfinite(value) and math.isfinite(rate)):
            raise failures.not_finite(batch, self.iteration, value, rate)
        dy = loss.backward()
        if is_new:
            failures.check_gradient(loss, dy, scores)
            loss.prepared_for = scores.shape, scores.dtype
        network.backprop(dy)
        if self._gradients_ready is not None:
            self._gradients_ready(
                training=self, iteration=self.iteration, parameters=network.parameters()
            )
        self._commit(len(x), value, rate)
        try:
            if self._step_end is not None:
                self._step_end(training=self, iteration=self.iteration - 1, loss=value, rate=rate)
        finally:
            if self._interrupts.pending is not None:
                self._interrupts.release()
        return value

    def _commit(self, rows: int, loss: float, rate: float) -> None:
        """Change all that is saved: parameters, statistics, slots, counts, history.

        An interrupt waits for the end of the step, a prediction in another thread for that of the
        commit. An error of a component in here leaves the trainer broken: it refuses to go on, as
        there is no way back.
        """
        interrupts, update = self._interrupts, self.update
        update.prepare()
        place = None if self._source is None else self._source.state()
        interrupts.is_held = True
        try:
            with self.network.lock:
                update.apply(rate)
                self.history.loss.append(loss)
                self.history.rate.append(rate)
                self.iteration += 1
                if place is None:
                    self.position += rows
                self.source_state = place
                self._resumes = False
                if self._source is not None:
                    self._source.done()
        except BaseException:
            self._is_broken = True
            raise
        finally:
            interrupts.is_held = False

    def stop(self, reason: str) -> None:
        """End `fit` after the current iteration; for hooks and signals.

        ``reason`` goes to the history. Called before `fit`, it ends the next one at its start.
        """
        self._stop = reason

    def evaluate(self, x: Any, y: Any, weights: Any = None) -> Evaluation:
        """Return loss and accuracy on the samples ``x`` with targets ``y``, as in `fit`.

        Neither the training nor the network's parameters are touched. Memory is that of a block of
        rows, so ``x`` may be a memory map larger than it; values of one from 1 GiB on are not
        looked at first, and a row with a NaN counts as misclassified.
        """
        if self._is_broken:
            raise failures.broken(self.iteration)
        given = self.check(x, y, weights)
        with limited(self.threads):
            return self._evaluate(given, lambda rows: self.network.predict(given.x[rows]))

    def penalty(self) -> float:
        """Return what the regularizer adds to the loss at the present parameters."""
        if self.regularizer is None:
            return 0.0
        return sum(
            parameter.decay_mult * self.regularizer.penalty(parameter.value)
            for parameter in self.network.parameters().values()
            if parameter.trainable and parameter.decay_mult
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write everything needed to go on later to one file, wholly or not at all.

        That is the network, all components, the optimizer's state, the place in the data and the
        history; not the data, the hooks and the threads.

        Raises:
            SpecError: a component cannot be described, because it is not registered.
            BrokenStepError: an update failed half-way before.
            OSError: the file cannot be written.
        """
        from plugnet.training.checkpoint import COMPONENTS, PROGRESS, SETTINGS, Checkpoint

        if self._is_broken:
            raise failures.broken(self.iteration)
        with self.network.lock:  # a training in another thread waits with its next commit
            Checkpoint(
                network=self.network,
                components={name: getattr(self, name) for name in COMPONENTS},
                settings={name: getattr(self, name) for name in SETTINGS},
                progress={name: getattr(self, name) for name in PROGRESS},
                history=self.history,
                slots=self.update.state(),
            ).write(path)

    @classmethod
    def resume(
        cls,
        path: str | os.PathLike[str],
        hooks: Iterable[Any] = (),
        threads: int | None = None,
    ) -> Trainer:
        """Return the trainer that `save` wrote; `fit` on the same data goes on bit for bit.

        ``hooks`` and ``threads`` are not in the file, because they belong to a run and a machine.

        Raises:
            FileFormatError: the file is missing, damaged or not a saved trainer.
            SpecError: it needs components that are not installed.
        """
        from plugnet.training.checkpoint import Checkpoint, refused

        saved = Checkpoint.read(path)
        with refused(path):
            trainer = cls(saved.network, **saved.components, **saved.settings)
            vars(trainer).update(saved.progress)
            trainer.history = saved.history
            trainer.update.restore(saved.slots)
        trainer._set_run(hooks, threads)
        trainer._resumes = True
        return trainer

    # What the step and fit rest on ---------------------------------------------------------------

    @property
    def update(self) -> Update:
        """The update that optimizer and regularizer make, with the optimizer's state.

        It is a new one after the network or the optimizer has been replaced.
        """
        update, parameters = self._update, self.network.parameters()
        if update is None or not update.fits(parameters, self.optimizer, self.regularizer):
            update = self._update = Update(parameters, self.optimizer, self.regularizer, update)
        return update

    def _check_parameters(self) -> None:
        """Check what the last update left; those before it show in the next loss."""
        history = self.history
        parameters = self.network.parameters().values()
        if history.loss and not all(np.isfinite(p.value).all() for p in parameters):
            what = "parameters are not finite after"
            raise failures.divergence(what, self.iteration, history.loss[-1], history.rate[-1])

    def _evaluate_test(self, test: Batch, hooks: HookCaller) -> None:
        outputs = self.network.predict(test.x)
        evaluation = self._evaluate(test, lambda rows: outputs[rows])
        self.history.evaluations.append(evaluation)
        self.evaluation_due = None
        _call(
            hooks.caller("plugnet_evaluate_end"),
            training=self,
            evaluation=evaluation,
            x=test.x,
            outputs=outputs,
            targets=test.y,
        )

    def _evaluate(self, given: Batch, predict_rows: Callable[[slice], Array]) -> Evaluation:
        with np.errstate(over="ignore", invalid="ignore"):
            loss, accuracy = evaluate(self.loss, given, predict_rows, PREDICT_ROWS)
        return Evaluation(self.iteration, loss, accuracy)

    def check(
        self, x: Any, y: Any, weights: Any = None, name: str = "samples", remember: bool = True
    ) -> Batch:
        """Return samples, targets and weights as `step` and `fit` take them, all of them checked.

        Args:
            x: the samples.
            y: their targets.
            weights: their weights, or None.
            name: what errors call the samples.
            remember: whether the array of samples need not be checked again.

        Raises:
            DataError, ShapeError: one breaks a rule.
        """
        network = self.network
        samples = as_samples(x, network.dtype, name, network.chain.input_scale(), remember)
        targets = as_targets(y, len(samples), network.dtype)
        given = None if weights is None else as_weights(weights, len(samples), network.dtype)
        network.validate_input(samples)  # an image stays one, for the hooks
        self.loss.check(targets, (len(samples), *(network.output_shape or ())))
        return Batch(samples, targets, given)

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy is made from: never the buffers, and not what a call of fit set up."""
        if self._is_broken:
            raise failures.broken(self.iteration)
        kept = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        return {**kept, "_state": None if self._update is None else self.update.state()}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        kept = dict(state)
        slots = kept.pop("_state")
        vars(self).update(kept)
        self._begin()
        self._resumes = True
        if slots is not None:
            self.update.restore(slots)

    def __copy__(self) -> Trainer:
        """Return a copy of its own: two trainers cannot train one network."""
        return copy.deepcopy(self)

    def _begin(self) -> None:
        """Set what only a running `fit` uses."""
        self._stop = None
        self._is_broken = False  # whether an update has failed half-way
        self._interrupts = Interrupts()
        self._update = None
        self._resumes = False  # whether it comes from a file, and has done no step since
        self._last_source = None  # of batches, which may have given one that no step was done on
        self._source = self._gradients_ready = self._step_end = None

    def _hook_caller(self) -> HookCaller:
        from plugnet.training.hooks import HookCaller  # late: only training needs pluggy

        return HookCaller(self.hooks)


def _parts(test: Any) -> tuple[Any, Any, Any]:
    """Return samples, targets and weights or None."""
    if not isinstance(test, tuple | list) or len(test) not in (2, 3):
        raise ArgumentError(
            "test must be a pair (samples, targets), or these and weights, but it is a "
            f"{type(test).__name__}. Write test=(xt, yt).",
            argument="test",
            value=test,
        )
    return test[0], test[1], test[2] if len(test) == 3 else None


def _call(hook: Callable[..., None] | None, **arguments: object) -> None:
    if hook is not None:
        hook(**arguments)
