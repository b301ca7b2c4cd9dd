"""Files of trainers from before there were metrics, schemas and validation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.small import LAYERS, X, Y

from plugnet import Model, Network, Trainer
from plugnet.errors import FileFormatError
from plugnet.files import safetensors
from plugnet.training import Evaluation

#: Adam on `LAYERS` and all of X, for 6 iterations, with two evaluations on X.
FILE = Path(__file__).parent / "files/before_metrics.safetensors"
#: The losses of the six iterations that followed then.
LOSSES = [1.0443, 1.0564, 1.0667, 1.1075, 0.9065, 1.1854]


def test_an_older_trainer_goes_on_as_it_would_have_then() -> None:
    trainer = Trainer.resume(FILE)
    assert trainer.iteration == trainer.history.iteration == 6
    history = trainer.fit(X, Y, 6, validation=(X, Y), evaluate_every=3)
    np.testing.assert_allclose(history.loss[6:], LOSSES, atol=1e-4)
    whole = Trainer(Network(LAYERS), batch_size=5, optimizer="adam", policy=("inv", 0.05))
    expected = whole.fit(X, Y, 12, validation=(X, Y), evaluate_every=3)
    np.testing.assert_allclose(history.loss, expected.loss, rtol=1e-5)
    for found, wanted in zip(history.evaluations, expected.evaluations, strict=True):
        assert found == Evaluation(
            wanted.iteration,
            pytest.approx(wanted.loss, rel=1e-5),  # type: ignore[arg-type]
            wanted.metrics,
            "validation",
        )


def test_an_older_trainer_learns_what_labels_mean_from_the_next() -> None:
    trainer = Trainer.resume(FILE)
    assert trainer.schema is None
    assert (trainer.class_weight, trainer.ignore_label, trainer.scale_targets) == (
        None,
        None,
        False,
    )
    assert trainer.metrics is None
    assert list(trainer.evaluate(X, Y).metrics) == ["accuracy"]
    trainer.fit(X, np.array(["ash", "box", "elm"])[Y], 1)
    assert trainer.model.classes == ("ash", "box", "elm")


def test_an_older_trainer_is_saved_as_trainers_are_now(tmp_path: Path) -> None:
    trainer = Trainer.resume(FILE)
    trainer.fit(X, Y, 2)
    trainer.save(tmp_path / "run")
    again = Trainer.resume(tmp_path / "run")
    assert again.history.evaluations == trainer.history.evaluations
    np.testing.assert_array_equal(Model.load(tmp_path / "run").predict(X), trainer.model.predict(X))


def test_older_evaluations_without_classes_have_no_accuracy(tmp_path: Path) -> None:
    arrays, metadata = safetensors.read(FILE)
    document = json.loads(metadata["plugnet"])
    document["trainer"]["evaluations"][1]["accuracy"] = None
    safetensors.write(tmp_path / "run", arrays, {"plugnet": json.dumps(document)})
    first, second = Trainer.resume(tmp_path / "run").history.evaluations
    assert first.metrics == {"accuracy": 0.3}
    assert second.metrics == {}


def test_an_older_file_is_a_network_but_no_model() -> None:
    assert Network.load(FILE).predict(X).shape == (20, 3)
    with pytest.raises(FileFormatError, match=r"what its answers mean.*Network\.load reads it"):
        Model.load(FILE)
