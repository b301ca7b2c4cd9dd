"""rnn, lstm and gru against PyTorch, by central differences, and against themselves."""

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit
from tests.layers import perturbed

from plugnet import Network, Trainer, registry
from plugnet.arrays import Array
from plugnet.errors import ArgumentError, CallOrderError, ShapeError
from plugnet.interfaces import Layer
from plugnet.testing import parametrize_with_checks

STEPS, INPUTS, OUTPUTS = 6, 4, 5

#: For each cell, PyTorch's order of the gates that are 0, 1, 2 and so on here.
TORCH_ORDER = {"rnn": [0], "lstm": [1, 2, 0, 3], "gru": [0, 1, 2]}

every_cell = pytest.mark.parametrize(
    ("name", "keywords"),
    [("rnn", {}), ("rnn", {"activation": "relu"}), ("lstm", {}), ("gru", {})],
    ids=["rnn", "rnn-relu", "lstm", "gru"],
)
last_or_all = pytest.mark.parametrize("return_sequences", [False, True], ids=["last", "all"])
either_way = pytest.mark.parametrize("reverse", [False, True], ids=["onwards", "reverse"])


def cell(name: str, dtype: str = "float64", steps: int = STEPS, **keywords: Any) -> Layer:
    return perturbed(name, OUTPUTS, shape=(steps, INPUTS), dtype=dtype, **keywords)


def run(layer: Layer, x: Array, dy: Array) -> dict[str, Array]:
    """Return copies of the results of a training pass: y, dx, and the gradients by name."""
    found = {"y": layer.forward(x, training=True).copy()}
    dx = layer.backprop(dy, inputs=True)
    assert dx is not None
    found["dx"] = dx.copy()
    return found | {name: p.grad.copy() for name, p in layer.parameters().items()}


def drawn(rng: np.random.Generator, layer: Layer, n: int = 3, steps: int = STEPS) -> Any:
    """Return x, none of whose steps is all zeros, and dy."""
    x = rng.normal(size=(n, steps, INPUTS))
    return x, rng.normal(size=(n, *layer.output_shape(x.shape[1:])))


def assert_same(found: dict[str, Array], expected: dict[str, Array], rtol: float = 1e-12) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        scale = np.abs(array).max(initial=1)
        np.testing.assert_allclose(found[name], array, rtol, rtol * scale, err_msg=name)


def by_torch(name: str, layer: Layer, x: Array, dy: Array) -> dict[str, Array]:
    """Return what `run` does, from PyTorch's layer with the same weights."""
    torch = pytest.importorskip("torch")
    order, own = TORCH_ORDER[name], layer.parameters()

    def theirs(array: Array) -> Any:  # (rows, gates * outputs) -> (gates * outputs, rows)
        gates = array.reshape(*array.shape[:-1], len(order), OUTPUTS)[..., order, :]
        return torch.tensor(gates.reshape(array.shape).T.copy())

    def ours(tensor: Any) -> Array:
        gates = tensor.numpy().T.reshape(*tensor.shape[1:], len(order), OUTPUTS)
        return gates[..., np.argsort(order), :].reshape(*tensor.shape[1:], -1)  # type: ignore[no-any-return]

    cell = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[name]
    arguments: dict[str, Any] = layer.arguments()
    options = {}
    if name == "rnn":
        options["nonlinearity"] = type(arguments["activation"]).__name__.lower()
    other = cell(INPUTS, OUTPUTS, batch_first=True, dtype=torch.float64, **options)
    second = np.zeros(own["bias"].value.shape)
    if name == "gru":
        second[2 * OUTPUTS :] = own["recurrent_bias"].value
    other.load_state_dict(
        {
            "weight_ih_l0": theirs(own["weight"].value),
            "weight_hh_l0": theirs(own["recurrent_weight"].value),
            "bias_ih_l0": theirs(own["bias"].value),
            "bias_hh_l0": theirs(second),
        }
    )
    samples = torch.tensor(x[:, ::-1].copy() if arguments["reverse"] else x, requires_grad=True)
    y = other(samples)[0]
    if arguments["reverse"]:
        y = y.flip(1)
    if not arguments["return_sequences"]:
        y = y[:, 0 if arguments["reverse"] else -1]
    y.backward(torch.tensor(dy))
    dx = samples.grad.numpy()
    found = {
        "y": y.detach().numpy(),
        "dx": dx[:, ::-1] if arguments["reverse"] else dx,
        "weight": ours(other.weight_ih_l0.grad),
        "recurrent_weight": ours(other.weight_hh_l0.grad),
        "bias": ours(other.bias_ih_l0.grad),
    }
    if name == "gru":
        found["recurrent_bias"] = other.bias_hh_l0.grad.numpy()[2 * OUTPUTS :]
    return found


