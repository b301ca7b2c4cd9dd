"""Residual connections and branches: gradients, names, shapes, copies, freezing."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.small import trainer

from plugnet import Network, Trainer, registry
from plugnet.arrays import Array
from plugnet.chain import Chain
from plugnet.cli.config_file import dump, load
from plugnet.errors import ArgumentError, ShapeError, SpecError
from plugnet.interfaces import Layer
from plugnet.parameter import Parameter

EXAMPLES = Path(__file__).parents[2] / "examples"
JOINS = ["concatenate", "sum", "mean", "max", "product"]


def fc(outputs: int, **more: Any) -> tuple[Any, ...]:
    return "fc", {"outputs": outputs, **more}


def chain(*layers: Any) -> list[Any]:
    return ["chain", list(layers)]


BODY = [fc(5), "tanh", fc(4)]
#: Networks for samples of shape (4,).
RESIDUAL: list[Any] = [("residual", BODY)]
SHORTCUT: list[Any] = [("residual", ["tanh", fc(3)], {"shortcut": fc(3, bias=False)})]
LONG_SHORTCUT: list[Any] = [("residual", [fc(3)], chain(fc(6), "sigmoid", fc(3)))]
DEEP: list[Any] = [
    ("residual", [fc(4), ("residual", [fc(6), "tanh", ("residual", [fc(6), "tanh"]), fc(4)])]),
    ("branches", [("residual", BODY), chain("tanh", ("branches", [fc(2), fc(2)]))], "product"),
]
NETWORKS = {
    "residual": RESIDUAL,
    "shortcut": SHORTCUT,
    "long shortcut": LONG_SHORTCUT,
    "deep": DEEP,
    "one branch": [("branches", [chain(*BODY)])],
    "a branch that is x": [("branches", [("dropout", 0), fc(4), ("dropout", 0)], "sum")],
    **{join: [("branches", [fc(3), chain(*BODY, fc(3)), fc(3)], join)] for join in JOINS},
}
every_network = pytest.mark.parametrize("layers", NETWORKS.values(), ids=NETWORKS)
every_join = pytest.mark.parametrize("join", JOINS)


def both_ways(network: Network, x: Array, dy: Array) -> tuple[Array, Array, dict[str, Array]]:
    """Return copies of y, dx and the gradients of a training pass."""
    y = network.forward(x, training=True).copy()
    dx = network.backprop(dy, inputs=True)
    assert dx is not None
    grads = {path: p.grad.copy() for path, p in network.parameters().items()}
    return y, dx.copy(), grads


# Numbers -----------------------------------------------------------------------------------------


@every_network
@pytest.mark.parametrize("shape", [(4,), (2, 3)], ids=str)
def test_gradients_agree_with_central_differences(
    rng: np.random.Generator,
    numerical_gradient: Callable[..., Array],
    layers: list[Any],
    shape: tuple[int, ...],
) -> None:
    if shape == (2, 3):  # fc would flatten it, so take layers that keep the shape
        layers = [("branches", ["tanh", ("residual", ["sigmoid"])]), "flatten", fc(4), *layers]
    network = Network(layers, shape, "float64")
    for _ in range(2):
        x, dy = rng.normal(size=(3, *shape)), rng.normal(size=(3, *network.output_shapes[-1]))
        y, dx, grads = both_ways(network, x, dy)
        np.testing.assert_array_equal(network.predict(x), y)

    def scalar() -> Any:
        return np.vdot(network.forward(x), dy)

    np.testing.assert_allclose(dx, numerical_gradient(scalar, x), rtol=1e-6, atol=1e-8)
    for path, parameter in network.parameters().items():
        expected = numerical_gradient(scalar, parameter.value)
        np.testing.assert_allclose(grads[path], expected, rtol=1e-6, atol=1e-8, err_msg=path)


@pytest.mark.parametrize(
    ("shortcut", "y", "dx"),
    [(None, [3, 20], [3, 40]), (fc(2, bias=False), [12, 115], [12, 230])],
    ids=["x", "shortcut"],
)
def test_a_residual_by_hand(shortcut: Any, y: list[float], dx: list[float]) -> None:
    """The sample is (1, 5); f multiplies it by (2, 3), the shortcut by (10, 20)."""
    layers = [("residual", [fc(2, bias=False)], {"shortcut": shortcut})]
    network = Network(layers, (2,), "float64")
    for path, parameter in network.parameters().items():
        factors = [10.0, 20.0] if "shortcut" in path else [2.0, 3.0]
        parameter.value = np.diag(factors)
    found, gradient, _ = both_ways(network, np.array([[1.0, 5.0]]), np.array([[1.0, 10.0]]))
    assert (found[0].tolist(), gradient[0].tolist()) == (y, dx)


def test_a_residual_is_that_of_pytorch(rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch")
    network = Network(
        [("residual", [fc(5), "batch_norm", "relu", fc(3)], {"shortcut": fc(3)})], (4,), "float64"
    )
    state = {path.removeprefix("residual1."): value for path, value in network.state().items()}
    body = torch.nn.Sequential(
        torch.nn.Linear(4, 5), torch.nn.BatchNorm1d(5), torch.nn.ReLU(), torch.nn.Linear(5, 3)
    ).double()
    shortcut = torch.nn.Linear(4, 3).double()
    linears = {"fc1": body[0], "fc2": body[3], "shortcut.fc1": shortcut}
    with torch.no_grad():
        for name, linear in linears.items():
            linear.weight.copy_(torch.tensor(state[f"{name}.weight"].T))
            linear.bias.copy_(torch.tensor(state[f"{name}.bias"]))
    x, dy = rng.normal(size=(8, 4)), rng.normal(size=(8, 3))
    samples = torch.tensor(x).requires_grad_(True)
    expected = body(samples) + shortcut(samples)
    expected.backward(torch.tensor(dy))
    y, dx, grads = both_ways(network, x, dy)
    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(dx, samples.grad.numpy(), rtol=1e-10, atol=1e-13)
    for name, linear in linears.items():
        weight = grads[f"residual1.{name}.weight"]
        np.testing.assert_allclose(weight, linear.weight.grad.numpy().T, rtol=1e-10, atol=1e-13)


def test_two_residuals_are_four_paths(rng: np.random.Generator) -> None:
    network = Network([("residual", [fc(4, bias=False)])] * 2, (4,), "float64")
    a, b = rng.normal(size=(2, 4, 4))
    network.restore({"residual1.fc1.weight": a, "residual2.fc1.weight": b})
    x, dy = rng.normal(size=(2, 3, 4))
    y, dx, _ = both_ways(network, x, dy)
    np.testing.assert_allclose(y, x + x @ a + x @ b + x @ a @ b, rtol=1e-12, atol=1e-12)
    expected = dy + dy @ a.T + dy @ b.T + dy @ b.T @ a.T
    np.testing.assert_allclose(dx, expected, rtol=1e-12, atol=1e-12)


def test_mean_squares_through_blocks_at_the_start(rng: np.random.Generator) -> None:
    width, blocks = 500, 8
    x = rng.normal(size=(100, width))
    he, small = "he_normal", ["gaussian", {"std": (2 / width / blocks) ** 0.5}]
    none = ["constant", {"value": 0}]
    for layers, expected in (
        (["relu", fc(width, initializer=he)], 2**blocks),
        (["batch_norm", "relu", fc(width, initializer=he)], 1 + blocks),
        (["relu", fc(width, initializer=small)], (1 + 1 / blocks) ** blocks),
        (["relu", fc(width, initializer=none)], 1),
    ):
        network = Network([("residual", layers)] * blocks, (width,), "float64")
        y = network.forward(x, training=True)
        np.testing.assert_allclose(np.mean(y**2) / np.mean(x**2), expected, rtol=0.1)


@every_join
def test_joins_by_hand(join: str) -> None:
    """The sample is (1, 5); two layers multiply it by (1, 2) and (3, 1)."""
    layers = [fc(2, bias=False), fc(2, bias=False)]
    network = Network([("branches", layers, join)], (2,), "float64")
    one, other = network.parameters().values()
    one.value, other.value = np.diag([1.0, 2.0]), np.diag([3.0, 1.0])
    dy = np.array([[1.0, 10.0, 100.0, 1000.0][: 4 if join == "concatenate" else 2]])
    y, dx, _ = both_ways(network, np.array([[1.0, 5.0]]), dy)
    expected: Any = {
        "concatenate": ([1, 10, 3, 5], [1 + 300, 20 + 1000]),
        "sum": ([4, 15], [4, 30]),
        "mean": ([2, 7.5], [2, 15]),
        "max": ([3, 10], [3, 20]),
        "product": ([3, 50], [6, 200]),
    }
    assert (y[0].tolist(), dx[0].tolist()) == expected[join]


def test_images_are_concatenated_along_their_channels(rng: np.random.Generator) -> None:
    network = Network([("branches", ["tanh", "sigmoid", "tanh"])], (3, 4, 2), "float64")
    x = rng.normal(size=(5, 3, 4, 2))
    y, tanh = network.predict(x), np.tanh(x)
    assert network.output_shape == (3, 4, 6)
    np.testing.assert_array_equal(y[..., :2], tanh)
    np.testing.assert_array_equal(y[..., 4:], tanh)


@pytest.mark.parametrize("zeros", [1, 2, 3])
def test_a_product_has_its_gradient_where_factors_are_zero(
    rng: np.random.Generator, numerical_gradient: Callable[..., Array], zeros: int
) -> None:
    network = Network([("branches", [fc(2), fc(2), fc(2)], "product")], (4,), "float64")
    parameters = network.parameters()
    for number in range(1, zeros + 1):
        for name in ("weight", "bias"):  # the first output of these branches is 0
            parameters[f"branches1.branch{number}.fc1.{name}"].value[..., 0] = 0
    x, dy = rng.normal(size=(3, 4)), rng.normal(size=(3, 2))
    _, dx, grads = both_ways(network, x, dy)

    def scalar() -> Any:
        return np.vdot(network.forward(x), dy)

    np.testing.assert_allclose(dx, numerical_gradient(scalar, x), rtol=1e-6, atol=1e-8)
    for path, parameter in parameters.items():
        expected = numerical_gradient(scalar, parameter.value)
        np.testing.assert_allclose(grads[path], expected, rtol=1e-6, atol=1e-8, err_msg=path)
    reached = {path.split(".")[1] for path in grads if grads[path][..., 0].any()}
    assert reached == {1: {"branch1"}, 2: set(), 3: set()}[zeros]


def test_the_first_of_equal_branches_takes_the_gradient_of_max() -> None:
    network = Network([("branches", [fc(2), fc(2), fc(2)], "max")], (4,), "float64")
    for path, parameter in network.parameters().items():
        parameter.value[...] = 0 if path.startswith("branches1.branch1") else 0.5
    x, dy = np.ones((3, 4)), np.array([[1.0, -2.0]] * 3)
    _, _, grads = both_ways(network, x, dy)
    assert grads["branches1.branch2.fc1.bias"].tolist() == [3, -6]
    assert not grads["branches1.branch1.fc1.bias"].any()
    assert not grads["branches1.branch3.fc1.bias"].any()


@every_network
def test_no_pass_writes_to_its_input(rng: np.random.Generator, layers: list[Any]) -> None:
    network = Network(layers, (4,))
    x = rng.normal(size=(3, 4)).astype("float32")
    dy = rng.normal(size=(3, *network.output_shapes[-1])).astype("float32")
    x.flags.writeable = dy.flags.writeable = False
    y = network.forward(x, training=True)
    dx = network.backprop(dy, inputs=True)
    assert dx is not None
    assert y.dtype == dx.dtype == np.float32
    assert not np.shares_memory(dx, dy)
    assert not np.shares_memory(y, x)


@every_network
def test_layers_work_without_being_prepared(rng: np.random.Generator, layers: list[Any]) -> None:
    (name, *arguments) = layers[0]
    layer, network = registry.layers.build(name, *_positional(arguments)), Network(layers[:1], (4,))
    layer.initialize((4,), np.random.default_rng(0).spawn(1)[0], np.dtype("float32"))
    for n in (3, 2):
        x = rng.normal(size=(n, 4)).astype("float32")
        dy = rng.normal(size=(n, *network.output_shapes[-1])).astype("float32")
        y, dx, _ = both_ways(network, x, dy)
        np.testing.assert_array_equal(layer.forward(x, training=True), y)
        np.testing.assert_array_equal(layer.backward(dy), dx)


def _positional(arguments: list[Any]) -> list[Any]:
    last = arguments[-1]
    return [*arguments[:-1], *last.values()] if isinstance(last, dict) else arguments


@every_network
def test_a_warm_step_allocates_nothing_large(layers: list[Any], meter: Any) -> None:
    network = Network(layers, (4,))
    x = np.ones((20_000, 4), np.float32)
    dy = np.ones((20_000, *network.output_shapes[-1]), np.float32)
    with meter:
        for _ in range(3):
            network.forward(x, training=True)
            network.backprop(dy, inputs=True)
            meter.plugnet_step_end()
    assert meter.rises[-1] < x.nbytes / 2


# Names and shapes --------------------------------------------------------------------------------


def test_paths_say_where_a_parameter_is() -> None:
    network = Network(
        [("residual", BODY), *SHORTCUT, ("branches", [fc(2), chain(fc(3), fc(2))])], (4,)
    )
    weights = [path for path in network.parameters() if path.endswith("weight")]
    assert weights == [
        "residual1.fc1.weight",
        "residual1.fc2.weight",
        "residual2.fc1.weight",
        "residual2.shortcut.fc1.weight",
        "branches1.branch1.fc1.weight",
        "branches1.branch2.fc1.weight",
        "branches1.branch2.fc2.weight",
    ]


def test_the_summary_shows_inner_layers_indented() -> None:
    lines = Network([fc(4), *DEEP], (4,)).summary().splitlines()
    assert [line[: len(line) - len(line.lstrip())] + line.split()[0] for line in lines[3:-3]] == [
        "fc1",
        *("residual1", "  fc1", "  residual1", "    fc1", "    tanh1"),
        *("    residual1", "      fc1", "      tanh1", "    fc2"),
        *("branches1", "  branch1", "    residual1", "      fc1", "      tanh1", "      fc2"),
        *("  branch2", "    tanh1", "    branches1"),
        *("      branch1", "        fc1", "      branch2", "        fc1"),
    ]


@every_join
def test_operations_are_those_of_all_layers_and_of_the_join(join: str) -> None:
    layer = registry.layers.build("branches", [fc(3), chain(fc(5), fc(3))], join)
    of_layers = (2 * 4 * 3 + 3) + (2 * 4 * 5 + 5) + (2 * 5 * 3 + 3)
    own = {"concatenate": 0, "sum": 3, "mean": 6, "max": 3, "product": 3}[join]
    assert layer.flops((4,)) == of_layers + own
    assert registry.layers.build("residual", BODY).flops((4,)) == (45 + 44) + 4


def test_a_residual_without_a_shortcut_must_keep_the_shape() -> None:
    with pytest.raises(ShapeError, match=r"\(5,\).*\(4,\).*add a shortcut") as caught:
        Network([fc(4), ("residual", [fc(5), "tanh"])], (6,))
    assert caught.value.layer == "residual1"


def test_layers_and_shortcut_must_give_the_same_shape() -> None:
    with pytest.raises(ShapeError, match=r"\(5,\), and the shortcut gives shape \(3,\)"):
        Network([("residual", [fc(5)], fc(3))], (6,))


@every_join
def test_branches_must_give_shapes_that_can_be_joined(join: str) -> None:
    layers: list[Any] = [chain(fc(6), ("reshape", [2, 3])), chain(fc(8), ("reshape", [2, 4]))]
    if join == "concatenate":
        assert Network([("branches", layers, join)], (6,)).output_shape == (2, 7)
        layers[1] = fc(6)
    with pytest.raises(ShapeError, match=r"branch1 gives \(2, 3\) and branch2 gives \((2, 4|6,)\)"):
        Network([("branches", layers, join)], (6,))


def test_a_shape_error_inside_names_both_layers() -> None:
    with pytest.raises(ShapeError, match=r"Layer 'residual1'.*Layer 'fc2'.*layer 'fc1' gives"):
        Network([("residual", [fc(5), ("fc", 7, 4)])], (4,))


def test_the_shape_of_the_input_is_known_where_a_layer_says_it() -> None:
    assert Network([("residual", [("fc", 4, 4)])]).input_shape == (4,)
    assert Network([("branches", ["tanh", ("fc", 4, 3)])]).input_shape == (4,)


# What a user may get wrong -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [
        ("residual", [fc(4)], [fc(4), "tanh"]),
        ("residual", [[fc(4), "tanh"]]),
        ("branches", [[fc(4), "tanh"], fc(4)]),
    ],
    ids=["shortcut", "layers", "branches"],
)
def test_a_bare_list_of_layers_is_refused_with_advice(wrong: Any) -> None:
    with pytest.raises(ArgumentError, match=r"For layers in a row write \['chain', \[\.\.\.\]\]"):
        Network([wrong], (4,))


@pytest.mark.parametrize("branches", [[], "tanh", {"name": "tanh"}, 3, None])
def test_branches_are_a_list_of_at_least_one(branches: Any) -> None:
    with pytest.raises(ArgumentError, match="at least one") as caught:
        registry.layers.build("branches", branches)
    assert caught.value.argument == "branches"


@pytest.mark.parametrize("join", ["concat", "", 1, None, ["sum"]])
def test_an_unknown_join_is_refused(join: Any) -> None:
    with pytest.raises(ArgumentError, match="concatenate, sum, mean, max, product") as caught:
        registry.layers.build("branches", ["tanh"], join)
    assert caught.value.argument == "join"


def test_a_layer_in_two_places_is_refused_with_both_named() -> None:
    shared = registry.layers.build("fc", 4, 4)
    wrong: list[tuple[Any, str, str]] = [
        (("branches", [shared, ("chain", ["tanh", shared])]), "branch1.fc1", "branch2.fc1"),
        (("branches", [shared, shared]), "branch1.fc1", "branch2.fc1"),
        (("residual", [shared], shared), "fc1", "shortcut.fc1"),
        (("residual", [shared, "tanh", shared]), "fc1", "fc2"),
    ]
    for layer, first, second in wrong:
        with pytest.raises(ArgumentError, match=rf"{first}' is used.*1\.{second}'"):
            Network([layer], (4,))


def test_a_parameter_in_two_layers_is_refused_with_both_named() -> None:
    class Bias(Layer):
        def __init__(self, held: Parameter) -> None:
            self.held = held

        def parameters(self) -> dict[str, Parameter]:
            return {"held": self.held}

        def forward(self, x: Array, training: bool = False) -> Array:
            return x + self.held.value

        def backward(self, dy: Array) -> Array:
            return dy

    held = Parameter(np.zeros(4, np.float32))
    with pytest.raises(ArgumentError, match=r"residual1\.bias1\.held.*residual1\.residual1\.bias1"):
        Network([("residual", [Bias(held), ("residual", [Bias(held)])])], (4,))


# Training, copies and files ----------------------------------------------------------------------

TRAINED: list[Any] = [
    fc(8),
    ("residual", ["batch_norm", "relu", fc(8), ("dropout", 0.2), ("residual", [fc(8), "tanh"])]),
    ("branches", [fc(3), chain("relu", ("dropout", 0.3), fc(4))]),
    ("residual", ["layer_norm", fc(5)], fc(5)),
    fc(3),
]


@pytest.fixture
def samples(rng: np.random.Generator) -> tuple[Array, Array]:
    x = rng.normal(size=(90, 4)).astype("float32")
    return x, (x.sum(axis=1) > 0).astype(int) + (x[:, 0] > 1)


def test_continuing_from_a_copy_equals_never_having_stopped(
    samples: tuple[Array, Array], copied: Callable[[Trainer], Trainer]
) -> None:
    whole, first = (
        trainer(
            Network(TRAINED, (4,), seed=1), optimizer="adam", policy=("fixed", 0.01), batch_size=16
        )
        for _ in range(2)
    )
    whole.fit(*samples, iterations=40)
    first.fit(*samples, iterations=17)
    second = copied(first)
    second.fit(*samples, iterations=23)
    assert second.history.loss == whole.history.loss
    assert np.mean(whole.history.loss[-5:]) < 0.7 * whole.history.loss[0]
    for path, value in whole.network.state().items():
        np.testing.assert_array_equal(second.network.state()[path], value, err_msg=path)
    np.testing.assert_array_equal(
        second.network.predict(samples[0]), whole.network.predict(samples[0])
    )


@every_network
def test_spec_and_file_bring_back_the_network(
    rng: np.random.Generator, tmp_path: Path, layers: list[Any]
) -> None:
    network = Network(layers, (4,), seed=5)
    x = rng.normal(size=(3, 4))
    spec = json.loads(json.dumps(network.spec()))
    rebuilt = Network.from_spec(spec)
    assert rebuilt.spec() == spec
    network.save(tmp_path / "network")
    for other in (rebuilt, Network.load(tmp_path / "network"), copy.deepcopy(network)):
        np.testing.assert_array_equal(other.predict(x), network.predict(x))
        for path, value in network.state().items():
            assert not np.shares_memory(value, other.state()[path])


def test_a_spec_of_an_unknown_inner_layer_is_refused() -> None:
    spec = Network(RESIDUAL, (4,)).spec()
    spec["layers"][0]["args"]["layers"][0]["name"] = "fully_disconnected"
    with pytest.raises(SpecError, match="fully_disconnected"):
        Network.from_spec(spec)


def test_objects_and_specs_mean_the_same_as_names(rng: np.random.Generator) -> None:
    build = registry.layers.build
    layers = [build("fc", 4, 5), build("activation", "tanh"), build("fc", 5, 4)]
    side = Chain([("fc", 4, 4), "tanh"])
    objects = Network([build("residual", layers, shortcut=side)], (4,))
    names = Network([("residual", BODY, {"shortcut": chain(fc(4), "tanh")})], (4,))
    specs = Network([registry.spec(layer) for layer in names.layers], (4,))
    x = rng.normal(size=(3, 4))
    np.testing.assert_array_equal(objects.predict(x), names.predict(x))
    np.testing.assert_array_equal(specs.predict(x), names.predict(x))


def test_each_inner_layer_draws_its_own_values_and_masks() -> None:
    network = Network([("branches", [fc(4), fc(4), ("dropout", 0.5), ("dropout", 0.5)])], (4,))
    one, other = (network.state()[f"branches1.branch{number}.fc1.weight"] for number in (1, 2))
    assert (one != other).all()
    assert list(network.rngs) == ["branches1.branch3.dropout1", "branches1.branch4.dropout1"]
    y = network.forward(np.ones((50, 4), np.float32), training=True)
    assert (y[:, 8:12] != y[:, 12:]).any()


class Witness(Layer):
    """Counts the gradients that pass through."""

    def __init__(self) -> None:
        self.count = 0

    def forward(self, x: Array, training: bool = False) -> Array:
        return x

    def backward(self, dy: Array) -> Array:
        self.count += 1
        return dy


def test_frozen_parts_keep_their_values_and_are_not_visited(
    samples: tuple[Array, Array],
) -> None:
    within, trained, frozen = Witness(), Witness(), Witness()
    layers = [
        fc(4),
        ("residual", [fc(4), "batch_norm", within]),
        ("branches", [chain(fc(3), trained), chain(fc(3), frozen)]),
        fc(3),
    ]
    still = ("fc1.", "residual1.", "branches1.branch2.")
    network = Network(layers, (4,), parameters={f"{p}*": {"trainable": False} for p in still})
    before = {path: value.copy() for path, value in network.state().items()}
    Trainer(network, batch_size=16).fit(*samples, iterations=3)
    assert (within.count, trained.count, frozen.count) == (0, 3, 0)
    for path, parameter in network.parameters().items():
        if path.startswith(still):
            assert (parameter.value == before[path]).all() == ("running" not in path), path
            assert "running" in path or not parameter.grad.any(), path
        else:
            assert (parameter.value != before[path]).any(), path
    for path, parameter in network.parameters().items():
        parameter.trainable = "running" not in path
    Trainer(network, batch_size=16).fit(*samples, iterations=3)
    assert (within.count, trained.count, frozen.count) == (3, 6, 3)


def test_a_frozen_part_in_the_middle_passes_the_gradient_on(
    samples: tuple[Array, Array],
) -> None:
    network = Network([fc(4), *DEEP, fc(3)], (4,), "float64")
    whole = Network([fc(4), *DEEP, fc(3)], (4,), "float64")
    for path, parameter in network.parameters().items():
        parameter.trainable = not path.startswith(("residual", "branches"))
    x, dy = samples[0].astype(float), np.ones((90, 3))
    for one in (network, whole):
        one.forward(x, training=True)
        one.backprop(dy)
    for path in ("fc1.weight", "fc1.bias", "fc2.weight"):
        np.testing.assert_array_equal(
            network.parameters()[path].grad, whole.parameters()[path].grad
        )


# Configurations ----------------------------------------------------------------------------------


def test_a_configuration_can_describe_it(tmp_path: Path) -> None:
    config = load(EXAMPLES / "residual.toml")
    network = Network(config.network.layers)
    assert network.input_shape == (64,)
    assert "residual4.shortcut.fc1.weight" in network.parameters()
    (tmp_path / "again.toml").write_text(dump(config))
    assert load(tmp_path / "again.toml") == config
