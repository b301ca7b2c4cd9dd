"""Small valid files, made by code; they are the same in every run."""

from __future__ import annotations

import gzip
import io
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.io

from plugnet import Model, Network, Trainer
from plugnet.arrays import Array
from plugnet.cli import run_record
from plugnet.cli.config import Config
from plugnet.cli.config_file import dump
from plugnet.cli.run_record import Record
from plugnet.training.journal import Journal

ROWS = 12


class Seed(NamedTuple):
    """Valid files: their contents by name, and the arguments of the reader."""

    files: Mapping[str, bytes]
    arguments: Mapping[str, Any] = {}


def samples() -> tuple[Array, Array]:
    """Return inputs ``(12, 4)`` and class ids ``(12,)`` of three classes."""
    rng = np.random.default_rng(0)
    return rng.random((ROWS, 4)).round(3), np.arange(ROWS) % 3


def _one_hot(ids: Array) -> Array:
    return np.eye(3)[ids]


# Arrays ------------------------------------------------------------------------------------------


def mats() -> list[Seed]:
    x, y = samples()
    tutorial = {
        "train_data": x[:8], "train_label": _one_hot(y[:8]),
        "test_data": x[8:], "test_label": _one_hot(y[8:]),
    }  # fmt: skip
    contents: list[tuple[dict[str, Any], bool]] = [
        (tutorial, True),
        (tutorial, False),
        ({"X": x.astype(np.float32), "y": y.astype(np.uint8)}, False),
        ({"X": (x * 255).astype(np.uint8), "y": y.astype(np.int32), "note": "text"}, True),
        ({"X": x > 0.5, "y": x[:, :2], "more": {"a": x, "b": [1, "c"]}}, False),
        ({"X": x.astype(np.int64), "y": y.astype(np.int16)}, False),
    ]
    seeds = []
    for variables, is_packed in contents:
        file = io.BytesIO()
        scipy.io.savemat(file, variables, do_compression=is_packed)  # type: ignore[arg-type]
        text = b"MATLAB 5.0 MAT-file".ljust(116)  # in place of one with the time
        seeds.append(Seed({"data.mat": text + file.getvalue()[116:]}))
    return seeds


def _idx(array: Array) -> bytes:
    codes = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}
    shape = b"".join(size.to_bytes(4, "big") for size in array.shape)
    head = bytes([0, 0, codes[array.dtype.str[1:]], array.ndim])
    return head + shape + array.astype(array.dtype.newbyteorder(">")).tobytes()


def idx_folders(packed: bool) -> list[Seed]:
    x, y = samples()
    seeds = []
    for kind in ("u1", "i1", "i2", "i4", "f4", "f8"):
        images = (x * (1 if kind[0] == "f" else 100)).reshape(ROWS, 2, 2).astype(kind)
        labels = y.astype("u1" if kind[0] == "f" else kind)
        parts = {
            "train-images-idx3-ubyte": images[:8], "train-labels-idx1-ubyte": labels[:8],
            "t10k-images-idx3-ubyte": images[8:], "t10k-labels-idx1-ubyte": labels[8:],
        }  # fmt: skip
        files = {name: _idx(array) for name, array in parts.items()}
        if packed:
            files = {f"{name}.gz": gzip.compress(data, mtime=0) for name, data in files.items()}
        seeds.append(Seed(files))
    return seeds


def _arrays() -> list[dict[str, Array]]:
    x, y = samples()
    return [
        {"x": x.astype(np.float32), "y": y},
        {"x": np.asfortranarray(x), "y": y.astype(np.uint8), "weights": np.ones(ROWS)},
        {"x_train": x[:8], "y_train": x[:8, :1], "x_test": x[8:], "y_test": x[8:, :1]},
        {"x": (x * 255).astype(np.uint8).reshape(ROWS, 2, 2, 1), "y": np.array(list("abc"))[y]},
        {"x": x.astype(">f8"), "y": _one_hot(y)},
        {"x": x.astype(np.float16), "y": y % 2 == 1},
    ]


def _npy(array: Array) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def npy_folders() -> list[Seed]:
    return [Seed({f"{name}.npy": _npy(each[name]) for name in each}) for each in _arrays()]