def written_out(name: str, layer: Layer, x: Array) -> Array:
    """Return h of all steps by the formulas, with each gate's own columns."""
    own = {key: parameter.value for key, parameter in layer.parameters().items()}
    h, c = np.zeros((2, len(x), OUTPUTS))
    found = []
    for step in x.swapaxes(0, 1):
        inner, outer = step @ own["weight"] + own["bias"], h @ own["recurrent_weight"]
        count = inner.shape[1] // OUTPUTS
        a, q = np.split(inner, count, axis=1), np.split(outer, count, axis=1)
        if name == "rnn":
            h = np.tanh(a[0] + q[0])
        elif name == "lstm":
            g, (i, f, o) = np.tanh(a[0] + q[0]), (expit(a[k] + q[k]) for k in (1, 2, 3))
            c = f * c + i * g
            h = o * np.tanh(c)
        else:
            r, z = expit(a[0] + q[0]), expit(a[1] + q[1])
            n = np.tanh(a[2] + r * (q[2] + own["recurrent_bias"]))
            h = (1 - z) * n + z * h
        found.append(h)
    return np.stack(found, axis=1)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_cells_follow_their_formulas_written_out(rng: np.random.Generator, name: str) -> None:
    layer = cell(name, return_sequences=True)
    x, _ = drawn(rng, layer)
    for training in (False, True):
        y = layer.forward(x, training)
        np.testing.assert_allclose(y, written_out(name, layer, x), rtol=1e-12, atol=1e-14)


@every_cell
@last_or_all
@either_way
@pytest.mark.parametrize(("n", "steps"), [(3, STEPS), (1, STEPS), (3, 1), (1, 1)])
def test_outputs_and_gradients_are_those_of_pytorch(
    rng: np.random.Generator,
    name: str,
    keywords: dict[str, Any],
    return_sequences: bool,
    reverse: bool,
    n: int,
    steps: int,
) -> None:
    layer = cell(name, return_sequences=return_sequences, reverse=reverse, **keywords)
    x, dy = drawn(rng, layer, n, steps)
    assert_same(run(layer, x, dy), by_torch(name, layer, x, dy))


@every_cell
@last_or_all
@pytest.mark.parametrize("padding", [False, True])
def test_gradients_agree_with_central_differences(
    rng: np.random.Generator,
    numerical_gradient: Callable[..., Array],
    name: str,
    keywords: dict[str, Any],
    return_sequences: bool,
    padding: bool,
) -> None:
    layer = cell(name, return_sequences=return_sequences, padding=padding, **keywords)
    x, dy = drawn(rng, layer)
    x[0, 2:4] = x[1, 4:] = 0
    found = run(layer, x, dy)

    def scalar() -> Any:
        return np.vdot(layer.forward(x, training=True), dy)

    for parameter_name, parameter in layer.parameters().items():
        expected = numerical_gradient(scalar, parameter.value)
        np.testing.assert_allclose(found[parameter_name], expected, rtol=1e-6, atol=1e-7)
    if not padding:  # a skipped step that is nudged would no longer be skipped
        np.testing.assert_allclose(found["dx"], numerical_gradient(scalar, x), 1e-6, 1e-7)


