"""From a name to a component: which names are understood, and what is said about the others."""

from contextlib import suppress
from typing import assert_type

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name
from tests.aliases import Fake

from plugnet import registry
from plugnet.errors import AmbiguousNameError, ArgumentError, UnknownComponentError
from plugnet.interfaces import Activation, Layer, LRPolicy
from plugnet.registry import Registry
from plugnet.registry.kinds import KINDS, PUBLISHED
from plugnet.registry.names import Name, parse
from plugnet.registry.synonyms import SYNONYMS, synonyms


def test_a_view_builds_its_own_type() -> None:
    layer = registry.layers.build("flatten")
    assert_type(layer, Layer)
    assert isinstance(layer, Layer)
    assert issubclass(registry.activations.get("tanh"), Activation)


@pytest.mark.parametrize(
    "name", ["tanh", "activation:tanh", "plugnet/tanh", "activation:plugnet/tanh"]
)
def test_names_may_say_kind_and_distribution(name: str) -> None:
    assert type(registry.build(name)) is registry.get("tanh")
    assert type(registry.activations.build(name)) is registry.get("tanh")


def test_a_distribution_is_named_as_pip_does(fake_distribution: Fake, fresh: Registry) -> None:
    fake_distribution("Nn_Shift", sources={"Nn_Shift.py": ""})
    fake_distribution("nn-other")
    assert fresh.layers.entries()[0].distribution == "nn-other"
    assert fresh.get("NN.other/shift") is fresh.get("nn-other/shift")
    assert {entry.distribution for entry in fresh.entries()} == {"plugnet", "nn-other", "nn-shift"}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("fcc", "fc"),
        ("FC", "fc"),
        ("leaky-relu", "leaky_relu"),
        ("Softmax-With-Loss", "softmax_with_loss"),
    ],
)
def test_a_typing_error_gets_a_suggestion(typed: str, meant: str) -> None:
    """Wrong letters, wrong case and a dash for an underscore."""
    with pytest.raises(UnknownComponentError, match=f"Did you mean .*'{meant}'") as caught:
        registry.build(typed)
    assert meant in caught.value.suggestions
    assert caught.value.name == typed
    assert caught.value.kind is None
    assert caught.value.__context__ is None  # the first thing that a traceback shows is the message


@pytest.mark.parametrize(
    ("kind", "typed", "meant"),
    [
        ("layer", "dense", "'fc'"),
        ("layer", "Linear", "'fc'"),
        ("layer", "fully-connected", "'fc'"),
        ("layer", "Conv", "'conv2d'"),
        ("layer", "MaxPooling2D", "'max_pool'"),
        ("layer", "bn", "'batch_norm'"),
        ("layer", "silu", "'swish', which is of kind activation"),
        ("layer", "softmax", "'softmax_with_loss', which is of kind loss"),
        ("activation", "linear", "'identity'"),
        ("loss", "cross_entropy", "'softmax_with_loss'"),
        ("loss", "CrossEntropyLoss", "'softmax_with_loss'"),
        ("loss", "mse", "'least_square_error'"),
        ("loss", "l2", "'least_square_error'"),
        ("loss", "sigmoid", "'sigmoid_cross_entropy'"),
        ("loss", "bce", "'sigmoid_cross_entropy'"),
        ("optimizer", "momentum", r"\('sgd', 0\.9\)"),
        ("initializer", "kaiming", "'he_normal'"),
        ("initializer", "glorot", "'glorot_uniform'"),
        ("initializer", "zeros", r"\('constant', 0\.0\)"),
        ("lr_policy", "constant", "'fixed'"),
        ("regularizer", "weight_decay", "'l2'"),
        ("regularizer", "lasso", "'l1'"),
        ("hook", "EarlyStopping", "'early_stop'"),
        ("metric", "acc", "'accuracy'"),
        ("metric", "f1-score", "'f1'"),
        (None, "dense", "'fc'"),
        (None, "softmax", "'softmax_with_loss'"),
    ],
)
def test_what_others_call_it_gets_our_name(kind: str | None, typed: str, meant: str) -> None:
    view = registry.view(kind) if kind else registry
    with pytest.raises(UnknownComponentError, match=rf"Did you mean {meant}\?") as caught:
        view.build(typed)
    place = "registry.losses.names()" if kind == "loss" else "names()"
    assert place in str(caught.value)
    assert "Looked in" not in str(caught.value)
    assert caught.value.suggestions[0] in meant


def test_a_synonym_is_only_suggested(fake_distribution: Fake, fresh: Registry) -> None:
    fake_distribution("nn-shift", {"layers": {"dense": "nn_shift:Shift"}})
    assert fresh.layers.build("dense").__class__.__name__ == "Shift"


@pytest.mark.parametrize("kind", SYNONYMS)
def test_synonyms_are_of_what_exists_and_of_no_name(kind: str) -> None:
    known = {*registry.view(kind).names(), *(name for of, name in PUBLISHED if of == kind)}
    for written, others in SYNONYMS[kind].items():
        name = written if isinstance(written, str) else written[0]
        assert name in known
        assert not known & {*others.split()}
        for other in others.split():
            assert written in synonyms(kind, other).values()


