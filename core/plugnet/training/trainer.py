"""Trainer: the loop in which data, network, loss, policy and optimizer meet."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from plugnet.arguments import file_path, integer
from plugnet.arrays import Array
from plugnet.data.joined import check_alone, joined
from plugnet.data.lazy import part_of
from plugnet.data.source import CheckedBatches, from_samples
from plugnet.errors import ArgumentError, CallOrderError, DivergenceError, TrainingWarning
from plugnet.evaluation import Evaluation, loss_value
from plugnet.interfaces import Batch, DataSplits
from plugnet.model import Model
from plugnet.schema import Label
from plugnet.training import failures, identity
from plugnet.training.divergence import check_batch, diverged
from plugnet.training.exclusive import exclusive
from plugnet.training.given import count_iterations
from plugnet.training.history import History
from plugnet.training.intake import adapt, prepare, take_batch, take_data, take_parts
from plugnet.training.remembering import restore_hooks
from plugnet.training.run_files import RunFiles, tried
from plugnet.training.state import TrainingState
from plugnet.training.threads import limited
from plugnet.warning import warn_user

if TYPE_CHECKING:
    from plugnet.training.hooks import HookCaller

#: Runs of fewer iterations are too short to tell whether the loss falls.
SHORTEST = 20
#: How many times its beginning a loss may become before there is a warning.
FAR = 100.0


class Trainer(TrainingState):
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
    components; see `TrainingState` for them and for what else a trainer has.
    """

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
            x: ``(N, *shape)`` samples; or a data frame of columns of numbers, of pandas, polars,
                pyarrow or Hugging Face's datasets, a mapping, or any object that gives an Arrow
                stream; or a sparse matrix, which becomes dense batch by batch. If the network's
                dtype can hold their numbers exactly, as float32 can hold bytes, they stay as they
                are and are converted batch by batch. A memory map (``numpy.load(path,
                mmap_mode="r")``) of such numbers is read in parts, so it may be larger than the
                memory, and so may be what a `plugnet.data.LazyArray` reads. An array that was
                checked by an earlier call is not checked again.
                Without ``y``: `DataSplits`, a data set with its test samples; a `Batch` of samples,
                labels and weights; or a source of batches, any iterator of ``(x, y)`` or ``(x, y,
                weights)``, whose end ends the training; see `plugnet.data.Batches`.
            y: ``(N,)`` labels: strings, booleans, categories, or whole numbers from 0 to the
                number of classes less 1; or ``(N, K)`` floating-point targets: one-hot rows or
                real values. ``(N,)`` real values for a network with a single output.
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
            classes: all classes in the order of the outputs; None: those of the labels. These are
                sorted strings or booleans; but if the labels' type fixes them, a categorical column
                of pandas or an Enum of polars, they are its own, in its order, also those that do
                not occur.

        Returns:
            The history of all iterations so far.

        Raises:
            DataError, ShapeError: samples, labels or weights break a rule.
            DivergenceError: the loss or the parameters are no longer finite. The trainer is back at
                its last snapshot: that of the last evaluation or checkpoint, or of the beginning.
            ResumeError: the trainer was resumed, but the data, versions or settings differ.
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
            every, self._every = max(goal, 1), repr(evaluate_every)
            if evaluate_every is not None:
                every = integer("evaluate_every", evaluate_every, at_least=1)
            self._data = identity.Data({"training": train, **parts})
            self._check_identity(goes_on)
            hooks = self._hook_caller()
            if train is None and self.network.needs_adapt:
                next(batches, None)  # which says what samples mean, and comes once more
            adapt(self.network, samples, self.schema)
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
            has_begun, self._whole_at = True, self.iteration
            with limited(self.threads), self._interrupts.handled():
                self._train(batches, every, parts, hooks)
            self._warn_of_no_progress()
        except BaseException as error:
            failure = error
            if not has_begun:
                self.goal = before
            elif isinstance(error, DivergenceError):
                self._go_back_from(error)
            elif 0 < self.iteration == self._whole_at and not self._is_broken:
                self._save_what_is_whole(hooks, error)
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

    def _checkpoint(self, call: Callable[..., None]) -> None:
        """Call the hooks between two iterations; one that fails there is not called again."""
        try:
            call(training=self)
        except Exception:
            self._whole_at = None
            raise

    def _save_what_is_whole(self, hooks: HookCaller, error: BaseException) -> None:
        """Let checkpoints be saved where ``error``, such as Ctrl-C, has ended a step unfinished."""
        checkpoint = hooks.caller("plugnet_checkpoint") or _nothing
        self.stopping, self.is_interrupted = "interrupted", True
        try:
            checkpoint(training=self)
        except Exception as another:
            error.add_note(f"Nothing was saved: {type(another).__name__}: {another}")
        finally:
            self.stopping, self.is_interrupted = None, False

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
        checkpoint = partial(self._checkpoint, hooks.caller("plugnet_checkpoint") or _nothing)
        if validation is not None and self.evaluation_due == self.iteration:
            self._evaluate_part(validation, "validation", hooks)  # which the last call left out
            checkpoint()
        if not self.is_ending:
            self.history.cut(self.iteration)  # if a hook has gone back
        while not self.is_ending:
            if self._pause is None:
                last = min(self._goal, (self.iteration // every + 1) * every)
                self.evaluation_due = None if validation is None else last
                self._run(batches, last, hooks, checkpoint)
            if self._pause is not None and self.stopping is None:
                self.stopping, self.is_interrupted = self._pause, True
                checkpoint()
            if validation is not None and not (self.is_interrupted and self._is_judged):
                self._evaluate_part(validation, "validation", hooks)
            if not self.is_interrupted:
                checkpoint()
        if test is not None:
            self._evaluate_part(test, "test", hooks)

    def _run(
        self,
        batches: Iterator[Batch],
        last: int,
        hooks: HookCaller,
        checkpoint: Callable[[], None],
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
                if self._safe is None:  # not before: the first batch may make the parameters
                    self._secure()
                self.step(batch)
                if self.iteration < last and self.stopping is None and self._pause is None:
                    checkpoint()
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
            self._whole_at = None
            self._gradients_ready(
                training=self, iteration=self.iteration, parameters=network.parameters()
            )
        self._commit(len(x), value, rate)
        try:
            if self._step_end is not None:
                self._step_end(training=self, iteration=self.iteration - 1, loss=value, rate=rate)
            self._whole_at = self.iteration
        finally:
            if self._interrupts.pending is not None:
                self._interrupts.release()
        return value

    def _commit(self, rows: int, loss: float, rate: float) -> None:
        """Change all that is saved: parameters, statistics, slots, counts, history.

        An interrupt waits for the end of the step, a prediction in another thread for that of the
        commit. An error of a component in here leaves the trainer broken: it refuses to go on,
        because there is no way back.
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
        goal = self.goal  # asked after each step, so not by another property
        return self.stopping is not None or goal is None or self.iteration >= goal

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
        return part_of(given.x, counts), given.y[counts]

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

    def _go_back_from(self, error: DivergenceError) -> None:
        if self._safe is not None:
            snapshot, remembered = self._safe
            self._go_back(snapshot)
            try:
                restore_hooks(self.hooks, remembered)
            except Exception as failed:  # a hook's own fault, which must not hide the divergence
                error.add_note(f"Not all hooks are back: {type(failed).__name__}: {failed}")
        self.stopping = None  # so that no hook takes the training for one that ends
        error.add_note(f"The trainer is back at iteration {self.iteration}.")

    def penalty(self) -> float:
        """Return what the regularizer adds to the loss at the present parameters."""
        if self.regularizer is None:
            return 0.0
        return sum(
            parameter.decay_mult * self.regularizer.penalty(parameter.value)
            for parameter in self.network.parameters().values()
            if parameter.trainable and parameter.decay_mult
        )

    # What the step and fit rest on ---------------------------------------------------------------

    def _evaluate_part(
        self, given: Batch, part: Literal["validation", "test"], hooks: HookCaller
    ) -> None:
        outputs = self.network.predict(given.x)
        evaluation = self.model.judge(given, lambda rows: outputs[rows], self.iteration, part)
        self._whole_at = None
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
            self._whole_at = self.iteration
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

    def _hook_caller(self) -> HookCaller:
        from plugnet.training.hooks import HookCaller  # late: only training needs pluggy

        return HookCaller(self.hooks, lenient=self._files is not None)


def _nothing(**arguments: object) -> None:
    """Stand in for a hook that nobody implements."""


def _counting(given: Batch) -> Any:
    """Return the rows that count: an ignored label has become another, which is not to be shown."""
    weights = given.weights
    return slice(None) if weights is None or weights.all() else weights > 0