@every_cell
@last_or_all
@either_way
def test_a_padded_batch_gives_what_each_sequence_gives_alone(
    rng: np.random.Generator,
    name: str,
    keywords: dict[str, Any],
    return_sequences: bool,
    reverse: bool,
) -> None:
    options = {"return_sequences": return_sequences, "reverse": reverse, **keywords}
    layer = cell(name, padding=True, **options)
    alone = cell(name, **options)
    x, dy = drawn(rng, layer, 4)
    real = np.array(  # no padding; padding at the end, at the start, in between
        [[1, 1, 1, 1, 1, 1], [1, 1, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1], [0, 1, 0, 0, 1, 0]], bool
    )
    x[~real] = 0
    found = run(layer, x, dy)
    summed = {parameter: np.zeros_like(p.value) for parameter, p in layer.parameters().items()}
    for row, steps in enumerate(real):
        upper = dy[row, steps] if return_sequences else dy[row]
        expected = run(alone, x[row : row + 1, steps], upper[np.newaxis])
        y, dx = found["y"][row], found["dx"][row]
        np.testing.assert_allclose(y[steps] if return_sequences else y, expected["y"][0], 1e-13)
        np.testing.assert_allclose(dx[steps], expected["dx"][0], rtol=1e-11, atol=1e-14)
        assert not dx[~steps].any()
        assert not (return_sequences and y[~steps].any())
        for parameter, total in summed.items():
            total += expected[parameter]
    assert_same({parameter: found[parameter] for parameter in summed}, summed)
    np.testing.assert_array_equal(layer.forward(x), found["y"])


@every_cell
def test_padding_is_skipped_by_the_next_layer_too(
    rng: np.random.Generator, name: str, keywords: dict[str, Any]
) -> None:
    layers = [
        (name, {"outputs": 5, "return_sequences": True, "padding": True, **keywords}),
        (name, {"outputs": 3, "padding": True, **keywords}),
    ]
    padded, plain = (Network(layers, (steps, INPUTS), "float64") for steps in (6, 4))
    x = rng.normal(size=(2, 4, INPUTS))
    wide = np.concatenate([x[:, :1], np.zeros((2, 1, INPUTS)), x[:, 1:], x[:, :1] * 0], axis=1)
    np.testing.assert_allclose(padded.forward(wide), plain.forward(x), rtol=1e-12)


@every_cell
def test_a_sample_of_nothing_but_padding_gives_zeros(
    rng: np.random.Generator, name: str, keywords: dict[str, Any]
) -> None:
    layer = cell(name, padding=True, **keywords)
    x, dy = drawn(rng, layer)
    x[1] = 0
    found = run(layer, x, dy)
    assert not found["y"][1].any()
    assert not found["dx"][1].any()
    assert found["y"][0].any()


@every_cell
def test_without_padding_zeros_are_steps_like_others(
    rng: np.random.Generator, name: str, keywords: dict[str, Any]
) -> None:
    layer = cell(name, return_sequences=True, **keywords)
    x, _ = drawn(rng, layer)
    x[:, 2:] = 0
    y = layer.forward(x)
    assert np.all(y[:, 2:].any(axis=2))
    assert not np.allclose(y[:, 2], y[:, 3])


@every_cell
@last_or_all
@pytest.mark.parametrize("padding", [False, True])
def test_reverse_equals_reading_what_is_flipped(
    rng: np.random.Generator,
    name: str,
    keywords: dict[str, Any],
    return_sequences: bool,
    padding: bool,
) -> None:
    options = {"return_sequences": return_sequences, "padding": padding, **keywords}
    onwards, reverse = (cell(name, reverse=way, **options) for way in (False, True))
    x, dy = drawn(rng, onwards)
    x[0, :2] = x[1, 3] = 0
    flipped = run(onwards, x[:, ::-1].copy(), dy[:, ::-1].copy() if return_sequences else dy)
    flipped["dx"] = flipped["dx"][:, ::-1]
    if return_sequences:
        flipped["y"] = flipped["y"][:, ::-1]
    assert_same(run(reverse, x, dy), flipped, rtol=0)


