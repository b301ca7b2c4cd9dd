"""Checks of components of every kind."""

from __future__ import annotations

import copy
import io
import json
import pickle
from contextlib import redirect_stderr, redirect_stdout
from inspect import Parameter
from typing import Any, Final

import numpy as np

from plugnet.interfaces import Component
from plugnet.registry import registry
from plugnet.testing.comparison import identical
from plugnet.testing.kinds import MODULES
from plugnet.testing.report import NotApplicable, fail, require
from plugnet.testing.state import changed_since, global_state, warnings_as_failures
from plugnet.testing.target import Target, for_each

SIMPLE: Final = (bool, int, float, str)
MIXED: Final[dict[str, Any]] = {
    "divide": "call",
    "over": "ignore",
    "under": "ignore",
    "invalid": "call",
}


def describable_components(target: Target) -> list[Component]:
    """Return a component for each example; their specs can be written."""
    if not issubclass(target.cls, Component):
        raise NotApplicable("a hook has no spec")
    components: list[Component] = target.build_all()
    try:
        for component in components:
            component.arguments()
    except AttributeError:
        raise NotApplicable("not every argument is kept: see arguments_kept") from None
    return components


def check_documented(target: Target) -> None:
    """The class has its own docstring, which `plugnet plugins info` shows."""
    doc = vars(target.subject).get("__doc__") or ""
    generated = doc.startswith(f"{target.cls.__name__}(")  # by dataclass
    require(
        doc.strip() and not generated,
        f"{target.name} must have a docstring that says what it computes.",
    )


def check_constructor(target: Target) -> None:
    """Every argument of the constructor has a name and can be passed by keyword."""
    for parameter in target.signature.values():
        require(
            _is_named(parameter),
            f"The constructor takes '{parameter}', so no spec can describe the component. Name "
            "every argument, and accept it by keyword.",
        )


def check_examples(target: Target) -> None:
    """The class can be built with each of its examples."""
    parameters = [p for p in target.signature.values() if _is_named(p)]
    required = [p.name for p in parameters if p.default is p.empty]
    if not target.examples:
        raise NotApplicable(
            f"{target.cls.__name__}.examples() is empty, so check an object: "
            f"check_component(({target.name!r}, {', '.join(required) or '...'}))"
        )
    for example in target.examples:
        try:
            target.build(example)
        except Exception as error:
            if target.kind == "hook" and not hasattr(target.cls, "examples"):
                raise NotApplicable("it needs arguments, so check an object") from None
            cause = str(error).partition("\n")[0].rstrip(".")
            fail(
                f"It cannot be built with the arguments {example.arguments}: {cause}. Write a "
                "classmethod examples() that returns a list of arguments to try it with, as "
                f"[{{{', '.join(f'{name!r}: ...' for name in required)}}}], or check an object."
            )


def check_arguments_kept(target: Target) -> None:
    """Every constructor argument is kept, unchanged, in an attribute of the same name."""
    if target.instance is not None:
        built: list[tuple[Any, dict[str, Any]]] = [(target.instance, {})]
    else:
        defaults = {name: parameter.default for name, parameter in target.signature.items()}
        built = [(target.build(e), defaults | e.arguments) for e in target.usable_examples]
    for component, arguments in built:
        for name, parameter in target.signature.items():
            require(
                hasattr(component, name) or not _is_named(parameter),
                f"The argument '{name}' must be kept in an attribute of the same name, but there "
                f"is no such attribute. Write self.{name} = {name} in the constructor.",
            )
            given, kept = arguments.get(name), getattr(component, name, None)
            if isinstance(given, SIMPLE) and isinstance(kept, SIMPLE):
                require(
                    given == kept, f"The argument {name}={given!r} was kept as {name}={kept!r}."
                )


@for_each(describable_components)
def check_spec_round_trip(component: Component) -> None:
    """`registry.from_spec` builds an equal component from the spec after a trip through JSON."""
    spec = registry.spec(component)
    again = registry.from_spec(json.loads(json.dumps(spec, allow_nan=False)))
    require(
        type(again) is type(component),
        f"The spec of a {type(component).__name__} built a {type(again).__name__}.",
    )
    require(
        registry.spec(again) == spec,
        f"The component built from the spec has a different spec: {spec['args']} became "
        f"{registry.spec(again)['args']}. Keep arguments exactly as they are passed.",
    )


@for_each(describable_components)
def check_copy(component: Component) -> None:
    """`copy.deepcopy` and `pickle` give a component with the same arguments."""
    copies = [copy.deepcopy(component)]
    if "<locals>" not in type(component).__qualname__:  # Python cannot pickle these
        copies.append(pickle.loads(pickle.dumps(component)))
    require(all(repr(one) == repr(component) for one in copies), "A copy has different arguments.")


def check_same_seed(target: Target) -> None:
    """The same arguments, seed and inputs give the same results, bit for bit."""
    first, second = _exercise(target), _exercise(target)
    for one, other in zip(first, second, strict=True):
        require(
            identical(one, other),
            "The same seed and inputs gave different results the second time. Random numbers must "
            "come only from the numpy.random.Generator that is passed in.",
        )


def check_global_state(target: Target) -> None:
    """No process-wide state is changed, and no global random generator is used."""
    with np.errstate(**MIXED, call=lambda *_: None):  # so that any np.seterr(all=...) shows
        before = global_state()
        _exercise(target)
        names = changed_since(before)
    require(not names, f"It changes {names}, which the whole process shares.")


def check_quiet(target: Target) -> None:
    """On ordinary inputs it neither prints, warns nor overflows."""
    said = io.StringIO()
    complain = warnings_as_failures("It warns on ordinary inputs", ("divide", "over", "invalid"))
    with redirect_stdout(said), redirect_stderr(said), complain:
        _exercise(target)
    require(not said.getvalue(), f"It prints when used: {said.getvalue()[:60]!r}.")


def _exercise(target: Target) -> list[Any]:
    results: list[Any] = MODULES[target.kind][0].exercise(target)
    return results


def _is_named(parameter: Parameter) -> bool:
    return parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
