"""The places where a plugin can step into training and the command line.

A hook plugin is any object with methods (or a module with functions) named like the ones on this
page. Each takes any subset of the arguments, by their names and without defaults; arguments are
only ever added. There is no hook inside a layer: layers are plugins themselves.

A hook that remembers something from one call to the next, beyond one `fit`, is a class with two
more methods, so that a resumed run goes on as if it had not ended: ``state()`` returns a mapping of
names to numbers, strings, None, arrays and further mappings, none of which changes later, and
``restore(state)`` goes back to it, also where a training has diverged. It begins anew where
``training.iteration`` is 0 in ``plugnet_train_start``.

Arrays that a hook is shown belong to the training, which goes on writing to parameters and
gradients: it keeps copies. The kit, `plugnet.testing`, tries all of this in small trainings.

A class or a module whose attribute ``observes`` is True only watches. An error in one of its hooks,
once the training has begun, is a `PluginWarning` and a line in ``history.notes``, and the training
goes on without it. False says that training needs it, so an error ends `fit`. Where it says
neither, an error ends `fit` too, except in a run of the command line.
"""

from __future__ import annotations

import contextlib
import inspect
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import FunctionType, MethodType
from typing import Any, NamedTuple

import pluggy

from plugnet.arrays import Array
from plugnet.errors import DivergenceError, HookError, PluginWarning
from plugnet.evaluation import Evaluation
from plugnet.parameter import Parameters
from plugnet.registry import registry
from plugnet.training.history import History
from plugnet.training.protocol import Training
from plugnet.training.remembering import hook_name
from plugnet.warning import warn_user

PREFIX = "plugnet_"
specification = pluggy.HookspecMarker("plugnet")


class Hooks:
    """The specifications, one method each."""

    @specification
    def plugnet_train_start(self, training: Training, iterations: int) -> None:
        """Run when training begins, for the given number of iterations."""

    @specification
    def plugnet_gradients_ready(
        self, training: Training, iteration: int, parameters: Parameters
    ) -> None:
        """Run when every gradient is filled; the regularizer adds its own later, in the update.

        The place to clip gradients, as Caffe does, or to sum them over workers, in place: each is
        ``parameters["fc1.weight"].grad``, and ``parameters.grad`` is all of them, flat. A hook that
        raises here ends `fit` before anything has changed.
        """

    @specification
    def plugnet_step_end(
        self, training: Training, iteration: int, loss: float, rate: float
    ) -> None:
        """Run when ``iteration``, counted from 0, is done; ``loss`` is that of its batch.

        ``training.iteration`` is one more. A hook that raises here, or in any later one, ends `fit`
        after the step, and another `fit` goes on from there.
        """

    @specification
    def plugnet_evaluate_end(
        self, training: Training, evaluation: Evaluation, x: Array, outputs: Array, targets: Array
    ) -> None:
        """Run when `fit` has evaluated: validation samples now and then, test samples at the end.

        ``evaluation.part`` tells which. ``x`` are the samples, possibly a `plugnet.data.LazyArray`,
        of which ``x[rows]`` reads some, ``outputs`` the network's scores ``(M, K)``, ``targets``
        the class ids ``(M,)`` or real targets ``(M, K)``.
        """

    @specification
    def plugnet_checkpoint(self, training: Training) -> None:
        """Run between two iterations, after the evaluation that was due there: the place to save.

        Also run where training ends, before the test samples are evaluated; and, if it ends only
        for now, before anything that a resumed run would not do; see ``training.is_interrupted``.
        """

    @specification
    def plugnet_train_end(self, training: Training, history: History) -> None:
        """Run when `fit` ends: after all iterations, by `Trainer.stop` or by an error.

        Hooks that only observe come last.
        """

    @specification
    def plugnet_cli(self, subparsers: Any) -> None:
        """Add sub-commands to the command line: ``subparsers`` is argparse's action.

        A sub-command sets the default ``run``, a function from the parsed arguments to an exit
        status.
        """


#: The names of each hook's arguments.
ARGUMENTS = {
    name: tuple(inspect.signature(method).parameters)[1:]  # but self
    for name, method in vars(Hooks).items()
    if name.startswith(PREFIX)
}
KNOWN = ", ".join(sorted(ARGUMENTS))