@every_cell
def test_the_last_state_is_the_last_of_all_states(
    rng: np.random.Generator, name: str, keywords: dict[str, Any]
) -> None:
    last, every = (cell(name, return_sequences=all_, **keywords) for all_ in (False, True))
    x, dy = drawn(rng, last)
    y = every.forward(x)
    np.testing.assert_array_equal(last.forward(x), y[:, -1])
    for t in range(1, STEPS):  # what comes later changes nothing
        np.testing.assert_allclose(last.forward(x[:, :t]), y[:, t - 1], rtol=1e-13)
    upper = np.zeros_like(y)
    upper[:, -1] = dy
    assert_same(run(last, x, dy) | {"y": y}, run(every, x, upper) | {"y": y}, rtol=0)


@every_cell
@last_or_all
@pytest.mark.parametrize("padding", [False, True])
def test_buffers_change_no_number(
    rng: np.random.Generator,
    name: str,
    keywords: dict[str, Any],
    return_sequences: bool,
    padding: bool,
) -> None:
    options = {"return_sequences": return_sequences, "padding": padding, **keywords}
    prepared, fresh = cell(name, **options), cell(name, **options)
    for n, steps in ((3, 6), (5, 6), (1, 6), (2, 1), (3, 9), (3, 6)):
        x, dy = drawn(rng, prepared, n, steps)
        x[0, 0] = 0
        prepared.prepare(x.shape, x.dtype)
        for _ in range(2):
            expected = run(fresh, x, dy)
            assert_same(run(prepared, x, dy), expected, rtol=0)
            np.testing.assert_array_equal(prepared.forward(x), expected["y"])


@every_cell
def test_gradients_and_backward_give_what_backprop_gives(
    rng: np.random.Generator, name: str, keywords: dict[str, Any]
) -> None:
    layer = cell(name, return_sequences=True, **keywords)
    x, dy = drawn(rng, layer)
    expected = run(layer, x, dy)
    for parameter in layer.parameters().values():
        parameter.grad.fill(7)
    layer.gradients(dy)
    found = {name: parameter.grad for name, parameter in layer.parameters().items()}
    dx = layer.backward(dy)
    assert_same(found | {"y": expected["y"], "dx": dx}, expected, rtol=0)
    assert layer.backprop(dy, inputs=False) is None
    for parameter in layer.parameters().values():
        parameter.trainable = False
    np.testing.assert_array_equal(layer.backprop(dy, inputs=True), dx)
    assert not any(parameter.grad.any() for parameter in layer.parameters().values())


@every_cell
def test_inference_leaves_what_a_pending_backward_reads(
    rng: np.random.Generator, name: str, keywords: dict[str, Any]
) -> None:
    layer = cell(name, padding=True, return_sequences=True, **keywords)
    x, dy = drawn(rng, layer)
    layer.prepare(x.shape, x.dtype)
    expected = run(layer, x, dy)
    y = layer.forward(x, training=True)
    before = dict(vars(layer))
    other = layer.forward(x * 0.5)
    assert vars(layer) == before
    kept = other.copy()
    layer.forward(x * 0.3)
    np.testing.assert_array_equal(other, kept)
    np.testing.assert_array_equal(y, expected["y"])
    np.testing.assert_array_equal(layer.backprop(dy, inputs=True), expected["dx"])


@every_cell
def test_a_warm_step_allocates_no_array_over_all_steps(
    rng: np.random.Generator, meter: Any, name: str, keywords: dict[str, Any]
) -> None:
    layer = cell(name, return_sequences=True, padding=True, **keywords)
    x, dy = drawn(rng, layer, 2000)
    layer.prepare(x.shape, x.dtype)
    with meter:
        for _ in range(3):
            layer.forward(x, training=True)
            layer.backprop(dy, inputs=True)
            meter.plugnet_step_end()
    assert max(meter.rises[1:]) < dy.nbytes / 3  # NumPy's own buffers are an eighth of it


