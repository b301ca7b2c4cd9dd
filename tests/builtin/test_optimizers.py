"""Optimizers: hand values, PyTorch over 50 steps with changing rates, saved state."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
import pytest

import plugnet.training.update
from plugnet import Parameter, parallel, registry
from plugnet.arrays import Array
from plugnet.errors import ArgumentError, ShapeError
from plugnet.interfaces import Optimizer
from plugnet.parameter import Parameters
from plugnet.training.update import Update

ALL: list[tuple[Any, ...]] = [
    ("sgd", 0.9),
    ("nesterov", 0.9),
    ("adagrad",),
    ("rmsprop",),
    ("adadelta",),
    ("adam",),
    ("adamw",),
]
every = pytest.mark.parametrize("name", ALL, ids=lambda name: name[0])
RATES = [0.1 * (1 + 0.05 * i) ** -0.75 for i in range(50)]


def parameters(dtype: str = "float64") -> Parameters:
    rng = np.random.default_rng(7)
    return Parameters(
        {
            "fc1.weight": Parameter(rng.normal(size=(7, 3)).astype(dtype)),
            "fc1.bias": Parameter(rng.normal(size=3).astype(dtype), decay_mult=0),
            "scale1.scale": Parameter(np.array(1.5, dtype)),
        },
        np.dtype(dtype),
    )


def updating(name: tuple[Any, ...], trained: Parameters) -> Update:
    return Update(trained, registry.optimizers.build(*name), None)


def run(update: Update, rates: Sequence[float], first: int = 0) -> Parameters:
    """Take a step for each rate, with gradients that depend only on the step's number."""
    for step, rate in enumerate(rates, first):
        rng = np.random.default_rng(step)
        for parameter in update.parameters.values():
            parameter.grad[...] = rng.normal(size=parameter.value.shape)
        update.prepare()
        update.apply(rate)
    return update.parameters


def compare_with_pytorch(
    name: tuple[Any, ...], make: Callable[[Any, list[Any]], Any], rates: list[float]
) -> float:
    """Return the largest difference from PyTorch after a step for each rate."""
    torch = pytest.importorskip("torch")
    trained = parameters()
    tensors = [torch.tensor(parameter.value, requires_grad=True) for parameter in trained.values()]
    update, peer = updating(name, trained), make(torch.optim, tensors)
    for step, rate in enumerate(rates):
        run(update, [rate], step)
        for group in peer.param_groups:
            group["lr"] = rate
        for parameter, tensor in zip(trained.values(), tensors, strict=True):
            tensor.grad = torch.tensor(parameter.grad)
        peer.step()
    return max(
        float(np.abs(parameter.value - tensor.detach().numpy()).max())
        for parameter, tensor in zip(trained.values(), tensors, strict=True)
    )


# Values ------------------------------------------------------------------------------------------


def test_sgd_keeps_the_rate_inside_the_direction() -> None:
    weight = Parameter(np.array([1.0]))
    update = updating(("sgd", 0.9), Parameters({"weight": weight}, np.dtype("float64")))
    weight.grad[:] = 2
    update.prepare()
    update.apply(0.1)  # d = 0.1 * 2 = 0.2
    assert weight.value[0] == pytest.approx(0.8, rel=1e-14)
    weight.grad[:] = 3
    update.prepare()
    update.apply(0.01)  # d = 0.9 * 0.2 + 0.01 * 3 = 0.21
    assert weight.value[0] == pytest.approx(0.59, rel=1e-14)


def test_sgd_differs_from_pytorch_once_the_rate_changes() -> None:
    def make(optim: Any, tensors: list[Any]) -> Any:
        return optim.SGD(tensors, 0.1, momentum=0.9)

    assert compare_with_pytorch(("sgd", 0.9), make, [0.1] * 50) < 1e-13
    assert compare_with_pytorch(("sgd", 0.9), make, [0.1, 0.05]) > 1e-2


def test_sgd_follows_its_formula_at_changing_rates() -> None:
    trained = parameters()
    expected = {path: parameter.value.copy() for path, parameter in trained.items()}
    directions = {path: np.zeros_like(value) for path, value in expected.items()}
    update = updating(("sgd", 0.9), trained)
    for step, rate in enumerate(RATES):
        run(update, [rate], step)
        for path, parameter in trained.items():
            directions[path] = 0.9 * directions[path] + rate * parameter.grad
            expected[path] = expected[path] - directions[path]
    for path, parameter in trained.items():
        np.testing.assert_allclose(parameter.value, expected[path], rtol=1e-12)


