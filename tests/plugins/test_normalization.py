"""Batch and layer normalization against PyTorch, by hand and by central differences."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.layers import perturbed

from plugnet import Network, Trainer, registry
from plugnet.arrays import Array, Shape
from plugnet.errors import ArgumentError, CallOrderError, ShapeError
from plugnet.interfaces import Layer
from plugnet.parameter import Parameter, Statistic

SHAPES: list[Shape] = [(5,), (3, 4, 5), (1, 2, 3), (7, 2)]

both = pytest.mark.parametrize("name", ["batch_norm", "layer_norm"])
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


def trained(layer: Layer) -> dict[str, Parameter]:
    return {name: p for name, p in layer.parameters().items() if p.trainable}


def commit(layer: Layer) -> None:
    """Move the running values, as a trainer does at the end of a step."""
    for parameter in layer.parameters().values():
        if isinstance(parameter, Statistic):
            parameter.commit()


def values(layer: Layer) -> dict[str, Array]:
    return {name: parameter.value for name, parameter in layer.parameters().items()}


def torch_batch_norm(layer: Layer) -> Any:
    """Return PyTorch's layer in the state of ours, for inputs ``(M, features)``."""
    torch = pytest.importorskip("torch")
    own = values(layer)
    momentum = 1 - float(str(layer.arguments()["momentum"]))
    other = torch.nn.BatchNorm1d(
        len(own["gamma"]), layer.arguments()["epsilon"], momentum, dtype=torch.float64
    )
    other.load_state_dict(
        {
            "weight": torch.tensor(own["gamma"]),
            "bias": torch.tensor(own["beta"]),
            "running_mean": torch.tensor(own["running_mean"]),
            "running_var": torch.tensor(own["running_variance"]),
        },
        strict=False,
    )
    return other