class _Manager(pluggy.PluginManager):
    """Finds hooks by their names' prefix, so that authors need no decorator.

    Python's own attributes, most that a small class has, are not even looked at: that would take
    longer than a short training.
    """

    def parse_hookspec_opts(self, specifications: Any, name: str) -> Any:
        return super().parse_hookspec_opts(specifications, name) if name[:2] != "__" else None

    def parse_hookimpl_opts(self, plugin: Any, name: str) -> Any:
        if name[:2] == "__":
            return None
        found = super().parse_hookimpl_opts(plugin, name)
        if found is None and name.startswith(PREFIX) and callable(getattr(plugin, name)):
            return {}
        return found


class _Call(NamedTuple):
    """One plugin's implementation of a hook.

    Attributes:
        name: of the plugin.
        plugin: it.
        function: to call.
        arguments: the names of those that it takes.
    """

    name: str
    plugin: object
    function: Callable[..., object]
    arguments: tuple[str, ...]


class HookCaller:
    """Calls the hooks of plugins that are always on and of a trainer's own.

    Attributes:
        failures: what hooks that only observe have failed with.
    """

    def __init__(self, hooks: Iterable[object] = (), lenient: bool = False) -> None:
        """Register the plugins that are always on and ``hooks``, the first to be called first.

        Args:
            hooks: a trainer's own.
            lenient: whether a hook that does not say so only observes.

        Raises:
            HookError: one of ``hooks`` has no hook, or a method that fits no specification.
        """
        self.failures: list[str] = []
        self._lenient = lenient
        self._calls: dict[str, list[_Call]] = {}
        self._begun: set[int] = set()
        self._left_out: set[int] = set()
        self._manager = _Manager("plugnet")
        self._manager.add_hookspecs(Hooks)
        for name, module in registry.always_on_hooks():
            try:
                self._register(module, name)
            except HookError as error:
                warnings.warn(str(error), PluginWarning, stacklevel=4)
        for hook in reversed(list(hooks)):  # pluggy calls the last registered first
            name = hook_name(hook)
            self._register(hook, name)
            if not self._manager.get_hookcallers(hook):
                raise HookError(
                    f"Hook plugin '{name}' would never be called, because it has no method with "
                    f"the name of a hook: {KNOWN}.",
                    hook="",
                    plugin=name,
                )

    def _register(self, plugin: object, name: str) -> None:
        """Register ``plugin``, or raise and leave no trace of it."""
        for hook in ARGUMENTS:
            if (misfit := _misfit(plugin, hook)) is not None:
                raise HookError(
                    f"Hook plugin '{name}' does not fit the specifications: {hook} must be a "
                    "function or a method that takes any of "
                    f"{', '.join(ARGUMENTS[hook])}, by name and without defaults, but "
                    f"{misfit}.",
                    hook=hook,
                    plugin=name,
                )
        try:
            self._manager.register(plugin, f"{name} at {id(plugin):#x}")
            self._manager.check_pending()
            for relay in self._manager.get_hookcallers(plugin) or ():
                if any(each.wrapper or each.hookwrapper for each in relay.get_hookimpls()):
                    raise ValueError("a hook must be no wrapper around others")
        except (pluggy.PluginValidationError, ValueError) as error:
            if self._manager.is_registered(plugin):
                self._manager.unregister(plugin)
            raise HookError(
                f"Hook plugin '{name}' does not fit the specifications: {error}. The hooks are "
                f"{KNOWN}; see plugnet.training.hooks for their arguments.",
                hook="",
                plugin=name,
            ) from error

    def caller(self, hook: str) -> Callable[..., None] | None:
        """Return a function that calls ``hook`` everywhere, or None if nobody implements it."""
        calls = self._implementations(hook)
        if not calls:
            return None

        def call(**arguments: object) -> None:
            for one in tuple(calls):
                self._call(one, hook, arguments)

        return call

    def start(self, training: Training, iterations: int) -> None:
        """Call plugnet_train_start of each plugin; errors are raised even if it only observes."""
        calls = {id(one.plugin): one for one in self._implementations("plugnet_train_start")}
        for _, plugin in reversed(self._manager.list_name_plugin()):
            if id(plugin) in calls:
                one = calls[id(plugin)]
                arguments = {"training": training, "iterations": iterations}
                self._call(one, "plugnet_train_start", arguments, lenient=False)
            self._begun.add(id(plugin))

    def end(self, training: Training, history: History, error: BaseException | None) -> None:
        """Call plugnet_train_end of each plugin that has begun, whatever the others do.

        Args:
            training: that ends.
            history: what it has recorded.
            error: what ends it, which no error of a hook may hide; or None.
        """
        failed: BaseException | None = None
        arguments = {"training": training, "history": history}
        for one in sorted(
            self._implementations("plugnet_train_end"), key=lambda one: self._observes(one.plugin)
        ):
            if id(one.plugin) not in self._begun:
                continue
            try:
                self._call(one, "plugnet_train_end", arguments)
            except BaseException as another:
                if not isinstance(another, Exception):  # an interrupt, which nothing may hide
                    error = failed = another
                    continue
                if error is None and failed is None:
                    failed = another
                    continue
                with contextlib.suppress(Warning):  # which the user may have turned into an error
                    self._note(one, another)
        if failed is not None:
            raise failed

    def _implementations(self, hook: str) -> list[_Call]:
        """Return those of plugins that have not failed, the first to be called first.

        plugnet_train_end is called there, too, because it ends what the others have begun.
        """
        if hook not in self._calls:
            found = reversed(getattr(self._manager.hook, hook).get_hookimpls())
            self._calls[hook] = [
                _Call(_shown(each.plugin_name), each.plugin, each.function, tuple(each.argnames))
                for each in found
                if id(each.plugin) not in self._left_out or hook == "plugnet_train_end"
            ]
        return self._calls[hook]

    def _call(
        self, one: _Call, hook: str, arguments: Mapping[str, object], lenient: bool = True
    ) -> None:
        """Call a hook of one plugin; if that only observes, an error is no more than noted."""
        try:
            one.function(*[arguments[name] for name in one.arguments])
        except Exception as error:
            if not (lenient and self._observes(one.plugin)) or isinstance(error, DivergenceError):
                error.add_note(f"Raised by the hook {hook} of plugin '{one.name}'.")
                raise
            self._left_out.add(id(one.plugin))
            for calls in self._calls.values():
                calls[:] = [other for other in calls if other.plugin is not one.plugin]
            self._note(one, error)

    def _observes(self, plugin: object) -> bool:
        return bool(getattr(plugin, "observes", self._lenient))

    def _note(self, one: _Call, error: Exception) -> None:
        text = f"{one.name} has failed and is left out: {type(error).__name__}: {error}"
        self.failures.append(text)
        warn_user(text, PluginWarning)

    def each(self, hook: str) -> Iterator[tuple[str, Callable[..., object]]]:
        """Yield each plugin that implements ``hook``: its name, and what calls ``hook`` there."""
        plugins = self._manager.list_name_plugin()
        for name, plugin in plugins:
            others = [other for _, other in plugins if other is not plugin]
            relay = self._manager.subset_hook_caller(hook, others)
            if relay.get_hookimpls():
                yield _shown(name), relay


def _misfit(plugin: object, hook: str) -> str | None:
    """Return why pluggy could not call ``hook`` of a plugin, or None if it could."""
    found = inspect.getattr_static(plugin, hook, None)
    if found is None:
        return None
    if not isinstance(found, FunctionType | MethodType | staticmethod | classmethod):
        return f"it is a {type(found).__name__}"
    for parameter in inspect.signature(getattr(plugin, hook)).parameters.values():
        by_position = parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        known = parameter.name in ARGUMENTS[hook] and parameter.default is parameter.empty
        if not (by_position and known):
            shown = parameter.replace(annotation=parameter.empty)
            return f"it takes the {parameter.kind.description} argument '{shown}'"
    return None


def _shown(name: str) -> str:
    """Return a plugin's name without its address."""
    return name.partition(" at ")[0]
