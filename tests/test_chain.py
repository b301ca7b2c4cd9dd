"""Chains: layers in a row, in each other, and what is said of those that are wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from plugnet import Network, Parameter, Trainer, registry
from plugnet.arrays import Array, Shape
from plugnet.chain import Chain
from plugnet.errors import ArgumentError, CallOrderError, PlugnetError, ShapeError
from plugnet.interfaces import Layer
from tests.layers import Same

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 6)), RNG.integers(0, 3, 40)
FLAT: list[Any] = [("fc", 6, 5), "tanh", ("fc", 5, 4), "sigmoid", ("fc", 4, 3)]
NESTED: list[Any] = [
    ("chain", [("fc", 6, 5), ("chain", ["tanh", ("fc", 5, 4)])]),
    ("chain", ["sigmoid"]),
    ("fc", 4, 3),
]


def alike(**settings: Any) -> tuple[Network, Network]:
    """Return a flat and a nested network of the same layers and values."""
    flat, nested = Network(FLAT, **settings), Network(NESTED, **settings)
    for own, others in zip(nested.parameters().values(), flat.parameters().values(), strict=True):
        own.value = others.value
    return flat, nested


# In each other -----------------------------------------------------------------------------------


def test_paths_go_through_all_chains() -> None:
    nested = Network(NESTED)
    assert nested.layer_names == ("chain1", "chain2", "fc1")
    assert list(nested.parameters()) == [
        "chain1.fc1.weight",
        "chain1.fc1.bias",
        "chain1.chain1.fc1.weight",
        "chain1.chain1.fc1.bias",
        "fc1.weight",
        "fc1.bias",
    ]


def test_a_chain_in_a_chain_trains_to_the_bits_of_the_layers_in_a_row() -> None:
    flat, nested = alike()
    for network in (flat, nested):
        Trainer(network, batch_size=8).fit(X, Y, 30, test=(X, Y), evaluate_every=10)
    np.testing.assert_array_equal(flat.predict(X), nested.predict(X))
    for own, others in zip(nested.parameters().values(), flat.parameters().values(), strict=True):
        np.testing.assert_array_equal(own.value, others.value)


def test_a_nested_chain_agrees_with_central_differences(
    numerical_gradient: Callable[..., Array],
) -> None:
    _, nested = alike(dtype="float64")
    x, dy = X[:4].copy(), RNG.normal(size=(4, 3))
    nested.forward(x, training=True)
    dx = nested.backprop(dy, inputs=True)
    assert dx is not None

    def scalar() -> Any:
        return np.vdot(nested.forward(x), dy)

    np.testing.assert_allclose(dx, numerical_gradient(scalar, x), rtol=1e-6, atol=1e-8)
    for path, parameter in nested.parameters().items():
        expected = numerical_gradient(scalar, parameter.value)
        np.testing.assert_allclose(parameter.grad, expected, rtol=1e-6, atol=1e-8, err_msg=path)


def test_a_chain_by_itself_is_a_layer(initialized: Callable[..., Layer]) -> None:
    chain = initialized("chain", [("fc", None, 4), "tanh", ("fc", None, 2)], shape=(3, 2))
    x, dy = RNG.normal(size=(5, 3, 2)), RNG.normal(size=(5, 2))
    assert chain.output_shape((3, 2)) == (2,)
    assert chain.flops((3, 2)) == 2 * 6 * 4 + 4 + 2 * 4 * 2 + 2
    y = chain.forward(x, training=True)
    np.testing.assert_array_equal(y, chain.forward(x))
    dx = chain.backprop(dy, True)
    assert dx is not None
    assert dx.shape == x.shape
    np.testing.assert_array_equal(chain.backward(dy), dx)
    assert chain.parameters() == {}
    assert list(chain.inner()) == ["fc1", "tanh1", "fc2"]
    with pytest.raises(CallOrderError, match="training=True"):
        initialized("chain", ["tanh"]).backward(dy)


def test_a_list_within_a_list_is_written_as_a_chain() -> None:
    assert Network([["chain", [["fc", 6, 5], "tanh"]]]).layer_names == ("chain1",)
    with pytest.raises(ArgumentError, match=r"write \['chain', \[\.\.\.\]\]"):
        Network([[("fc", 6, 5), "tanh"]])
    nothing: list[Any] = [[], "tanh", None]
    for empty in nothing:
        with pytest.raises(ArgumentError, match="list of at least one"):
            Network([("chain", empty)], (3,))


def test_the_summary_indents_what_is_within() -> None:
    lines = Network(NESTED).summary().splitlines()
    names = [line[:22].rstrip() for line in lines]
    first = names.index("chain1")
    assert names[first : first + 8] == [
        "chain1",
        "  fc1",
        "  chain1",
        "    tanh1",
        "    fc1",
        "chain2",
        "  sigmoid1",
        "fc1",
    ]
    counts = {name: line[22:].split() for name, line in zip(names, lines, strict=True)}
    assert "59" in counts["chain1"]  # 6 * 5 + 5 + 5 * 4 + 4
    assert "74" in counts["total"]
    assert max(map(len, lines)) <= 80


def test_shapes_that_do_not_fit_are_told_by_all_names_on_the_way() -> None:
    with pytest.raises(ShapeError) as caught:
        Network([("fc", 6, 5), ("chain", ["tanh", ("fc", 4, 3)])])
    for text in ("'chain1'", "'fc1'", "'tanh1'", "(5,)"):
        assert text in str(caught.value)


# One place for each ------------------------------------------------------------------------------


def test_a_layer_in_two_places_is_refused_with_both_named() -> None:
    layer = registry.layers.build("fc", 6, 6)

    def within(depth: int) -> Any:
        return layer if depth == 0 else Chain(["tanh", within(depth - 1)])

    for one, other, first, second in [
        (0, 0, "fc1", "fc2"),
        (0, 1, "fc1", "chain1.fc1"),
        (2, 0, "chain1.chain1.fc1", "fc1"),
        (2, 2, "chain1.chain1.fc1", "chain2.chain1.fc1"),
    ]:
        with pytest.raises(ArgumentError) as caught:
            Network([within(one), within(other)], (6,))
        assert f"'{first}' is used in a second place, '{second}'" in str(caught.value)
    assert layer.owner is None
    with pytest.raises(ArgumentError, match=r"'chain1\.fc1' is used in a second place"):
        Network([Chain([layer, layer])])
    assert Network([within(1)], (6,)).output_shape == (6,)


def test_a_layer_of_another_network_is_refused_at_any_depth() -> None:
    layer = registry.layers.build("fc", 6, 6)
    Network([Chain([layer])])
    places: list[tuple[list[Any], str]] = [
        ([layer], "fc1"),
        ([Chain(["tanh", layer])], r"chain1\.fc1"),
    ]
    for layers, path in places:
        with pytest.raises(ArgumentError, match=f"'{path}'.*belongs to another network"):
            Network(layers, (6,))


# Layers that are wrong ---------------------------------------------------------------------------


class Wrong(Layer):
    """Does what it is told in ``method``, else nothing to x."""

    def __init__(self, method: str, result: Any, trained: bool = False) -> None:
        self.method, self.result, self.trained = method, result, trained

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        self.scale = Parameter(np.ones(shape, dtype), trainable=self.trained)

    def parameters(self) -> dict[str, Parameter]:
        return {"scale": self.scale}

    def forward(self, x: Array, training: bool = False) -> Array:
        return self._result("forward", x)

    def gradients(self, dy: Array) -> None:
        self._result("gradients", dy)

    def backward(self, dy: Array) -> Array:
        return self._result("backward", dy)

    def _result(self, method: str, right: Array) -> Array:
        found: Array = self.result(right) if method == self.method else right
        return found


def fail(x: Array) -> Array:
    raise ZeroDivisionError("mine")


RESULTS: dict[str, tuple[Callable[[Array], Any], type[PlugnetError], str]] = {
    "None": (lambda x: None, ArgumentError, "NoneType"),
    "a list": (lambda x: x.tolist(), ArgumentError, "a list"),
    "too few columns": (lambda x: x[:, 1:], ShapeError, r"\(8, 4\)"),
    "a column more": (lambda x: np.hstack([x, x[:, :1]]), ShapeError, r"\(8, 6\)"),
    "fewer rows": (lambda x: x[:-1], ShapeError, r"\(7, 5\)"),
    "no rows": (lambda x: x.sum(0), ShapeError, r"\(5,\)"),
    "float64": (lambda x: x.astype(np.float64), ArgumentError, "float64 for float32"),
}
every_result = pytest.mark.parametrize("result", RESULTS)
every_place = pytest.mark.parametrize(
    ("around", "path"),
    [
        (lambda wrong: [("fc", 6, 5), wrong, ("fc", 5, 3)], "wrong1"),
        (lambda wrong: [("fc", 6, 5), wrong], "wrong1"),
        (lambda wrong: [("fc", 6, 5), Chain(["tanh", wrong]), ("fc", 5, 3)], "chain1.wrong1"),
        (lambda wrong: [("fc", 6, 5), ("residual", [Chain([wrong])])], "residual1.chain1.wrong1"),
        (
            lambda wrong: [("fc", 6, 5), ("branches", ["tanh", ("chain", ["tanh", wrong])])],
            "branches1.branch2.wrong1",
        ),
    ],
    ids=["between", "last", "nested", "residual", "branches"],
)


@every_place
@every_result
@pytest.mark.parametrize("training", [True, False])
def test_a_wrong_result_of_forward_is_named_with_layer_and_method(
    around: Callable[[Layer], list[Any]], path: str, result: str, training: bool
) -> None:
    make, error, text = RESULTS[result]
    network = Network(around(Wrong("forward", make)))
    x = X[:8].astype(np.float32)
    with pytest.raises(error, match=rf"Wrong\.forward of layer '{path}'.*{text}"):
        network.forward(x, training) if training else network.predict(x)


@every_place
@every_result
def test_a_wrong_result_of_backward_is_named_with_layer_and_method(
    around: Callable[[Layer], list[Any]], path: str, result: str
) -> None:
    make, error, text = RESULTS[result]
    network = Network(around(Wrong("backward", make)))
    y = network.forward(X[:8], training=True)
    with pytest.raises(error, match=rf"Wrong\.backward of layer '{path}'.*{text}"):
        network.backprop(np.ones_like(y))


@pytest.mark.parametrize("method", ["forward", "backward"])
def test_nothing_returned_is_named_in_any_later_step_too(method: str) -> None:
    wrong = Wrong("nothing yet", lambda x: None)
    network = Network([Chain([("fc", 6, 5), wrong, "tanh"])])
    step(network)
    wrong.method = method
    with pytest.raises(ArgumentError, match=rf"Wrong\.{method} of layer 'chain1\.wrong1'.*NoneT"):
        step(network)


@every_place
def test_a_gradient_of_another_shape_is_named_with_its_layer(
    around: Callable[[Layer], list[Any]], path: str
) -> None:
    def write(dy: Array) -> None:
        wrong.scale.grad = dy

    wrong = Wrong("gradients", write, trained=True)
    network = Network(around(wrong))
    y = network.forward(X[:8], training=True)
    with pytest.raises(ShapeError, match=r"keeps its shape, \(5,\).*\(8, 5\)") as caught:
        network.backprop(np.ones_like(y))
    place = f"layer '{path.split('.')[-1]}', in gradients"
    assert any(place in note for note in caught.value.__notes__)


@pytest.mark.parametrize("shape", [None, 5, (5.0,), [[5]], ("5",), (-1,)], ids=repr)
def test_a_wrong_output_shape_is_named_with_its_layer(shape: Any) -> None:
    wrong = Wrong("nothing", None)
    vars(wrong)["output_shape"] = lambda _: shape
    with pytest.raises(ArgumentError, match=r"Wrong\.output_shape of layer 'wrong1' must return"):
        Network([("fc", 6, 5), Chain([wrong])])


@every_result
def test_a_wrong_gradient_by_the_input_is_noticed_in_the_first_layer(result: str) -> None:
    make, error, _ = RESULTS[result]
    network = Network([Wrong("backward", make), ("fc", 5, 3)], (5,))
    y = network.forward(X[:8, :5], training=True)
    assert network.backprop(np.ones_like(y)) is None  # nobody reads it
    with pytest.raises(error, match=r"Wrong\.backward of layer 'wrong1'"):
        network.backprop(np.ones_like(y), inputs=True)


def test_a_layer_that_is_thawed_is_looked_at_then() -> None:
    make, error, text = RESULTS["None"]
    network = Network([("fc", 5, 5), Wrong("backward", make), ("fc", 5, 3)])
    first = [network.parameters()[f"fc1.{name}"] for name in ("weight", "bias")]
    for parameter in first:
        parameter.trainable = False
    y = network.forward(X[:8, :5], training=True)
    network.backprop(np.ones_like(y))
    for parameter in first:
        parameter.trainable = True
    with pytest.raises(error, match=rf"Wrong\.backward of layer 'wrong1'.*{text}"):
        network.backprop(np.ones_like(y))


def step(network: Network) -> None:
    network.backprop(np.ones_like(network.forward(X[:8], training=True)))


def predict(network: Network) -> None:
    network.predict(X[:8])


@every_place
@pytest.mark.parametrize("is_warm", [False, True])
@pytest.mark.parametrize(
    ("method", "use"),
    [("forward", step), ("forward", predict), ("gradients", step), ("backward", step)],
)
def test_a_layer_that_raises_is_named_in_a_note(
    around: Callable[[Layer], list[Any]],
    path: str,
    is_warm: bool,
    method: str,
    use: Callable[[Network], None],
) -> None:
    wrong = Wrong("nothing yet", fail, trained=True)
    network = Network(around(wrong))
    if is_warm:
        step(network)
    wrong.method = method
    with pytest.raises(ZeroDivisionError, match="mine") as caught:
        use(network)
    notes = "".join(caught.value.__notes__)
    assert f"layer '{path.split('.')[0]}'" in notes
    assert f"layer '{path.split('.')[-1]}'" in notes


def test_an_error_of_plugnets_own_passes_as_it_is() -> None:
    def refuse(x: Array) -> Array:
        raise ShapeError("no such words", expected=3, got=4)

    network = Network([("fc", 6, 5), Wrong("forward", refuse)])
    for use in (network.predict, lambda x: network.forward(x, training=True)):
        with pytest.raises(ShapeError, match="no such words") as caught:
            use(X[:8])
        assert caught.value.got == 4


# Prepare -----------------------------------------------------------------------------------------


class Prepares(Same):
    """Records for what it was prepared, and fails at it once if told to."""

    def __init__(self) -> None:
        self.shapes: list[tuple[Shape, str]] = []
        self.fails = False

    def arguments(self) -> dict[str, object]:
        return {}

    def prepare(self, batch_shape: Shape, dtype: np.dtype[Any]) -> None:
        self.shapes.append((batch_shape, dtype.name))
        if self.fails:
            self.fails = False
            raise MemoryError


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_layers_are_prepared_for_each_new_training_shape_only(dtype: str) -> None:
    outer, inner = Prepares(), Prepares()
    network = Network([("fc", 6, 5), outer, Chain([inner, ("fc", 5, 3)])], dtype=dtype)
    network.predict(X)
    assert outer.shapes == []
    for rows in (8, 8, 5, 5, 8):
        y = network.forward(X[:rows], training=True)
        network.backprop(np.ones_like(y))
        network.forward(X[:7])
    expected = [((rows, 5), dtype) for rows in (8, 5, 8)]
    assert outer.shapes == inner.shapes == expected


def test_after_a_failure_all_layers_are_prepared_again() -> None:
    first, second = Prepares(), Prepares()
    network = Network([first, ("fc", 6, 5), second, ("fc", 5, 3)])
    network.forward(X[:8], training=True)
    second.fails = True
    with pytest.raises(MemoryError):
        network.forward(X[:5], training=True)
    y = network.forward(X[:8], training=True)
    network.backprop(np.ones_like(y))
    np.testing.assert_array_equal(y, network.predict(X[:8]))
    assert [shape[0] for shape, _ in first.shapes] == [8, 5, 8]
    assert [shape[0] for shape, _ in second.shapes] == [8, 5, 8]


def test_a_failure_before_the_backward_pass_is_no_backward_pass() -> None:
    last = Prepares()
    network = Network([("fc", 6, 3), last])
    last.fails = True
    with pytest.raises(MemoryError):
        network.forward(X[:8], training=True)
    with pytest.raises(CallOrderError, match="no training outputs"):
        network.backprop(np.ones((8, 3), np.float32))


def test_a_chain_with_nothing_to_train_can_be_gone_back_through() -> None:
    network = Network([("fc", 3, 2)], parameters={"*": {"trainable": False}})
    dy = np.ones_like(network.forward(np.ones((4, 3), np.float32), training=True))
    assert network.backprop(dy) is None
    assert not network.parameters().grad.any()
