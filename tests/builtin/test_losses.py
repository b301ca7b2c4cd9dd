"""Losses: values, gradients, and the rules about targets that all of them share."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from plugnet import registry
from plugnet.arrays import Array
from plugnet.errors import ArgumentError, CallOrderError, DataError, ShapeError

ALL: list[tuple[Any, ...]] = [
    ("softmax_with_loss",),
    ("least_square_error",),
    ("sigmoid_cross_entropy",),
    ("hinge",),
    ("hinge", "L2"),
    ("huber", 0.5),
]
REAL = [("least_square_error",), ("huber", 0.5)]
THRESHOLD = [("sigmoid_cross_entropy",), ("hinge",), ("hinge", "L2")]
every = pytest.mark.parametrize("name", ALL, ids=lambda name: "-".join(map(str, name)))
IDS = np.array([2, 0, 1, 2, 1, 0])


@pytest.fixture
def outputs(rng: np.random.Generator) -> Array:
    return 2 * rng.normal(size=(6, 3))


def both(name: tuple[Any, ...], outputs: Array, targets: Array) -> tuple[float, Array]:
    loss = registry.losses.build(*name)
    loss.check(targets, outputs.shape)
    loss.prepare(outputs.shape, outputs.dtype)
    return loss.forward(outputs, targets, training=True), loss.backward()


# Values against hand-written formulas, SciPy and PyTorch -----------------------------------------


def test_softmax_with_loss_is_the_mean_of_minus_log_p(outputs: Array) -> None:
    special = pytest.importorskip("scipy.special")
    value, gradient = both(("softmax_with_loss",), outputs, IDS)
    log_p = special.log_softmax(outputs, axis=1)
    assert value == pytest.approx(-log_p[np.arange(6), IDS].mean(), rel=1e-13)
    np.testing.assert_allclose(gradient, (np.exp(log_p) - np.eye(3)[IDS]) / 6, rtol=1e-12)


def test_softmax_with_loss_of_equal_outputs_is_log_k() -> None:
    value, _ = both(("softmax_with_loss",), np.full((4, 10), 7.0), np.arange(4))
    assert value == pytest.approx(np.log(10), rel=1e-13)


def test_softmax_with_loss_ignores_a_shift(outputs: Array) -> None:
    value, _ = both(("softmax_with_loss",), outputs, IDS)
    shifted, _ = both(("softmax_with_loss",), outputs + 1000, IDS)
    assert shifted == pytest.approx(value, rel=1e-11)


def test_softmax_with_loss_shifts_each_row_by_its_own_maximum() -> None:
    """With one maximum for all, the second row's probabilities would be 0 / 0."""
    value, gradient = both(
        ("softmax_with_loss",), np.array([[1e4, 1e4], [0.0, 0.0]]), np.array([0, 1])
    )
    assert value == pytest.approx(np.log(2), rel=1e-13)
    np.testing.assert_allclose(gradient, [[-0.25, 0.25], [0.25, -0.25]], rtol=1e-13)


def test_softmax_with_loss_takes_soft_labels(rng: np.random.Generator, outputs: Array) -> None:
    special = pytest.importorskip("scipy.special")
    soft = rng.uniform(size=(6, 3))  # rows need not sum to 1
    value, _ = both(("softmax_with_loss",), outputs, soft)
    expected = -(soft * special.log_softmax(outputs, axis=1)).sum() / 6
    assert value == pytest.approx(expected, rel=1e-12)


def test_least_square_error_is_half_the_mean_squared_distance() -> None:
    x, t = np.array([[1.0, 2.0], [3.0, 5.0]]), np.array([[0.0, 2.0], [1.0, 8.0]])
    value, gradient = both(("least_square_error",), x, t)
    assert value == (1 + 0 + 4 + 9) / 4
    np.testing.assert_array_equal(gradient, [[0.5, 0], [1, -1.5]])


