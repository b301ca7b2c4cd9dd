"""Checks of what hooks remember: that a resumed training goes on as if it had not ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from plugnet.errors import SpecError
from plugnet.testing.hook_bench import Bench, Saver, differences, on_benches
from plugnet.testing.hook_runs import lines
from plugnet.testing.report import NotApplicable, fail, require
from plugnet.testing.target import Target
from plugnet.training.remembering import Remembering
from plugnet.training.states import split

CUT = 5  # the iteration after which a training is interrupted for its files


def check_state_methods(target: Target) -> None:
    """It has both methods, state and restore, or neither."""
    has = [name for name in ("state", "restore") if callable(getattr(target.subject, name, None))]
    require(
        len(has) != 1,
        f"It has a method {''.join(has)} but no {'restore' if has == ['state'] else 'state'}, so "
        "nothing is saved. Write state(self) and restore(self, state), or neither.",
    )


@on_benches
def check_state_plain(bench: Bench) -> None:
    """At any time ``state()`` returns a mapping of what a file can hold."""
    hook = bench.hook()
    _require_remembering(hook)
    moment = "before a training"
    try:
        _frozen(hook.state())
        moment = "after a training"
        _frozen(bench.first.hook.state())
    except SpecError as error:
        fail(f"{moment.capitalize()} state() cannot be saved: {error}")
    except AttributeError as error:
        fail(
            f"{moment.capitalize()} state() fails: {error}. Set every attribute in the constructor."
        )


@on_benches
def check_state_stays(bench: Bench) -> None:
    """What ``state()`` has returned is not changed by later steps."""
    hook = bench.hook()
    _require_remembering(hook)
    states: list[tuple[Mapping[str, Any], dict[str, str]]] = []

    class Keeper:
        """Keeps each state, and a copy of it."""

        observes = False

        def plugnet_checkpoint(self) -> None:
            """Ask for the state between two iterations."""
            states.append((hook.state(), _frozen(hook.state())))

    bench.trained(hook, Keeper())
    changed = _unequal(states)
    require(
        not changed,
        f"A later step changes {changed} in what state() has returned. Return copies of arrays and "
        "lists.",
    )


@on_benches
def check_restores_state(bench: Bench) -> None:
    """A new hook that has restored a state returns the same state."""
    hook, new = bench.first.hook, bench.hook()
    _require_remembering(hook)
    state = hook.state()
    before = _frozen(state)
    new.restore(state)
    lost = _unlike(_frozen(new.state()), before)
    require(
        not lost,
        f"After restore(state), state() returns another {lost}. Restore all that it saves.",
    )


@on_benches
def check_restored_state_stays(bench: Bench) -> None:
    """A state that it was given to restore is not changed by later steps."""
    hook = bench.hook()
    _require_remembering(hook)
    saver = Saver(bench, hook)
    bench.trained(hook, saver, files=saver.files)
    states = []
    for iteration, state in saver.states.items():
        new = bench.hook()
        states.append((state, _frozen(state)))
        saver.resumed(iteration, new, _Restorer(new, state))
    changed = _unequal(states)
    require(
        not changed,
        f"A later step changes {changed} in the state that restore was given. Copy arrays and "
        "lists in restore.",
    )


@on_benches
def check_resumes(bench: Bench) -> None:
    """Saved after any iteration and resumed with a new hook, a training ends with the same bits."""
    hook = bench.hook()
    remembers = isinstance(hook, Remembering)
    if not remembers and getattr(hook, "observes", False):
        raise NotApplicable("it only observes, and remembers nothing")
    saver = Saver(bench, hook)
    whole = bench.trained(hook, saver, files=saver.files)
    for iteration in saver.iterations:
        new = bench.hook()
        resumed, _ = saver.resumed(iteration, new)
        found = differences(whole, resumed)
        if not found and remembers:
            found = _lasting_difference(hook, bench.first.hook, new)
        require(
            not found,
            f"Saved after iteration {iteration} and resumed with a new hook, a training differs in "
            f"{found} from one that was not interrupted. Let state() return all that it remembers "
            "and restore(state) set it, and begin anew in plugnet_train_start only where "
            "training.iteration is 0.",
        )


@on_benches
def check_resumes_files(bench: Bench) -> None:
    """The text files of an interrupted and resumed run have the lines of one that was not."""
    expected = bench.first.lines
    if not expected:
        raise NotApplicable("it writes no text files")
    hook = bench.hook()
    saver = Saver(bench, hook, [CUT], ends=True)
    bench.trained(hook, saver, files=saver.files)
    if not saver.iterations:
        raise NotApplicable("it ends the training at once")
    _, files = saver.resumed(CUT, bench.hook())
    found = lines(files)
    for name, count in expected.items():
        require(
            found.get(name) == count,
            f"{name} has {found.get(name, 'no')} lines where the run was interrupted and resumed, "
            f"but {count} where it was not. Begin the file anew in plugnet_train_start with what "
            "training.history holds.",
        )


class _Restorer:
    """Lets a hook restore a state where a training starts."""

    def __init__(self, hook: Remembering, state: Mapping[str, Any]) -> None:
        self._hook, self._state = hook, state

    def plugnet_train_start(self) -> None:
        """Restore it."""
        self._hook.restore(self._state)


def _require_remembering(hook: object) -> None:
    if isinstance(hook, ModuleType) or not isinstance(hook, Remembering):
        raise NotApplicable("it remembers nothing: it has no state and restore")


def _frozen(state: Mapping[str, Any]) -> dict[str, str]:
    """Return the contents of a state as text, by its first names."""
    require(
        isinstance(state, Mapping),
        f"state() must return a mapping from names, but it returned a {type(state).__name__}.",
    )
    document, _ = split(state, "state")  # which also refuses names that are no strings
    frozen = {}
    for name in document:
        part, arrays = split(state[name], f"state/{name}")
        contents = [(path, str(a.dtype), a.shape, a.tobytes().hex()) for path, a in arrays.items()]
        frozen[name] = json.dumps([part, contents])
    return frozen


def _unlike(one: Mapping[str, str], other: Mapping[str, str]) -> str:
    """Return the names under which two states differ, separated by commas."""
    return ", ".join(name for name in {**one, **other} if one.get(name) != other.get(name))


def _unequal(states: list[tuple[Mapping[str, Any], dict[str, str]]]) -> str:
    """Return the names under which states are no longer what they were."""
    found = [_unlike(_frozen(state), before) for state, before in states]
    return next(filter(None, found), "")


def _lasting_difference(hook: Any, twin: Any, new: Any) -> str:
    """Return the names under which a resumed hook has another state at the end.

    Those that differ between two whole trainings, such as a time, do not count.
    """
    state = _frozen(hook.state())
    varying = _unlike(state, _frozen(twin.state())).split(", ")
    names = _unlike(state, _frozen(new.state())).split(", ")
    return ", ".join(f"the hook's {name}" for name in names if name and name not in varying)
