"""What a config leaves open follows from the data."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from plugnet.arrays import Array
from plugnet.cli.config import Config, NetworkSettings, TrainingSettings
from plugnet.cli.inference import HIDDEN, classes_of, infer
from plugnet.errors import ConfigError
from plugnet.interfaces import Batch, DataSplits


def splits(x: Array, y: Any, **names: Any) -> DataSplits:
    return DataSplits(Batch(x, np.asarray(y)), **names)


def inferred(samples: DataSplits, **training: Any) -> Config:
    return infer(replace(Config(), training=TrainingSettings(**training)), samples)


X = np.linspace(-1, 1, 240).reshape(120, 2)
IDS = np.arange(120) % 3


@pytest.mark.parametrize(
    ("x", "names", "first"),
    [
        (X, {}, ()),
        (X, {"columns": ("a", "b")}, ("standardize",)),
        (100 * X, {}, ("standardize",)),
        (X, {"missing": "mean"}, (("standardize", {"missing": "mean"}),)),
        (X, {"missing": 0.5}, (("standardize", {"missing": 0.5}),)),
        (np.zeros((120, 4, 4, 1), np.uint8), {}, (("rescale", 255),)),
        (np.zeros((120, 4, 4, 1), np.float32), {}, ()),
    ],
    ids=["small numbers", "names", "large numbers", "mean", "a value", "bytes", "images"],
)
def test_the_first_layer_brings_samples_to_the_order_of_1(
    x: Array, names: dict[str, Any], first: tuple[Any, ...]
) -> None:
    layers = inferred(splits(x, IDS, **names)).network.layers
    assert layers == (*first, *HIDDEN, ("fc", {"outputs": 3}))


@pytest.mark.parametrize(
    ("y", "classes", "loss", "outputs"),
    [
        (IDS, (), "auto", 3),
        (np.array(["a", "b", "c"])[IDS], ("a", "b", "c", "never seen"), "auto", 4),
        (np.array(["a", "b", "c"])[IDS], (), "auto", 3),
        (np.eye(3)[IDS], (), "auto", 3),
        (IDS % 2, (), "sigmoid_cross_entropy", 1),
        (IDS % 2, (), "auto", 2),
        (IDS, (), "hinge", 3),
    ],
)
def test_there_is_an_output_for_each_class(
    y: Array, classes: tuple[Any, ...], loss: str, outputs: int
) -> None:
    found = inferred(splits(X, y, classes=classes), loss=loss)
    assert found.network.layers[-1] == ("fc", {"outputs": outputs})
    assert found.training.loss == ("softmax_with_loss" if loss == "auto" else loss)
    assert found.training.scale_targets is False


def test_a_class_of_the_test_part_has_an_output_too() -> None:
    samples = replace(splits(X, IDS), test=Batch(X[:1], np.array([7])))
    assert inferred(samples).network.layers[-1] == ("fc", {"outputs": 8})


def test_real_values_are_scaled_unless_they_are_probabilities() -> None:
    samples = splits(X, np.abs(X))
    found = inferred(samples)
    assert (found.training.loss, found.training.scale_targets) == ("least_square_error", True)
    assert found.network.layers[-1] == ("fc", {"outputs": 2})
    assert inferred(samples, loss="sigmoid_cross_entropy").training.scale_targets is False
    assert inferred(samples, scale_targets=False).training.scale_targets is False


@pytest.mark.parametrize(
    ("y", "classes", "label"),
    [
        (IDS, (), 2),
        (np.array(["a", "b", "?"])[IDS], ("a", "b", "?"), "?"),
        (IDS - 1, (0, 1, -1), -1),
    ],
)
def test_an_ignored_label_has_no_output(y: Array, classes: tuple[Any, ...], label: Any) -> None:
    samples = splits(X, y, classes=classes)
    assert inferred(samples, ignore_label=label).network.layers[-1] == ("fc", {"outputs": 2})
    assert len(classes_of(samples)) == 3


@pytest.mark.parametrize(
    ("rows", "batch_size", "validation"), [(60, 60, "none"), (99, 99, "none"), (120, 100, 0.1)]
)
def test_small_sets_are_one_batch_without_validation(
    rows: int, batch_size: int, validation: Any
) -> None:
    training = inferred(splits(X[:rows], IDS[:rows])).training
    assert (training.batch_size, training.validation) == (batch_size, validation)


def test_a_batch_holds_no_more_than_is_left_to_train_on() -> None:
    assert inferred(splits(X, IDS), validation=0.5).training.batch_size == 60


def test_a_set_larger_than_memory_is_not_divided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    monkeypatch.setattr("plugnet.cli.inference.mapped_file", lambda x: x is mapped or None)
    assert inferred(splits(mapped, IDS)).training.validation == "none"


def test_validation_on_tests_needs_tests() -> None:
    with pytest.raises(ConfigError, match="the data have no test samples"):
        inferred(splits(X, IDS), validation="test")


@pytest.mark.parametrize(
    ("last", "filled"),
    [
        ("fc", ("fc", {"outputs": 3})),
        (("fc", 5), ("fc", 5, {"outputs": 3})),
        (("fc", {"bias": False}), ("fc", {"bias": False, "outputs": 3})),
        (("fc", 5, 4), ("fc", 5, 4)),
        (("fc", {"outputs": 4}), ("fc", {"outputs": 4})),
        ("tanh", "tanh"),
        ("no such layer", "no such layer"),
        (("fc", 1, 2, 3, 4, 5, 6), ("fc", 1, 2, 3, 4, 5, 6)),
    ],
)
def test_only_a_last_layer_without_outputs_is_filled_in(last: Any, filled: Any) -> None:
    config = replace(Config(), network=NetworkSettings((("fc", 2, 5), last)))
    assert infer(config, splits(X, IDS)).network.layers == (("fc", 2, 5), filled)