def test_sigmoid_cross_entropy_agrees_with_scipy(rng: np.random.Generator, outputs: Array) -> None:
    special = pytest.importorskip("scipy.special")
    t = rng.uniform(size=(6, 3))
    value, gradient = both(("sigmoid_cross_entropy",), outputs, t)
    expected = -(t * special.log_expit(outputs) + (1 - t) * special.log_expit(-outputs)).sum() / 6
    assert value == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(gradient, (special.expit(outputs) - t) / 6, rtol=1e-11)


@pytest.mark.parametrize(
    ("norm", "value", "gradient"),
    [
        ("L1", (0 + 3 + 0.5 + 1.5) / 2, [[0, 0.5], [0.5, -0.5]]),
        ("L2", (0 + 9 + 0.25 + 2.25) / 2, [[0, 3], [0.5, -1.5]]),
    ],
)
def test_hinge_is_one_versus_rest(norm: str, value: float, gradient: list[list[float]]) -> None:
    x = np.array([[2.0, 2.0], [-0.5, -0.5]])
    got, got_gradient = both(("hinge", norm), x, np.array([0, 1]))
    assert got == value
    np.testing.assert_array_equal(got_gradient, gradient)


def test_huber_agrees_with_scipy(rng: np.random.Generator, outputs: Array) -> None:
    special = pytest.importorskip("scipy.special")
    t = rng.normal(size=(6, 3))
    value, gradient = both(("huber", 0.5), outputs, t)
    assert value == pytest.approx(special.huber(0.5, outputs - t).sum() / 6, rel=1e-12)
    np.testing.assert_allclose(gradient, np.clip(outputs - t, -0.5, 0.5) / 6)


def test_values_and_gradients_agree_with_pytorch(rng: np.random.Generator, outputs: Array) -> None:
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    t = rng.uniform(size=(6, 3))
    target = torch.tensor(t)
    references: dict[tuple[Any, ...], Callable[[Any], Any]] = {
        ("softmax_with_loss",): lambda x: functional.cross_entropy(x, target),
        ("least_square_error",): lambda x: functional.mse_loss(x, target, reduction="sum") / 12,
        ("sigmoid_cross_entropy",): lambda x: (
            functional.binary_cross_entropy_with_logits(x, target, reduction="sum") / 6
        ),
        ("huber", 0.5): lambda x: functional.huber_loss(x, target, reduction="sum", delta=0.5) / 6,
    }
    for name, reference in references.items():
        tensor = torch.tensor(outputs, requires_grad=True)
        expected = reference(tensor)
        expected.backward()
        value, gradient = both(name, outputs, t)
        assert value == pytest.approx(expected.item(), rel=1e-12)
        np.testing.assert_allclose(gradient, tensor.grad.numpy(), rtol=1e-10, atol=1e-14)


# Gradients ---------------------------------------------------------------------------------------


