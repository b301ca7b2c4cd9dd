"""Building: arguments that fit or not, and arguments that are components themselves."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.aliases import Fake

from plugnet import registry
from plugnet.errors import (
    ArgumentError,
    ComponentSignatureError,
    PlugnetError,
    UnknownComponentError,
)
from plugnet.interfaces import LRPolicy
from plugnet.registry import Registry, index
from plugnet.registry.kinds import KINDS
from plugnet.registry.refusals import EXAMPLES

WRAPPER = """
from plugnet import registry
from plugnet.interfaces import Layer


class Base(Layer):
    def forward(self, x, training=False):
        return x

    def backward(self, dy):
        return dy


class Wrapper(Base):
    def __init__(self, activation, policy=("fixed", 0.1), plain="tanh"):
        self.activation = registry.activations.resolve(activation)
        self.policy = registry.lr_policies.resolve(policy)
        self.plain = plain


class Eager(Base):
    def __init__(self, size):
        if size == 0:
            raise ValueError("size is zero")
        self.size = size + 1
"""
LAYERS = {"wrapper": "nn_wrap:Wrapper", "eager": "nn_wrap:Eager"}


@pytest.fixture
def wrap(fake_distribution: Fake, fresh: Registry) -> Registry:
    fake_distribution("nn-wrap", {"layers": LAYERS}, {"nn_wrap.py": WRAPPER})
    return fresh


def test_arguments_reach_the_constructor() -> None:
    layer: Any = registry.build("fc", 784, outputs=50)
    assert (layer.inputs, layer.outputs) == (784, 50)
    assert registry.layers.build("fc", 784, 50) is not layer


@pytest.mark.parametrize(
    ("args", "kwargs", "why"),
    [
        ((), {}, "missing a required argument: 'size'"),
        ((1, 2), {}, "too many positional arguments"),
        ((), {"siez": 2}, "^layer .*arguments: got an unexpected keyword argument 'siez'. Did you"),
        ((1,), {"siez": 2}, "unexpected keyword argument 'siez'. Did you mean 'size'"),
    ],
)
def test_arguments_that_do_not_fit_show_the_signature(
    args: tuple[Any, ...], kwargs: dict[str, Any], why: str, wrap: Registry
) -> None:
    with pytest.raises(ComponentSignatureError, match=why) as caught:
        wrap.build("eager", *args, **kwargs)
    assert isinstance(caught.value, TypeError)
    assert "Signature: eager(size)" in str(caught.value)
    assert (caught.value.kind, caught.value.name) == ("layer", "eager")


@pytest.mark.parametrize(("size", "error"), [("x", TypeError), (0, ValueError)])
def test_the_constructors_own_error_keeps_its_type(
    size: object, error: type[Exception], wrap: Registry
) -> None:
    with pytest.raises(error) as caught:
        wrap.layers.build("eager", size)
    assert type(caught.value) is error
    assert caught.value.__notes__ == ["while building layer 'eager' (nn_wrap:Eager)"]


def test_a_component_resolves_its_arguments_itself(wrap: Registry) -> None:
    """From names, tuples, lists, specs and objects; the registry leaves all others alone."""
    tanh = registry.build("tanh")
    for given in (tanh, "tanh", ("tanh",), registry.spec(tanh)):
        layer: Any = wrap.build(
            "wrapper", given, policy=["step", 0.2, {"gamma": 0.5, "step_size": 10}]
        )
        assert type(layer.activation) is type(tanh)
        assert type(layer.policy) is registry.get("lr_policy:step")
        assert layer.policy.gamma == 0.5
        assert layer.plain == "tanh"


def test_an_unknown_name_inside_says_what_was_being_built(wrap: Registry) -> None:
    with pytest.raises(UnknownComponentError, match="Did you mean 'tanh'") as caught:
        wrap.build("wrapper", "tahn")
    assert "while building layer 'wrapper' (nn_wrap:Wrapper)" in caught.value.__notes__


def test_resolve_takes_objects_names_tuples_and_specs() -> None:
    fc = registry.layers.build("fc", 4, 3)
    assert registry.layers.resolve(fc) is fc
    assert type(registry.activations.resolve("tanh")) is registry.get("tanh")
    for value in (("fc", 4, 3), ["fc", 4, {"outputs": 3}], registry.spec(fc)):
        layer = registry.layers.resolve(value)
        assert type(layer) is type(fc)
        assert registry.spec(layer) == registry.spec(fc)
    inner: Any = registry.layers.resolve(("activation", registry.spec(registry.build("tanh"))))
    assert type(inner.activation) is registry.get("tanh")


@pytest.mark.parametrize("value", [None, 5, (), [3], {}, {"kind": "layer"}, object()])
def test_resolve_refuses_what_is_no_component(value: object) -> None:
    with pytest.raises(ArgumentError, match="A component of kind layer is given as") as caught:
        registry.layers.resolve(value)
    assert caught.value.value is value


class Rate(LRPolicy):
    def __call__(self, iteration: int) -> float:
        return 0.1


class Foreign:
    def __call__(self, iteration: int) -> float:
        return 0.1


@pytest.mark.parametrize(
    ("kind", "value", "advice"),
    [
        ("lr_policy", 0.1, r'write \("fixed", 0\.1\)'),
        ("lr_policy", np.float32(0.5), r'write \("fixed", 0\.5\)'),
        ("regularizer", 1, r'write \("l2", 1\)'),
        ("initializer", 0, r'write \("constant", 0\)'),
        ("optimizer", 0.9, r'write \("sgd", 0\.9\); for that rate, policy=\("fixed", 0\.9\)'),
        ("layer", 50, r'write \("fc", {"outputs": 50}\)'),
        ("lr_policy", Rate, r"Write Rate\(\), an object"),
        ("lr_policy", (Rate, 0.1), r"Write Rate\(\.\.\.\), an object"),
        ("hook", Foreign, r"Write Foreign\(\), an object"),
        ("lr_policy", Foreign, r"plugnet\.interfaces\.LRPolicy and implements __call__"),
        ("lr_policy", Foreign(), r"plugnet\.interfaces\.LRPolicy and implements __call__"),
        ("lr_policy", lambda i: 0.1, r"plugnet\.interfaces\.LRPolicy and implements __call__"),
        ("loss", lambda x, y: 0, r"plugnet\.interfaces\.Loss and implements backward and forward"),
        ("optimizer", print, r"plugnet\.interfaces\.Optimizer and implements step"),
        ("initializer", np.zeros, r"plugnet\.interfaces\.Initializer and implements __call__"),
        ("activation", np.tanh, r"plugnet\.interfaces\.Activation and implements deriv"),
        ("regularizer", abs, r"plugnet\.interfaces\.Regularizer and implements add_gradient"),
        ("layer", abs, r"plugnet\.interfaces\.Layer and implements forward"),
        ("dataset", open, r"plugnet\.interfaces\.Dataset and implements load"),
        ("loss", registry.build("tanh"), "That is of kind activation"),
    ],
    ids=repr,
)
def test_what_a_refused_value_should_be_is_said(kind: str, value: Any, advice: str) -> None:
    with pytest.raises(ArgumentError, match=advice) as caught:
        registry.view(kind).resolve(value)
    assert caught.value.argument == kind
    assert caught.value.value is value


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "hook"])
@pytest.mark.parametrize("value", [None, True, 1j, {}, np.zeros(3)], ids=repr)
def test_an_example_is_given_where_nothing_can_be_guessed(kind: str, value: Any) -> None:
    with pytest.raises(ArgumentError, match="such as ") as caught:
        registry.view(kind).resolve(value)
    assert re.search(rf"such as {re.escape(EXAMPLES[kind])}, but it is .*\.$", str(caught.value))


def test_resolve_refuses_a_class_and_an_object_of_another_kind() -> None:
    with pytest.raises(ArgumentError, match="the class Flatten"):
        registry.layers.resolve(registry.get("flatten"))
    with pytest.raises(ArgumentError, match="kind layer"):
        registry.layers.resolve(registry.build("l2", 0.1))
    with pytest.raises(ArgumentError, match="the class object"):
        registry.hooks.resolve(object)
    with pytest.raises(ArgumentError, match="kind any"):
        registry.resolve(3)


def test_a_layer_may_be_given_as_an_activation() -> None:
    tanh = registry.build("tanh")
    names = ("tanh", "activation:tanh", "plugnet/tanh")
    for value in (tanh, *names, ("leaky_relu", 0.1), registry.spec(tanh)):
        assert isinstance(registry.layers.resolve(value), registry.get("activation"))
    assert type(registry.activations.resolve("tanh")) is type(tanh)
    with pytest.raises(UnknownComponentError, match="of kind layer"):
        registry.activations.resolve("flatten")


def test_a_layer_of_an_activations_name_stays_a_layer(
    fake_distribution: Fake, fresh: Registry
) -> None:
    fake_distribution("nn-wrap", {"layers": {"tanh": "nn_wrap:Base"}}, {"nn_wrap.py": WRAPPER})
    assert type(fresh.layers.resolve("tanh")).__module__ == "nn_wrap"


def test_any_object_is_a_hook() -> None:
    hook = object()
    assert registry.hooks.resolve(hook) is hook


def test_a_warm_build_looks_nothing_up(monkeypatch: pytest.MonkeyPatch, wrap: Registry) -> None:
    wrap.build("eager", 1)
    wrap.layers.build("eager", 1)
    monkeypatch.setattr(index, "parse", None)
    assert wrap.build("eager", 1).size == 2
    assert wrap.layers.build("eager", 2) is not None


def test_information_about_a_component(fake_distribution: Fake, fresh: Registry) -> None:
    info = fake_distribution(
        "nn-shift", {"layers": {"shift": "nn_shift:Shift", "offset": "nn_shift:Shift"}}
    )
    information = fresh.layers.info("shift")
    assert information.entry.provider == "nn-shift 1.0"
    assert information.entry.state == "loaded"
    assert information.aliases == ("offset",)
    assert information.signature == "shift(by=1.0, *, name='shift')"
    assert information.doc == "y = x + by."
    assert information.file == str(info.parent / "nn_shift.py")
    source = Path(information.file).read_text().splitlines()
    assert information.line == source.index("class Shift(Layer):") + 1


@pytest.mark.parametrize(
    "value", [("tanh", {1: 2}), {"kind": np.zeros(3), "name": "fc", "args": {}}, ["tanh", [3]]]
)
def test_whatever_is_resolved_ends_in_an_error_of_ours(value: Any) -> None:
    with pytest.raises(PlugnetError):
        registry.layers.resolve(value)
