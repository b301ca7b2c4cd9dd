"""The places where a plugin can step into training and the command line.

A hook plugin is any object with methods (or a module with functions) named like the ones on this
page. Each takes any subset of the arguments, by their names and without defaults; arguments are
only ever added. There is no hook inside a layer: layers are plugins themselves.
"""

from __future__ import annotations

import inspect
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from types import FunctionType, MethodType
from typing import Any

import pluggy

from plugnet.arrays import Array
from plugnet.errors import HookError, PluginWarning
from plugnet.evaluation import Evaluation
from plugnet.parameter import Parameters
from plugnet.registry import registry
from plugnet.training.history import History
from plugnet.training.protocol import Training

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

        ``evaluation.part`` tells which. ``x`` are the samples, ``outputs`` the network's scores
        ``(M, K)``, ``targets`` the class ids ``(M,)`` or real targets ``(M, K)``.
        """

    @specification
    def plugnet_train_end(self, training: Training, history: History) -> None:
        """Run when `fit` ends: after all iterations, by `Trainer.stop` or by an error."""

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
    """Finds hooks by their names' prefix, so that authors need no decorator."""

    def parse_hookimpl_opts(self, plugin: Any, name: str) -> Any:
        found = super().parse_hookimpl_opts(plugin, name)
        if found is None and name.startswith(PREFIX) and callable(getattr(plugin, name)):
            return {}
        return found


class HookCaller:
    """Calls the hooks of plugins that are always on and of a trainer's own."""

    def __init__(self, hooks: Iterable[object] = ()) -> None:
        """Register the plugins that are always on and ``hooks``, the first to be called first.

        Raises:
            HookError: one of ``hooks`` has no hook, or a method that fits no specification.
        """
        self._manager = _Manager("plugnet")
        self._manager.add_hookspecs(Hooks)
        for name, module in registry.always_on_hooks():
            try:
                self._register(module, name)
            except HookError as error:
                warnings.warn(str(error), PluginWarning, stacklevel=4)
        for hook in reversed(list(hooks)):  # pluggy calls the last registered first
            name = type(hook).__name__
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
        relay = getattr(self._manager.hook, hook)
        if not relay.get_hookimpls():
            return None

        def call(**arguments: object) -> None:
            try:
                relay(**arguments)
            except Exception as error:
                error.add_note(f"Raised by the hook {hook} of {_culprit(relay, error)}.")
                raise

        return call

    def each(self, hook: str) -> Iterator[tuple[str, Callable[..., object]]]:
        """Yield each plugin that implements ``hook``: its name, and what calls ``hook`` there."""
        plugins = self._manager.list_name_plugin()
        for name, plugin in plugins:
            others = [other for _, other in plugins if other is not plugin]
            relay = self._manager.subset_hook_caller(hook, others)
            if relay.get_hookimpls():
                yield name.partition(" at ")[0], relay


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


def _culprit(relay: pluggy.HookCaller, error: Exception) -> str:
    """Return the name of the plugin in whose implementation ``error`` was raised."""
    codes = {frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)}
    for implementation in relay.get_hookimpls():
        if implementation.function.__code__ in codes:
            return f"plugin '{implementation.plugin_name.partition(' at ')[0]}'"
    return "an unknown plugin"
