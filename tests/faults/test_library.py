"""Wrong arguments and data: each gives one error that says what to do, and changes nothing.

Here stand the faults that cross several parts of the library. What concerns one part only stands in
its tests.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.small import LAYERS, ONE_HOT, X, Y, trainer

from plugnet import Network, Trainer, registry
from plugnet.arrays import Array
from plugnet.errors import (
    ArgumentError,
    CallOrderError,
    DataError,
    DivergenceError,
    HookError,
    ShapeError,
    UnknownComponentError,
)
from plugnet.interfaces import Activation


def values(network: Network) -> list[Array]:
    return [value.copy() for value in network.state().values()]


# Building a network ------------------------------------------------------------------------------


@pytest.mark.parametrize("layers", ["", None, 5, [], {}, iter(())])
def test_the_layers_of_a_network_are_a_list(layers: Any) -> None:
    with pytest.raises(ArgumentError, match="list of at least one, such as") as caught:
        Network(layers)
    assert caught.value.argument == "layers"


@pytest.mark.parametrize("within", [False, True], ids=["network", "chain"])
@pytest.mark.parametrize(
    "one",
    [
        "tanh",
        ("fc", 4, 8),
        ["fc", 4, 8],
        ("fc", {"outputs": 3}),
        ("dense", 3),
        ("tanh", None),
        ("activation", "tanh"),
        ("residual", ["tanh"]),
        registry.spec(registry.build("fc", 4, 8)),
        registry.build("fc", 4, 8),
        registry.build("tanh"),
    ],
    ids=repr,
)
def test_a_list_that_is_missing_around_one_layer_is_pointed_out(within: bool, one: Any) -> None:
    with pytest.raises(ArgumentError, match="A list is missing around it") as caught:
        Network([("chain", one)] if within else one)
    assert caught.value.argument == "layers"


def test_a_list_of_layers_may_begin_with_a_name() -> None:
    assert Network(["tanh", ("fc", 4, 8)]).layer_names == ("tanh1", "fc1")
    with pytest.raises(ArgumentError, match="needs the number of its outputs"):
        Network(["fc", "tanh", ("fc", 5, 3)])


@pytest.mark.parametrize("layer", ["tanh", ("fc", 8, 3)])
def test_a_layer_in_the_place_of_the_shape_belongs_into_the_list(layer: Any) -> None:
    with pytest.raises(ShapeError, match="put all layers into one list"):
        Network([("fc", 4, 8)], layer)


@pytest.mark.parametrize(
    "layer",
    [
        None,
        5,
        b"fc",
        {},
        {"fc": 3},
        {"name": "fc", "args": {"outputs": 3}},
        [],
        type(registry.build("fc", 4, 3)),
        np.zeros(3),
    ],
    ids=repr,
)
def test_what_describes_no_layer_is_refused(layer: Any) -> None:
    with pytest.raises(ArgumentError, match="of kind layer is given as an object, its name"):
        Network([layer])


@pytest.mark.parametrize("layer", [[["fc", 4, 3]], (("fc", 4, 3), "tanh"), [5]], ids=repr)
def test_a_list_within_the_layers_begins_with_a_name(layer: Any) -> None:
    with pytest.raises(ArgumentError, match=r"For layers in a row write \['chain', \[...\]\]"):
        Network([layer])


def test_a_misspelt_activation_in_a_network_gets_a_suggestion() -> None:
    with pytest.raises(UnknownComponentError, match=r"Did you mean 'tanh', .* kind activation"):
        Network([("fc", 4, 5), "tahn"])


@pytest.mark.parametrize("inputs", [10**12, 2**63, 10**30])
def test_sizes_beyond_all_numbers_are_named(inputs: int) -> None:
    with pytest.raises(ArgumentError, match=r"'fc1'.*memory"):
        Network([("fc", inputs, 10**12)])


def test_no_dtype_is_not_a_dtype() -> None:
    with pytest.raises(ArgumentError, match="float32 or float64, but the dtype is None"):
        Network(LAYERS, dtype=None)  # type: ignore[arg-type]


def test_a_message_shows_a_long_value_in_short() -> None:
    with pytest.raises(ArgumentError) as caught:
        registry.build("inv", "1" * 10_000)
    assert len(str(caught.value)) < 200


class WrongActivation(Activation):
    """Does what it is told in ``method``, else gives x."""

    def __init__(self, method: str, result: Callable[[Array], Any]) -> None:
        self.method, self.result = method, result

    def forward(self, x: Array, out: Array | None = None) -> Array:
        found: Array = self.result(x) if self.method == "forward" else x
        return found

    def derivative(self, x: Array, y: Array, out: Array | None = None) -> Array:
        found: Array = self.result(x) if self.method == "derivative" else np.ones_like(x)
        return found


RESULTS: dict[str, tuple[Callable[[Array], Any], str]] = {
    "None": (lambda x: None, "a NoneType"),
    "number": (lambda x: 1.0, "a float"),
    "float64": (lambda x: x.astype(np.float64), r"\(20, 5\) and dtype float64"),
    "shape": (lambda x: x[:, :1], r"shape \(20, 1\)"),
    "transposed": (lambda x: x.T, r"shape \(5, 20\)"),
}


@pytest.mark.parametrize("result", RESULTS)
@pytest.mark.parametrize("method", ["forward", "derivative"])
@pytest.mark.parametrize("nested", [False, True])
def test_a_wrong_result_of_an_activation_is_named(method: str, result: str, nested: bool) -> None:
    make, text = RESULTS[result]
    wrong = WrongActivation(method, make)
    middle: Any = ("residual", [wrong]) if nested else wrong
    with pytest.raises(ArgumentError, match=rf"WrongActivation\.{method} must return.*{text}") as e:
        trainer(Network([("fc", 4, 5), middle, ("fc", 5, 3)]), batch_size=20).fit(X, Y, 1)
    assert any("'wrongactivation1'" in note for note in e.value.__notes__)


@pytest.mark.parametrize("result", ["None", "float64", "shape", "transposed"])
def test_a_wrong_activation_is_named_in_predictions(result: str) -> None:
    wrong = WrongActivation("forward", RESULTS[result][0])
    network = Network([("fc", 4, 5), ("chain", [wrong]), ("fc", 5, 3)])
    with pytest.raises(
        (ArgumentError, ShapeError), match=r"'chain1\.wrongactivation1' must return"
    ):
        network.predict(X)


# Asking a network --------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [0, 1])
def test_few_rows_are_answered_by_as_few(rows: int) -> None:
    assert Network(LAYERS).predict(X[:rows]).shape == (rows, 3)


@pytest.mark.parametrize(
    "x",
    ["x", None, [["a"] * 4], [[1, 2, 3, 4], [1]], X.astype(complex), np.ma.masked_less(X, 0.5)],
    ids=["text", "None", "texts", "ragged", "complex", "masked"],
)
def test_what_is_no_array_of_numbers_is_not_answered(x: Any) -> None:
    network = Network(LAYERS)
    for ask in (network.forward, network.predict):
        with pytest.raises(DataError, match="samples"):
            ask(x)


@pytest.mark.parametrize("value", [1e30, -1e30, 1e-45, -0.0, np.float16(6e4)])
@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu"])
def test_extreme_samples_have_finite_answers(value: float, activation: str) -> None:
    network = Network([("fc", 4, 5), activation, ("fc", 5, 3)])
    assert np.isfinite(network.predict(np.full((2, 4), value))).all()


@pytest.mark.parametrize("shape", [(19, 3), (20, 2), (3,), ()])
def test_a_gradient_of_another_shape_than_the_outputs_is_refused(shape: tuple[int, ...]) -> None:
    network = Network(LAYERS)
    network.forward(X, training=True)
    with pytest.raises(ShapeError, match=r"\(20, 3\), but it has") as caught:
        network.backprop(np.zeros(shape, np.float32))
    assert caught.value.got == shape


def test_backward_may_be_called_again_but_not_first() -> None:
    network = Network(LAYERS)
    with pytest.raises(CallOrderError, match="call forward with training=True before"):
        network.backprop(np.zeros((20, 3), np.float32))
    dy = network.forward(X, training=True).copy()
    network.backprop(dy)
    first = network.parameters().grad.copy()
    network.backprop(dy)
    assert first.any()
    np.testing.assert_array_equal(network.parameters().grad, first)


def test_predictions_leave_what_a_training_forward_kept() -> None:
    network = Network(LAYERS)
    dy = network.forward(X, training=True).copy()
    network.backprop(dy)
    expected = network.parameters().grad.copy()
    network.forward(X, training=True)
    network.predict(X[:7] + 1)
    network.forward(X[::-1])
    with pytest.raises(ShapeError):
        network.forward(X[:, :3], training=True)
    network.backprop(dy)
    np.testing.assert_array_equal(network.parameters().grad, expected)


def test_only_the_last_training_forward_is_gone_back_through() -> None:
    network = Network(LAYERS)
    dy = network.forward(X, training=True).copy()
    network.forward(X[:7], training=True)
    with pytest.raises(ShapeError, match=r"\(7, 3\), but it has \(20, 3\)"):
        network.backprop(dy)
    network.backprop(dy[:7])
    expected = network.parameters().grad.copy()
    again = Network(LAYERS)
    again.forward(X[:7], training=True)
    again.backprop(dy[:7])
    np.testing.assert_array_equal(again.parameters().grad, expected)


# Training ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("network", [None, "fc", LAYERS, Network])
def test_a_trainer_trains_a_network(network: Any) -> None:
    with pytest.raises(ArgumentError, match="trains a Network") as caught:
        Trainer(network)
    assert caught.value.argument == "network"


@pytest.mark.parametrize("piece", ["loss", "optimizer", "policy"])
@pytest.mark.parametrize("value", [None, 0.1, {}, []])
def test_a_piece_that_is_no_component_is_refused(piece: str, value: Any) -> None:
    with pytest.raises(ArgumentError, match="is given as an object, its name") as caught:
        trainer(**{piece: value})
    assert caught.value.value == value


@pytest.mark.parametrize("hooks", [None, 5])
def test_hooks_are_a_list(hooks: Any) -> None:
    with pytest.raises(ArgumentError, match="must be a list"):
        trainer(hooks=hooks)


@pytest.mark.parametrize(
    "hook", [None, 5, print, object()], ids=["None", "number", "function", "object"]
)
def test_a_hook_that_would_never_be_called_is_refused(hook: Any) -> None:
    with pytest.raises(HookError, match=r"never be called.*plugnet_step_end"):
        trainer(hooks=[hook]).fit(X, Y, 1)


class Arraylike:
    """What pandas' and others' objects are to NumPy."""

    def __init__(self, array: Array) -> None:
        self.array = array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return self.array if dtype is None else self.array.astype(dtype)


class Refusing:
    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        raise RuntimeError("call detach() first")


def test_foreign_objects_count_as_the_array_they_give() -> None:
    plain, foreign = trainer(), trainer()
    plain.fit(X, Y, 3)
    foreign.fit(Arraylike(X), Arraylike(Y), 3)
    assert foreign.history.loss == plain.history.loss
    with pytest.raises(DataError, match=r"samples cannot be turned.*detach"):
        plain.fit(Refusing(), Y, 1)


def wrong_pairs() -> Iterator[Any]:
    """Pairs of samples and targets that do not fit the network, and what the error says."""
    yield pytest.param(X[:, :3], Y, ShapeError, r"\(20, 3\)", id="features")
    yield pytest.param(X[0], Y[0], DataError, "one row per sample", id="one sample, no row")
    yield pytest.param(X[:0], Y[:0], DataError, "at least one sample", id="nothing")
    yield pytest.param([], [], DataError, "one row per sample", id="empty lists")
    yield pytest.param(X, Y[:19], DataError, r"\(19,\)", id="rows")
    yield pytest.param(X, Y[:, None, None], DataError, r"\(20, 1, 1\)", id="axes")
    yield pytest.param(X, ONE_HOT[:, :2], ShapeError, r"\(20, 2\)", id="columns")
    yield pytest.param(X, Y * 0.5, ShapeError, r"targets\.astype\(int\)", id="real ids")
    yield pytest.param(X, list("abcde" * 4), DataError, "'a', 'b', 'c', 'd', 'e'", id="names")
    yield pytest.param(X, np.full(20, 2**63, np.uint64), DataError, "[Rr]ow 0", id="huge ids")
    yield pytest.param(X, np.where(ONE_HOT > 0, np.nan, 0), DataError, "row 0 has none", id="NaN")


@pytest.mark.parametrize(("x", "y", "error", "says"), list(wrong_pairs()))
def test_all_data_are_checked_before_the_first_iteration(
    x: Any, y: Any, error: type[Exception], says: str
) -> None:
    trained = trainer()
    before = values(trained.network)
    with pytest.raises(error, match=says):
        trained.fit(x, y, 5)
    with pytest.raises(error, match=says):
        trained.fit(X, Y, 5, test=(x, y))
    with pytest.raises(error, match=says):
        trained.evaluate(x, y)
    assert trained.iteration == 0
    for value, old in zip(values(trained.network), before, strict=True):
        np.testing.assert_array_equal(value, old)


def test_a_class_without_an_output_is_named_by_its_row_in_the_data() -> None:
    ids = Y.copy()
    ids[13] = 3
    with pytest.raises(DataError, match=r"from 0 to 2 .* but row 13 has 3") as caught:
        trainer().fit(X, ids, 1)
    assert caught.value.row == 13


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint64, np.bool_, np.float16])
def test_one_hot_rows_of_any_type_mean_the_same(dtype: Any) -> None:
    expected = trainer().fit(X, ONE_HOT, 3).loss
    assert trainer().fit(X, ONE_HOT.astype(dtype), 3).loss == expected


def test_negative_weights_of_classes_are_refused() -> None:
    trained = trainer()
    with pytest.raises(DataError, match=r"0 \.\. inf, but row \d has"):
        trained.fit(X, -ONE_HOT, 3)
    assert trained.iteration == 0


def test_what_went_before_divergence_can_be_saved(tmp_path: Path) -> None:
    trained = trainer(policy=("fixed", 1e6), loss="least_square_error")
    trained.fit(X, ONE_HOT, 1)
    with pytest.raises(DivergenceError):
        trained.fit(X, ONE_HOT, 200)
    trained.save(tmp_path / "run")
    again = Trainer.resume(tmp_path / "run")
    assert again.history.loss == trained.history.loss
    assert again.iteration == trained.iteration == 1
