"""Training state: everything that a training is, how it is saved, and how it goes on."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from plugnet.arguments import flag, integer
from plugnet.data.source import CheckedBatches
from plugnet.errors import ArgumentError, CallOrderError, ShapeError, brief
from plugnet.interfaces import Batch, Loss, LRPolicy, Metric, Optimizer, Regularizer
from plugnet.model import Model
from plugnet.network import Network
from plugnet.registry import registry
from plugnet.schema import Label, Schema
from plugnet.training import failures, identity
from plugnet.training.divergence import are_finite, diverged
from plugnet.training.history import History
from plugnet.training.interrupts import Interrupts
from plugnet.training.journal import Journal
from plugnet.training.remembering import lasting, restore_hooks, states_of
from plugnet.training.run_files import RunFiles
from plugnet.training.threads import count_of
from plugnet.training.update import Update
from plugnet.training.weighting import as_class_weight, as_label

if TYPE_CHECKING:
    from plugnet.training.checkpoint import Checkpoint

#: The default regularizer, unless the optimizer decays the weights itself.
DECAY = ("l2", 0.001)
DEFAULT = "default"

#: The arguments that a notebook shows, and how many hooks.
SHOWN = (
    "loss", "optimizer", "policy", "regularizer", "batch_size", "seed", "shuffle", "threads",
    "metrics", "class_weight", "ignore_label", "scale_targets",
)  # fmt: skip
MOST_HOOKS = 10

#: What a step changes, besides parameters, the optimizer's slots and the history.
PROGRESS = ("iteration", "position", "source_state", "rate_scale", "evaluation_due")


class TrainingState:
    """What a `Trainer` trains and trains with, how far it is, and how it is saved.

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
    _every: str
    _whole_at: int | None
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

    def snapshot(self) -> dict[str, Any]:
        """Return copies of all that a step changes; `restore` goes back to them."""
        with self.network.lock:
            return {
                "values": {name: value.copy() for name, value in self.network.state().items()},
                "slots": {name: value.copy() for name, value in self.update.state().items()},
                **{name: getattr(self, name) for name in PROGRESS},
            }

    def _secure(self) -> None:
        """Take the snapshot to which a training that diverges goes back."""
        self._safe = self.snapshot(), states_of(self.hooks)

    def _go_back(self, snapshot: Mapping[str, Any]) -> None:
        with self.network.lock:
            self.network.restore(snapshot["values"])
            self.update.restore(snapshot["slots"])
            for name in PROGRESS:
                setattr(self, name, snapshot[name])
            self.history.iteration = self.iteration
            if self.source_state:  # then the next fit takes a source of batches back, too
                self._resumes, self._last_source = True, None

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
        known = self._known or self.identity()  # which may take a second for the data
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
    ) -> Self:
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
            ShapeError: its network or its optimizer is of another kind.
        """
        from plugnet.training.checkpoints import read

        saved, before = read(path), self.snapshot()["values"]
        self.network.restore(saved.network.state())
        try:
            self._take_over(saved, path, inexact)
        except ShapeError:  # of the optimizer; its state is as it was
            self.network.restore(before)
            raise
        for layer, rng in saved.network.rngs.items():
            if layer in self.network.rngs:
                self.network.rngs[layer].bit_generator.state = rng.bit_generator.state

    def _take_over(self, saved: Checkpoint, path: str | os.PathLike[str], inexact: bool) -> None:
        """Go on from a checkpoint, of which the network and the components are there already."""
        from plugnet.training.checkpoint import refused

        with refused(path):
            schema = self.schema
            if saved.model is not None:
                schema = Model.from_section(saved.model, saved.network, path).schema
            self.update.restore(saved.slots)
            vars(self).update(saved.progress)
            self.history, self.schema = saved.history, schema
            restore_hooks(self.hooks, saved.hooks)
        self._resumes, self._last_source = True, None  # a source of batches goes back, too
        self.expect(saved.identity, inexact)

    def expect(self, known: Mapping[str, str], inexact: bool = False) -> None:
        """Let the next `fit` refuse data, versions and settings that differ from ``known``.

        Args:
            known: as `identity` returns it; {}: nothing is known.
            inexact: whether differences are allowed, with a warning.
        """
        self._known, self._inexact = known, inexact

    def identity(self) -> dict[str, str]:
        """Return what must not change if a training is to go on to the same bits, in words.

        These are the data of the last `fit`, with their SHA-256, the components and other
        arguments, the hooks that change the training, the versions of all that computes, BLAS and
        its kernel, and the number of threads.
        """
        from plugnet.training.checkpoint import COMPONENTS, SETTINGS

        network = self.network.spec()
        parts = {name: getattr(self, name) for name in COMPONENTS}
        specs = {
            name: None if part is None else registry.spec(part) for name, part in parts.items()
        }
        arguments = {
            "evaluate_every": self._every,
            **identity.of_components(specs),
            **{name: repr(getattr(self, name)) for name in SETTINGS},
            "parameters": repr(network["parameters"]),
            "dtype": self.network.dtype.name,
            "hooks": ", ".join(lasting(self.hooks)) or "none",
        }
        return {
            **({} if self._data is None else self._data.fields()),
            **{f"{identity.ARGUMENT}{name}": text for name, text in arguments.items()},
            **identity.of_environment(count_of(self.threads), [specs, network]),
        }

    def forget_data(self) -> None:
        """Let go of the samples of the last `fit`, which are kept to describe them to `identity`.

        What is saved from now on does not tell them from others.
        """
        self._data = None

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

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy is made from: never the buffers, and not what a call of fit set up."""
        if self._is_broken:
            raise failures.broken(self.iteration)
        kept = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        return {
            **kept,
            "_state": None if self._update is None else self.update.state(),
            "_expected": (self._known or {}, self._inexact),
        }

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        kept = dict(state)
        slots, expected = kept.pop("_state"), kept.pop("_expected")
        vars(self).update(kept)
        self._begin()
        self._resumes = True
        self.expect(*expected)
        if slots is not None:
            self.update.restore(slots)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.network!r}, iteration {self.iteration:,})"

    def _repr_html_(self) -> str:
        from plugnet.html.markup import facts, folded, page  # late: only notebooks ask

        network, history = self.network, self.history
        said = {name: brief(getattr(self, name)) for name in SHOWN}
        said["hooks"] = ", ".join(map(_hook_text, self.hooks[:MOST_HOOKS])) or "none"
        goal = "" if self.goal is None else f" of {self.goal:,}"
        return page(
            type(self).__name__,
            f"at iteration {self.iteration:,}{goal}",
            facts("Settings", said),
            folded(repr(network), network._repr_html_()),
            folded(repr(history), history._repr_html_()) if self.iteration else "",
        )

    def __copy__(self) -> Self:
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
        self._inexact, self._every = False, "None"
        self._whole_at = None  # the iteration after which all hooks have been called


def _hook_text(hook: object) -> str:
    return registry.name_of(hook) or brief(hook)


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