@every
@pytest.mark.parametrize("n", [1, 6])
def test_gradient_by_ids_agrees_with_central_differences(
    name: tuple[Any, ...], n: int, outputs: Array, numerical_gradient: Callable[..., Array]
) -> None:
    x, ids = outputs[:n].copy(), IDS[:n]
    loss = registry.losses.build(*name)
    expected = numerical_gradient(lambda: loss.forward(x, ids), x)
    loss.forward(x, ids, training=True)
    np.testing.assert_allclose(loss.backward(), expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", [name for name in ALL if name[0] != "hinge"], ids=str)
def test_gradient_by_rows_agrees_with_central_differences(
    name: tuple[Any, ...],
    outputs: Array,
    rng: np.random.Generator,
    numerical_gradient: Callable[..., Array],
) -> None:
    loss = registry.losses.build(*name)
    rows = rng.uniform(size=(6, 3))
    expected = numerical_gradient(lambda: loss.forward(outputs, rows), outputs)
    loss.forward(outputs, rows, training=True)
    np.testing.assert_allclose(loss.backward(), expected, rtol=1e-6, atol=1e-8)


@every
def test_a_batch_repeated_costs_the_same(name: tuple[Any, ...], outputs: Array) -> None:
    """The mean over the batch, in the gradient as well."""
    value, gradient = both(name, outputs, IDS)
    doubled, doubled_gradient = both(name, np.tile(outputs, (2, 1)), np.tile(IDS, 2))
    assert doubled == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(doubled_gradient, np.tile(gradient / 2, (2, 1)), rtol=1e-13)


@every
def test_backward_twice_gives_the_same(name: tuple[Any, ...], outputs: Array) -> None:
    loss = registry.losses.build(*name)
    loss.forward(outputs, IDS, training=True)
    first = loss.backward().copy()
    np.testing.assert_array_equal(loss.backward(), first)


@every
def test_a_loss_with_buffers_gives_the_bits_of_one_without(
    name: tuple[Any, ...], outputs: Array
) -> None:
    for targets in (IDS, np.eye(3)[IDS], np.eye(3)[IDS].astype(int)):
        value, gradient = both(name, outputs, targets)
        plain = registry.losses.build(*name)
        assert plain.forward(outputs, targets, training=True) == value
        assert plain.forward(outputs, targets) == value
        np.testing.assert_array_equal(plain.backward(), gradient)


@every
def test_evaluation_leaves_what_a_pending_backward_reads(
    name: tuple[Any, ...], outputs: Array
) -> None:
    loss = registry.losses.build(*name)
    loss.prepare(outputs.shape, outputs.dtype)
    loss.forward(outputs, IDS, training=True)
    before = loss.backward().copy()
    kept = {attribute: id(value) for attribute, value in vars(loss).items()}
    for rows in (outputs[::-1] - 1, outputs[:2]):
        loss.forward(rows, IDS[: len(rows)])
        loss.forward(rows, np.eye(3)[IDS[: len(rows)]], np.ones(len(rows)), 3.0)
    assert {attribute: id(value) for attribute, value in vars(loss).items()} == kept
    np.testing.assert_array_equal(loss.backward(), before)


# Weights -----------------------------------------------------------------------------------------

#: Targets of each form, for three outputs and for one.
FORMS: dict[str, Array] = {
    "ids": IDS,
    "rows": np.eye(3)[IDS],
    "whole rows": np.eye(3, dtype=int)[IDS],
    "soft rows": np.random.default_rng(1).uniform(size=(6, 3)),
    "one output": np.array([[1.0], [0.0], [1.0], [1.0], [0.0], [0.0]]),
    "binary ids": np.array([1, 0, 1, 1, 0, 0]),
}
every_form = pytest.mark.parametrize(
    ("name", "form"),
    [
        (name, form)
        for name in ALL
        for form in FORMS
        if not (name[0] == "hinge" and form == "soft rows")
        and (form != "binary ids" or name in THRESHOLD)
        and (form != "one output" or name[0] != "softmax_with_loss")
    ],
    ids=str,
)


def weighted(
    name: tuple[Any, ...],
    outputs: Array,
    targets: Array,
    weights: Array | None,
    total: float | None = None,
) -> tuple[float, Array]:
    """Return loss and gradient, after checking that buffers do not change them."""
    plain, prepared = (registry.losses.build(*name) for _ in range(2))
    prepared.prepare(outputs.shape, outputs.dtype)
    value = prepared.forward(outputs, targets, weights, total, training=True)
    assert plain.forward(outputs, targets, weights, total, training=True) == value
    gradient = prepared.backward()
    np.testing.assert_array_equal(plain.backward(), gradient)
    return value, gradient


@pytest.fixture
def scores(outputs: Array, form: str) -> Array:
    return outputs[:, :1].copy() if form in ("one output", "binary ids") else outputs


@every_form
def test_a_whole_weight_means_that_many_copies(
    name: tuple[Any, ...], form: str, scores: Array
) -> None:
    counts, targets = np.array([2, 1, 0, 3, 1, 5]), FORMS[form]
    value, gradient = weighted(name, scores, targets, counts.astype(float))
    copies = np.repeat(np.arange(6), counts)
    expected, each = weighted(name, scores[copies], targets[copies], None)
    assert value == pytest.approx(expected, rel=1e-12)
    summed = np.zeros_like(scores)
    np.add.at(summed, copies, each)
    np.testing.assert_allclose(gradient, summed, rtol=1e-12, atol=1e-15)
    assert not gradient[2].any()


@every_form
def test_the_weighted_gradient_agrees_with_central_differences(
    name: tuple[Any, ...], form: str, scores: Array, numerical_gradient: Callable[..., Array]
) -> None:
    loss, weights = registry.losses.build(*name), np.array([0.3, 2.5, 0.0, 1.0, 7.0, 0.01])
    expected = numerical_gradient(lambda: loss.forward(scores, FORMS[form], weights), scores)
    _, gradient = weighted(name, scores, FORMS[form], weights)
    np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-8)