def test_sgd_without_momentum_is_plain_gradient_descent() -> None:
    trained = parameters()
    update = updating(("sgd",), trained)
    for rate in (0.5, 0.25):
        before = trained.value.copy()
        run(update, [rate])
        np.testing.assert_allclose(trained.value, before - rate * trained.grad, rtol=1e-14)


@pytest.mark.parametrize(
    ("name", "limit"),
    [(("sgd",), 2 / 100), (("sgd", 0.9), 3.8 / 100), (("nesterov", 0.9), 3.8 / 2.8 / 100)],
)
def test_the_largest_rate_in_a_valley(name: tuple[Any, ...], limit: float) -> None:
    weight = Parameter(np.array([1.0]))
    for rate, grows in [(0.98 * limit, False), (1.02 * limit, True)]:
        weight.value[:] = 1
        update = updating(name, Parameters({"weight": weight}, np.dtype("float64")))
        for _ in range(1000):
            weight.grad[:] = 100 * weight.value  # of 100 w^2 / 2
            update.prepare()
            update.apply(rate)
        assert (abs(weight.value[0]) > 1e4) == grows
        assert (abs(weight.value[0]) < 1e-4) != grows


def test_nesterov_follows_caffes_formula_at_changing_rates() -> None:
    trained = parameters()
    expected, history = trained.value.copy(), np.zeros_like(trained.value)
    update = updating(("nesterov", 0.9), trained)
    for step, rate in enumerate(RATES):
        run(update, [rate], step)
        before, history = history, 0.9 * history + rate * trained.grad
        expected = expected - ((1 + 0.9) * history - 0.9 * before)
    np.testing.assert_allclose(trained.value, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        (("nesterov", 0.9), lambda o, p: o.SGD(p, 0.1, momentum=0.9, nesterov=True)),
        (("sgd", 0.5), lambda o, p: o.SGD(p, 0.1, momentum=0.5)),
    ],
    ids=["nesterov", "sgd"],
)
def test_momentum_agrees_with_pytorch_at_a_constant_rate(
    name: tuple[Any, ...], make: Callable[[Any, list[Any]], Any]
) -> None:
    assert compare_with_pytorch(name, make, [0.03] * 50) < 1e-13