def npzs() -> list[Seed]:
    seeds: list[Seed] = []
    savers: list[Any] = [np.savez, np.savez_compressed]
    for number, arrays in enumerate(_arrays()):
        file = io.BytesIO()
        savers[number % 2](file, **arrays)
        seeds.append(Seed({"data.npz": file.getvalue()}))
    return seeds


# Tables ------------------------------------------------------------------------------------------


def _table(cells: Array, names: str = "", delimiter: str = ",", end: str = "\n") -> bytes:
    lines = [delimiter.join(map(str, row)) for row in cells.tolist()]
    return end.join([*([names.replace(",", delimiter)] if names else []), *lines, ""]).encode()


def tables() -> list[Seed]:
    x, y = samples()
    words = np.array(["cat", "dog", "bird"], object)[y][:, None]
    quoted = np.array(['"a, b"', '"say ""no"""', "plain"], object)[y][:, None]
    numbered, worded = np.c_[x, y], np.c_[x.astype(object), words]
    holes = worded.copy()
    holes[3, 1], holes[5, 0] = "", "NA"
    contents: list[tuple[bytes, dict[str, Any]]] = [
        (_table(numbered), {}),
        (_table(worded, "a,b,c,d,kind"), {}),
        (_table(worded, "a,b,c,d,kind", ";"), {"label": "kind"}),
        (_table(numbered, "a\tb\tc\td\ty", "\t", "\r\n"), {"drop": ["b"]}),
        (_table(numbered, "", " "), {"delimiter": " "}),
        (_table(np.c_[x.astype(object), quoted], "a,b,c,d,kind"), {}),
        (_table(holes, "a,b,c,d,kind"), {"missing": "mean"}),
        (_table(holes, "a,b,c,d,kind"), {"missing": "drop"}),
        (_table(x, "a,b,c,d"), {"label": ["c", "d"], "labels": "targets"}),
        (_table(worded, "a,b,c,weight,kind"), {"weight": "weight", "label": -1}),
        (b"\xef\xbb\xbf" + _table(np.c_[np.arange(ROWS), worded], ",a,b,c,d,kind"), {}),
    ]
    return [Seed({"data.csv": content}, arguments) for content, arguments in contents]


def named_tables() -> list[Seed]:
    """Return those with the columns a, b, c, d and kind, of cats, dogs and birds."""
    head = re.compile(rb"a(.)b\1c\1d\1kind\n.*cat", re.DOTALL)
    return [seed for seed in tables() if head.search(seed.files["data.csv"])]


def packed_tables() -> list[Seed]:
    return [
        Seed({"data.csv.gz": gzip.compress(seed.files["data.csv"], mtime=0)}, seed.arguments)
        for seed in tables()
    ]


# Configs -----------------------------------------------------------------------------------------

_CONFIG = """\
seed = 3 # of weights and order
[data]
reader = ["csv", { label = "kind", drop = ["id", 'no'], missing = 0.5 }]
path = "data/é.csv"

[network]
layers = [
    ["fc", 4, 8], "tanh", ["dropout", { p = 0.25 }],
    ["fc", { outputs = 3, initializer = ["gaussian", 1e-2] }],
]
parameters = { "*.bias" = { lr_mult = 2, decay_mult = 0.0 }, "fc1.*" = { trainable = false } }

[training]
optimizer = ["sgd", 0.9]
policy = ["warmup", 100, ["inv", 0.1, 0.0005, 0.75]]
epochs = 1.5
validation = 0.25
metrics = ["f1", ["top_k", 2]]
class_weight = { yes = 10, no = 1 }
hooks = [["early_stop", 3], ["best_model", { path = '''best.safetensors''' }]]
"""


def configs() -> list[Seed]:
    dotted = 'training.batch_size = 10\nnetwork.dtype = "float64"\ntraining.iterations = 0x10\n'
    texts = (dump(Config()), _CONFIG, _CONFIG.replace("\n", "\r\n"), dotted)
    return [Seed({"config.toml": text.encode()}) for text in texts]


# What plugnet saves ------------------------------------------------------------------------------

_LAYERS: list[list[Any]] = [
    [("fc", 4, 5), "tanh", ("fc", 5, 3)],
    [("standardize",), ("fc", 4, 3), ("batch_norm",), ("dropout", 0.2), ("fc", 3, 3)],
    [("reshape", (2, 2, 1)), ("conv2d", 2, 2), ("relu",), "flatten", ("fc", 2, 3)],
]


