"""Trainer: the loop in which data, network, loss, policy and optimizer meet."""

from __future__ import annotations

import copy
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from plugnet.arguments import file_path, flag, integer
from plugnet.arrays import Array
from plugnet.data.joined import check_alone, joined
from plugnet.data.source import CheckedBatches, from_samples
from plugnet.errors import ArgumentError, CallOrderError, DivergenceError, TrainingWarning
from plugnet.evaluation import Evaluation, loss_value
from plugnet.interfaces import (
    Batch,
    Component,
    DataSplits,
    Loss,
    LRPolicy,
    Metric,
    Optimizer,
    Regularizer,
)
from plugnet.model import Model
from plugnet.network import Network
from plugnet.registry import registry
from plugnet.schema import Label, Schema
from plugnet.training import failures, identity
from plugnet.training.divergence import are_finite, check_batch, diverged
from plugnet.training.exclusive import exclusive
from plugnet.training.given import count_iterations
from plugnet.training.history import History
from plugnet.training.intake import adapt, prepare, take_batch, take_data, take_parts
from plugnet.training.interrupts import Interrupts
from plugnet.training.journal import Journal
from plugnet.training.remembering import lasting, restore_hooks, states_of
from plugnet.training.run_files import RunFiles, tried
from plugnet.training.threads import count_of, limited
from plugnet.training.update import Update
from plugnet.training.weighting import as_class_weight, as_label
from plugnet.warning import warn_user

if TYPE_CHECKING:
    from plugnet.training.checkpoint import Checkpoint
    from plugnet.training.hooks import HookCaller

#: The default regularizer, unless the optimizer decays the weights itself.
DECAY = ("l2", 0.001)
DEFAULT = "default"

#: What a step changes, besides parameters, the optimizer's slots and the history.
PROGRESS = ("iteration", "position", "source_state", "rate_scale", "evaluation_due")

#: Runs of fewer iterations are too short to tell whether the loss falls.
SHORTEST = 20
#: How many times its beginning a loss may become before there is a warning.
FAR = 100.0