@pytest.mark.parametrize(
    ("name", "make"),
    [
        (("adagrad",), lambda o, p: o.Adagrad(p)),
        (("rmsprop",), lambda o, p: o.RMSprop(p)),
        (("rmsprop", 0.8, 0.1), lambda o, p: o.RMSprop(p, alpha=0.8, eps=0.1)),
        (("adadelta",), lambda o, p: o.Adadelta(p)),
        (("adadelta", 0.7, 1e-3), lambda o, p: o.Adadelta(p, rho=0.7, eps=1e-3)),
        (("adam",), lambda o, p: o.Adam(p)),
        (("adam", 0.8, 0.9, 0.1), lambda o, p: o.Adam(p, betas=(0.8, 0.9), eps=0.1)),
        (
            ("adamw", 0.9, 0.999, 1e-8, 0.1),
            lambda o, p: o.AdamW(
                [{"params": [p[0], p[2]]}, {"params": [p[1]], "weight_decay": 0}], weight_decay=0.1
            ),
        ),
    ],
    ids=lambda value: "-".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_adaptive_ones_agree_with_pytorch_at_changing_rates(
    name: tuple[Any, ...], make: Callable[[Any, list[Any]], Any]
) -> None:
    assert compare_with_pytorch(name, make, RATES) < 1e-12


def adaptive_steps(name: str, rates: Sequence[float], gradients: Sequence[Array]) -> Array:
    """Return what a formula makes of w = 0, whose decay_mult is 0.5."""
    value, first, second = (np.zeros_like(gradients[0]) for _ in range(3))
    for t, (rate, g) in enumerate(zip(rates, gradients, strict=True), 1):
        if name == "adagrad":
            second = second + g**2
            value = value - rate * g / (np.sqrt(second) + 1e-10)
        elif name == "rmsprop":
            second = 0.99 * second + 0.01 * g**2
            value = value - rate * g / (np.sqrt(second) + 1e-8)
        elif name == "adadelta":
            second = 0.9 * second + 0.1 * g**2
            d = g * np.sqrt((first + 1e-6) / (second + 1e-6))
            first = 0.9 * first + 0.1 * d**2
            value = value - rate * d
        else:
            value = value * (1 - rate * 0.01 * 0.5 * (name == "adamw"))
            first, second = 0.9 * first + 0.1 * g, 0.999 * second + 0.001 * g**2
            m, v = first / (1 - 0.9**t), second / (1 - 0.999**t)
            value = value - rate * m / (np.sqrt(v) + 1e-8)
    return value


@pytest.mark.parametrize("name", ["adagrad", "rmsprop", "adadelta", "adam", "adamw"])
def test_adaptive_ones_follow_their_formulas_at_changing_rates(name: str) -> None:
    rng = np.random.default_rng(3)
    gradients = rng.normal(size=(50, 7)) * rng.choice([1e-9, 1e-4, 1, 30], size=7)
    weight = Parameter(np.zeros(7), decay_mult=0.5)
    update = updating((name,), Parameters({"weight": weight}, np.dtype("float64")))
    for rate, gradient in zip(RATES, gradients, strict=True):
        weight.grad[:] = gradient
        update.prepare()
        update.apply(rate)
    expected = adaptive_steps(name, RATES, list(gradients))
    np.testing.assert_allclose(weight.value, expected, rtol=1e-10)


def test_adamw_leaves_the_bias_to_the_gradient() -> None:
    trained = parameters()
    before = {path: parameter.value.copy() for path, parameter in trained.items()}
    update = updating(("adamw", 0.9, 0.999, 1e-8, 0.5), trained)
    update.prepare()
    update.apply(0.1)  # gradients are 0
    weight, bias = trained["fc1.weight"], trained["fc1.bias"]
    np.testing.assert_allclose(weight.value, 0.95 * before["fc1.weight"], rtol=1e-14)
    np.testing.assert_array_equal(bias.value, before["fc1.bias"])


# In place, in blocks -----------------------------------------------------------------------------


@every
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_step_changes_value_and_slots_and_nothing_else(name: tuple[Any, ...], dtype: str) -> None:
    optimizer = registry.optimizers.build(*name)
    attributes = dict(vars(optimizer))
    trained = parameters(dtype)
    slots = [np.zeros_like(trained.value) for _ in optimizer.slots]
    scratches = [np.full_like(trained.value, np.nan) for _ in range(optimizer.scratches)]
    for t in (1, 2):
        trained.grad[...] = np.random.default_rng(t).normal(size=trained.grad.size)
        grad, before = trained.grad.copy(), trained.value.copy()
        assert optimizer.step(trained.value, trained.grad, 0.1, 1.0, t, *slots, *scratches) is None
        np.testing.assert_array_equal(trained.grad, grad)
        assert (trained.value != before).all()
    assert all(slot.all() and slot.dtype == dtype for slot in slots)
    assert vars(optimizer) == attributes


@every
def test_blocks_change_nothing(name: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(updating(name, parameters()), RATES[:5])
    monkeypatch.setattr(plugnet.training.update, "BLOCK_NUMBERS", 6)  # of 25: four blocks, and 1
    parts = run(updating(name, parameters()), RATES[:5])
    np.testing.assert_array_equal(parts.value, whole.value)


@every
def test_threads_change_nothing(name: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    optimizer, decay = registry.optimizers.build(*name), registry.regularizers.build("l2", 0.1)
    whole = run(Update(parameters(), optimizer, decay), RATES[:5])
    monkeypatch.setattr(plugnet.training.update, "THREAD_NUMBERS", 6)
    with parallel.threads(2):
        parts = run(Update(parameters(), optimizer, decay), RATES[:5])
    np.testing.assert_array_equal(parts.value, whole.value)


class Largest(Optimizer):
    """Follows the sign of the largest gradient, so it needs a whole parameter."""

    elementwise: ClassVar[bool] = False
    slots: ClassVar[tuple[str, ...]] = ("seen",)

    def step(
        self, value: Array, grad: Array, rate: float, decay: float, t: int, *arrays: Array
    ) -> None:
        seen, scratch = arrays
        assert value.shape == grad.shape == seen.shape == scratch.shape
        seen += 1
        value -= rate * np.sign(grad.flat[np.abs(grad).argmax()])


def test_not_elementwise_means_getting_whole_parameters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plugnet.training.update, "BLOCK_NUMBERS", 6)
    trained = parameters()
    before = {path: parameter.value.copy() for path, parameter in trained.items()}
    update = Update(trained, Largest(), registry.regularizers.build("l2", 0.0))
    run(update, [0.5])
    for path, parameter in trained.items():
        sign = np.sign(parameter.grad.flat[np.abs(parameter.grad).argmax()])
        np.testing.assert_allclose(parameter.value, before[path] - 0.5 * sign, rtol=1e-15)
        np.testing.assert_array_equal(update.state()[f"seen/{path}"], np.ones_like(before[path]))


# State -------------------------------------------------------------------------------------------


@every
def test_restored_state_continues_bit_for_bit(name: tuple[Any, ...]) -> None:
    through = run(updating(name, parameters("float32")), RATES[:20])
    stopped = parameters("float32")
    first, second = updating(name, stopped), updating(name, stopped)
    run(first, RATES[:10])
    state = {key: array.copy() for key, array in first.state().items()}
    run(first, RATES[:3])  # the state is a copy, which further steps do not change
    stopped.value[...] = run(updating(name, parameters("float32")), RATES[:10]).value
    second.restore(state)
    run(second, RATES[10:20], 10)
    np.testing.assert_array_equal(stopped.value, through.value)


@every
def test_restore_copies_and_replaces_what_was_there(name: tuple[Any, ...]) -> None:
    used, fresh = (updating(name, parameters()) for _ in range(2))
    empty = {key: array.copy() for key, array in fresh.state().items()}
    run(used, RATES[:3])
    state = {key: array.copy() for key, array in used.state().items()}
    fresh.restore(state)
    for key, array in fresh.state().items():
        assert not np.shares_memory(array, state[key])
        np.testing.assert_array_equal(array, state[key])
        assert array.dtype == state[key].dtype
    used.restore(empty)
    used.parameters.value[...] = parameters().value
    run(used, RATES[:3])
    np.testing.assert_array_equal(
        used.parameters.value, run(updating(name, parameters()), RATES[:3]).value
    )


def test_state_is_named_by_slot_and_parameter() -> None:
    sgd, adam = updating(("sgd", 0.9), parameters()), updating(("adam",), parameters())
    run(sgd, [0.1])
    run(adam, [0.1, 0.1])
    paths = list(parameters())
    assert list(sgd.state()) == ["steps", *(f"velocity/{path}" for path in paths)]
    np.testing.assert_allclose(
        sgd.state()["velocity/fc1.bias"], 0.1 * np.random.default_rng(0).normal(size=(8, 3))[7]
    )
    steps = adam.state()["steps"]
    assert (steps.shape, steps.dtype.name, int(steps)) == ((), "int64", 2)
    assert set(adam.state()) - {"steps"} == {
        f"{slot}/{path}" for slot in ("sum", "square_sum") for path in paths
    }


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("sgd", {"mean/fc1.weight": np.zeros((7, 3))}),
        ("sgd", {"velocity/fc1.weight": np.zeros((1, 3))}),
        ("adam", {"square_sum/fc1.bias": None}),
        ("adam", {"steps": None}),
    ],
)
def test_state_that_does_not_fit_is_refused_as_a_whole(
    name: str, change: dict[str, Array | None]
) -> None:
    update = updating((name,), parameters())
    state = {key: array + 1 for key, array in update.state().items()} | change
    with pytest.raises(ShapeError, match="kind that saved it"):
        update.restore({key: array for key, array in state.items() if array is not None})
    assert not any(array.any() for array in update.state().values())


