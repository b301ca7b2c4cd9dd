"""Embedding: the vectors, their gradients, the id 0, and numbers that are not ids."""

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.layers import initialized

from plugnet import Network, Trainer, registry
from plugnet.arrays import Array, Shape
from plugnet.errors import ArgumentError, DataError, ShapeError
from plugnet.interfaces import Layer

WORDS, SIZE = 7, 3


def embedding(dtype: str = "float64") -> Layer:
    return initialized("embedding", WORDS, SIZE, shape=(4,), dtype=dtype)


def table(layer: Layer) -> Array:
    """Return the vectors of all ids, ``(words, size)``."""
    weight = layer.parameters()["weight"].value
    return np.concatenate([np.zeros((1, SIZE), weight.dtype), weight])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("id_type", [np.float32, np.float64, np.uint8, np.int64])
@pytest.mark.parametrize("training", [False, True])
def test_each_id_becomes_its_vector_and_0_becomes_zeros(
    rng: np.random.Generator, dtype: str, id_type: type[Any], training: bool
) -> None:
    layer = embedding(dtype)
    ids = rng.integers(0, WORDS, (5, 4))
    ids[0] = 0
    y = layer.forward(ids.astype(id_type), training)
    assert y.dtype == dtype
    np.testing.assert_array_equal(y, table(layer)[ids])
    assert not y[ids == 0].any()


@pytest.mark.parametrize(
    "ids",
    [[[1, 2, 6, 1]], [[0, 0, 0, 0]], [[3, 3, 3, 3], [0, 3, 0, 1]], [[2, 0, 4, 5], [5, 6, 1, 2]]],
    ids=str,
)
def test_gradient_is_that_of_pytorch_and_of_central_differences(
    rng: np.random.Generator, numerical_gradient: Callable[..., Array], ids: list[list[int]]
) -> None:
    layer = embedding()
    x, dy = np.array(ids, float), rng.normal(size=(len(ids), 4, SIZE))
    weight = layer.parameters()["weight"]
    weight.grad.fill(9)
    layer.forward(x, training=True)
    assert layer.backprop(dy, inputs=False) is None
    expected = numerical_gradient(lambda: np.vdot(layer.forward(x), dy), weight.value)
    np.testing.assert_allclose(weight.grad, expected, rtol=1e-7, atol=1e-8)

    torch = pytest.importorskip("torch")
    other = torch.nn.Embedding.from_pretrained(
        torch.tensor(table(layer)), freeze=False, padding_idx=0
    )
    other(torch.tensor(ids)).backward(torch.tensor(dy))
    np.testing.assert_allclose(weight.grad, other.weight.grad[1:], rtol=1e-13, atol=1e-14)
    assert not other.weight.grad[0].any()


def test_the_gradient_of_a_word_is_the_sum_over_its_steps(rng: np.random.Generator) -> None:
    layer = embedding()
    ids, dy = np.array([[2, 0, 4, 2], [5, 2, 0, 1]]), rng.normal(size=(2, 4, SIZE))
    layer.forward(ids.astype(float), training=True)
    layer.gradients(dy)
    grad = layer.parameters()["weight"].grad
    for word in range(1, WORDS):
        np.testing.assert_allclose(grad[word - 1], dy[ids == word].sum(axis=0), atol=1e-15)


def test_the_id_0_stays_zero_while_the_others_are_trained(
    rng: np.random.Generator,
) -> None:
    x = rng.integers(0, WORDS, (60, 4))
    y = x[:, -1] % 2
    net = Network([("embedding", WORDS, SIZE), ("rnn", 5), ("fc", {"outputs": 2})], (4,))
    first = net.state()["embedding1.weight"].copy()
    trainer = Trainer(net, optimizer=("sgd", 0.9), regularizer=("l2", 0.1), batch_size=20)
    for _ in range(20):
        trainer.fit(x, y, 1)
        layer = net.layers[0]
        assert not layer.forward(np.zeros((2, 4), "float32")).any()
    assert np.all(net.state()["embedding1.weight"] != first)
    assert net.parameters()["embedding1.weight"].grad.shape == (WORDS - 1, SIZE)


@pytest.mark.parametrize("wrong", [-1, 7, 1.5, 1e9, -1e30, np.nan, np.inf])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_number_that_is_not_an_id_is_refused_with_its_row(
    wrong: float, training: bool, dtype: str
) -> None:
    layer = embedding(dtype)
    x = np.ones((5, 4), dtype)
    x[3, 2] = wrong
    with pytest.raises(DataError, match=r"takes the ids 0 to 6.* row 3 .* at step 2") as caught:
        layer.forward(x, training)
    assert caught.value.row == 3