@every_form
@pytest.mark.parametrize("has_weights", [False, True])
def test_parts_with_the_total_of_the_whole_add_up(
    name: tuple[Any, ...], form: str, has_weights: bool, scores: Array
) -> None:
    targets = FORMS[form]
    weights = np.array([0.3, 2.5, 0.0, 1.0, 7.0, 0.01]) if has_weights else None
    total = 6.0 if weights is None else float(weights.sum())
    value, gradient = weighted(name, scores, targets, weights)
    parts = [
        weighted(
            name, scores[part], targets[part], None if weights is None else weights[part], total
        )
        for part in (slice(0, 1), slice(1, 3), slice(3, 6))
    ]
    assert sum(part for part, _ in parts) == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(
        np.concatenate([part for _, part in parts]), gradient, rtol=1e-12, atol=1e-16
    )


@every_form
@pytest.mark.parametrize("weights", [np.zeros(6), None])
def test_a_total_of_0_gives_loss_and_gradient_0(
    name: tuple[Any, ...], form: str, weights: Array | None, scores: Array
) -> None:
    value, gradient = weighted(name, scores, FORMS[form], weights, 0.0 if weights is None else None)
    assert value == 0.0
    np.testing.assert_array_equal(gradient, np.zeros_like(scores))


@every_form
def test_float32_stays_float32_with_weights(
    name: tuple[Any, ...], form: str, scores: Array
) -> None:
    weights, targets = np.array([1, 2, 0, 1, 3, 1], "float32"), FORMS[form]
    given = targets if targets.ndim == 1 else targets.astype("float32")
    value, gradient = weighted(name, scores.astype("float32"), given, weights)
    expected, same = weighted(name, scores, targets, weights.astype(float))
    assert gradient.dtype == np.float32
    assert type(value) is float
    assert value == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(gradient, same, rtol=2e-5, atol=1e-7)


# Probabilities -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_probabilities_agree_with_scipy(outputs: Array, dtype: str) -> None:
    special = pytest.importorskip("scipy.special")
    x = outputs.astype(dtype)
    before = x.copy()
    tolerance = 5e-6 if dtype == "float32" else 1e-13
    for name, reference in [
        ("softmax_with_loss", special.softmax(outputs, axis=1)),
        ("sigmoid_cross_entropy", special.expit(outputs)),
    ]:
        p = registry.losses.build(name).probabilities(x)
        assert p is not None
        np.testing.assert_allclose(p, reference, rtol=tolerance)
        assert p.dtype == dtype
        assert not np.shares_memory(p, x)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("name", [name for name in ALL if "with_loss" not in name[0]], ids=str)
def test_only_cross_entropies_have_probabilities(name: tuple[Any, ...], outputs: Array) -> None:
    has = name == ("sigmoid_cross_entropy",)
    assert (registry.losses.build(*name).probabilities(outputs) is not None) == has