@every_shape
@pytest.mark.parametrize("keywords", [{}, {"momentum": 0.3, "epsilon": 0.01}], ids=str)
def test_batch_norm_is_that_of_pytorch_over_several_steps(
    rng: np.random.Generator, shape: Shape, keywords: dict[str, Any]
) -> None:
    torch = pytest.importorskip("torch")
    layer = perturbed("batch_norm", shape=shape, **keywords)
    other = torch_batch_norm(layer)
    for n in (4, 2, 7):
        x, dy = rng.normal(3, 2, (n, *shape)), rng.normal(size=(n, *shape))
        rows = torch.tensor(x.reshape(-1, shape[-1])).requires_grad_(True)
        expected = other(rows)
        other.zero_grad()
        expected.backward(torch.tensor(dy.reshape(-1, shape[-1])))
        y = layer.forward(x, training=True)
        np.testing.assert_allclose(y, expected.detach().numpy().reshape(x.shape), rtol=1e-11)
        layer.gradients(dy)
        gamma, beta, mean, variance = layer.parameters().values()
        np.testing.assert_allclose(gamma.grad, other.weight.grad, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(beta.grad, other.bias.grad, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(
            layer.backward(dy), rows.grad.numpy().reshape(x.shape), rtol=1e-9, atol=1e-12
        )
        commit(layer)
        np.testing.assert_allclose(mean.value, other.running_mean, rtol=1e-12)
        np.testing.assert_allclose(variance.value, other.running_var, rtol=1e-12)
    other.eval()
    x = rng.normal(3, 2, (3, *shape))
    expected = other(torch.tensor(x.reshape(-1, shape[-1]))).detach().numpy().reshape(x.shape)
    np.testing.assert_allclose(layer.forward(x), expected, rtol=1e-11)


@every_shape
@pytest.mark.parametrize("n", [1, 4])
@pytest.mark.parametrize("epsilon", [1e-5, 0.1])
def test_layer_norm_is_that_of_pytorch_over_the_last_axis(
    rng: np.random.Generator, shape: Shape, n: int, epsilon: float
) -> None:
    torch = pytest.importorskip("torch")
    layer = perturbed("layer_norm", shape=shape, epsilon=epsilon)
    x, dy = rng.normal(3, 2, (n, *shape)), rng.normal(size=(n, *shape))
    gamma, beta = layer.parameters().values()
    samples, weight, bias = (
        torch.tensor(array).requires_grad_(True) for array in (x, gamma.value, beta.value)
    )
    expected = torch.nn.functional.layer_norm(samples, shape[-1:], weight, bias, epsilon)
    expected.backward(torch.tensor(dy))
    for training in (False, True):
        y = layer.forward(x, training)
        np.testing.assert_allclose(y, expected.detach().numpy(), rtol=1e-10, atol=1e-13)
    layer.gradients(dy)
    np.testing.assert_allclose(gamma.grad, weight.grad, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(beta.grad, bias.grad, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(layer.backward(dy), samples.grad, rtol=1e-9, atol=1e-12)


@both
@every_shape
@pytest.mark.parametrize("scale", [False, True])
@pytest.mark.parametrize("shift", [False, True])
def test_gradients_agree_with_central_differences(
    rng: np.random.Generator,
    numerical_gradient: Callable[..., Array],
    name: str,
    shape: Shape,
    scale: bool,
    shift: bool,
) -> None:
    layer = perturbed(name, shape=shape, scale=scale, shift=shift)
    x, dy = rng.normal(3, 2, (3, *shape)), rng.normal(size=(3, *shape))
    assert list(trained(layer)) == ["gamma"] * scale + ["beta"] * shift
    layer.forward(x, training=True)
    layer.gradients(dy)
    dx = layer.backward(dy).copy()

    def scalar() -> Any:
        return np.vdot(layer.forward(x, training=True), dy)

    np.testing.assert_allclose(dx, numerical_gradient(scalar, x), rtol=1e-5, atol=1e-7)
    for parameter in trained(layer).values():
        expected = numerical_gradient(scalar, parameter.value)
        np.testing.assert_allclose(parameter.grad, expected, rtol=1e-5, atol=1e-7)


def test_batch_norm_by_hand() -> None:
    layer = registry.layers.build("batch_norm", momentum=0.75, epsilon=1.0)
    layer.initialize((2,), np.random.default_rng(0), np.dtype("float64"))
    x = np.array(
        [[1.0, 10.0], [3.0, 10.0], [5.0, 10.0], [7.0, 10.0]]
    )  # means 4, 10; variances 5, 0
    y = layer.forward(x, training=True)
    np.testing.assert_allclose(y[:, 0], np.array([-3, -1, 1, 3]) / np.sqrt(6), rtol=1e-14)
    np.testing.assert_allclose(y[:, 1], 0, atol=1e-14)
    commit(layer)
    _, _, mean, variance = layer.parameters().values()
    np.testing.assert_allclose(mean.value, [1, 2.5])
    np.testing.assert_allclose(variance.value, [0.75 + 0.25 * 20 / 3, 0.75])
    mean.value[:], variance.value[:] = [1, 2], [3, 8]
    np.testing.assert_allclose(layer.forward(np.array([[5.0, 5.0]])), [[2, 1]], rtol=1e-14)


def test_layer_norm_by_hand() -> None:
    layer = registry.layers.build("layer_norm", epsilon=1.0)
    layer.initialize((4,), np.random.default_rng(0), np.dtype("float64"))
    y = layer.forward(np.array([[1.0, 3.0, 5.0, 7.0], [2.0, 2.0, 2.0, 2.0]]))
    np.testing.assert_allclose(y, [np.array([-3, -1, 1, 3]) / np.sqrt(6), [0] * 4], atol=1e-14)


@both
def test_gamma_and_beta_start_neutral_and_are_exempt_from_decay(name: str) -> None:
    layer = registry.layers.build(name)
    layer.initialize((3,), np.random.default_rng(0), np.dtype("float32"))
    gamma, beta = (layer.parameters()[name] for name in ("gamma", "beta"))
    assert (gamma.value.tolist(), gamma.decay_mult) == ([1] * 3, 0)
    assert (beta.value.tolist(), beta.decay_mult) == ([0] * 3, 0)


def test_running_values_are_saved_but_not_trained() -> None:
    network = Network([("fc", 4, 3), "batch_norm"])
    names = [name for name, parameter in network.parameters().items() if parameter.trainable]
    assert names == ["fc1.weight", "fc1.bias", "batch_norm1.gamma", "batch_norm1.beta"]
    state = network.state()
    assert state["batch_norm1.running_mean"].tolist() == [0, 0, 0]
    assert state["batch_norm1.running_variance"].tolist() == [1, 1, 1]


def test_only_a_training_step_moves_the_running_values(
    rng: np.random.Generator,
) -> None:
    network = Network([("batch_norm", {"scale": False, "shift": False})], input_shape=(3,))
    before = {name: value.copy() for name, value in network.state().items()}
    x, y = rng.normal(size=(6, 3)), rng.integers(0, 3, 6)
    network.predict(x)
    network.forward(x, training=True)
    network.backprop(np.ones((6, 3), np.float32))
    for name, value in network.state().items():
        np.testing.assert_array_equal(value, before[name])
    Trainer(network, batch_size=6).fit(x, y, 1)
    for name, value in network.state().items():
        assert (value != before[name]).all()


@both
def test_frozen_ones_get_no_gradient_but_running_values_move(
    rng: np.random.Generator, name: str
) -> None:
    network = Network(
        [("fc", 4, 3), name, ("fc", 3, 2)], parameters={f"{name}1.*": {"trainable": False}}
    )
    before = {path: value.copy() for path, value in network.state().items()}
    Trainer(network, batch_size=10).fit(rng.normal(size=(20, 4)), rng.integers(0, 2, 20), 3)
    for path in (f"{name}1.gamma", f"{name}1.beta"):
        assert not network.parameters()[path].grad.any()
        np.testing.assert_array_equal(network.state()[path], before[path])
    for path, value in network.state().items():
        if "running" in path or path == "fc1.weight":
            assert (value != before[path]).all()


@both
@pytest.mark.parametrize("frozen", ["gamma", "beta"])
def test_either_of_gamma_and_beta_can_be_frozen_alone(
    rng: np.random.Generator, name: str, frozen: str
) -> None:
    layer, whole = perturbed(name, shape=(4,)), perturbed(name, shape=(4,))
    layer.parameters()[frozen].trainable = False
    x, dy = rng.normal(size=(2, 5, 4))
    layer.forward(x, training=True)
    whole.forward(x, training=True)
    np.testing.assert_array_equal(layer.backprop(dy, True), whole.backprop(dy, True))
    for own, parameter in layer.parameters().items():
        expected = 0 if own == frozen else whole.parameters()[own].grad
        np.testing.assert_array_equal(parameter.grad, expected)


def test_running_values_converge_to_those_of_the_data(rng: np.random.Generator) -> None:
    layer = perturbed("batch_norm", shape=(2,))
    for _ in range(200):
        layer.forward(rng.normal([1, -2], [3, 0.5], (500, 2)), training=True)
        commit(layer)
    np.testing.assert_allclose(values(layer)["running_mean"], [1, -2], atol=0.15)
    np.testing.assert_allclose(values(layer)["running_variance"], [9, 0.25], rtol=0.1)


def test_one_value_per_feature_is_refused_in_training_only(rng: np.random.Generator) -> None:
    network = Network(["batch_norm"], input_shape=(3,))
    before = {name: value.copy() for name, value in network.state().items()}
    for _ in range(2):
        with pytest.raises(ShapeError, match="at least 2 values of each feature") as caught:
            network.forward(np.ones((1, 3)), training=True)
        assert caught.value.got == (1, 3)
    with pytest.raises(ShapeError, match="Train with larger batches"):
        Trainer(network, batch_size=1).fit(rng.normal(size=(4, 3)), np.arange(4) % 3, 1)
    for name, value in network.state().items():
        np.testing.assert_array_equal(value, before[name])
    assert network.forward(np.ones((1, 3))).shape == (1, 3)
    images = Network(["batch_norm"], input_shape=(2, 2, 3))
    assert images.forward(np.ones((1, 2, 2, 3)), training=True).shape == (1, 2, 2, 3)


@both
@pytest.mark.parametrize("options", [{}, {"scale": False}, {"shift": False}], ids=str)
@pytest.mark.parametrize("prepared", [False, True])
def test_backprop_gives_what_gradients_and_backward_give(
    rng: np.random.Generator, name: str, options: dict[str, Any], prepared: bool
) -> None:
    layer, other = (perturbed(name, shape=(3, 4), **options) for _ in range(2))
    if prepared:
        layer.prepare((5, 3, 4), np.dtype("float64"))
    for _ in range(2):
        x, dy = rng.normal(size=(2, 5, 3, 4))
        y = layer.forward(x, training=True)
        np.testing.assert_array_equal(y, other.forward(x, training=True))
        dx = layer.backprop(dy, True)
        np.testing.assert_array_equal(dx, other.backward(dy))
        other.gradients(dy)
        assert dx is not None
        assert not np.shares_memory(dx, dy)
        for one, another in zip(trained(layer).values(), trained(other).values(), strict=True):
            np.testing.assert_array_equal(one.grad, another.grad)
            one.grad.fill(7)
        assert layer.backprop(dy, False) is None
        for one, another in zip(trained(layer).values(), trained(other).values(), strict=True):
            np.testing.assert_array_equal(one.grad, another.grad)


@both
def test_evaluation_leaves_what_a_pending_backward_reads(
    rng: np.random.Generator, name: str
) -> None:
    layer = perturbed(name, shape=(4,))
    y = layer.forward(rng.normal(size=(5, 4)), training=True)
    before, dy = y.copy(), rng.normal(size=(5, 4))
    layer.gradients(dy)
    dx = layer.backward(dy).copy()
    own = layer.forward(rng.normal(size=(6, 4)))
    assert not np.shares_memory(own, y)
    np.testing.assert_array_equal(y, before)
    np.testing.assert_array_equal(layer.backward(dy), dx)


@both
@every_shape
def test_float32_stays_float32_and_inputs_stay_as_they_are(
    rng: np.random.Generator, name: str, shape: Shape
) -> None:
    layer = perturbed(name, shape=shape, dtype="float32")
    x, dy = rng.normal(3, 2, (2, 4, *shape)).astype("float32")
    kept = x.copy(), dy.copy()
    x.flags.writeable = dy.flags.writeable = False
    y = layer.forward(x, training=True)
    layer.gradients(dy)
    assert layer.forward(x).dtype == y.dtype == layer.backward(dy).dtype == np.float32
    for parameter in layer.parameters().values():
        assert parameter.value.dtype == parameter.grad.dtype == np.float32
    np.testing.assert_array_equal(x, kept[0])
    np.testing.assert_array_equal(dy, kept[1])


@both
@every_shape
def test_arrays_need_not_be_contiguous(rng: np.random.Generator, name: str, shape: Shape) -> None:
    x, dy = rng.normal(size=(2, *shape, 4))
    layer, other = perturbed(name, shape=shape), perturbed(name, shape=shape)
    x, dy = np.moveaxis(x, -1, 0), np.moveaxis(dy, -1, 0)  # (4, *shape), strided
    for training in (False, True):
        expected = other.forward(x.copy(), training)
        np.testing.assert_allclose(layer.forward(x, training), expected, rtol=1e-10, atol=1e-13)
    layer.gradients(dy)
    same = dy.copy()
    other.gradients(same)
    for one, another in zip(trained(layer).values(), trained(other).values(), strict=True):
        np.testing.assert_allclose(one.grad, another.grad, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(layer.backward(dy), other.backward(same), rtol=1e-9, atol=1e-12)


@both
def test_large_offsets_do_not_spoil_the_variance_in_float32(
    rng: np.random.Generator, name: str
) -> None:
    layer = registry.layers.build(name)
    layer.initialize((50,), rng, np.dtype("float32"))
    x = (1000 + rng.normal(size=(50, 50))).astype("float32")
    axis = 0 if name == "batch_norm" else 1
    exact = x.astype("float64")
    expected = (exact - exact.mean(axis, keepdims=True)) / exact.std(axis, keepdims=True)
    np.testing.assert_allclose(layer.forward(x, training=True), expected, atol=1e-3)


@both
@pytest.mark.parametrize("shape", [(1024,), (16, 16, 20)], ids=str)
def test_warm_step_allocates_nothing_large(
    rng: np.random.Generator, name: str, shape: Shape, meter: Any
) -> None:
    layer = perturbed(name, shape=shape, dtype="float32")
    x = rng.normal(size=(64, *shape)).astype("float32")
    layer.prepare(x.shape, x.dtype)

    with meter:
        for _ in range(2):
            layer.forward(x, training=True)
            layer.backprop(x, True)
            meter.plugnet_step_end()
    assert meter.rises[-1] < x.nbytes / 4


@both
def test_spec_round_trip_through_json(name: str) -> None:
    layer = registry.layers.build(name, epsilon=0.01, shift=False)
    again = registry.from_spec(json.loads(json.dumps(registry.spec(layer))))
    assert type(again) is type(layer)
    assert again.arguments() == layer.arguments()


@both
@pytest.mark.parametrize(
    ("keywords", "culprit"),
    [
        ({"epsilon": 0}, "epsilon"),
        ({"epsilon": float("nan")}, "epsilon"),
        ({"scale": 1}, "scale"),
        ({"shift": None}, "shift"),
    ],
    ids=str,
)
def test_bad_arguments_are_refused_by_name(
    name: str, keywords: dict[str, Any], culprit: str
) -> None:
    with pytest.raises(ArgumentError) as caught:
        registry.layers.build(name, **keywords)
    assert caught.value.argument == culprit


@pytest.mark.parametrize("momentum", [1, -0.1, True, float("inf")])
def test_momentum_lies_between_0_and_1(momentum: Any) -> None:
    with pytest.raises(ArgumentError, match="momentum"):
        registry.layers.build("batch_norm", momentum)


@both
def test_calls_out_of_order_are_refused(name: str) -> None:
    layer = registry.layers.build(name)
    with pytest.raises(CallOrderError, match="initialize"):
        layer.forward(np.ones((2, 5)))
    layer = perturbed(name, shape=(5,))
    layer.forward(np.ones((2, 5)))
    with pytest.raises(CallOrderError, match="training=True"):
        layer.backprop(np.ones((2, 5)), True)


@pytest.mark.parametrize(("mean", "deviation"), [(0.0, 1.0), (10.0, 1.0), (100.0, 1.0)])
def test_batch_norm_is_accurate_in_float32(
    rng: np.random.Generator, mean: float, deviation: float
) -> None:
    x = (mean + deviation * rng.normal(size=(64, 28, 28, 4))).astype(np.float32)
    layer = registry.layers.build("batch_norm")
    layer.initialize((28, 28, 4), rng, np.dtype("float32"))
    y = layer.forward(x, training=True)
    exact = x.astype(np.float64)
    centred = exact - exact.mean(axis=(0, 1, 2))
    expected = centred / np.sqrt(exact.var(axis=(0, 1, 2)) + 1e-5)
    # No float32 formula can see less than half a unit in the last place of x.
    assert np.abs(y - expected).max() < 5e-6 + np.spacing(np.float32(mean)) / deviation


@pytest.mark.parametrize("mean", [0.0, 1e3, -1e6])
@pytest.mark.parametrize("shape", [(50,), (5, 5, 2)])
def test_batch_norm_predicts_exactly_far_from_zero(
    rng: np.random.Generator, mean: float, shape: tuple[int, ...]
) -> None:
    x = (mean + rng.normal(size=(64, *shape))).astype(np.float32)
    layer = registry.layers.build("batch_norm")
    layer.initialize(shape, rng, np.dtype("float32"))
    gamma, beta, running_mean, variance = layer.parameters().values()
    gamma.value[...], beta.value[...] = 1.5, 0.25
    axes = tuple(range(x.ndim - 1))
    running_mean.value, variance.value = x.mean(axes, np.float64), x.var(axes, np.float64)
    centered = x.astype(np.float64) - running_mean.value
    exact = 1.5 * centered / np.sqrt(variance.value.astype(np.float64) + 1e-5) + 0.25
    np.testing.assert_allclose(layer.forward(x), exact, rtol=1e-6, atol=1e-6)


def test_prediction_is_as_accurate_as_pytorchs_far_from_zero(rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    x = (1e6 + rng.normal(size=(64, 50))).astype(np.float32)
    network = Network(["batch_norm"], input_shape=(50,))
    mean, variance = x.mean(axis=0, dtype=np.float64), x.var(axis=0, dtype=np.float64)
    ours: dict[str, Any] = {
        "running_mean": mean,
        "running_variance": variance,
        "gamma": 1.5,
        "beta": 0.25,
    }
    for name, value in ours.items():
        network.parameters()[f"batch_norm1.{name}"].value[...] = value
    held = {name: p.value.astype(np.float64) for name, p in network.parameters().items()}
    mean, variance = held["batch_norm1.running_mean"], held["batch_norm1.running_variance"]
    exact = 1.5 * (x.astype(np.float64) - mean) / np.sqrt(variance + 1e-5) + 0.25
    theirs = torch.nn.functional.batch_norm(
        torch.tensor(x),
        *(torch.tensor(network.state()[f"batch_norm1.running_{n}"]) for n in ("mean", "variance")),
        *(torch.tensor(network.state()[f"batch_norm1.{n}"]) for n in ("gamma", "beta")),
    )
    error = np.abs(network.predict(x) - exact).max()
    assert error < 1e-6
    assert error <= np.abs(theirs.numpy() - exact).max()
