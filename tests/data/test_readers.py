"""Which reader a file or a folder gets, by its name and by what is in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.aliases import Fake, Refused

from plugnet import registry
from plugnet.errors import UnknownComponentError
from plugnet.readers import reader_of


@pytest.fixture
def bare(no_other_plugins: None) -> Iterator[None]:
    """Let the registry find plugnet alone."""
    registry.refresh()
    yield
    registry.refresh()


@pytest.mark.parametrize(
    ("name", "reader"),
    [
        ("a.csv", "csv"),
        ("a.TSV.gz", "csv"),
        ("a.npz", "npz"),
        ("a.mat", "mat"),
        ("a.parquet", "parquet"),
        ("a.h5", "hdf5"),
        ("a.hdf5", "hdf5"),
        ("a.JPEG", "images"),
        ("a.tif", "images"),
        ("a.xyz", ""),
        ("a", ""),
    ],
)
def test_a_file_by_its_suffix(tmp_path: Path, name: str, reader: str) -> None:
    (tmp_path / name).touch()
    assert reader_of(tmp_path / name) == reader


@pytest.mark.parametrize(
    ("names", "reader"),
    [
        (["x.npy", "a.png"], "npy"),
        (["part-0.parquet", "_SUCCESS"], "parquet"),
        (["a.png", "notes.txt"], "images"),
        (["cat/a.jpg"], "images"),
        (["train/cat/2020/a.webp"], "images"),
        ([".cache/a.png", "train-images"], "idx"),
        (["a/b/c/d/e.png"], "idx"),
        ([], "idx"),
    ],
)
def test_a_folder_by_what_is_in_it(tmp_path: Path, names: list[str], reader: str) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert reader_of(tmp_path) == reader


def test_a_matlab_file_by_its_beginning_where_that_reader_is_installed(
    tmp_path: Path, bare: None, install: Fake
) -> None:
    old, new = tmp_path / "old.mat", tmp_path / "new.mat"
    old.write_bytes(b"MATLAB 5.0 MAT-file".ljust(128))
    new.write_bytes(b"MATLAB 7.3 MAT-file".ljust(128))
    assert reader_of(new) == "mat"  # whose error says what to install
    install("plugnet-hdf5", {"datasets": {"mat73": "fake:Mat73"}}, {})
    assert [reader_of(path) for path in (old, new)] == ["mat", "mat73"]


@pytest.mark.parametrize(
    ("name", "distribution"),
    [("a.parquet", "parquet"), ("a.h5", "hdf5"), ("a.hdf5", "hdf5"), ("cat/a.png", "images")],
)
def test_what_is_not_installed_is_named(
    tmp_path: Path, bare: None, refused: Refused, name: str, distribution: str
) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).touch()
    path = tmp_path / Path(name).parts[0]
    assert f"pip install plugnet-{distribution}" in refused("train", "--data", str(path))
    with pytest.raises(UnknownComponentError, match=f"pip install plugnet-{distribution}"):
        registry.datasets.build(reader_of(path), str(path))


def test_the_reader_of_other_matlab_files_names_the_package(
    tmp_path: Path, bare: None, refused: Refused
) -> None:
    (tmp_path / "a.mat").write_bytes(b"MATLAB 7.3 MAT-file".ljust(600))
    assert "pip install plugnet-hdf5" in refused("train", "--data", str(tmp_path / "a.mat"))
