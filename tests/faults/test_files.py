"""Unusable paths and files: each gives one error, and nothing is lost or half-written."""

import gzip
import os
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.aliases import Refused
from tests.layers import Same
from tests.small import LAYERS, X, Y, trainer

from plugnet import Network, Trainer, registry
from plugnet.arrays import Shape
from plugnet.errors import (
    ArgumentError,
    FileFormatError,
    ResumeError,
    SpecError,
    TrainingWarning,
    UnknownComponentError,
)
from plugnet.files import documents
from plugnet.files.atomic import replacing


@pytest.mark.parametrize(
    ("name", "reason"),
    [("absent/model", "No such file"), ("", "not a file"), ("x" * 300, "too long")],
    ids=["no folder", "is a folder", "name too long"],
)
def test_a_model_that_cannot_be_saved_is_named_as_the_user_did(
    tmp_path: Path, name: str, reason: str
) -> None:
    with pytest.raises(OSError, match=reason) as caught:
        Network(LAYERS).save(tmp_path / name)
    assert caught.value.filename == str(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_a_folder_without_permission_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(PermissionError) as caught:
            Network(LAYERS).save(tmp_path / "model")
        assert caught.value.filename == str(tmp_path / "model")
    finally:
        tmp_path.chmod(0o755)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_what_is_no_ordinary_file_is_never_replaced(tmp_path: Path) -> None:
    """A device, such as the one for output that nobody wants, serves all programs."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(FileExistsError, match="not a file"), replacing(pipe):
        pytest.fail("the pipe would be replaced")
    assert pipe.is_fifo()


@pytest.mark.parametrize("path", [None, 3, b"model", "", "a\0b", ["model"]], ids=repr)
@pytest.mark.parametrize(
    "use",
    [
        Network(LAYERS).save,
        Network.load,
        trainer().save,
        Trainer.resume,
        *(
            lambda path, name=name: registry.datasets.build(name, path)
            for name in ("mat", "npz", "csv", "idx")
        ),
    ],
    ids=["save", "load", "save a trainer", "resume", "mat", "npz", "csv", "idx"],
)
def test_what_can_be_no_path_is_refused_everywhere(use: Callable[[Any], object], path: Any) -> None:
    with pytest.raises(ArgumentError, match="must be a path") as caught:
        use(path)
    assert caught.value.argument == "path"


@pytest.mark.parametrize("name", ["ünï cödé 東京", "a\nb", "'\"$(x)", "\udcff", "x" * 200])
def test_a_path_may_be_strange(tmp_path: Path, name: str) -> None:
    network = Network(LAYERS, seed=7)
    for path in (tmp_path / name, str(tmp_path / name)):
        network.save(path)
        np.testing.assert_array_equal(Network.load(path).predict(X), network.predict(X))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 1000,
        b"<!DOCTYPE html><html><body>404</body></html>",
        b"PK\x03\x04" + b"\0" * 100,
        b"\x89HDF\r\n\x1a\n" + b"\0" * 100,
        pickle.dumps({"weights": [1, 2, 3]}),
        gzip.compress(b"weights"),
    ],
    ids=["empty", "zeros", "html", "zip", "hdf5", "pickle", "gzip"],
)
def test_other_files_are_no_models(tmp_path: Path, refused: Refused, content: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    for load in (Network.load, Trainer.resume):
        with pytest.raises(FileFormatError, match=r"Use an intact copy|Give a file") as caught:
            load(path)
        assert caught.value.path == str(path)
    for command in ("evaluate", "predict"):
        assert refused(command, str(tmp_path)).startswith(f"plugnet: {path} cannot be read")


class Drawing(Same):
    """Passes on what it gets, and keeps a generator."""

    def initialize(self, shape: Shape, rng: np.random.Generator, dtype: np.dtype[Any]) -> None:
        self.rng = rng


def changed(place: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return the document's places of generators, with that of "drawing1" changed."""
    return {"drawing1": {**place, **changes}}


@pytest.mark.parametrize(
    "damage",
    [
        lambda place: None,
        lambda place: [],
        lambda place: "drawing1",
        lambda place: {"drawing1": None},
        lambda place: {"drawing1": 3},
        lambda place: {"drawing1": {}},
        lambda place: {"fc1": place},
        lambda place: {"drawing1": place, "drawing2": place},
        lambda place: changed(place, bit_generator="MT19937"),
        lambda place: changed(place, bit_generator=None),
        lambda place: changed(place, state=None),
        lambda place: changed(place, state=[1, 2]),
        lambda place: changed(place, state={"state": 1}),
        lambda place: changed(place, state={"state": -1, "inc": 1}),
        lambda place: changed(place, state={"state": 2**200, "inc": 1}),
        lambda place: changed(place, uinteger=2**70),
        lambda place: changed(place, has_uint32="x"),
    ],
)
def test_damaged_places_of_generators_are_refused(
    tmp_path: Path, damage: Callable[[dict[str, Any]], Any]
) -> None:
    path = tmp_path / "run"
    with registry.isolated():
        registry.layers.register("drawing")(Drawing)
        trained = trainer(Network([("fc", 4, 3), "drawing"]))
        trained.save(path)
        arrays, document = documents.read(path)
        document["generators"] = damage(document["generators"]["drawing1"])
        documents.write(path, arrays, document)
        for load in (Network.load, Trainer.resume):
            with pytest.raises(FileFormatError, match=r"Use an intact copy|Give a file") as caught:
                load(path)
            assert caught.value.path == str(path)


def test_a_generator_goes_on_from_its_place_in_the_file(tmp_path: Path) -> None:
    with registry.isolated():
        registry.layers.register("drawing")(Drawing)
        network = Network([("fc", 4, 3), "drawing"])
        network.rngs["drawing1"].random(7)
        network.save(tmp_path / "model")
        again = Network.load(tmp_path / "model").rngs["drawing1"]
    assert again.random() == network.rngs["drawing1"].random()


class Unregistered(Same):
    pass


def test_what_cannot_be_described_is_not_half_saved(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_text("old")
    network = Network([("fc", 4, 3), Unregistered()])
    for save in (network.save, trainer(network).save):
        with pytest.raises(SpecError, match=r"Unregistered has no registered name.*Register it"):
            save(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_being_replaced_is_read_as_the_old_or_the_new(tmp_path: Path) -> None:
    path = tmp_path / "run"
    runs = []
    for width, iterations in ((5, 2), (7, 3)):
        run = trainer(Network([("fc", 4, width), ("fc", width, 3)]))
        run.fit(X, Y, iterations)
        run.save(path)
        runs.append(run)
    known = {(run.iteration, run.network.output_shapes[0]) for run in runs}
    done = threading.Event()

    def replace() -> None:
        while not done.is_set():
            for run in runs:
                run.save(path)

    with ThreadPoolExecutor(1) as threads:
        replacer = threads.submit(replace)
        try:
            for _ in range(60):
                found = Trainer.resume(path)
                assert (found.iteration, found.network.output_shapes[0]) in known
        finally:
            done.set()
        replacer.result()


@pytest.mark.parametrize("iteration", [-1, "7", 1.5, None])
def test_a_saved_iteration_is_a_count(tmp_path: Path, iteration: Any) -> None:
    broken = trainer()
    broken.iteration = iteration
    broken.save(tmp_path / "run")
    with pytest.raises(ArgumentError, match="'iteration' must be an integer at least 0"):
        Trainer.resume(tmp_path / "run")


def test_a_run_may_go_on_with_other_hooks_and_other_data_when_asked(tmp_path: Path) -> None:
    trained = trainer()
    trained.fit(X, Y, 3)
    trained.save(tmp_path / "run")
    again = Trainer.resume(tmp_path / "run", hooks=["early_stop"])
    with pytest.raises(ResumeError, match=r"training samples: 20 x 4 .* 7 x 4 float32") as caught:
        again.fit(X[:7], Y[:7], 2, validation=(X, Y), evaluate_every=1)
    assert len(caught.value.differences) == 3  # samples, labels, hooks
    again = Trainer.resume(tmp_path / "run", hooks=["early_stop"], inexact=True)
    with pytest.warns(TrainingWarning, match="goes on inexactly"):
        again.fit(X[:7], Y[:7], 2, validation=(X, Y), evaluate_every=1)
    assert "training labels" in again.history.notes[0]
    assert len(again.history.loss) == 5
    with pytest.raises(UnknownComponentError, match="'earl_stop'"):
        Trainer.resume(tmp_path / "run", hooks=["earl_stop"])