def test_probabilities_of_large_and_of_broken_scores() -> None:
    scores = np.array([[1e30, 0.0], [1000.0, 1000.0], [np.nan, 0.0], [np.inf, 0.0]])
    p = registry.losses.build("softmax_with_loss").probabilities(scores)
    assert p is not None
    np.testing.assert_array_equal(p[:2], [[1.0, 0.0], [0.5, 0.5]])
    assert np.isnan(p[2:]).any(axis=1).all()


# Rules that all losses share ---------------------------------------------------------------------


@every
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("ids_dtype", ["int64", "uint8"])
@pytest.mark.parametrize("rows_dtype", ["float64", "float32", "int64", "bool"])
def test_ids_and_one_hot_rows_mean_the_same(
    name: tuple[Any, ...], dtype: str, ids_dtype: str, rows_dtype: str, outputs: Array
) -> None:
    x = outputs.astype(dtype)
    value, gradient = both(name, x, IDS.astype(ids_dtype))
    same_value, same_gradient = both(name, x, np.eye(3)[IDS].astype(rows_dtype))
    rounding = 4 * float(np.finfo(dtype).eps)  # the order of operations may differ
    assert value == pytest.approx(same_value, rel=rounding)
    np.testing.assert_allclose(gradient, same_gradient, rtol=rounding, atol=rounding / 4)
    assert gradient.dtype == dtype
    assert type(value) is float


