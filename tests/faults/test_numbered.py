"""Faults of the table in README.md that concern no one part, in the order of their numbers."""

import errno
import functools
import gzip
import importlib
import io
import itertools
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.aliases import Refused
from tests.failing import failed, failing
from tests.limits import limited
from tests.small import LAYERS, ONE_HOT, X, Y, trainer

from plugnet import Model, Network, Trainer, registry
from plugnet.arrays import Array
from plugnet.cli import main
from plugnet.errors import (
    ArgumentError,
    BudgetError,
    ConfigError,
    DataError,
    FileFormatError,
    MissingComponentsError,
    SpecError,
)
from plugnet.files import documents, safetensors
from plugnet.files.lock import locked

posix = pytest.mark.skipif(os.name != "posix", reason="only POSIX has these limits and signals")

#: A short training on a few of the digits, without pictures.
SHORT = [
    *("train", "--quiet", "--set", "iterations=3", "--set", "hooks=[]"),
    *("--set", "layers=[['fc', {outputs = 10}]]"),
]


def temporary(folder: Path) -> list[Path]:
    """Return what is left of files that were not written wholly."""
    return list(folder.rglob(".plugnet-*.tmp"))


def in_place_of_fit(monkeypatch: pytest.MonkeyPatch, function: Callable[[], object]) -> None:
    importlib.import_module("plugnet.cli.train")  # reads the signature of what is replaced
    monkeypatch.setattr(Trainer, "fit", lambda *_, **__: function())


def fail(error: BaseException) -> None:
    raise error


@pytest.fixture(autouse=True)
def _without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw nothing, which takes most of a short run."""
    for hook in ("loss_curve", "confusion_matrix", "mistakes"):
        module = importlib.import_module(f"plugnet_builtin.hooks.{hook}")
        monkeypatch.setattr(module, "draw", lambda *_: None)


# Saving ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
@pytest.mark.parametrize("call", ["mkdir", "open"])
def test_a_read_only_place_is_refused_before_training(  # 5
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused, number: int, call: str
) -> None:
    words = [*SHORT, "--out", str(tmp_path / "run")]
    in_place_of_fit(monkeypatch, functools.partial(fail, ConfigError("it began", key="")))
    with failing(tmp_path) as calls:
        assert "it began" in refused(*words)
    with failing(tmp_path, calls.index(call) + 1, failed(number), lasting=True):
        err = refused(*words)
    assert os.strerror(number) in err
    assert "it began" not in err
    assert list(tmp_path.iterdir()) == []


@posix
@pytest.mark.filterwarnings("always::plugnet.errors.PluginWarning")
def test_a_quota_for_the_model_alone_is_a_warning(  # 7
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model takes 4 KB here, a checkpoint twice as much."""
    folder = tmp_path / "run"
    with limited("RLIMIT_FSIZE", 6_000):
        assert main([*SHORT, "--out", str(folder)]) == 0
    assert "warning: The checkpoint of iteration 3 cannot be written" in capsys.readouterr().err
    assert Model.load(folder).predict(np.zeros((1, 8, 8, 1))).shape == (1,)
    result = json.loads((folder / "result.json").read_text())
    assert any("checkpoint" in note and "File too large" in note for note in result["notes"])
    assert temporary(tmp_path) == []


@posix
@pytest.mark.filterwarnings("always::plugnet.errors.PluginWarning")
def test_a_quota_that_no_model_fits_leaves_no_half_of_one(  # 7
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with limited("RLIMIT_FSIZE", 2_000):
        assert main([*SHORT, "--out", str(tmp_path)]) == 2
    assert "File too large (raise the limit with 'ulimit -f'" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.safetensors"))
    assert not (tmp_path / "result.json").exists()
    assert temporary(tmp_path) == []


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="descriptors can't be counted")
def test_a_hundred_saves_leave_no_descriptor(tmp_path: Path) -> None:  # 8
    trained = trainer()
    trained.fit(X, Y, 2)

    def held() -> tuple[int, int]:
        return len([*Path("/proc/self/fd").iterdir()]), threading.active_count()

    trained.save(tmp_path / "run")
    before = held()
    for number in range(100):
        trained.save(tmp_path / "run")
        Trainer.resume(tmp_path / "run")
        if number % 10 == 0:
            with pytest.raises(FileNotFoundError):
                trained.save(tmp_path / "absent/run")
    assert held() == before
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


# Files of others ---------------------------------------------------------------------------------


