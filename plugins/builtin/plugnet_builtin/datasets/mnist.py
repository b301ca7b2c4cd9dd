"""MNIST, from a folder or downloaded once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from plugnet.arguments import file_path, flag
from plugnet.errors import ArgumentError, DataError, FileFormatError
from plugnet.files.budget import check_budget
from plugnet.interfaces import Dataset, DataSplits, Rows
from plugnet.schema import Schema
from plugnet_builtin.datasets.idx import Idx

#: The original four files and their SHA-256 checksums.
FILES = {
    "train-images-idx3-ubyte.gz": (
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
    ),
    "train-labels-idx1-ubyte.gz": (
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
    ),
}

#: Where the files are, in the order in which they are tried.
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)


@dataclass(eq=False)
class Mnist(Dataset):
    """Handwritten digits of 28 by 28 pixels: 60,000 to train on and 10,000 to test.

    LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition",
    1998. Without ``path`` the four files are downloaded once, to the user's cache folder, and
    their SHA-256 checksums checked; that needs the extra ``plugnet[download]``.

    Attributes:
        path: a folder with the four IDX files, or None to download them.
        mirrors: addresses of folders to download from, tried in this order.
        scaled: whether pixels are float32 in [0, 1]. If False, they are bytes from 0 to 255, a
            quarter of the memory: for a network that begins with ``("rescale", 255)``.
        budget: how many bytes each file may take in memory. None: 64 MiB or 100 times its size,
            whichever is larger, or what the environment variable PLUGNET_BUDGET says.
    """

    path: str | None = None
    mirrors: Sequence[str] = MIRRORS
    scaled: bool = True
    budget: int | None = None

    def __post_init__(self) -> None:
        self.path = None if self.path is None else file_path("path", self.path)
        if isinstance(self.mirrors, str) or not all(isinstance(url, str) for url in self.mirrors):
            raise ArgumentError(
                f"mirrors must be a list of addresses, not {self.mirrors!r}.",
                argument="mirrors",
                value=self.mirrors,
            )
        self.mirrors = list(self.mirrors)
        self.scaled = flag("scaled", self.scaled)
        self.budget = check_budget(self.budget)

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return []

    def load(self) -> DataSplits:
        """Read the files; images ``(N, 28, 28, 1)``, labels class ids.

        Raises:
            FileFormatError: a file is missing or damaged, or cannot be downloaded.
            DataError: samples or labels break a rule.
        """
        splits, digits = self._files().load(), tuple(range(10))
        if not set(splits.classes) <= set(digits):
            raise DataError(
                f"MNIST's labels are 0 to 9, but those in {self.path!r} are "
                f"{splits.classes[0]} to {splits.classes[-1]}. Read other sets with idx.",
                row=None,
            )
        return replace(splits, classes=digits)

    def rows(self, schema: Schema) -> Iterator[Rows]:
        return self._files().rows(schema)

    def _files(self) -> Idx:
        path = _download(self.mirrors) if self.path is None else self.path
        return Idx(path, self.scaled, budget=self.budget)


def _download(mirrors: Sequence[str]) -> str:
    """Return the cache folder, with the four files in it."""
    try:
        import pooch
    except ImportError:
        raise FileFormatError(
            "MNIST must be downloaded or read from a folder. To download it, "
            'pip install "plugnet[download]"; otherwise pass the folder with its four files as '
            "path.",
            path="mnist",
        ) from None
    folder = Path(pooch.os_cache("plugnet")) / "mnist"
    for name, digest in FILES.items():
        _fetch(pooch, mirrors, folder, name, digest)
    return str(folder)


def _fetch(pooch: Any, mirrors: Sequence[str], folder: Path, name: str, digest: str) -> None:
    """Download one file from the first mirror that has it, unless it is there already."""
    failures = []
    for mirror in mirrors:
        url = f"{mirror.rstrip('/')}/{name}"
        try:
            pooch.retrieve(url, f"sha256:{digest}", fname=name, path=folder)
        except Exception as error:  # whatever the network, the mirror or the disk raises
            failures.append(f"{url}: {error}")
        else:
            return
    raise FileFormatError(
        f"{name} could not be downloaded from any of {len(mirrors)} mirrors. Offline, put the "
        f"four files of MNIST in a folder and pass it as path. ({'; '.join(failures)})",
        path=str(folder / name),
    )
