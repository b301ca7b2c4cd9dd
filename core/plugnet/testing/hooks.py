"""Checks of hooks, which may be of any class: their methods are the contract."""

from __future__ import annotations

import inspect

import numpy as np

from plugnet.arrays import Array
from plugnet.errors import HookError
from plugnet.testing.comparison import identical
from plugnet.testing.hook_bench import Bench, attributes, benches, differences, on_benches
from plugnet.testing.hook_runs import samples
from plugnet.testing.report import NotApplicable, fail, require
from plugnet.testing.target import Target, for_each
from plugnet.training.hooks import ARGUMENTS, PREFIX, HookCaller


def exercise(target: Target) -> list[Array]:
    """Build hooks; checks of their own train with them."""
    target.build_all()
    return []


def check_methods(target: Target) -> None:
    """At least one method has the name of a hook, and none has a misspelled one."""
    methods = [name for name in dir(target.subject) if name.startswith(PREFIX)]
    require(
        methods,
        f"{target.name} would never be called: no method's name begins with {PREFIX}.",
    )
    for method in methods:
        require(
            method in ARGUMENTS,
            f"There is no hook {method}; the hooks are {', '.join(sorted(ARGUMENTS))}.",
        )


def check_runs_when_called(target: Target) -> None:
    """No hook is a coroutine or a generator, whose body a call does not run."""
    for name in ARGUMENTS:
        method = getattr(target.subject, name, None)
        is_async = inspect.iscoroutinefunction(method) or inspect.isasyncgenfunction(method)
        require(
            not is_async and not inspect.isgeneratorfunction(method),
            f"{name} is {'a coroutine' if is_async else 'a generator'}, so a call does not run its "
            f"body. Write an ordinary function, without {'async' if is_async else 'yield'}.",
        )


@for_each(Target.build_all)
def check_fits(hook: object) -> None:
    """A trainer accepts it: the arguments of its methods are those of the hooks."""
    try:
        HookCaller([hook])
    except HookError as error:
        fail(str(error))


@for_each(benches)
def check_trains(bench: Bench) -> None:
    """It works in an ordinary training, with samples to validate and to test on."""
    with bench:
        _ = bench.first


@on_benches
def check_repeatable(bench: Bench) -> None:
    """Two trainings with the same seed, each with a new hook, end with the same bits."""
    found = differences(bench.first.trainer, bench.trained(bench.hook()))
    require(
        not found,
        f"A second training with a new hook and the same seed differs in {found}. Draw random "
        "numbers from a numpy.random.Generator made from a seed and the iteration, and keep "
        "nothing in the class or the module.",
    )


@on_benches
def check_observes(bench: Bench) -> None:
    """Unless ``observes`` is False, a training is the same as without it, bit for bit."""
    first, hook = bench.first, bench.first.hook
    if getattr(hook, "observes", True) is False:
        raise NotApplicable("observes is False")
    found = differences(first.trainer, first.alone)
    if not found and not all(map(identical, first.seen, first.seen_alone)):
        found = "the samples, outputs or targets that the next hook is shown"
    says = "observes is True" if hasattr(hook, "observes") else "it does not say observes = False"
    require(
        not found,
        f"A training with it differs in {found} from one without, although {says}. Write to "
        "copies, or write observes = False in the class.",
    )


@on_benches
def check_process_state(bench: Bench) -> None:
    """A training with it leaves random generators, error handling and warning filters alone."""
    found = bench.first.changed
    require(
        not found,
        f"A training with it changes {found}, which the whole process shares. Use a "
        "numpy.random.Generator of your own, and np.errstate or warnings.catch_warnings.",
    )


@on_benches
def check_files(bench: Bench) -> None:
    """It writes only files that it has asked for, and closes them before the training has ended."""
    for place, names in bench.first.strays.items():
        require(
            not names,
            f"It leaves {names} in {place}, outside the run's folder. Write to the path that "
            "training.file(name) returns in plugnet_train_start.",
        )
    require(
        not bench.first.still_open,
        f"{bench.first.still_open} is still open after the training. Close it in "
        "plugnet_train_end, or open it for each write.",
    )


@on_benches
def check_keeps_copies(bench: Bench) -> None:
    """It keeps no array of parameters or gradients, which the next step overwrites."""
    parameters = bench.first.trainer.network.parameters()
    for name, value in attributes(bench.first.hook).items():
        kept = isinstance(value, np.ndarray) and any(
            np.may_share_memory(value, array) for array in (parameters.value, parameters.grad)
        )
        require(
            not kept,
            f"It keeps the training's own array in {name}, which the next step overwrites. Keep a "
            f"copy: self.{name} = array.copy().",
        )


@on_benches
def check_second_fit(bench: Bench) -> None:
    """It works in a second `fit` of the same trainer, and begins anew with a new trainer."""
    hook = bench.hook()
    bench.fit(bench.fit(bench.trainer(hook), 6), 12)
    found = differences(bench.first.trainer, bench.trained(hook))
    require(
        not found,
        f"In a new training a hook that was used before differs from a new one in {found}. Forget "
        "the last training in plugnet_train_start, where training.iteration is 0.",
    )


@on_benches
def check_instances_independent(bench: Bench) -> None:
    """A whole training with another hook, amid one with it, changes nothing."""

    class Other:
        """Trains with another hook after a step."""

        observes = False

        def plugnet_step_end(self, iteration: int) -> None:
            """Train, once."""
            if iteration == 6:
                bench.trained(bench.hook())

    found = differences(bench.first.trainer, bench.trained(bench.hook(), Other()))
    require(
        not found,
        f"Where another training with another hook comes between, a training differs in {found}. "
        "Keep what it remembers in the object, not in the class or the module.",
    )


@on_benches
def check_zero_gradients(bench: Bench) -> None:
    """It works where a batch's loss and all its gradients are 0."""
    given = samples()
    given = given._replace(weights=(np.arange(len(given.x)) >= 16).astype(float))
    trainer = bench.trainer(bench.hook(), shuffle=False)
    try:
        bench.fit(trainer, 4, given)
    except (ArithmeticError, ValueError) as error:
        fail(
            f"A training fails whose first loss and gradients are 0: {type(error).__name__}: "
            f"{str(error).partition(chr(10))[0].rstrip('.')}. Mind a norm, a logarithm or a "
            "quotient of 0."
        )


@on_benches
def check_one_sample(bench: Bench) -> None:
    """It works where there is one sample to train on, and one to validate and to test on."""
    bench.fit(bench.trainer(bench.hook(), batch_size=1), 4, samples(1, 1))


@on_benches
def check_no_validation(bench: Bench) -> None:
    """Without samples to validate on it works, or refuses in plugnet_train_start by a HookError."""
    trainer = bench.trainer(bench.hook())
    try:
        bench.fit(trainer, 4, is_judged=False)
    except HookError as error:
        fail(
            f"Without validation it fails after {trainer.iteration} iterations: {error} Look at "
            "training.parts in plugnet_train_start, and raise the HookError there."
        )
