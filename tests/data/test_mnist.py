"""The data set `mnist`: the real files where they are, and a download from a local server."""

import gzip
import hashlib
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.splits import held_out

from plugnet.errors import ArgumentError, FileFormatError
from plugnet_builtin.datasets import mnist
from plugnet_builtin.datasets.mnist import FILES, MIRRORS, Mnist

#: SHA-256 of the unpacked files, as they are published in many places.
UNPACKED = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


class Server(ThreadingHTTPServer):
    """A local mirror that notes what it was asked for."""

    asked: list[str]


class Handler(SimpleHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(Path(self.path).name)
        super().do_GET()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Server]:
    """A server of a folder with four small files in the place of MNIST's."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    for name, shape in (
        ("train-images-idx3-ubyte.gz", (6, 3, 3)),
        ("train-labels-idx1-ubyte.gz", (6,)),
        ("t10k-images-idx3-ubyte.gz", (2, 3, 3)),
        ("t10k-labels-idx1-ubyte.gz", (2,)),
    ):
        header = bytes([0, 0, 8, len(shape)]) + np.array(shape, ">u4").tobytes()
        values = np.arange(np.prod(shape), dtype=np.uint8).tobytes()
        (folder / name).write_bytes(gzip.compress(header + values))
    server = Server(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, the small files' checksums as pins, and no proxy to localhost."""
    pooch = pytest.importorskip("pooch")
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache" / project)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache/plugnet/mnist"


def pin(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    monkeypatch.setattr(mnist, "FILES", {name: sums[name] for name in FILES})


def address(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_port}"


def test_files_are_fetched_once(
    mirror: Server, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin(tmp_path / "mirror", monkeypatch)
    data = Mnist(mirrors=[address(mirror)])
    samples = data.load()
    assert samples.train.x.shape == (6, 3, 3, 1)
    assert held_out(samples).y.tolist() == [0, 1]
    assert samples.classes == tuple(range(10))
    assert sorted(mirror.asked) == sorted(FILES)
    assert sorted(path.name for path in cache.iterdir()) == sorted(FILES)
    data.load()
    assert len(mirror.asked) == 4


def test_the_next_mirror_is_tried(
    mirror: Server, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin(tmp_path / "mirror", monkeypatch)
    wrong = f"{address(mirror)}/nothing/here/"
    samples = Mnist(mirrors=["http://127.0.0.1:9/", wrong, address(mirror) + "/"]).load()
    assert len(samples.train.x) == 6
    assert cache.is_dir()


def test_a_file_with_a_wrong_checksum_is_refused(mirror: Server, cache: Path) -> None:
    with pytest.raises(FileFormatError, match="hash") as caught:
        Mnist(mirrors=[address(mirror)]).load()
    assert caught.value.path == str(cache / "train-images-idx3-ubyte.gz")
    assert list(cache.iterdir()) == [], "nothing that is wrong stays in the cache"


def test_offline_the_error_says_what_to_do(cache: Path) -> None:
    with pytest.raises(FileFormatError, match=r"Offline, put the four files .* pass it as path"):
        Mnist(mirrors=["http://127.0.0.1:9"]).load()
    assert not list(cache.glob("*"))


def test_without_pooch_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(FileFormatError, match=r'pip install "plugnet\[download\]".*path'):
        Mnist().load()


def test_a_folder_needs_neither_pooch_nor_the_checksums(
    mirror: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    assert len(Mnist(str(tmp_path / "mirror")).load().train.x) == 6
    assert mirror.asked == []


def test_mirrors_are_https_and_arguments_are_checked() -> None:
    assert all(url.startswith("https://") and url.endswith("/") for url in MIRRORS)
    assert Mnist().mirrors == list(MIRRORS)
    for wrong in ("https://one.example", [3]):
        with pytest.raises(ArgumentError, match="mirrors"):
            Mnist(mirrors=wrong)  # type: ignore[arg-type]


def test_the_pins_belong_to_the_published_files(mnist_folder: Path) -> None:
    for name, digest in FILES.items():
        content = (mnist_folder / name).read_bytes()
        unpacked = gzip.decompress(content)
        assert hashlib.sha256(unpacked).hexdigest() == UNPACKED[name.removesuffix(".gz")]
        if b"idx" in content[:40]:  # as first packed, with the file's name, not packed anew
            assert hashlib.sha256(content).hexdigest() == digest


def test_pixels_may_stay_bytes(mnist_folder: Path) -> None:
    samples = Mnist(str(mnist_folder), scaled=False).load()
    assert samples.train.x.dtype == held_out(samples).x.dtype == np.uint8
    scaled = Mnist(str(mnist_folder)).load()
    np.testing.assert_array_equal(held_out(samples).x / np.float32(255), held_out(scaled).x)


def test_mnist_as_published(mnist_folder: Path) -> None:
    samples = Mnist(str(mnist_folder)).load()
    assert samples.train.x.shape == (60_000, 28, 28, 1)
    assert held_out(samples).x.shape == (10_000, 28, 28, 1)
    assert samples.train.x.dtype == np.float32
    assert (samples.train.x.min(), samples.train.x.max()) == (0, 1)
    # the mean pixel that everybody normalises MNIST by
    assert samples.train.x.mean(dtype=np.float64) == pytest.approx(0.1306604762738429)
    assert samples.train.y[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert np.bincount(held_out(samples).y).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009
    ]  # fmt: skip
