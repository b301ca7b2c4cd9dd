"""Network: building, shapes, the three verbs, description and files."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plugnet import Network, Parameter, registry
from plugnet.arrays import Array, Shape
from plugnet.errors import (
    ArgumentError,
    FileFormatError,
    ShapeError,
    SpecError,
    UnknownComponentError,
)
from plugnet.interfaces import Layer
from plugnet.parameter import Statistic
from tests.layers import Same

LAYERS: list[Any] = [("fc", 6, 5), "tanh", ("fc", 5, 3)]


def test_names_tuples_objects_and_specs_build_the_same_network() -> None:
    fc = registry.layers.build("fc", 6, 5)
    tanh = registry.activations.build("tanh")
    spelled = [
        registry.spec(fc),
        tanh,
        {"kind": "layer", "name": "fc", "args": {"inputs": 5, "outputs": 3}},
    ]
    wrapped = [["fc", 6, {"outputs": 5}], ("activation", "tanh"), ("fc", 5, 3)]
    expected = Network(LAYERS).spec()
    assert Network(spelled).spec() == expected
    assert Network(wrapped).spec() == expected
    assert Network([fc, "activation:tanh", ("fc", 5, 3)]).spec() == expected


def test_layers_are_named_by_what_they_are_and_counted() -> None:
    network = Network([("fc", 6, 5), "tanh", ("fc", 5, 5), "tanh", ("fc", 5, 3), "relu"])
    assert network.layer_names == ("fc1", "tanh1", "fc2", "tanh2", "fc3", "relu1")
    assert list(network.parameters())[:3] == ["fc1.weight", "fc1.bias", "fc2.weight"]


def test_the_tutorials_network_has_42310_parameters_and_84400_flops() -> None:
    network = Network([("fc", 784, 50), "tanh", ("fc", 50, 50), "tanh", ("fc", 50, 10)])
    assert network.parameters().value.shape == (42310,)
    summary = network.summary()
    assert "42,310" in summary
    assert f"{2 * (784 * 50 + 50 * 50 + 50 * 10) + 110:,}" in summary
    assert max(map(len, summary.splitlines())) <= 80


def test_the_input_shape_is_given_or_comes_from_layer_or_data() -> None:
    assert Network(LAYERS).input_shape == (6,)
    assert Network([("fc", None, 4)], input_shape=(6,)).output_shape == (4,)
    network = Network([("fc", None, 4)])
    assert network.input_shape is None
    network.forward(np.zeros((2, 6)))
    assert network.state()["fc1.weight"].shape == (6, 4)
    with pytest.raises(ShapeError, match="not known"):
        Network([("fc", None, 4)]).parameters()


def test_images_are_flattened_for_a_network_of_flat_inputs() -> None:
    network = Network([("fc", 12, 4)])
    x = np.random.default_rng(0).random((3, 2, 6, 1), dtype=np.float32)
    np.testing.assert_array_equal(network.forward(x), network.forward(x.reshape(3, 12)))


def test_forward_equals_the_formula() -> None:
    network = Network(LAYERS, dtype="float64")
    x = np.random.default_rng(1).normal(size=(4, 6))
    w = network.state()
    hidden = np.tanh(x @ w["fc1.weight"] + w["fc1.bias"])
    expected = hidden @ w["fc2.weight"] + w["fc2.bias"]
    for training in (False, True):
        np.testing.assert_allclose(network.forward(x, training), expected, rtol=1e-14)


def test_backprop_equals_central_differences_for_parameters_and_input() -> None:
    network = Network(LAYERS, dtype="float64", seed=2)
    rng = np.random.default_rng(2)
    x, dy = rng.normal(size=(4, 6)), rng.normal(size=(4, 3))
    network.forward(x, training=True)
    dx = network.backprop(dy, inputs=True)
    assert dx is not None

    def numeric(array: Array) -> Array:
        result = np.empty_like(array)
        for index in np.ndindex(array.shape):
            kept, sides = array[index], []
            for step in (1e-6, -1e-6):
                array[index] = kept + step
                sides.append(np.sum(network.forward(x) * dy))
            array[index] = kept
            result[index] = (sides[0] - sides[1]) / 2e-6
        return result

    np.testing.assert_allclose(dx, numeric(x), rtol=1e-7, atol=1e-9)
    for path, parameter in network.parameters().items():
        np.testing.assert_allclose(
            parameter.grad, numeric(parameter.value), rtol=1e-7, atol=1e-9, err_msg=path
        )


class Probe(Same):
    """Counts what the network asks of it."""

    def __init__(self, trained: bool) -> None:
        self.trained = trained
        self.calls: list[str] = []

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        self.scale = Parameter(np.ones(shape, dtype), trainable=self.trained)

    def parameters(self) -> dict[str, Parameter]:
        return {"scale": self.scale}

    def gradients(self, dy: Array) -> None:
        self.calls.append("gradients")

    def backward(self, dy: Array) -> Array:
        self.calls.append("backward")
        return dy


def test_no_gradient_is_computed_that_nobody_reads() -> None:
    probes = [Probe(False), Probe(True), Probe(False), Probe(True)]
    network = Network(probes, input_shape=(3,))
    network.forward(np.zeros((2, 3)), training=True)
    assert network.backprop(np.zeros((2, 3), np.float32)) is None
    assert [probe.calls for probe in probes] == [
        [],
        ["gradients"],
        ["backward"],
        ["gradients", "backward"],
    ]


def test_untrained_arrays_are_parameters_and_in_the_state_too() -> None:
    network = Network([Probe(False), ("fc", 3, 2)], input_shape=(3,))
    paths = ["probe1.scale", "fc1.weight", "fc1.bias"]
    assert list(network.parameters()) == list(network.state()) == paths
    assert [p.trainable for p in network.parameters().values()] == [False, True, True]


def test_predict_in_blocks_equals_forward() -> None:
    network = Network(LAYERS, dtype="float64")
    x = np.random.default_rng(3).normal(size=(2500, 6))
    np.testing.assert_allclose(network.predict(x), network.forward(x), rtol=1e-13)


def test_forward_for_others_does_not_disturb_a_pending_backward() -> None:
    rng = np.random.default_rng(5)
    x, dy = rng.random((4, 6)), rng.random((4, 3)).astype(np.float32)
    network = Network([("fc", 6, 5), "relu", ("fc", 5, 3)])
    network.forward(x, training=True)
    network.backprop(dy)
    expected = network.parameters().grad.copy()
    network.forward(x, training=True)
    network.forward(rng.random((9, 6)))
    network.backprop(dy)
    np.testing.assert_array_equal(network.parameters().grad, expected)


def test_networks_of_different_batch_sizes_live_side_by_side() -> None:
    one, two = Network(LAYERS), Network(LAYERS)
    rng = np.random.default_rng(0)
    small, large = rng.random((2, 6)), rng.random((50, 6))
    first = one.forward(small, training=True)
    kept = first.copy()
    two.forward(large, training=True)
    np.testing.assert_array_equal(first, kept)


def test_same_seed_same_parameters_and_another_seed_others() -> None:
    first, same, other = (Network(LAYERS, seed=seed).state()["fc2.weight"] for seed in (7, 7, 8))
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).max() > 0.01


def test_the_global_generator_is_left_alone() -> None:
    before = np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002
    Network(LAYERS).forward(np.zeros((1, 6)))
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # type: ignore[index]  # noqa: NPY002


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_everything_stays_in_the_networks_dtype(dtype: str) -> None:
    network = Network(LAYERS, dtype=dtype)
    y = network.forward(np.ones((2, 6), np.float16), training=True)
    network.backprop(np.ones_like(y))
    assert y.dtype == dtype
    assert {p.value.dtype.name for p in network.parameters().values()} == {dtype}
    assert {p.grad.dtype.name for p in network.parameters().values()} == {dtype}


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x[::2],
        lambda x: np.asfortranarray(x)[:5],
        lambda x: x[:5].tolist(),
        lambda x: np.matrix(x[:5]),
        lambda x: np.broadcast_to(x[:1], (5, 6)),
    ],
    ids=["strided", "fortran", "list", "matrix", "zero stride"],
)
@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_inputs_of_any_layout_are_read_right_and_never_changed(make: Any) -> None:
    source = np.random.default_rng(0).random((10, 6))
    x = make(source)
    plain = np.array(x, np.float32)
    if isinstance(x, np.ndarray):
        x.flags.writeable = False
    network = Network(LAYERS)
    np.testing.assert_array_equal(network.forward(x, training=True), network.forward(plain))
    np.testing.assert_array_equal(np.array(x, np.float32), plain)


def test_layers_that_do_not_fit_are_named_with_both_shapes() -> None:
    with pytest.raises(ShapeError) as caught:
        Network([("fc", 784, 60), "tanh", ("fc", 50, 10)])
    message = str(caught.value)
    for part in ("'fc2'", "'tanh1'", "(60,)", "50"):
        assert part in message
    assert caught.value.layer == "fc2"
    assert caught.value.got == (60,)


@pytest.mark.parametrize("x", [np.zeros((3, 7)), np.zeros(6), np.zeros((3, 6, 2)), 1.0])
def test_samples_of_the_wrong_shape_are_refused(x: object) -> None:
    with pytest.raises(ShapeError, match=r"\(6,\)"):
        Network(LAYERS).forward(x)


@pytest.mark.parametrize("shape", [(0,), (-3,), (), (2.5,), (True,), 784, "784"])
def test_an_input_shape_must_be_positive_sizes(shape: Any) -> None:
    with pytest.raises(ShapeError, match="positive whole numbers"):
        Network([("fc", None, 3)], input_shape=shape)


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        ({"layers": []}, "layers"),
        ({"layers": LAYERS, "dtype": "int32"}, "dtype"),
        ({"layers": LAYERS, "dtype": "flaot"}, "dtype"),
        ({"layers": LAYERS, "seed": -1}, "seed"),
        ({"layers": LAYERS, "seed": True}, "seed"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], culprit: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        Network(**arguments)
    assert caught.value.argument == culprit


def test_a_layer_may_not_stand_twice() -> None:
    layer = registry.layers.build("fc", 6, 6)
    with pytest.raises(ArgumentError, match="'fc1' is used in a second place, 'fc2'"):
        Network([layer, "tanh", layer])


def test_a_layer_belongs_to_one_network_which_keeps_its_parameters() -> None:
    network = Network(LAYERS)
    before = network.predict(np.ones((1, 6)))
    with pytest.raises(ArgumentError, match=r"'fc1'.*belongs to another network"):
        Network(network.layers[:2])
    np.testing.assert_array_equal(network.predict(np.ones((1, 6))), before)


def test_layers_of_a_network_that_could_not_be_built_are_free_again() -> None:
    layer = registry.layers.build("fc", 6, 5)
    with pytest.raises(ShapeError):
        Network([layer, ("fc", 4, 3)])
    assert Network([layer, ("fc", 5, 3)]).output_shape == (3,)


class Two(Layer):
    """Gives its parameters the names that it is told."""

    def __init__(self, names: tuple[str, str] = ("a", "b"), tied: bool = False) -> None:
        self.names, self.tied = names, tied

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        first, second = (Parameter(rng.random(shape).astype(dtype)) for _ in range(2))
        self.pair = (first, first if self.tied else second)

    def parameters(self) -> dict[str, Parameter]:
        return dict(zip(self.names, self.pair, strict=True))

    def forward(self, x: Array, training: bool = False) -> Array:
        return x * self.pair[0].value + self.pair[1].value

    def backward(self, dy: Array) -> Array:
        return dy * self.pair[0].value


def test_a_layer_with_parameters_must_write_gradients() -> None:
    network = Network([Two()], input_shape=(3,))
    network.forward(np.ones((2, 3)), training=True)
    with pytest.raises(NotImplementedError, match=r"Two has parameters, .* implement gradients"):
        network.backprop(np.ones((2, 3), np.float32))


@pytest.mark.parametrize("name", ["w.1", "", "1", "weight matrix"])
def test_the_name_of_a_parameter_must_be_an_identifier(name: str) -> None:
    with pytest.raises(ArgumentError, match=rf"identifier, but layer 'two1' has '{name}'"):
        Network([Two(("a", name))], input_shape=(3,))


def test_a_parameter_may_not_stand_in_two_places() -> None:
    with pytest.raises(ArgumentError, match=r"'two1\.a' is used in a second place, 'two1\.b'"):
        Network([Two(tied=True)], input_shape=(3,))


def test_outputs_are_never_the_callers_own_samples() -> None:
    x = np.ones((2, 2, 3), np.float32)
    network = Network(["flatten"], input_shape=(2, 3))
    network.forward(x)[...] = 0
    network.predict(x)[...] = 0
    assert x.all()


def test_a_layer_beyond_all_memory_is_named() -> None:
    with pytest.raises(ArgumentError, match=r"'fc2'.*memory"):
        Network([("fc", 4, 1000), ("fc", 1000, 10**14)])


def test_an_unknown_layer_is_an_error() -> None:
    with pytest.raises(UnknownComponentError, match="tahn"):
        Network([("fc", 6, 5), "tahn"])


def test_spec_round_trip_gives_an_equal_network() -> None:
    network = Network(LAYERS, seed=3, dtype="float64")
    again = Network.from_spec(network.spec())
    assert again.spec() == network.spec()
    np.testing.assert_array_equal(again.state()["fc1.weight"], network.state()["fc1.weight"])


@pytest.mark.parametrize("spec", [{}, {"kind": "layer"}, {**Network(LAYERS).spec(), "extra": 1}])
def test_a_spec_of_something_else_is_refused(spec: dict[str, Any]) -> None:
    with pytest.raises(SpecError):
        Network.from_spec(spec)


def test_save_and_load_give_the_same_answers(tmp_path: Path) -> None:
    network = Network(LAYERS, seed=5)
    network.parameters().value += 1
    x = np.random.default_rng(0).random((4, 6))
    network.save(tmp_path / "net.safetensors")
    again = Network.load(tmp_path / "net.safetensors")
    np.testing.assert_array_equal(again.forward(x), network.forward(x))
    assert again.layer_names == network.layer_names
    assert list(tmp_path.iterdir()) == [tmp_path / "net.safetensors"]


def test_a_saved_network_is_an_ordinary_safetensors_file(tmp_path: Path) -> None:
    peer = pytest.importorskip("safetensors.numpy")
    network = Network(LAYERS)
    network.save(tmp_path / "net.safetensors")
    arrays = peer.load_file(tmp_path / "net.safetensors")
    assert arrays.keys() == network.state().keys()
    for name, value in network.state().items():
        np.testing.assert_array_equal(arrays[name], value)


def test_loading_what_is_no_network_says_so(tmp_path: Path) -> None:
    from plugnet.files import safetensors

    safetensors.write(tmp_path / "other", {"a": np.zeros(3)}, {})
    with pytest.raises(FileFormatError, match="another program"):
        Network.load(tmp_path / "other")
    with pytest.raises(FileFormatError, match="No such file"):
        Network.load(tmp_path / "absent")


def test_restore_takes_all_arrays_or_none() -> None:
    network = Network(LAYERS)
    before = {name: value.copy() for name, value in network.state().items()}
    wrong = {name: value + 1 for name, value in before.items()} | {"fc2.bias": np.zeros(4)}
    with pytest.raises(ShapeError, match=r"fc2\.bias"):
        network.restore(wrong)
    with pytest.raises(ShapeError, match="Load them"):
        network.restore({"fc1.weight": before["fc1.weight"]})
    for name, value in network.state().items():
        np.testing.assert_array_equal(value, before[name])


class Adapting(Same):
    """Learns the largest sample, and keeps what it was given."""

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        self.largest = Statistic(np.zeros(shape, dtype), momentum=1)
        self.given: list[Array] = []

    @property
    def needs_adapt(self) -> bool:
        return not (self._is_initialized() and self.largest.value.any())

    def parameters(self) -> dict[str, Parameter]:
        return {"largest": self.largest}

    def adapt(self, blocks: Iterable[Array]) -> None:
        self.given = list(blocks)
        self.largest.value = np.max([block.max(axis=0) for block in self.given], axis=0)


def test_the_first_layer_learns_from_samples_as_they_are_stored() -> None:
    layer = Adapting()
    network = Network([layer, ("fc", 6, 2)], (6,))
    assert network.needs_adapt
    network.adapt(np.arange(24, dtype=np.int16).reshape(4, 3, 2))  # images of 6 numbers
    assert not network.needs_adapt
    assert [(block.dtype, block.shape) for block in layer.given] == [(np.int16, (4, 6))]
    assert network.state()["adapting1.largest"].tolist() == [18, 19, 20, 21, 22, 23]


def test_networks_that_learn_nothing_from_samples_stay_as_they_are() -> None:
    network = Network(LAYERS)
    before = {path: value.copy() for path, value in network.state().items()}
    assert (network.needs_adapt, network.fills_missing) == (False, False)
    assert network.sample_dtype == np.float32
    network.adapt(np.ones((2, 6)) * [1, 2, 3, 4, 5, 6])
    for path, value in network.state().items():
        np.testing.assert_array_equal(value, before[path])
    with pytest.raises(ShapeError, match=r"shape \(6,\)"):
        network.adapt(np.eye(3, 5))


class Stored(Same):
    """Takes samples as they are stored, and gives them back in a dtype of the test's choice."""

    takes_stored = True

    def __init__(self, dtype: str = "float32") -> None:
        self.dtype = dtype
        self.seen: list[object] = []

    def forward(self, x: Array, training: bool = False) -> Array:
        self.seen.append((x.dtype, x.flags.c_contiguous))
        return x.astype(self.dtype)


@pytest.mark.parametrize("training", [False, True])
def test_a_layer_may_take_samples_as_they_are_stored(training: bool) -> None:
    layer = Stored()
    network = Network([("chain", [layer, "tanh"]), ("fc", 3, 2)], (3,))
    plain = Network([("chain", [("rescale", 1), "tanh"]), ("fc", 3, 2)], (3,))
    assert network.sample_dtype is None
    x = np.arange(12.0).reshape(4, 3)
    for given in (x, x.astype(np.uint8), x.reshape(3, 4).T):
        layer.seen.clear()
        y = network.forward(given, training)
        np.testing.assert_array_equal(y, plain.forward(given, training))
        assert layer.seen == [(given.dtype, True)]  # and so it is called once


def test_a_layer_that_takes_stored_samples_must_give_the_networks_dtype() -> None:
    network = Network([Stored("float64"), ("fc", 3, 2)], (3,))
    with pytest.raises(ArgumentError, match=r"Stored.*'stored1' .* float64 for float32"):
        network.forward(np.eye(3), training=True)
    with pytest.raises(ArgumentError, match=r"Stored.*'stored1' .* float64 for float32"):
        network.forward(np.eye(3, dtype=np.uint8))