def test_a_new_update_takes_over_the_slots_of_the_same_optimizer() -> None:
    first = updating(("adam",), parameters())
    run(first, RATES[:3])
    decay = registry.regularizers.build("l2", 0.1)
    second = Update(first.parameters, first.optimizer, decay, first)
    assert second.steps == 3
    assert second.slots is first.slots
    other = Update(first.parameters, registry.optimizers.build("adam"), decay, first)
    assert other.steps == 0
    assert not any(slot.any() for slot in other.slots.values())


@pytest.mark.parametrize(
    ("name", "culprit"),
    [
        (("sgd", 1), "momentum"),
        (("sgd", -0.1), "momentum"),
        (("sgd", True), "momentum"),
        (("nesterov", 1.5), "momentum"),
        (("nesterov", np.nan), "momentum"),
        (("adagrad", 0), "epsilon"),
        (("rmsprop", 1), "rho"),
        (("rmsprop", 0.9, -1), "epsilon"),
        (("adadelta", -0.1), "rho"),
        (("adadelta", 0.9, np.inf), "epsilon"),
        (("adam", 1), "beta1"),
        (("adam", 0.9, 1), "beta2"),
        (("adam", 0.9, 0.999, 0), "epsilon"),
        (("adamw", 0.9, 0.999, 1e-8, -1), "weight_decay"),
        (("adamw", -1), "beta1"),
    ],
)
def test_bad_arguments_are_refused_by_name(name: tuple[Any, ...], culprit: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        registry.optimizers.build(*name)
    assert caught.value.argument == culprit
