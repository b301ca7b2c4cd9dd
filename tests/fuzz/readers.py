"""The readers under test: what each reads, how it is called, and when a result is right.

A further reader is one more line of the table.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from plugnet import Model, Network, Trainer
from plugnet.arrays import Array
from plugnet.cli import config_file, run_record
from plugnet.cli.config import Config
from plugnet.interfaces import Batch, DataSplits, Rows
from plugnet.schema import Schema
from plugnet.training import journal
from plugnet.training.checkpoint import refused
from plugnet.training.history import History
from plugnet_builtin.datasets.csv_samples import Csv
from plugnet_builtin.datasets.idx import Idx
from plugnet_builtin.datasets.mat import Mat
from plugnet_builtin.datasets.npy import Npy
from plugnet_builtin.datasets.npz import Npz
from tests.fuzz import formats, seeds
from tests.fuzz.mutations import Mutation, blind, nodes, weighted, words
from tests.fuzz.seeds import Seed

_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # where files cost least

#: What a loaded network is asked for an answer with at most: numbers of a sample.
_MOST_INPUTS = 10_000


@dataclass(frozen=True)
class Reader:
    """How to fuzz one reader.

    Attributes:
        seeds: makes the valid files.
        read: calls the reader with a path and arguments.
        mark: checks a result, and returns what tells it from others. It raises AssertionError if
            the result is wrong.
        aware: the mutation that knows the format; half of all mutants are blind.
        share: how many mutants it gets, relative to the others.
        is_sealed: whether a checksum covers the whole file, so that a blind mutant is refused or
            gives the result of a seed.
    """

    seeds: Callable[[], list[Seed]]
    read: Callable[[str, Mapping[str, Any]], Any]
    mark: Callable[[Any], Any]
    aware: Mutation
    share: int = 10
    is_sealed: bool = False


# What is right -----------------------------------------------------------------------------------


def _print(array: Array | None) -> Any:
    """Return what tells an array from others."""
    if array is None:
        return None
    return array.dtype.str, array.shape, zlib.crc32(array.tobytes())


def _is_finite(array: Array) -> bool:
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())


def _mark_splits(splits: DataSplits) -> Any:
    parts = [part for part in (splits.train, splits.test) if part is not None]
    for part in parts:
        _check_part(part, splits)
    assert len({part.x.shape[1:] for part in parts}) == 1, "the parts' samples differ in shape"
    return [tuple(map(_print, part)) for part in parts], splits.classes, splits.columns


def _check_part(part: Batch, splits: DataSplits) -> None:
    x, y, weights = part
    assert len(x) == len(y) > 0, f"{len(x)} samples, {len(y)} labels"
    assert x.ndim > 1, f"samples of shape {x.shape}"
    assert x.dtype.kind in "fiub", f"samples of {x.dtype}"
    assert splits.missing is not None or _is_finite(x), "samples that are not finite"
    if weights is not None:
        assert weights.shape == (len(x),), f"weights {weights.shape}"
        assert _is_finite(weights), "weights that are not finite"
        assert (weights >= 0).all(), "negative weights"
    if splits.classes:
        assert y.ndim == 1, f"classes, and labels {y.shape}"
        assert {*np.unique(y).tolist()} <= {*splits.classes}, "a label that is not a class"
    else:
        assert y.dtype.kind in "fiub", f"targets of {y.dtype}"
        assert _is_finite(y), "targets that are not finite"
        assert y.ndim == 2 or (y.dtype.kind in "iu" and y.min() >= 0), "wrong class ids"


def _read_rows(path: str, arguments: Mapping[str, Any]) -> list[Rows]:
    """Return the samples that a model is asked about, which was trained on such a table."""
    schema = Schema("class", ("bird", "cat", "dog"), ("a", "b", "c", "d"), ("kind",))
    return list(Csv(path).rows(schema))


def _mark_rows(blocks: list[Rows]) -> Any:
    for block in blocks:
        columns = block.x.values() if isinstance(block.x, Mapping) else [block.x]
        for column in columns:
            assert len(column) == len(block.numbers), "columns of different lengths"
            assert not np.isinf(column).any(), "an infinite sample"
    return [(block.numbers, str(block.y)) for block in blocks]


def _mark_network(network: Network) -> Any:
    state = network.state()
    for name, array in state.items():
        assert _is_finite(array), f"not finite: {name.rpartition('.')[2]}"
    shape = network.input_shape
    if shape is not None and math.prod(shape) <= _MOST_INPUTS:
        assert len(network.predict(np.full((2, *shape), 0.5))) == 2
    return sorted((name, _print(array)) for name, array in state.items())


def _mark_model(model: Model) -> Any:
    mark = _mark_network(model.network)
    shape = model.network.input_shape
    if shape is not None and math.prod(shape) <= _MOST_INPUTS:
        answers = model.predict(np.full((2, *shape), 0.5))
        assert len(answers) == 2
        if model.classes:
            assert {*answers.tolist()} <= {*model.classes}, "an answer that is not a class"
    return mark, model.schema


def _mark_trainer(trainer: Trainer) -> Any:
    x, y = seeds.samples()
    history = trainer.history
    slots = sorted((name, _print(array)) for name, array in trainer.update.state().items())
    mark = _mark_network(trainer.network), slots, trainer.iteration, history.loss, history.rate
    trainer.fit(x, x[:, :2] if trainer.network.output_shape == (2,) else y, 1)
    return mark


def _mark_config(config: Config) -> Any:
    text = config_file.dump(config)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=_MEMORY) as file:
        file.write(text)
        file.flush()
        assert config_file.dump(config_file.load(Path(file.name))) == text, "not the same again"
    return text


def _read_journal(path: str, arguments: Mapping[str, Any]) -> History:
    """Return a history whose mark is right, so that what its lines say matters."""
    content = Path(path).read_bytes()
    mark = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    with refused(path):  # as Trainer.resume does
        return journal.read(Path(path).parent, {"file": Path(path).name, **mark})


def _mark_history(history: History) -> Any:
    assert all(type(value) is float for value in history.loss + history.rate)
    assert all(evaluation.iteration >= 0 for evaluation in history.evaluations)
    return history.loss, history.rate, history.evaluations


def _mark_record(record: run_record.Record) -> Any:
    _, identity, files, _ = record
    assert all(isinstance(text, str) for text in (*identity, *identity.values(), *files))
    for name in files:
        place = Path(os.path.normpath(Path("/run") / name))
        assert place.is_relative_to("/run"), "a file outside the run's folder"
    return record


def _mark_result(result: dict[str, Any]) -> Any:
    return json.dumps(result)


_JSON = weighted((3, nodes), (1, words))


def _part_of_run(rng: Random, content: bytes, donor: bytes) -> bytes:
    """Change a checkpoint or a journal; the donor may be of the other kind."""
    is_text = content.startswith(b"{")
    like = donor if donor.startswith(b"{") == is_text else content
    return (words if is_text else formats.sealed)(rng, content, like)


# The table ---------------------------------------------------------------------------------------

READERS: dict[str, Reader] = {
    "mat": Reader(
        seeds.mats, lambda path, _: Mat(path).load(), _mark_splits, formats.mat
    ),
    "idx": Reader(
        lambda: seeds.idx_folders(packed=False), lambda path, _: Idx(path).load(), _mark_splits,
        blind,
    ),
    "idx.gz": Reader(
        lambda: seeds.idx_folders(packed=True), lambda path, _: Idx(path).load(), _mark_splits,
        formats.in_gzip(blind),
    ),
    "npy": Reader(seeds.npy_folders, lambda path, _: Npy(path).load(), _mark_splits, formats.npy),
    "npz": Reader(seeds.npzs, lambda path, _: Npz(path).load(), _mark_splits, formats.npz),
    "csv": Reader(
        seeds.tables, lambda path, given: Csv(path, **given).load(), _mark_splits, words
    ),
    "csv.gz": Reader(
        seeds.packed_tables, lambda path, given: Csv(path, **given).load(), _mark_splits,
        formats.in_gzip(words),
    ),
    "rows": Reader(seeds.named_tables, _read_rows, _mark_rows, words),
    "toml": Reader(
        seeds.configs, lambda path, _: config_file.load(Path(path)), _mark_config, words
    ),
    "network": Reader(
        seeds.networks, lambda path, _: Network.load(path), _mark_network, formats.sealed,
        is_sealed=True,
    ),
    "model": Reader(
        seeds.models, lambda path, _: Model.load(path), _mark_model, formats.sealed, is_sealed=True
    ),
    "checkpoint": Reader(
        seeds.checkpoints, lambda path, _: Trainer.resume(path), _mark_trainer, formats.sealed,
        is_sealed=True,
    ),
    "run": Reader(
        seeds.runs, lambda path, _: Trainer.resume(path), _mark_trainer, _part_of_run,
        is_sealed=True,
    ),
    "journal": Reader(seeds.journals, _read_journal, _mark_history, words),
    "record": Reader(
        seeds.records, lambda path, _: run_record.Record.read(Path(path)), _mark_record,
        _JSON,
    ),
    "result": Reader(
        seeds.results, lambda path, _: run_record.read(Path(path)), _mark_result, _JSON
    ),
}  # fmt: skip