@every_cell
def test_arrays_may_be_empty_strided_or_read_only(
    rng: np.random.Generator, name: str, keywords: dict[str, Any]
) -> None:
    layer = cell(name, return_sequences=True, padding=True, **keywords)
    x, dy = drawn(rng, layer)
    expected = run(layer, x, dy)
    x, dy = np.asfortranarray(x), np.repeat(dy, 2, axis=2)[..., ::2]
    x.setflags(write=False)
    dy.setflags(write=False)
    assert_same(run(layer, x, dy), expected)
    assert layer.forward(x[:0]).shape == (0, STEPS, OUTPUTS)


@every_cell
def test_float32_is_float64_rounded(
    rng: np.random.Generator, name: str, keywords: dict[str, Any]
) -> None:
    wide, narrow = (
        cell(name, dtype, return_sequences=True, **keywords) for dtype in ("float64", "float32")
    )
    for one, other in zip(wide.parameters().values(), narrow.parameters().values(), strict=True):
        one.value[...] = other.value
    x, dy = (array.astype("float32") for array in drawn(rng, narrow))
    found = run(narrow, x, dy)
    assert {array.dtype.name for array in found.values()} == {"float32"}
    assert_same(found, run(wide, x.astype(float), dy.astype(float)), rtol=1e-5)


@every_cell
def test_large_inputs_saturate_without_overflow(name: str, keywords: dict[str, Any]) -> None:
    layer = cell(name, "float32", **keywords)
    x = np.full((2, STEPS, INPUTS), 1e4, "float32") * np.array([[[1.0]], [[-1.0]]], "float32")
    found = run(layer, x, np.ones((2, OUTPUTS), "float32"))
    assert all(np.isfinite(array).all() for array in found.values())


def network(name: str, keywords: dict[str, Any], dtype: str = "float32") -> Network:
    first = (name, {"outputs": 6, "return_sequences": True, "padding": True, **keywords})
    last = (name, {"outputs": 5, "reverse": True, **keywords})
    return Network([first, last, ("fc", {"outputs": 3})], (STEPS, INPUTS), dtype)


@every_cell
def test_copies_and_files_continue_with_the_same_bits(
    rng: np.random.Generator, tmp_path: Path, name: str, keywords: dict[str, Any]
) -> None:
    x, y = rng.normal(size=(40, STEPS, INPUTS)), rng.integers(0, 3, 40)
    trainer = Trainer(network(name, keywords), batch_size=10, policy=("inv", 0.05))
    trainer.fit(x, y, 6)
    trainer.save(tmp_path / "run")
    trainer.network.save(tmp_path / "model")
    expected = trainer.network.predict(x)
    for same in (
        pickle.loads(pickle.dumps(trainer.network)),
        copy.deepcopy(trainer.network),
        Network.load(tmp_path / "model"),
    ):
        np.testing.assert_array_equal(same.predict(x), expected)
    trainer.fit(x, y, 6)
    again = Trainer.resume(tmp_path / "run")
    again.fit(x, y, 6)
    np.testing.assert_array_equal(again.network.predict(x), trainer.network.predict(x))
    assert not np.array_equal(again.network.predict(x), expected)