def test_a_checkpoint_cut_short_anywhere_is_an_error(tmp_path: Path) -> None:  # 9
    network = Network([("fc", 1, 1)])
    for saved, load, step in ((network, Network.load, 1), (trainer(), Trainer.resume, 17)):
        path = tmp_path / "saved"
        saved.save(path)
        load(path)
        content = path.read_bytes()
        for length in range(0, len(content), step):
            path.write_bytes(content[:length])
            with pytest.raises(FileFormatError):
                load(path)


def npy(array: Array) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


def linked(name: str, target: str) -> tuple[zipfile.ZipInfo, bytes]:
    """Return a member that unzip makes a symbolic link."""
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, 0o120777 << 16
    return info, target.encode()


def encrypted(content: bytes) -> bytes:
    """Return an archive whose first member says that it needs a password."""
    changed = bytearray(content)
    changed[6] |= 1
    changed[content.find(b"PK\1\2") + 8] |= 1
    return bytes(changed)


SAMPLES, LABELS = ("x.npy", npy(X)), ("y.npy", npy(Y))
ARCHIVES = {
    "nested": (zipped(("x.npy", zipped(SAMPLES, LABELS)), LABELS), "magic string"),
    "an archive of archives": (zipped(("x.npz", zipped(SAMPLES, LABELS))), "holds no arrays"),
    "link": (zipped(linked("x.npy", "/etc/passwd"), LABELS), "magic string"),
    "encrypted": (encrypted(zipped(SAMPLES, LABELS)), "encrypted"),
    "parent": (zipped(("../x.npy", npy(X)), LABELS), r"It holds \.\./x"),
    "absolute": (zipped(("/x.npy", npy(X)), LABELS), "It holds /x"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_hostile_archive_is_refused_and_unpacks_nothing(tmp_path: Path, name: str) -> None:  # 15
    folder = tmp_path / "folder"
    folder.mkdir()
    content, says = ARCHIVES[name]
    (folder / "x.npz").write_bytes(content)
    with pytest.raises(FileFormatError, match=says) as caught:
        registry.datasets.build("npz", str(folder / "x.npz")).load()
    assert caught.value.path == str(folder / "x.npz")
    assert [path.name for path in tmp_path.rglob("*")] == ["folder", "x.npz"]


class Harmful:
    """Leaves a trace where it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.trace),)


def test_a_pickle_by_any_name_is_refused_and_not_run(
    tmp_path: Path, refused: Refused
) -> None:  # 16
    harmful = Harmful(tmp_path / "trace")
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        content = pickle.dumps(harmful, protocol)
        for kind in ("npy", "npz", "mat", "csv", "safetensors"):
            path = tmp_path / f"x.{kind}"
            path.write_bytes(content)
            if kind == "safetensors":
                for load in (Network.load, Model.load, Trainer.resume):
                    with pytest.raises(FileFormatError):
                        load(path)
            else:
                refused(*SHORT, "--data", str(path), "--out", str(tmp_path / "run"))
    np.savez(tmp_path / "x.npz", x=np.array([harmful], object), y=Y[:1])
    with pytest.raises(FileFormatError, match="Python objects"):
        registry.datasets.build("npz", str(tmp_path / "x.npz")).load()
    assert not (tmp_path / "trace").exists()


# Plugins and names -------------------------------------------------------------------------------

#: What a file may name that could be imported, called or fetched.
NAMES = [
    *("os:system", "builtins.eval", "os.system", "plugnet.network", "__class__", "__init__"),
    *("https://x.org/y.py", "../x", "antigravity", "fc\n", "eval('1')", "plugnet_builtin:Mnist"),
]
#: Modules that only a message needs.
MESSAGES = {"difflib"}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_a_file_is_looked_up_and_never_imported(tmp_path: Path, name: str) -> None:  # 44
    path = tmp_path / "run"
    trained = trainer()
    trained.save(path)
    arrays, document = documents.read(path)
    Trainer.resume(path)
    layer, loss = document["network"]["layers"][0], document["trainer"]["components"]["loss"]
    initializer = layer["args"]["initializer"]
    places = itertools.product((layer, loss, initializer), ("name", "kind", "provider"))
    modules = set(sys.modules)
    for spec, key in places:
        before, spec[key] = spec[key], name
        documents.write(path, arrays, document)
        with pytest.raises((SpecError, MissingComponentsError)) as caught:
            Trainer.resume(path)
        assert repr(name).strip("'") in str(caught.value)
        spec[key] = before
    assert set(sys.modules) - modules <= MESSAGES


def test_a_million_layers_count_on_the_budget(tmp_path: Path) -> None:  # 45
    layer = '{"kind": "layer", "name": "flatten", "args": {}}'
    layers = ", ".join(itertools.repeat(layer, 10**6))
    text = f'{{"version": {documents.VERSION}, "network": {{"layers": [{layers}]}}}}'
    safetensors.write(tmp_path / "model", {}, {documents.KEY: text})
    with pytest.raises(BudgetError, match="allow more by"):
        Network.load(tmp_path / "model", budget=2**28)


# Runs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_second_writer_is_refused_and_changes_nothing(  # 48
    tmp_path: Path, force: list[str], refused: Refused
) -> None:
    assert main([*SHORT, "--out", str(tmp_path)]) == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with locked(tmp_path):
        assert f"process {os.getpid()}" in refused(*SHORT, "--out", str(tmp_path), *force)
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert after == before


def test_the_newest_checkpoint_is_that_of_the_last_iteration(tmp_path: Path) -> None:  # 50
    trained = trainer(hooks=[("checkpoint", tmp_path, {"iterations": 1, "keep": 3})])
    trained.fit(X, Y, 3)
    paths = sorted(tmp_path.glob("iteration-*"))
    assert len(paths) == 3
    for age, path in enumerate(paths):  # the clock has jumped backwards
        os.utime(path, (10**9 - age, 10**9 - age))
    assert Trainer.resume(tmp_path).iteration == 3


SIGNALLED = """
import importlib, signal, sys
from plugnet import registry
from plugnet.cli import main

@registry.hooks.register("signals")
class Signals:
    def __init__(self, number: int, times: int):
        self.number, self.times = number, times

    def plugnet_step_end(self, iteration):
        if iteration == 4:
            for _ in range(self.times):
                signal.raise_signal(self.number)

for hook in ("loss_curve", "confusion_matrix", "mistakes"):
    importlib.import_module("plugnet_builtin.hooks." + hook).draw = lambda *_: None
number, times, out = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
words = ["iterations=9", f"hooks=[['signals', {number}, {times}]]"]
sys.exit(main(["train", "--quiet", "--out", out, *(w for each in words for w in ("--set", each))]))
"""


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_at_once_with_whole_files(tmp_path: Path, number: int) -> None:  # 51
    words = [sys.executable, "-c", SIGNALLED, str(int(number)), "2", str(tmp_path / "run")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (128 + number, "")
    assert not (tmp_path / "run/result.json").exists()  # the mark of a whole run
    assert temporary(tmp_path) == []


@posix
def test_the_end_of_a_terminal_lets_a_run_go_on(tmp_path: Path) -> None:  # 51
    words = [sys.executable, "-c", SIGNALLED, str(int(signal.SIGHUP)), "1", str(tmp_path / "run")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    names = sorted(path.name for path in (tmp_path / "run/checkpoints").glob("iteration-*"))
    assert names == ["iteration-00000005.safetensors", "iteration-00000009.safetensors"]


# Surroundings ------------------------------------------------------------------------------------

TABLE = "a,b,label\n" + "".join(
    f"{i % 7},{i % 5},{'odd' if i % 2 else 'even'}\n" for i in range(60)
)
STRANGE = ["ünï cödé", "a\nb", " ", "-dash", "x" * 240, '$(x) `y` "z"']


@pytest.mark.parametrize("name", STRANGE)
def test_a_run_may_have_strange_paths(  # 56
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(f"{name}.csv").write_text(TABLE)
    words = ["train", "--quiet", "--set", "iterations=2", "--set", "hooks=[]"]
    assert main([*words, f"--data={name}.csv", f"--out={name}"]) == 0
    assert main(["evaluate", "--", name]) == 0


@posix
def test_of_bytes_that_are_no_text_a_run_has_only_its_folder(  # 56
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    monkeypatch.chdir(tmp_path)
    folder, table = "run \udcff", Path("\udcff.csv")
    table.write_text(TABLE)
    err = refused(*SHORT, "--data", str(table), "--out", folder)
    assert "must be UTF-8" in err
    assert "Give the file another name" in err
    assert [*Path().iterdir()] == [table]
    assert main([*SHORT, "--out", folder]) == 0
    assert main(["evaluate", folder]) == 0


def test_a_path_counts_from_where_the_process_is(  # 57
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    network = Network(LAYERS, seed=3)
    for folder in (first, second):
        folder.mkdir()
        monkeypatch.chdir(folder)
        for path in ("model", Path("model")):
            network.save(path)
            np.testing.assert_array_equal(Network.load(path).predict(X), network.predict(X))
        assert [path.name for path in folder.iterdir()] == ["model"]


@pytest.mark.parametrize("path", [b"model", bytearray(b"model"), io.BytesIO(), io.StringIO()])
def test_bytes_and_open_files_are_no_paths(path: Any) -> None:  # 57
    trained = trainer()
    uses: list[Callable[[Any], object]] = [
        *(trained.save, trained.network.save, Trainer.resume, Network.load, Model.load),
        *(lambda path, name=name: registry.datasets.build(name, path) for name in ("csv", "npz")),
    ]
    for use in uses:
        with pytest.raises(ArgumentError, match="must be a path"):
            use(path)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory can't be limited")
def test_a_batch_beyond_memory_says_what_fits(refused: Refused) -> None:  # 59
    network = Network([("fc", 4, 100_000), ("fc", 100_000, 3)])
    trained = trainer(network, batch_size=2_000)
    x, y = np.tile(X, (100, 1)), np.tile(Y, 100)
    before = network.predict(X).copy()
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    with limited("RLIMIT_AS", taken + 3 * 10**8), pytest.raises(MemoryError) as caught:
        trained.fit(x, y, 1)
    assert "763. MiB for an array with shape (2000, 100000)" in str(caught.value)
    place, advice = caught.value.__notes__
    assert "layer 'fc1'" in place
    assert "A batch of 2000 samples" in advice
    assert "batch_size=1000" in advice
    assert trained.iteration == 0
    np.testing.assert_array_equal(network.predict(X), before)
    trained.batch_size = 20
    trained.fit(x, y, 1)


def test_too_little_memory_is_one_message(  # 59
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: Refused
) -> None:
    for text, says in (("Unable to allocate 8 GiB", "8 GiB"), ("", "not enough memory")):
        in_place_of_fit(monkeypatch, functools.partial(fail, MemoryError(text)))
        assert says in refused(*SHORT, "--out", str(tmp_path / "run"))
        assert list(tmp_path.iterdir()) == []


LAYOUTS: dict[str, Callable[[Array], Any]] = {
    "strided": lambda a: np.repeat(a, 2, 0)[::2],
    "backwards": lambda a: a[::-1].copy()[::-1],
    "Fortran's order": np.asfortranarray,
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "not aligned": lambda a: unaligned(a),
    "a list": lambda a: a.tolist(),
    "a subclass": lambda a: a.view(Subclass),
}


class Subclass(np.ndarray[Any, Any]):
    """An array that computes something else."""

    def __add__(self, other: Any) -> Any:
        raise AssertionError("the subclass was asked")

    __mul__ = __sub__ = __matmul__ = __add__


def unaligned(array: Array) -> Array:
    held = np.zeros(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    held[:] = array
    return held


@pytest.mark.parametrize("name", LAYOUTS)
def test_training_reads_any_layout_and_changes_none(name: str) -> None:  # 61
    plain, other = trainer(), trainer()
    x, y = LAYOUTS[name](X), LAYOUTS[name](Y)
    for array in (x, y):
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
    assert other.fit(x, y, 5).loss == plain.fit(X, Y, 5).loss
    np.testing.assert_array_equal(np.array(x, np.float32), X)
    np.testing.assert_array_equal(np.array(y), Y)


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.filterwarnings("ignore:All :plugnet.errors.DataWarning")
def test_matrices_and_repeated_rows_are_samples_like_others() -> None:  # 61
    once = np.broadcast_to(X[:1], X.shape)  # of stride 0
    for x, y in (
        (once, Y),
        (np.matrix(X), np.matrix(Y)),
        (X, np.broadcast_to(ONE_HOT[:1], (20, 3))),
    ):
        plain, other = trainer(), trainer()
        expected = plain.fit(np.array(x), np.array(y).reshape(20, -1), 3).loss
        assert other.fit(x, y, 3).loss == expected


def test_masked_values_are_refused() -> None:  # 61
    for x, y in ((np.ma.masked_less(X, 0.5), Y), (X, np.ma.masked_equal(Y, 1))):
        with pytest.raises(DataError, match="masked"):
            trainer().fit(x, y, 1)


def test_a_gzipped_page_is_no_table(tmp_path: Path, refused: Refused) -> None:  # 11
    (tmp_path / "x.csv.gz").write_bytes(gzip.compress(b"<!DOCTYPE html><p>404</p>" * 9))
    assert "web page" in refused(*SHORT, "--data", str(tmp_path / "x.csv.gz"))