class Trainer:
    """Trains a network by stochastic gradient descent.

    >>> import numpy as np
    >>> from plugnet import Network, Trainer
    >>> x, y = np.array([[0.0], [1.0]]), np.array([0, 1])
    >>> trainer = Trainer(Network([("fc", 1, 2)]), batch_size=2)
    >>> len(trainer.fit(x, y, iterations=50).loss)
    50
    >>> trainer.evaluate(x, y)["accuracy"]
    1.0

    The constructor's arguments are attributes of the same names, names and tuples turned into
    components. Further attributes:
        iteration: how many iterations are done, over all calls of `fit`.
        position: how many samples of arrays they have seen, from which the next batch follows.
        source_state: where a source of batches was after the last step; {} if it cannot say, None
            after a training on arrays.
        rate_scale: what the policy's learning rate is multiplied by; 1 unless a hook changes it.
        evaluation_due: the iteration after which `fit` next validates; None without such samples.
        goal: the iteration at which the last `fit` ends, or would have ended if nothing had come
            between; None if it has.
        stopping: why that ends before it, or None.
        is_interrupted: whether it ends only for now; see `stop`.
        history: what they recorded.
        schema: what inputs and answers mean; None before the first `fit`.
        parts: what `fit` evaluates on at present: "validation", "test", both or nothing.
    """

    _is_broken: bool
    _interrupts: Interrupts
    _update: Update | None
    _source: CheckedBatches | None
    _last_source: CheckedBatches | None
    parts: frozenset[str]
    _parts: Mapping[str, Batch]
    is_interrupted: bool
    _resumes: bool
    _safe: tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]] | None
    _pause: str | None
    _data: identity.Data | None
    _known: Mapping[str, str] | None
    _inexact: bool
    _files: RunFiles | None
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
        metrics: Iterable[Any] | None = None,
        class_weight: Mapping[Label, float] | str | None = None,
        ignore_label: Label | None = None,
        scale_targets: bool = False,
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
            metrics: what evaluations judge by; None: accuracy, or for real values rmse and r2.
            class_weight: by class, how much each of its samples counts in training; "balanced":
                the classes that occur weigh the same, by their numbers of samples. None: every
                sample counts the same.
            ignore_label: a label whose samples count neither in training nor in evaluation.
            scale_targets: whether the network learns real values in units of their own mean and
                standard deviation. The model and the metrics turn them back; the loss is of the
                scaled ones.

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
        self.metrics: tuple[Metric, ...] | None = (
            None
            if metrics is None
            else tuple(map(registry.metrics.resolve, _several("metrics", metrics, "f1")))
        )
        self.class_weight = as_class_weight(class_weight)
        self.ignore_label = None if ignore_label is None else as_label("ignore_label", ignore_label)
        self.scale_targets = flag("scale_targets", scale_targets)
        self.schema: Schema | None = None
        self.iteration = 0
        self.position = 0
        self.source_state: Mapping[str, Any] | None = None
        self.rate_scale = 1.0
        self.evaluation_due: int | None = None
        self.goal: int | None = None
        self.stopping: str | None = None
        self.history = History()
        self._begin()

    def _set_run(self, hooks: Iterable[Any], threads: int | None) -> None:
        """Set the arguments that are not saved."""
        self.hooks = [
            registry.hooks.resolve(hook) for hook in _several("hooks", hooks, "early_stop")
        ]
        self.threads = None if threads is None else integer("threads", threads, at_least=1)

    def fit(
        self,
        x: Any,
        y: Any = None,
        iterations: int | None = None,
        test: Any = None,
        evaluate_every: int | None = None,
        weights: Any = None,
        *,
        validation: Any = None,
        epochs: float | None = None,
        classes: Sequence[Label] | None = None,
    ) -> History:
        """Train for the given number of iterations, going on where the last call ended.

        Whatever ends it, an interrupt, a hook's error or a diverging loss, the state is that after
        the last step that was done, and another call goes on from there, bit for bit. Only where an
        optimizer or a regularizer fails in the middle of an update is there no way back: then all
        further use is refused.

        The first call fixes what inputs and answers mean, see `model`: later ones find columns and
        classes by their names. It also lets a layer such as ``standardize`` learn from the samples.

        Args:
            x: ``(N, *shape)`` samples, or a data frame of columns of numbers. If the network's
                dtype can hold their numbers exactly, as float32 can hold bytes, they stay as they
                are and are converted batch by batch. A memory map (``numpy.load(path,
                mmap_mode="r")``) of such numbers is read in parts, so it may be larger than the
                memory. An array that was checked by an earlier call is not checked again.
                Without ``y``: `DataSplits`, a data set with its test samples; a `Batch` of samples,
                labels and weights; or a source of batches, any iterator of ``(x, y)`` or ``(x, y,
                weights)``, whose end ends the training; see `plugnet.data.Batches`.
            y: ``(N,)`` labels: strings, or whole numbers from 0 to the number of classes less 1;
                or ``(N, K)`` floating-point targets: one-hot rows or real values. ``(N,)`` real
                values for a network with a single output.
            iterations: how many batches to train on; None: as many as ``epochs`` make, or else as
                a call that did not end has left (see ``goal``), or else 800.
            test: samples, labels and optionally weights to evaluate on once, at the end.
            evaluate_every: also validate each time this many iterations are done.
            weights: ``(N,)``, how much each sample counts, at least 0; None: all the same.
            validation: samples, labels and optionally weights to evaluate on during training, at
                least at its end; or a fraction of the training samples to set aside for it, with
                its share of each class, before anything is learnt from them; or "test": the test
                samples, whose evaluation at the end is then no longer an independent one.
            epochs: how many times to go through the samples; the last batch may begin another.
            classes: all classes in the order of the outputs; None: those of the labels.

        Returns:
            The history of all iterations so far.

        Raises:
            DataError, ShapeError: samples, labels or weights break a rule.
            DivergenceError: the loss or the parameters are no longer finite. The trainer is back at
                its last snapshot: that of the last evaluation or checkpoint, or of the beginning.
            ResumeError: the trainer was resumed, and the data or what computes are others.
            BrokenStepError: an update failed half-way before; the state is lost.
        """
        with self._tentative():
            batches: Iterator[Batch]
            train: Batch | None
            if y is None and not isinstance(x, DataSplits | Batch):
                batches, rows = self._source_of(x, weights, classes), getattr(x, "rows", None)
                parts, samples = take_parts(self, validation, test, classes), x
                train = None
            else:
                if isinstance(x, DataSplits):
                    check_alone(x, y, weights)
                data = x if isinstance(x, DataSplits) else joined(x, y, weights)
                train, parts = take_data(self, data, validation, test, classes)
                batches, samples, rows = self._batches_of(train), train.x, len(train.x)
            goal = self.goal if iterations is None and epochs is None else None
            goes_on = goal is not None
            if goal is None:
                count = count_iterations(iterations, epochs, rows, self.batch_size)
                goal = self.iteration + count
                if self._resumes and self.stopping is not None:  # the saved training had ended
                    self.history.stopped, self.stopping = self.stopping, None
            every = max(goal, 1)
            if evaluate_every is not None:
                every = integer("evaluate_every", evaluate_every, at_least=1)
            self._data = identity.Data({"training": train, **parts})
            self._check_identity(goes_on)
            hooks = self._hook_caller()
            adapt(self.network, samples)
        with exclusive(self.network, self.loss):
            self._fit(batches, goal, every, parts, hooks)
        return self.history

    def _fit(
        self,
        batches: Iterator[Batch],
        goal: int,
        every: int,
        parts: Mapping[str, Batch],
        hooks: HookCaller,
    ) -> None:
        """Train to the goal, with everything that `fit` was given checked."""
        started, failure, has_begun = time.perf_counter(), None, False
        self.parts, self._parts, self.is_interrupted = frozenset(parts), parts, False
        self._source = batches if isinstance(batches, CheckedBatches) else None
        before, self.goal = self.goal, goal
        if self._files is not None:
            self._files.begin()
        try:
            hooks.start(self, goal - self.iteration)
            has_begun = True
            with limited(self.threads), self._interrupts.handled():
                self._train(batches, every, parts, hooks)
            self._warn_of_no_progress()
        except BaseException as error:
            failure = error
            if not has_begun:
                self.goal = before
            elif isinstance(error, DivergenceError):
                self._go_back_from(error)
            raise
        finally:
            seconds = time.perf_counter() - started
            self.history.seconds += seconds
            self.history.stopped = self.stopping
            self._source = self._gradients_ready = self._step_end = None
            try:
                hooks.end(self, self.history, failure)
            finally:
                self.history.notes += hooks.failures
                self.parts, self._parts = frozenset(), {}
                self.stopping = self._pause = self._safe = None
                if self._data is not None:
                    self._data.release(seconds)
        if not self.is_interrupted:
            self.goal = None

    @contextmanager
    def _tentative(self) -> Iterator[None]:
        """Forget what the first data have fixed if they, or what goes with them, are refused."""
        is_fresh, schema = self.network.input_shape is None, self.schema
        try:
            yield
        except BaseException:
            self.schema = schema
            if is_fresh:
                self.network.uninitialize()
            raise

    def _batches_of(self, train: Batch) -> Iterator[Batch]:
        """Return batches of checked samples, from the position on."""
        fills = self.network.fills_missing
        return from_samples(train, self.batch_size, self.shuffle, self.seed, self.position, fills)

    def _source_of(self, x: Any, weights: Any, classes: Sequence[Label] | None) -> CheckedBatches:
        """Return a user's source of batches, none of which is drawn yet."""
        if not hasattr(x, "__next__") or weights is not None:
            raise ArgumentError(
                "fit takes samples x and labels y, or, without y and weights, a data set or a "
                f"source of batches x, but x is a {type(x).__name__}. Write fit(x, y), or "
                "fit(iter(batches)).",
                argument="y",
                value=None,
            )
        if self._last_source is None or self._last_source.source is not x:
            source = CheckedBatches(x, partial(take_batch, self, classes))
            if self._resumes and self.source_state is not None:
                source.restore(self.source_state)
            else:
                self.source_state = source.state()
            self._last_source = source
        return self._last_source

    def _train(
        self, batches: Iterator[Batch], every: int, parts: Mapping[str, Batch], hooks: HookCaller
    ) -> None:
        """Train to the goal, validate after each ``every``, and test at the end."""
        validation, test = parts.get("validation"), parts.get("test")
        checkpoint = hooks.caller("plugnet_checkpoint") or _nothing
        if validation is not None and self.evaluation_due == self.iteration:
            self._evaluate_part(validation, "validation", hooks)  # which the last call left out
            checkpoint(training=self)
        if not self.is_ending:
            self.history.cut(self.iteration)  # if a hook has gone back
        while not self.is_ending:
            if self._pause is None:
                last = min(self._goal, (self.iteration // every + 1) * every)
                self.evaluation_due = None if validation is None else last
                self._run(batches, last, hooks, checkpoint)
            if self._pause is not None and self.stopping is None:
                self.stopping, self.is_interrupted = self._pause, True
                checkpoint(training=self)
            if validation is not None and not (self.is_interrupted and self._is_judged):
                self._evaluate_part(validation, "validation", hooks)
            if not self.is_interrupted:
                checkpoint(training=self)
        if test is not None:
            self._evaluate_part(test, "test", hooks)

    def _run(
        self,
        batches: Iterator[Batch],
        last: int,
        hooks: HookCaller,
        checkpoint: Callable[..., None],
    ) -> None:
        """Train until ``last`` iterations are done."""
        self._gradients_ready = hooks.caller("plugnet_gradients_ready")
        self._step_end = hooks.caller("plugnet_step_end")
        with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
            while self.iteration < last and self.stopping is None and self._pause is None:
                batch = next(batches, None)
                if batch is None:
                    self.stop("the batches have ended")
                    break
                if self._safe is None:  # not before, as the first batch may make the parameters
                    self._secure()
                self.step(batch)
                if self.iteration < last and self.stopping is None and self._pause is None:
                    checkpoint(training=self)
        if self.iteration >= self._goal:
            self.stopping = None  # it ends anyway
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
        value = loss.forward(scores, y, weights, training=True)
        if type(value) is not float:
            value = loss_value(loss, value)
        rate = float(self.policy(self.iteration) * self.rate_scale)
        if not (math.isfinite(value) and math.isfinite(rate)):
            check_batch(batch, network.fills_missing)
            raise diverged(network, x, self.iteration, value, rate)
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
                self.iteration = self.history.iteration = self.iteration + 1
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

    def stop(self, reason: str, resumable: bool = False) -> None:
        """End `fit` after the current iteration; for hooks and signals.

        Called before `fit`, it ends the next one at its start.

        Args:
            reason: for the history.
            resumable: whether it ends only for now. Then plugnet_checkpoint comes before anything
                that a training which was not interrupted would not do, such as an evaluation that
                is not due, and what was saved there goes on to the goal of this `fit`. From then on
                ``is_interrupted`` is True. A `fit` that ends anyway does so as usual.
        """
        if resumable:
            self._pause = reason
        elif not (self.network.is_in_training and self.is_ending):
            self.stopping = reason

    @property
    def is_ending(self) -> bool:
        """Whether no step follows in this `fit`."""
        return self.stopping is not None or self.iteration >= self._goal

    @property
    def _is_judged(self) -> bool:
        """Whether the weights have been evaluated on the validation samples."""
        return self.history.at_end("validation") is not None

    @property
    def _goal(self) -> int:
        return self.iteration if self.goal is None else self.goal

    def file(self, name: str | os.PathLike[str], is_folder: bool = False) -> Path:
        """Return the absolute path of a file that a hook is about to write, which has been tried.

        Args:
            name: its path as the hook was given it.
            is_folder: whether it is a folder for the hook's files, which is made.

        Raises:
            ConfigError: in a run of the command line: it is not inside the run's folder, or not
                this hook's file.
            OSError: it cannot be written.
        """
        if self._files is not None:
            return self._files.path(name, is_folder)
        return tried(Path(file_path("path", name)).absolute(), is_folder)

    def keep_files_in(self, files: RunFiles) -> None:
        """Let hooks write only where ``files`` allows; what fails and only observes is left out."""
        self._files = files

    def samples(self, part: Literal["validation", "test"]) -> tuple[Array, Array]:
        """Return the samples that `fit` evaluates a part on, as far as they count, and targets.

        Raises:
            KeyError: there is no such part at present; see ``parts``.
        """
        given = self._parts[part]
        counts = _counting(given)
        return given.x[counts], given.y[counts]

    @property
    def model(self) -> Model:
        """The network, the loss, and what inputs and answers mean, in one.

        Raises:
            CallOrderError: there was no `fit` yet, which tells what they mean.
        """
        if self.schema is None:
            raise CallOrderError(
                "There is no model yet, because what answers mean comes with the first labels. "
                "Call fit first, or use the network."
            )
        return Model(self.network, self.loss, self.schema, self.metrics)

    def evaluate(self, x: Any, y: Any = None, weights: Any = None) -> Evaluation:
        """Return the loss and the metrics on samples ``x`` with labels ``y``, as in `fit`.

        Neither the training nor the network's parameters are touched. Memory is that of a block of
        rows, so ``x`` may be a memory map larger than it; values of one from 1 GiB on are not
        looked at first, and a row with a NaN counts as misclassified. ``x`` may also be a `Batch`
        of all three.
        """
        if self._is_broken:
            raise failures.broken(self.iteration)
        batch = joined(x, y, weights)
        prepared = prepare(self, batch)
        given = prepared.check(*batch)
        model = Model(self.network, self.loss, prepared.schema, self.metrics)
        with limited(self.threads):
            predict = self.network.predict
            return model.judge(given, lambda rows: predict(given.x[rows]), self.iteration)

    def snapshot(self) -> dict[str, Any]:
        """Return copies of all that a step changes; `restore` goes back to them."""
        with self.network.lock:
            return {
                "values": {name: value.copy() for name, value in self.network.state().items()},
                "slots": {name: value.copy() for name, value in self.update.state().items()},
                **{name: getattr(self, name) for name in PROGRESS},
            }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Go back to a `snapshot`: afterwards the trainer is at its iteration.

        The history keeps what came later until training goes on.

        Raises:
            CallOrderError: a `fit` is going on that has further steps to do; `stop` it first.
        """
        if self.network.is_in_training:
            if not self.is_ending:
                raise CallOrderError(
                    "A training that has further steps to do cannot go back. Call training.stop "
                    "first."
                )
            if self.stopping is None:
                self.goal = min(self._goal, snapshot["iteration"])  # so no step follows
        self._go_back(snapshot)

    def _secure(self) -> None:
        """Take the snapshot to which a training that diverges goes back."""
        self._safe = self.snapshot(), states_of(self.hooks)

    def _go_back_from(self, error: DivergenceError) -> None:
        if self._safe is not None:
            snapshot, remembered = self._safe
            self._go_back(snapshot)
            restore_hooks(self.hooks, remembered)
        self.stopping = None  # so that no hook takes the training for one that ends
        error.add_note(f"The trainer is back at iteration {self.iteration}.")

    def _go_back(self, snapshot: Mapping[str, Any]) -> None:
        with self.network.lock:
            self.network.restore(snapshot["values"])
            self.update.restore(snapshot["slots"])
            for name in PROGRESS:
                setattr(self, name, snapshot[name])
            self.history.iteration = self.iteration
            if self.source_state:  # then the next fit takes a source of batches back, too
                self._resumes, self._last_source = True, None

    def penalty(self) -> float:
        """Return what the regularizer adds to the loss at the present parameters."""
        if self.regularizer is None:
            return 0.0
        return sum(
            parameter.decay_mult * self.regularizer.penalty(parameter.value)
            for parameter in self.network.parameters().values()
            if parameter.trainable and parameter.decay_mult
        )

    def save(self, path: str | os.PathLike[str], journal: Journal | None = None) -> None:
        """Write everything needed to go on later to one file, wholly or not at all.

        That is the network, all components, the optimizer's state, the place in the data, the
        history, what hooks remember, and what tells the data from others; not the data themselves.

        Args:
            path: the file.
            journal: to which the losses and evaluations are appended; None: they are in the file.

        Raises:
            SpecError: a component cannot be described, because it is not registered.
            DivergenceError: in a `fit`: the parameters are no longer finite.
            BrokenStepError: an update failed half-way before.
            OSError: a file cannot be written.
        """
        from plugnet.training.checkpoint import COMPONENTS, SETTINGS, Checkpoint

        if self._is_broken:
            raise failures.broken(self.iteration)
        if self.network.is_in_training:
            self._check_parameters()
        known = self.identity()  # which may take a second for the data
        with self.network.lock:  # a training in another thread waits with its next commit
            snapshot, remembered = self.snapshot(), states_of(self.hooks)
            if self._safe is not None:
                self._safe = snapshot, remembered
            plan = {"goal": self.goal, "stopping": self.stopping}
            if self.is_interrupted:
                plan["stopping"] = None
            Checkpoint(
                network=self.network,
                components={name: getattr(self, name) for name in COMPONENTS},
                settings={name: getattr(self, name) for name in SETTINGS},
                progress={name: snapshot[name] for name in PROGRESS} | plan,
                history=self.history,
                slots=snapshot["slots"],
                metrics=self.metrics,
                model=None if self.schema is None else self.model.section(),
                hooks=remembered,
                identity=known,
            ).write(path, journal)

    @classmethod
    def resume(
        cls,
        path: str | os.PathLike[str],
        hooks: Iterable[Any] = (),
        threads: int | None = None,
        *,
        inexact: bool = False,
        budget: int | None = None,
    ) -> Trainer:
        """Return the trainer that was saved; `fit` on the same data goes on bit for bit.

        A `fit` without iterations and epochs goes on to the end of the one that was saved in.

        Args:
            path: a file that `save` wrote; or a folder of checkpoints, or of a run: the newest
                checkpoint in it that is intact.
            hooks: as in the constructor: those of before, as far as they change the training.
            threads: as in the constructor.
            inexact: whether `fit` goes on, with a warning, if the data, the versions or anything
                else that changes the bits differ from before.
            budget: how many bytes of memory the file may take; see `Network.load`.

        Raises:
            FileFormatError: the file is missing, damaged or not a saved trainer.
            SpecError: it needs components that are not installed.
        """
        from plugnet.training.checkpoint import refused
        from plugnet.training.checkpoints import read

        saved = read(path, budget)
        with refused(path):
            trainer = cls(
                saved.network, **saved.components, **saved.settings, metrics=saved.metrics
            )
        trainer._set_run(hooks, threads)
        trainer._take_over(saved, path, inexact)
        return trainer

    def load(self, path: str | os.PathLike[str], *, inexact: bool = False) -> None:
        """Go on from what another trainer saved, whose network and optimizer are like these.

        Args:
            path: as in `resume`.
            inexact: as in `resume`.

        Raises:
            FileFormatError: the file is missing, damaged or not a saved trainer.
            ShapeError: network or optimizer are others.
        """
        from plugnet.training.checkpoints import read

        saved = read(path)
        self.network.restore(saved.network.state())
        for layer, rng in saved.network.rngs.items():
            if layer in self.network.rngs:
                self.network.rngs[layer].bit_generator.state = rng.bit_generator.state
        self._take_over(saved, path, inexact)

    def _take_over(self, saved: Checkpoint, path: str | os.PathLike[str], inexact: bool) -> None:
        """Go on from a checkpoint, of which the network and the components are there already."""
        from plugnet.training.checkpoint import refused

        with refused(path):
            vars(self).update(saved.progress)
            self.history = saved.history
            if saved.model is not None:
                self.schema = Model.from_section(saved.model, saved.network, path).schema
            self.update.restore(saved.slots)
            restore_hooks(self.hooks, saved.hooks)
        self._resumes = True
        self.expect(saved.identity, inexact)

    def expect(self, known: Mapping[str, str], inexact: bool = False) -> None:
        """Let the next `fit` refuse data, versions and settings that are others than ``known``.

        Args:
            known: as `identity` returns it; {}: nothing is known.
            inexact: whether differences are allowed, with a warning.
        """
        self._known, self._inexact = known, inexact

    def identity(self) -> dict[str, str]:
        """Return what must not change if a training is to go on to the same bits, in words.

        That are the data of the last `fit`, with their SHA-256, the versions of all that computes,
        BLAS and its kernel, the number of threads, and hooks that change the training.
        """
        from plugnet.training.checkpoint import COMPONENTS

        parts = [getattr(self, name) for name in COMPONENTS]
        specs = [registry.spec(part) for part in parts if isinstance(part, Component)]
        data = {} if self._data is None else self._data.fields()
        return {
            **data,
            "dtype": self.network.dtype.name,
            "hooks that change the training": ", ".join(lasting(self.hooks)) or "none",
            **identity.of_environment(count_of(self.threads), [specs, self.network.spec()]),
        }

    def _check_identity(self, goes_on: bool) -> None:
        """Check that data and machine are those of the run that was resumed.

        Args:
            goes_on: whether it is to the goal of the `fit` that was interrupted.
        """
        if not self._known:
            return
        found = identity.differences(self._known, self.identity(), goes_on)
        identity.check(found, self._inexact)
        if found:
            self.history.notes.append(f"resumed inexactly: {'; '.join(found)}")
        self._known = None

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
        if history.loss and not are_finite(self.network):
            raise diverged(self.network, None, self.iteration, history.loss[-1], history.rate[-1])

    def _evaluate_part(
        self, given: Batch, part: Literal["validation", "test"], hooks: HookCaller
    ) -> None:
        outputs = self.network.predict(given.x)
        evaluation = self.model.judge(given, lambda rows: outputs[rows], self.iteration, part)
        self.history.evaluations.append(evaluation)
        if part == "validation":
            self.evaluation_due = None
        if (call := hooks.caller("plugnet_evaluate_end")) is not None:
            x, targets = self.samples(part)
            counts = _counting(given)
            call(
                training=self, evaluation=evaluation, x=x, outputs=outputs[counts], targets=targets
            )
        if part == "validation" and not self.is_ending:
            self._secure()

    def _warn_of_no_progress(self) -> None:
        """Say so if each batch of the second half has a higher loss than the first of all.

        That their mean is higher is not enough: the first batch of a network that was trained
        before may have a low loss by chance. One that is far higher is.
        """
        loss = self.history.loss[: self.history.iteration]
        if len(loss) < SHORTEST:
            return
        end = float(np.mean(loss[-(len(loss) // 10) :]))
        has_learnt = min(loss[len(loss) // 2 :]) <= loss[0]
        if not has_learnt or end > FAR * max(loss[0], 1.0):
            what = "The loss has grown far" if has_learnt else "The network has learnt nothing"
            warn_user(
                f"{what}: the loss was {loss[0]:.4g} at the first iteration and {end:.4g} at the "
                "last ones. Lower the learning rate, or scale the data.",
                TrainingWarning,
            )

    def check(
        self, x: Any, y: Any, weights: Any = None, name: str = "samples", remember: bool = True
    ) -> Batch:
        """Return samples, targets and weights as `step` and `fit` take them, all of them checked.

        Args:
            x: the samples.
            y: their labels.
            weights: their weights, or None.
            name: what errors call the samples.
            remember: whether the array of samples need not be checked again.

        Raises:
            DataError, ShapeError: one breaks a rule.
        """
        return prepare(self, Batch(x, y)).check(x, y, weights, name, remember)

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
        self._is_broken = False  # whether an update has failed half-way
        self._interrupts = Interrupts()
        self._update = None
        self._resumes = False  # whether it comes from a file, and has done no step since
        self._last_source = None  # of batches, which may have given one that no step was done on
        self._source = self._gradients_ready = self._step_end = None
        self.parts, self._parts, self.is_interrupted = frozenset(), {}, False
        self._safe = self._pause = self._data = self._known = self._files = None
        self._inexact = False

    def _hook_caller(self) -> HookCaller:
        from plugnet.training.hooks import HookCaller  # late: only training needs pluggy

        return HookCaller(self.hooks, lenient=self._files is not None)


def _nothing(**arguments: object) -> None:
    """Stand in for a hook that nobody implements."""


def _counting(given: Batch) -> Any:
    """Return the rows that count: an ignored label has become another, which is not to be shown."""
    weights = given.weights
    return slice(None) if weights is None or weights.all() else weights > 0


def _several(argument: str, given: Any, example: str) -> Iterable[Any]:
    """Return components as a list; a single name is one, too."""
    if isinstance(given, str):
        return (given,)
    if not isinstance(given, Iterable):
        raise ArgumentError(
            f'The {argument} must be a list, such as ["{example}"], but they are {given!r}.',
            argument=argument,
            value=given,
        )
    return given
