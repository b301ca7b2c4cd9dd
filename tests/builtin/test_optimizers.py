"""Optimizers: hand values, PyTorch over 50 steps with changing rates, saved state."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from plugnet import Parameter, registry
from plugnet.arrays import Array
from plugnet.errors import ArgumentError, ShapeError
from plugnet.interfaces import Optimizer

ALL = [
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


def parameters(dtype: str = "float64") -> list[Parameter]:
    rng = np.random.default_rng(7)
    return [
        Parameter("fc1.weight", rng.normal(size=(7, 3)).astype(dtype)),
        Parameter("fc1.bias", rng.normal(size=3).astype(dtype), decay=False),
        Parameter("scale1.scale", np.array(1.5, dtype)),
    ]


def run(
    optimizer: Optimizer, trained: Sequence[Parameter], rates: Sequence[float], first: int = 0
) -> None:
    """Take a step for each rate, with gradients that depend on its number alone."""
    for step, rate in enumerate(rates, first):
        rng = np.random.default_rng(step)
        for parameter in trained:
            parameter.grad[...] = rng.normal(size=parameter.value.shape)
        optimizer.update(trained, rate)


def values(trained: Sequence[Parameter]) -> list[bytes]:
    return [parameter.value.tobytes() for parameter in trained]


def compare_with_pytorch(
    name: tuple[Any, ...], make: Callable[[Any, list[Any]], Any], rates: list[float]
) -> float:
    """Return the largest difference from PyTorch after a step for each rate."""
    torch = pytest.importorskip("torch")
    trained = parameters()
    tensors = [torch.tensor(parameter.value, requires_grad=True) for parameter in trained]
    optimizer, peer = registry.optimizers.build(*name), make(torch.optim, tensors)
    for step, rate in enumerate(rates):
        run(optimizer, trained, [rate], step)
        for group in peer.param_groups:
            group["lr"] = rate
        for parameter, tensor in zip(trained, tensors, strict=True):
            tensor.grad = torch.tensor(parameter.grad)
        peer.step()
    return max(
        float(np.abs(parameter.value - tensor.detach().numpy()).max())
        for parameter, tensor in zip(trained, tensors, strict=True)
    )


# Values ------------------------------------------------------------------------------------------


def test_sgd_keeps_the_rate_inside_the_direction() -> None:
    weight = Parameter("weight", np.array([1.0]))
    optimizer = registry.optimizers.build("sgd", 0.9)
    weight.grad[:] = 2
    optimizer.update([weight], 0.1)  # d = 0.1 * 2 = 0.2
    assert weight.value[0] == pytest.approx(0.8, rel=1e-14)
    weight.grad[:] = 3
    optimizer.update([weight], 0.01)  # d = 0.9 * 0.2 + 0.01 * 3 = 0.21
    assert weight.value[0] == pytest.approx(0.59, rel=1e-14)


def test_sgd_is_pytorchs_at_a_constant_rate_and_differs_once_the_rate_changes() -> None:
    def make(optim: Any, tensors: list[Any]) -> Any:
        return optim.SGD(tensors, 0.1, momentum=0.9)

    assert compare_with_pytorch(("sgd", 0.9), make, [0.1] * 50) < 1e-13
    assert compare_with_pytorch(("sgd", 0.9), make, [0.1, 0.05]) > 1e-2


def test_sgd_follows_its_formula_at_changing_rates() -> None:
    trained = parameters()
    expected = [parameter.value.copy() for parameter in trained]
    directions = [np.zeros_like(value) for value in expected]
    optimizer = registry.optimizers.build("sgd", 0.9)
    for step, rate in enumerate(RATES):
        run(optimizer, trained, [rate], step)
        for i, parameter in enumerate(trained):
            directions[i] = 0.9 * directions[i] + rate * parameter.grad
            expected[i] = expected[i] - directions[i]
    for parameter, value in zip(trained, expected, strict=True):
        np.testing.assert_allclose(parameter.value, value, rtol=1e-12)


def test_sgd_without_momentum_is_plain_gradient_descent() -> None:
    (weight, *_) = parameters()
    before = weight.value.copy()
    optimizer = registry.optimizers.build("sgd")
    run(optimizer, [weight], [0.5])
    np.testing.assert_allclose(weight.value, before - 0.5 * weight.grad, rtol=1e-14)
    before = weight.value.copy()
    run(optimizer, [weight], [0.25])
    np.testing.assert_allclose(weight.value, before - 0.25 * weight.grad, rtol=1e-14)


def test_nesterov_follows_caffes_formula_at_changing_rates() -> None:
    (weight, *_) = parameters()
    expected, history = weight.value.copy(), np.zeros_like(weight.value)
    optimizer = registry.optimizers.build("nesterov", 0.9)
    for step, rate in enumerate(RATES):
        run(optimizer, [weight], [rate], step)
        before, history = history, 0.9 * history + rate * weight.grad
        expected = expected - ((1 + 0.9) * history - 0.9 * before)
    np.testing.assert_allclose(weight.value, expected, rtol=1e-12)


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


def test_adamw_leaves_the_bias_to_the_gradient() -> None:
    trained = parameters()
    before = [parameter.value.copy() for parameter in trained]
    registry.optimizers.build("adamw", weight_decay=0.5).update(trained, 0.1)  # gradients are 0
    np.testing.assert_allclose(trained[0].value, 0.95 * before[0], rtol=1e-14)
    np.testing.assert_array_equal(trained[1].value, before[1])


# In place, in blocks -----------------------------------------------------------------------------


@every
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_update_is_in_place_and_leaves_the_gradient(name: tuple[Any, ...], dtype: str) -> None:
    trained = parameters(dtype)
    arrays = [parameter.value for parameter in trained]
    run(registry.optimizers.build(*name), trained, [0.1])
    for parameter, array in zip(trained, arrays, strict=True):
        assert parameter.value is array
        assert array.dtype == dtype
    run(registry.optimizers.build(*name), trained, [0.1], 1)
    grads = [parameter.grad.copy() for parameter in trained]
    registry.optimizers.build(*name).update(trained, 0.1)
    for parameter, grad in zip(trained, grads, strict=True):
        np.testing.assert_array_equal(parameter.grad, grad)


@every
def test_blocks_change_nothing(name: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    whole, parts = parameters(), parameters()
    run(registry.optimizers.build(*name), whole, RATES[:5])
    monkeypatch.setattr("plugnet_builtin.slots.BLOCK", 6)  # 7 rows of 3: blocks of 2, 2, 2 and 1
    optimizer = registry.optimizers.build(*name)
    run(optimizer, parts, RATES[:5])
    assert values(parts) == values(whole)
    assert all(array.shape in [(7, 3), (3,), ()] for array in optimizer.state().values())


# State -------------------------------------------------------------------------------------------


@every
def test_restored_state_goes_on_bit_for_bit(name: tuple[Any, ...]) -> None:
    through, stopped = parameters("float32"), parameters("float32")
    run(registry.optimizers.build(*name), through, RATES[:20])
    first = registry.optimizers.build(*name)
    run(first, stopped, RATES[:10])
    state = {key: array.copy() for key, array in first.state().items()}
    second = registry.optimizers.build(*name)
    second.restore(state)
    run(second, stopped, RATES[10:20], 10)
    assert values(stopped) == values(through)


@every
def test_restore_copies_and_replaces_what_was_there(name: tuple[Any, ...]) -> None:
    used, fresh = registry.optimizers.build(*name), registry.optimizers.build(*name)
    empty = {key: array.copy() for key, array in fresh.state().items()}
    run(used, parameters(), RATES[:3])
    state = {key: array.copy() for key, array in used.state().items()}
    fresh.restore(state)
    for key, array in fresh.state().items():
        assert not np.shares_memory(array, state[key])
        assert array.tobytes() == state[key].tobytes()
        assert array.dtype == state[key].dtype
    used.restore(empty)
    anew, again = parameters(), parameters()
    run(used, anew, RATES[:3])
    run(registry.optimizers.build(*name), again, RATES[:3])
    assert values(anew) == values(again)


def test_state_is_named_by_slot_and_parameter() -> None:
    trained = parameters()[:2]
    sgd, adam = registry.optimizers.build("sgd", 0.9), registry.optimizers.build("adam")
    run(sgd, trained, [0.1])
    run(adam, trained, [0.1, 0.1])
    assert list(sgd.state()) == ["velocity/fc1.weight", "velocity/fc1.bias"]
    np.testing.assert_allclose(
        sgd.state()["velocity/fc1.bias"], 0.1 * np.random.default_rng(0).normal(size=(8, 3))[7]
    )
    state = adam.state()
    assert (state["steps"].shape, state["steps"].dtype.name, int(state["steps"])) == (
        (),
        "int64",
        2,
    )
    assert set(state) - {"steps"} == {
        f"{slot}/fc1.{name}" for slot in ("sum", "square_sum") for name in ("weight", "bias")
    }


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("sgd", ["mean/fc1.weight"]),
        ("sgd", ["steps", "velocity/fc1.weight"]),
        ("adam", ["steps", "sum/fc1.weight"]),
        ("adam", ["sum/fc1.weight", "square_sum/fc1.weight"]),
    ],
)
def test_state_of_another_optimizer_is_refused(name: str, keys: list[str]) -> None:
    state: dict[str, Array] = {key: np.zeros(()) for key in keys}
    with pytest.raises(ShapeError, match="kind that saved it"):
        registry.optimizers.build(name).restore(state)


def test_parameter_of_another_shape_under_the_same_name_is_refused() -> None:
    optimizer = registry.optimizers.build("sgd", 0.9)
    run(optimizer, [Parameter("fc1.weight", np.ones((1, 3)))], [0.1])
    with pytest.raises(ShapeError, match=r"'fc1.weight' with the shape \(1, 3\)"):
        optimizer.update([Parameter("fc1.weight", np.ones((4, 3)))], 0.1)


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
