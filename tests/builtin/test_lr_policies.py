"""Learning-rate policies: tables of values from Caffe's formulas, worked out by hand."""

from itertools import pairwise
from typing import Any

import pytest

from plugnet import registry
from plugnet.errors import ArgumentError

nan, inf = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("policy", "rates"),
    [
        (("fixed", 0.1), {0: 0.1, 1: 0.1, 10**6: 0.1}),
        (("inv", 0.1), {0: 0.1, 1: 0.0999625164, 799: 0.0777177686, 10000: 0.0260847430}),
        (("inv", 0.01, 0.0001, 0.75), {0: 0.01, 10000: 0.0059460356}),  # Caffe's LeNet
        (("step", 0.01, 100), {0: 0.01, 99: 0.01, 100: 0.001, 199: 0.001, 200: 0.0001}),
        (("step", 1, 3, 0.5), {2: 1, 3: 0.5, 8: 0.25, 9: 0.125}),
        (("multistep", 1, [5, 8], 0.5), {0: 1, 4: 1, 5: 0.5, 7: 0.5, 8: 0.25, 99: 0.25}),
        (("multistep", 0.1, (2,)), {1: 0.1, 2: 0.01}),
        (("exp", 2, 0.5), {0: 2, 1: 1, 3: 0.25}),
        (("poly", 0.1, 100), {0: 0.1, 25: 0.075, 50: 0.05, 100: 0, 101: 0}),
        (("poly", 0.1, 100, 2), {0: 0.1, 50: 0.025, 90: 0.001}),
        (("poly", 4, 100, 0.5), {75: 2, 200: 0}),
        (("sigmoid", 1, 10, -0.1), {10: 0.5, 0: 0.7310585786, 20: 0.2689414214}),
        (("sigmoid", 2, 10, 1000), {0: 0, 10: 1, 20: 2}),
        (("cosine", 1, 100), {0: 1, 50: 0.5, 25: 0.8535533906, 100: 0, 500: 0}),
        (("cosine", 1, 100, 0.2), {0: 1, 50: 0.6, 100: 0.2, 500: 0.2}),
        (("warmup", ("fixed", 0.1), 10), {0: 0, 5: 0.05, 9: 0.09, 10: 0.1, 99: 0.1}),
        (("warmup", ("fixed", 0.1), 10, 0.02), {0: 0.02, 5: 0.06, 10: 0.1}),
        (("warmup", ("poly", 1, 20), 10), {5: 0.25, 10: 0.5, 15: 0.25}),
    ],
    ids=lambda value: "-".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_rates(policy: tuple[Any, ...], rates: dict[int, float]) -> None:
    built = registry.lr_policies.build(*policy)
    for iteration, rate in rates.items():
        got = built(iteration)
        assert type(got) is float
        assert got == pytest.approx(rate, rel=1e-8, abs=1e-12)


def test_policy_is_pure() -> None:
    policy = registry.lr_policies.build("inv", 0.1)
    assert [policy(5), policy(799), policy(5)] == [policy(5), policy(799), policy(5)]


def test_warmup_joins_its_policy_without_a_jump() -> None:
    inv = registry.lr_policies.build("inv", 0.1)
    policy = registry.lr_policies.build("warmup", inv, 50)
    rates = [policy(iteration) for iteration in range(100)]
    steps = [after - before for before, after in pairwise(rates[:51])]
    assert steps == pytest.approx([inv(50) / 50] * 50)
    assert rates[50:] == [inv(iteration) for iteration in range(50, 100)]


def test_policy_without_an_iteration_is_a_type_error() -> None:
    policy: Any = registry.lr_policies.build("inv", 0.1)
    with pytest.raises(TypeError):
        policy()


RATES = [0, -0.1, nan, inf, True, "0.1", None, 10**400]


@pytest.mark.parametrize("rate", RATES, ids=lambda rate: str(rate)[:5])
@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("fixed", ()),
        ("inv", ()),
        ("step", (5,)),
        ("multistep", ([5],)),
        ("exp", (0.5,)),
        ("poly", (5,)),
        ("sigmoid", (5, -1)),
        ("cosine", (5,)),
    ],
)
def test_rate_must_be_finite_and_above_zero(name: str, rest: tuple[Any, ...], rate: Any) -> None:
    with pytest.raises(ArgumentError, match="'rate' must be a finite number above 0") as caught:
        registry.lr_policies.build(name, rate, *rest)
    assert (caught.value.argument, caught.value.value) == ("rate", rate) or rate != rate


@pytest.mark.parametrize(
    ("policy", "culprit"),
    [
        (("inv", 0.1, -1), "gamma"),
        (("inv", 0.1, nan), "gamma"),
        (("inv", 0.1, 1, -1), "power"),
        (("step", 0.1, 0), "step_size"),
        (("step", 0.1, 2.0), "step_size"),
        (("step", 0.1, 2, 0), "gamma"),
        (("multistep", 0.1, []), "steps"),
        (("multistep", 0.1, 5), "steps"),
        (("multistep", 0.1, "58"), "steps"),
        (("multistep", 0.1, [8, 5]), "steps"),
        (("multistep", 0.1, [5, 5]), "steps"),
        (("multistep", 0.1, [0, 5]), "steps"),
        (("multistep", 0.1, [5], inf), "gamma"),
        (("exp", 0.1, 0), "gamma"),
        (("poly", 0.1, 0), "iterations"),
        (("poly", 0.1, 5, 0), "power"),
        (("sigmoid", 0.1, -1, 1), "step_size"),
        (("sigmoid", 0.1, 1, nan), "gamma"),
        (("cosine", 0.1, 0), "iterations"),
        (("cosine", 0.1, 5, 0.2), "floor"),
        (("cosine", 0.1, 5, -0.1), "floor"),
        (("warmup", ("fixed", 0.1), 0), "iterations"),
        (("warmup", ("fixed", 0.1), 5, -1), "start"),
    ],
    ids=lambda value: "-".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_bad_arguments_are_refused_by_name(policy: tuple[Any, ...], culprit: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        registry.lr_policies.build(*policy)
    assert caught.value.argument == culprit