def _trainers() -> list[Trainer]:
    """Return trainers after a few iterations; all else is alike."""
    x, y = samples()
    trainers = []
    settings: list[dict[str, Any]] = [
        {"optimizer": ("sgd", 0.9)},
        {"optimizer": "adam", "class_weight": {0: 2.0, 1: 1.0, 2: 1.0}, "metrics": ["f1"]},
        {"optimizer": "adagrad", "policy": ("warmup", ("inv", 0.1), 2)},
    ]
    for layers, setting in zip(_LAYERS, settings, strict=True):
        trainer = Trainer(Network(layers, input_shape=(4,)), batch_size=5, **setting)
        trainer.fit(x, y, 3, validation=(x, y), evaluate_every=2)
        trainer.history.seconds = 0.01
        trainers.append(trainer)
    real = Trainer(Network([("fc", 4, 2)]), loss="least_square_error", batch_size=5)
    real.scale_targets = True
    real.fit(x, x[:, :2], 2)
    real.history.seconds = 0.01
    return [*trainers, real]


def _saved(*savers: Any) -> list[Seed]:
    with tempfile.TemporaryDirectory() as folder:
        path, seeds = Path(folder) / "saved", []
        for saver in savers:
            saver.save(path)
            seeds.append(Seed({"saved.safetensors": path.read_bytes()}))
    return seeds


def networks() -> list[Seed]:
    trainers = _trainers()
    return _saved(*(trainer.network for trainer in trainers), trainers[0])


def models() -> list[Seed]:
    return _saved(*(_dated(trainer.model) for trainer in _trainers()))


def _dated(model: Model) -> Model:
    model.versions = {"plugnet": "0.1.0", "numpy": "2.0.0"}
    return model


def checkpoints() -> list[Seed]:
    return _saved(*_trainers())


# What a run leaves -------------------------------------------------------------------------------

#: Names in a folder of checkpoints; all seeds have the same.
JOURNAL = "history-0-0001.jsonl"
_CHECKPOINT = "iteration-{:08}.safetensors"


def runs() -> list[Seed]:
    """Return folders of two checkpoints and their journal, and what is left without the second."""
    x, y = samples()
    seeds = []
    for trainer in _trainers()[:2]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            journal = Journal(folder / JOURNAL)
            for _ in range(2):
                trainer.fit(x, y, 2, validation=(x, y), evaluate_every=1)
                trainer.history.seconds = 0.01
                trainer.save(folder / _CHECKPOINT.format(trainer.iteration), journal)
            files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
        last = _CHECKPOINT.format(trainer.iteration)
        first = {name: content for name, content in files.items() if name != last}
        seeds += [Seed(files), Seed(first)]
    return seeds


def journals() -> list[Seed]:
    return [Seed({JOURNAL: seed.files[JOURNAL]}) for seed in runs()]


_IDENTITY = {
    "training samples": f"12 x 4 float32, SHA-256 {'0a' * 32}",
    "dtype": "float32",
    "NumPy": "2.0.0",
    "BLAS": "openblas 0.3 SkylakeX",
    "threads": "1",
    "version of plugnet": "0.1.0",
}
_RESULT = {
    "accuracy": 0.25,
    "test": {"loss": 2.1, "accuracy": 0.25},
    "validation": None,
    "iterations": 3,
    "complete": True,
    "stopped": None,
    "notes": ["loss.png cannot be written: [Errno 28] No space left on device: 'ü'"],
    "versions": {"plugnet": "0.1.0", "numpy": "2.0.0"},
}


def records() -> list[Seed]:
    """Return what runs were made with."""
    files: list[list[str]] = [[], ["history.csv", "pictures/löss.png"]]
    return [
        _written(lambda path, names=names: Record("seed = 0", _IDENTITY, names).write(path))
        for names in files
    ]


def results() -> list[Seed]:
    """Return how runs ended."""
    return [_written(lambda path: run_record.write(path, _RESULT))]


def _written(write: Any) -> Seed:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "record.json"
        write(path)
        return Seed({path.name: path.read_bytes()})