def test_a_wrong_id_in_training_changes_nothing(rng: np.random.Generator) -> None:
    x, y = rng.integers(0, WORDS, (60, 4)), rng.integers(0, 2, 60)
    net = Network([("embedding", WORDS, SIZE), ("gru", 5), ("fc", {"outputs": 2})], (4,))
    trainer = Trainer(net, batch_size=20)
    trainer.fit(x, y, 5)
    before = {name: value.copy() for name, value in net.state().items()}
    with pytest.raises(DataError, match="Correct the ids"):
        trainer.fit(x + 1, y, 5)
    for name, value in net.state().items():
        np.testing.assert_array_equal(value, before[name])
    assert trainer.iteration == 5
    with pytest.raises(DataError, match="Correct the ids"):
        net.predict(x - 1)


@pytest.mark.parametrize("id_type", [np.uint8, np.int64, np.float32])
def test_ids_may_be_integers_or_floats_without_a_warning(
    rng: np.random.Generator, id_type: type[Any]
) -> None:
    x, y = rng.integers(0, 200, (60, 4)), rng.integers(0, 2, 60)
    net = Network([("embedding", 200, SIZE), "flatten", ("fc", {"outputs": 2})], (4,))
    Trainer(net, batch_size=20).fit(x.astype(id_type), y, 3)
    np.testing.assert_array_equal(net.predict(x.astype(id_type)), net.predict(x))


def test_buffers_change_no_number(rng: np.random.Generator) -> None:
    prepared, fresh = embedding(), embedding()
    for shape in ((3, 4), (5, 4), (1, 4), (2, 1)):
        x, dy = rng.integers(0, WORDS, shape).astype(float), rng.normal(size=(*shape, SIZE))
        prepared.prepare(x.shape, x.dtype)
        np.testing.assert_array_equal(prepared.forward(x, True), fresh.forward(x, True))
        for layer in (prepared, fresh):
            layer.gradients(dy)
        one, other = (layer.parameters()["weight"].grad for layer in (prepared, fresh))
        np.testing.assert_array_equal(one, other)


def test_inference_leaves_what_a_pending_backward_reads(rng: np.random.Generator) -> None:
    layer = embedding()
    x, dy = rng.integers(0, WORDS, (3, 4)).astype(float), rng.normal(size=(3, 4, SIZE))
    layer.prepare(x.shape, x.dtype)
    y = layer.forward(x, training=True)
    kept, before = y.copy(), dict(vars(layer))
    other = layer.forward(x[:2] * 0)
    assert vars(layer) == before
    assert not np.shares_memory(other, y)
    np.testing.assert_array_equal(y, kept)
    layer.gradients(dy)
    grad = layer.parameters()["weight"].grad
    np.testing.assert_allclose(grad.sum(axis=0), dy[x > 0].sum(axis=0))
    assert layer.forward(x[:0]).shape == (0, 4, SIZE)


def test_copies_and_files_hold_the_vectors(rng: np.random.Generator, tmp_path: Path) -> None:
    net = Network([("embedding", WORDS, SIZE), ("lstm", 5, {"padding": True})], (4,))
    x = rng.integers(0, WORDS, (5, 4))
    net.forward(x, training=True)
    net.save(tmp_path / "model")
    for same in (
        pickle.loads(pickle.dumps(net)), copy.deepcopy(net), Network.load(tmp_path / "model"),
    ):  # fmt: skip
        np.testing.assert_array_equal(same.predict(x), net.predict(x))


def test_padding_after_the_words_changes_nothing(rng: np.random.Generator) -> None:
    layers = [("embedding", WORDS, SIZE), ("gru", 5, {"padding": True})]
    long, short = (Network(layers, (steps,), "float64") for steps in (8, 4))
    x = rng.integers(1, WORDS, (5, 4))
    padded = np.concatenate([x, np.zeros_like(x)], axis=1)
    np.testing.assert_allclose(long.forward(padded), short.forward(x), rtol=1e-13)


def test_no_trained_layer_may_come_before_it() -> None:
    with pytest.raises(ArgumentError, match="has no gradient with respect to"):
        Network([("fc", {"outputs": 4}), ("embedding", WORDS, SIZE)], (4,))


@pytest.mark.parametrize("shape", [(), (4, 3)])
def test_samples_of_another_shape_are_refused(shape: Shape) -> None:
    with pytest.raises(ShapeError, match=r"samples of shape \(steps,\)"):
        registry.layers.build("embedding", WORDS, SIZE).output_shape(shape)


@pytest.mark.parametrize(("words", "size"), [(1, 3), (2.0, 3), (2**24 + 1, 3), (3, 0)])
def test_wrong_arguments_are_refused(words: Any, size: int) -> None:
    with pytest.raises(ArgumentError, match="must be an integer"):
        registry.layers.build("embedding", words, size)