@every_cell
def test_a_new_batch_size_trains_as_in_a_new_network(
    rng: np.random.Generator, name: str, keywords: dict[str, Any]
) -> None:
    both = network(name, keywords, "float64")
    for n in (4, 1, 7, 4):
        x, dy = rng.normal(size=(n, STEPS, INPUTS)), rng.normal(size=(n, 3))
        own = network(name, keywords, "float64")
        for net in (both, own):
            net.forward(x, training=True)
            net.backprop(dy)
        np.testing.assert_array_equal(both.parameters().grad, own.parameters().grad)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_a_layer_learns_from_the_first_step_of_a_sequence(name: str) -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(400, 8, 2)), rng.integers(0, 2, 400)
    x[:, 0, 0] = 2.0 * y - 1
    net = Network([(name, 12), ("fc", {"outputs": 2})], (8, 2))
    trainer = Trainer(net, optimizer="adam", policy=("fixed", 0.01), regularizer=None)
    trainer.fit(x[:300], y[:300], 400)
    assert trainer.evaluate(x[300:], y[300:])["accuracy"] > 0.95


def test_gates_are_drawn_separately_and_the_forget_gate_is_open() -> None:
    layer = registry.layers.build("lstm", 8)
    layer.initialize((3, 4), np.random.default_rng(0), np.dtype("float64"))
    weight, recurrent, bias = (parameter.value for parameter in layer.parameters().values())
    np.testing.assert_array_equal(bias.reshape(4, 8), np.repeat([[0], [0], [1], [0]], 8, axis=1))
    for gate in np.split(recurrent, 4, axis=1):
        np.testing.assert_allclose(gate.T @ gate, np.eye(8), atol=1e-12)
    limit = np.sqrt(6 / (4 + 8 + 1))  # xavier's for one gate
    assert 0.8 * limit < np.abs(weight).max() <= limit
    layer = registry.layers.build("lstm", 8, forget_bias=0.5)
    layer.initialize((3, 4), np.random.default_rng(0), np.dtype("float64"))
    assert layer.parameters()["bias"].value.sum() == 4


def test_initializers_can_be_chosen_and_biases_do_not_decay() -> None:
    layer = registry.layers.build(
        "gru", 5, initializer=("constant", 0.5), recurrent_initializer=("constant", 0.25)
    )
    layer.initialize((3, 4), np.random.default_rng(0), np.dtype("float32"))
    found = {
        name: (p.value.shape, p.value.flat[0], p.decay_mult)
        for name, p in layer.parameters().items()
    }
    assert found == {
        "weight": ((4, 15), 0.5, 1),
        "recurrent_weight": ((5, 15), 0.25, 1),
        "bias": ((15,), 0, 0),
        "recurrent_bias": ((5,), 0, 0),
    }


@pytest.mark.parametrize(
    ("name", "expected"),
    [("rnn", 2 * 9 + 1 + 1), ("lstm", 4 * (2 * 9 + 1) + 8), ("gru", 3 * (2 * 9 + 1) + 8)],
)
def test_operations_are_counted(name: str, expected: int) -> None:
    layer = registry.layers.build(name, OUTPUTS)
    assert layer.flops((STEPS, INPUTS)) == STEPS * OUTPUTS * expected


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("shape", [(4,), (2, 3, 4), (0, 4)])
def test_samples_that_are_not_sequences_are_refused(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match="steps, features"):
        registry.layers.build(name, 3).output_shape(shape)


@pytest.mark.parametrize(
    ("name", "keywords", "message"),
    [
        ("rnn", {"outputs": 0}, "'outputs' must be an integer at least 1"),
        ("gru", {"outputs": 2, "padding": 1}, "'padding' must be True or False"),
        ("gru", {"outputs": 2, "reverse": "no"}, "'reverse' must be True or False"),
        ("lstm", {"outputs": 2, "return_sequences": None}, "'return_sequences' must be"),
        ("lstm", {"outputs": 2, "forget_bias": "1"}, "'forget_bias' must be a finite number"),
    ],
)
def test_wrong_arguments_are_refused(name: str, keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        registry.layers.build(name, **keywords)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_backward_before_forward_is_refused(name: str) -> None:
    with pytest.raises(CallOrderError):
        cell(name).backprop(np.ones((2, OUTPUTS)), inputs=True)


@parametrize_with_checks(["embedding", "rnn", "lstm", "gru"])
def test_conformance(component: Any, check: Callable[[Any], None]) -> None:
    check(component)