def test_a_name_like_no_other_gets_all_names() -> None:
    with pytest.raises(UnknownComponentError) as caught:
        registry.losses.build("zork")
    assert "There are: hinge, huber, least_square_error" in str(caught.value)
    assert caught.value.suggestions == ()


BARE = st.from_regex(r"[a-z][a-z0-9_]{0,30}", fullmatch=True)
DISTRIBUTIONS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,30}", fullmatch=True)


@given(st.none() | st.sampled_from([*KINDS]), st.none() | DISTRIBUTIONS, BARE)
def test_a_name_is_taken_apart_and_put_together(
    kind: str | None, distribution: str | None, bare: str
) -> None:
    found = parse(str(Name(kind, distribution, bare)))
    assert found == (kind, distribution and canonicalize_name(distribution), bare)
    assert parse(str(found)) == found


@given(st.text("aZ0_-./: \n", max_size=12) | st.text())
def test_any_text_is_a_name_or_refused_as_none(text: str) -> None:
    with suppress(ArgumentError):
        assert parse(str(parse(text))) == parse(text)


@given(BARE, st.sampled_from(["", "{} ", "a {}", "{}\n", ":{}", "/{}", "{}:", "{}/", "{0}" * 201]))
def test_a_text_that_can_be_no_name_is_refused(name: str, around: str) -> None:
    with pytest.raises(ArgumentError, match="A name must be a string such as 'fc'") as caught:
        registry.build(around.format(name))
    assert caught.value.argument == "name"
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("name", [None, 3, b"fc", ["fc"], ("fc", 1), Layer])
def test_what_is_no_text_is_refused_without_a_scan(name: object, fresh: Registry) -> None:
    with pytest.raises(ArgumentError, match="must be a string") as caught:
        fresh.build(name)  # type: ignore[arg-type]
    assert caught.value.value is name
    assert fresh._index._scanned is None


def test_a_name_of_another_kind_is_pointed_out() -> None:
    with pytest.raises(UnknownComponentError, match=r"use registry\.activations\.build\('relu'\)"):
        registry.layers.build("relu")
    with pytest.raises(ArgumentError, match="kind layer only"):
        registry.layers.build("activation:relu")
    with pytest.raises(UnknownComponentError, match="no kind of component 'layr'"):
        registry.build("layr:fc")


def test_a_published_plugin_that_is_absent_is_named_with_its_command() -> None:
    with (
        registry.isolated(),
        pytest.raises(UnknownComponentError, match="pip install plugnet-convolution"),
    ):
        registry.build("conv2d", 20, 5)
    with (
        registry.isolated(),
        pytest.raises(UnknownComponentError, match="pip install plugnet-pooling") as caught,
    ):
        registry.layers.build("max-pool")
    assert caught.value.suggestions[0] == "max_pool"


def test_a_published_plugin_that_is_too_old_is_to_be_upgraded(
    fake_distribution: Fake, fresh: Registry
) -> None:
    fake_distribution("plugnet-convolution")
    with pytest.raises(UnknownComponentError, match="pip install -U plugnet-convolution"):
        fresh.build("conv2d_transpose")


def test_an_unknown_distribution_is_told_from_an_unknown_name(
    fake_distribution: Fake, fresh: Registry
) -> None:
    fake_distribution("nn-shift")
    with pytest.raises(UnknownComponentError, match="'nn-absent' is not installed") as caught:
        fresh.build("nn-absent/shift")
    assert "'shift' is provided by nn-shift 1.0." in str(caught.value)


def test_one_name_in_two_kinds_is_clear_in_views_only() -> None:
    assert isinstance(registry.activations.build("sigmoid"), Activation)
    with pytest.raises(
        AmbiguousNameError, match="'sigmoid' may mean activation 'sigmoid' of plugnet"
    ) as caught:
        registry.build("sigmoid")
    assert caught.value.candidates == ("activation:sigmoid", "lr_policy:sigmoid")
    assert issubclass(registry.get("lr_policy:sigmoid"), LRPolicy)


def test_a_plugin_of_another_kind_leaves_a_built_in_name_clear(
    fake_distribution: Fake, fresh: Registry
) -> None:
    fake_distribution("nn-shift", {"layers": {"tanh": "nn_shift:Shift"}})
    assert issubclass(fresh.get("tanh"), Activation)
    assert issubclass(fresh.get("layer:tanh"), Layer)


def test_names_are_listed_in_order() -> None:
    with registry.isolated():
        assert registry.layers.names() == (
            "activation",
            "chain",
            "fc",
            "flatten",
            "rescale",
            "reshape",
            "standardize",
        )
        assert registry.layers.names() == registry.layers.names()
        assert list(registry.names()) == sorted(set(registry.names()))
        assert "fc" in registry.layers
        assert "tanh" not in registry.layers
        assert (
            repr(registry.layers)
            == "<layer registry: activation, chain, fc, flatten, rescale, reshape, standardize>"
        )
        assert "regularizers: elastic, l1, l2" in repr(registry)
