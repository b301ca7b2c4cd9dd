"""Files of all formats that there were, each written by the plugnet of its time.

All but one are of a trainer with adam on `LAYERS` and all of X after 6 iterations.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.small import LAYERS, X, Y

from plugnet import Model, Network, Trainer, registry
from plugnet.errors import FileFormatError, SpecError, TrainingWarning
from plugnet.files import documents, safetensors
from plugnet.files.migrations import MIGRATIONS

FORMATS = Path(__file__).parent / "formats"
TRAINERS = ["2_first", "2_model", "2_last"]
MODELS = ["2_model", "2_last"]
#: What every one of these networks answers for the first two samples.
OUTPUTS = [[-0.02692, 0.33218, 0.08014], [0.0404, 0.00778, 0.04307]]
#: The losses of the six iterations that followed then.
LOSSES = [1.0443, 1.0564, 1.0667, 1.1075, 0.9065, 1.1854]


def file(name: str) -> Path:
    return FORMATS / f"{name}.safetensors"


def saved(path: Path, version: Any) -> Path:
    """Save a network as if in some version of the format."""
    Network(LAYERS).save(path)
    arrays, metadata = safetensors.read(path)
    document = {**json.loads(metadata["plugnet"]), "version": version}
    safetensors.write(path, arrays, {"plugnet": json.dumps(document)})
    return path


def test_there_is_a_migration_and_a_file_for_each_older_format() -> None:
    older = set(range(1, documents.VERSION))
    assert MIGRATIONS.keys() == older
    formats = {int(path.name.split("_")[0]) for path in FORMATS.iterdir()}
    assert formats == {*older, documents.VERSION}


@pytest.mark.parametrize("name", ["1_first", "1_last", *TRAINERS, "3_first"])
def test_a_network_of_any_format_answers_as_it_did(name: str) -> None:
    np.testing.assert_allclose(Network.load(file(name)).predict(X[:2]), OUTPUTS, atol=1e-4)


@pytest.mark.parametrize("name", ["1_first", "1_last"])
def test_a_training_of_the_first_format_does_not_go_on(name: str) -> None:
    with pytest.raises(FileFormatError, match="a network without its training"):
        Trainer.resume(file(name))


def test_generators_of_the_first_format_begin_anew() -> None:
    path = file("1_dropout")
    network = Network.load(path)
    fresh = Network([("fc", 4, 5), ("dropout", 0.5), ("fc", 5, 3)], seed=3)
    assert network.rngs["dropout1"].random() == fresh.rngs["dropout1"].random()
    arrays, _ = safetensors.read(path)
    np.testing.assert_array_equal(network.state()["fc1.weight"], arrays["fc1.weight"])


@pytest.mark.parametrize("name", TRAINERS)
def test_a_training_of_the_second_format_goes_on(name: str) -> None:
    trainer = Trainer.resume(file(name))
    assert trainer.iteration == 6
    history = trainer.fit(X, Y, 6)
    np.testing.assert_allclose(history.loss[6:], LOSSES, atol=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_of_the_second_format_answers(name: str) -> None:
    model = Model.load(file(name))
    assert model.classes == (0, 1, 2)
    assert model.predict(X).tolist() == np.argmax(Network.load(file(name)).predict(X), 1).tolist()


def test_a_training_of_the_third_format_goes_on_with_what_its_hooks_remember() -> None:
    """It was interrupted after 6 of 12 iterations; machine and versions are others since."""
    hook = registry.hooks.build("early_stop", patience=9)
    trainer = Trainer.resume(file("3_first"), [hook], threads=1, inexact=True)
    assert (trainer.iteration, trainer.goal) == (6, 12)
    assert hook.state()["least"] == pytest.approx(1.13428, abs=1e-4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)
        history = trainer.fit(X, Y, validation=(X, Y), evaluate_every=3)
    np.testing.assert_allclose(history.loss[6:], LOSSES, atol=1e-4)
    assert trainer.iteration == 12


def test_a_newer_format_is_refused_by_name(tmp_path: Path) -> None:
    newer = documents.VERSION + 1
    path = saved(tmp_path / "model", newer)
    wanted = (
        rf"newer plugnet \(format {newer}\); this one reads up to {documents.VERSION}: "
        "pip install -U plugnet"
    )
    with pytest.raises(FileFormatError, match=wanted):
        Network.load(path)


@pytest.mark.parametrize("version", [0, -1, "2", None, 1.0, True, 10**400])
def test_what_is_no_format_is_refused(tmp_path: Path, version: Any) -> None:
    path = saved(tmp_path / "model", version)
    with pytest.raises(FileFormatError, match=r"cannot be loaded") as caught:
        Network.load(path)
    assert caught.value.path == str(path)


@pytest.mark.parametrize(
    ("version", "damage"),
    [
        (1, {"network": 3}),
        (1, {"network": {"layers": []}}),
        (2, {"network": None}),
        (2, {"trainer": []}),
        (2, {"trainer": {"settings": {}}}),
        (2, {"trainer": {"settings": {}, "evaluations": [3]}}),
    ],
)
def test_a_damaged_file_of_an_older_format_is_refused(
    tmp_path: Path, version: int, damage: dict[str, Any]
) -> None:
    document = {**documents.read(file("2_last"))[1], **damage, "version": version}
    safetensors.write(tmp_path / "run", {}, {"plugnet": json.dumps(document)})
    with pytest.raises((FileFormatError, SpecError)):
        Trainer.resume(tmp_path / "run")