@every
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1e4, 1e15])
def test_large_outputs_give_finite_losses(name: tuple[Any, ...], dtype: str, size: float) -> None:
    value, gradient = both(name, np.array([[size, -size], [-size, size]], dtype), np.array([0, 0]))
    assert np.isfinite(value)
    assert value > 0
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("name", ["softmax_with_loss", "sigmoid_cross_entropy"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_cross_entropies_are_finite_and_exact_at_1e30(name: str, dtype: str) -> None:
    x = np.array([[1e30, -1e30], [-1e30, 1e30]], dtype)
    assert both((name,), x, np.array([0, 1]))[0] == 0
    wrong, gradient = both((name,), x, np.array([1, 0]))
    assert wrong == pytest.approx(2e30, rel=1e-6)
    np.testing.assert_array_equal(gradient, [[0.5, -0.5], [-0.5, 0.5]])


@every
def test_inputs_are_not_changed(name: tuple[Any, ...], outputs: Array) -> None:
    rows = np.eye(3)[IDS]
    copies = outputs.copy(), rows.copy()
    both(name, outputs, rows)
    np.testing.assert_array_equal(outputs, copies[0])
    np.testing.assert_array_equal(rows, copies[1])


@every
def test_one_object_serves_batches_of_ids_and_rows_of_any_size(
    name: tuple[Any, ...], outputs: Array
) -> None:
    loss = registry.losses.build(*name)
    rows = np.eye(3)[IDS]
    for x, targets in [(outputs, rows), (outputs, IDS), (outputs[:2], IDS[:2]), (outputs, rows)]:
        loss.prepare(x.shape, x.dtype)
        assert loss.forward(x, targets, training=True) == both(name, x, targets)[0]
        np.testing.assert_array_equal(loss.backward(), both(name, x, targets)[1])
    np.testing.assert_array_equal(rows, np.eye(3)[IDS])


@every
@pytest.mark.parametrize(
    ("outputs_shape", "targets_shape"),
    [
        ((4, 1), (4, 4)),
        ((4, 1), (1, 1)),
        ((4, 3), (4, 1)),
        ((4, 3), (1, 3)),
        ((4, 3), (3,)),
        ((4, 4), (1,)),
        ((4, 3), ()),
        ((4, 3), (4, 3, 1)),
        ((3,), (3,)),
        ((2, 3, 1), (2, 3, 1)),
        ((0, 3), (0,)),
    ],
)
def test_unequal_shapes_are_refused_even_if_numpy_broadcasts(
    name: tuple[Any, ...], outputs_shape: tuple[int, ...], targets_shape: tuple[int, ...]
) -> None:
    with pytest.raises(ShapeError):
        registry.losses.build(*name).check(np.zeros(targets_shape, "int64"), outputs_shape)


@every
@pytest.mark.parametrize(("ids", "row"), [([0, 1, 3, 7], 2), ([0, -1, 1, 2], 1)])
def test_ids_out_of_range_are_refused_by_row(
    name: tuple[Any, ...], ids: list[int], row: int
) -> None:
    with pytest.raises(DataError, match=f"within 0 .. 2, but row {row} has {ids[row]}") as caught:
        registry.losses.build(*name).check(np.array(ids), (4, 3))
    assert caught.value.row == row


@every
@pytest.mark.parametrize("dtype", ["float64", "bool", "complex128", "object", "U1"])
def test_ids_must_be_of_integer_dtype(name: tuple[Any, ...], dtype: str) -> None:
    with pytest.raises(DataError, match="integers"):
        registry.losses.build(*name).check(np.zeros(2).astype(dtype), (2, 3))


@every
@pytest.mark.parametrize("dtype", ["complex128", "object", "U1"])
def test_rows_must_be_numbers(name: tuple[Any, ...], dtype: str) -> None:
    with pytest.raises(DataError, match="numbers"):
        registry.losses.build(*name).check(np.zeros((2, 3)).astype(dtype), (2, 3))


@every
def test_backward_before_forward_is_refused(name: tuple[Any, ...]) -> None:
    with pytest.raises(CallOrderError, match="forward"):
        registry.losses.build(*name).backward()


# A single output ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", THRESHOLD, ids=str)
def test_threshold_losses_take_ids_0_and_1_for_a_single_output(name: tuple[Any, ...]) -> None:
    x, ids = np.array([[0.3], [-0.2], [2.0]]), np.array([1, 0, 0])
    assert registry.losses.build(*name).threshold == 0.0
    value, gradient = both(name, x, ids)
    same_value, same_gradient = both(name, x, ids.reshape(3, 1))
    assert value == same_value
    np.testing.assert_array_equal(gradient, same_gradient)
    assert (np.sign(gradient[:, 0]) == [-1, 1, 1]).all()
    with pytest.raises(DataError, match=r"within 0 \.\. 1, but row 2"):
        registry.losses.build(*name).check(np.array([1, 0, 2]), x.shape)


@pytest.mark.parametrize("name", REAL, ids=str)
def test_regression_losses_refuse_values_in_the_shape_of_ids(name: tuple[Any, ...]) -> None:
    assert registry.losses.build(*name).threshold is None
    with pytest.raises(DataError, match=r"\(N, 1\)"):
        registry.losses.build(*name).check(np.array([0.5, 1.5]), (2, 1))
    with pytest.raises(DataError):
        registry.losses.build(*name).check(np.array([0, 1]), (2, 1))


# Arguments and ranges ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("sigmoid_cross_entropy", 1.5),
        ("sigmoid_cross_entropy", -1.0),
        ("sigmoid_cross_entropy", np.nan),
        ("hinge", 0.5),
        ("hinge", -1.0),
    ],
)
def test_rows_out_of_range_are_refused_by_row(name: str, bad: float) -> None:
    with pytest.raises(DataError, match="row 1") as caught:
        registry.losses.build(name).check(np.array([[0, 1], [1, bad], [0, 1]]), (3, 2))
    assert caught.value.row == 1


@pytest.mark.parametrize(
    ("name", "argument"),
    [("hinge", "L3"), ("hinge", 1), ("huber", 0), ("huber", -1), ("huber", "1"), ("huber", np.inf)],
)
def test_bad_arguments_are_refused(name: str, argument: Any) -> None:
    with pytest.raises(ArgumentError):
        registry.losses.build(name, argument)
