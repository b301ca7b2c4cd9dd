"""Which dataset reader reads what the command line names."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any

from plugnet.arguments import file_path
from plugnet.cli.config import DataSettings
from plugnet.errors import ConfigError
from plugnet.interfaces import DataSplits
from plugnet.registry import registry


def pointed_at(settings: DataSettings, data: str | None) -> DataSettings:
    """Return ``settings`` for the file or folder ``data``, or as they are if it is None.

    A file is read by the reader that is named like its suffix, if there is one. A folder, or any
    other file, is read by the reader of ``settings`` if that takes a ``path``; a folder otherwise
    by ``npy`` if it holds such files, else by ``idx``. The path becomes absolute, so that the
    settings hold in any working directory.

    Raises:
        ConfigError: the path does not exist, or no reader fits it.
    """
    if data is None:
        if settings.path is None:
            return settings
        return replace(settings, path=str(Path(settings.path).absolute()))
    path = Path(file_path("--data", data)).absolute()
    if not path.exists():
        raise ConfigError(f"--data {data}: there is no such file or folder.", key="data.path")
    suffix = path.suffix.removeprefix(".").lower()
    name = _call(settings.reader)[0]
    if path.is_file() and suffix in registry.datasets.names():
        reader = settings.reader if name == suffix else suffix
    elif _takes(name, "path"):
        reader = settings.reader
    elif path.is_dir():
        reader = "npy" if any(path.glob("*.npy")) else "idx"
    else:
        raise ConfigError(
            f"--data {data}: no dataset reader is named '{suffix}', and '{name}' reads no files. "
            f"Readers are {', '.join(registry.datasets.names())}; another one is a plugin.",
            key="data.path",
        )
    return replace(settings, reader=reader, path=str(path))


def read(settings: DataSettings, whole: bool = False) -> DataSplits:
    """Return the samples that ``settings`` describe.

    Args:
        settings: the reader, and perhaps the path.
        whole: keep a reader that would hold out a part for testing from doing so.
    """
    name, args, kwargs = _call(settings.reader)
    if settings.path is not None:
        kwargs["path"] = settings.path
    if whole and _takes(name, "test_fraction"):
        kwargs["test_fraction"] = 0.0
    return registry.datasets.build(name, *args, **kwargs).load()


def _takes(reader: str, argument: str) -> bool:
    """Return whether the dataset reader called ``reader`` has that argument."""
    return argument in inspect.signature(registry.datasets.get(reader)).parameters


def _call(reader: Any) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    """Return name, arguments and keyword arguments of a reader as a config writes it."""
    if isinstance(reader, str):
        return reader, (), {}
    name, *args = reader
    kwargs = dict(args.pop()) if args and isinstance(args[-1], dict) else {}
    return name, tuple(args), kwargs


def describe(settings: DataSettings, samples: DataSplits) -> str:
    """Return one or two lines about the data set."""
    reader = _call(settings.reader)[0]
    source = reader if settings.path is None else f"{reader} {settings.path}"
    size = " x ".join(map(str, samples.train_data.shape[1:]))
    labels = samples.train_label
    answers = f"{labels.max() + 1} classes" if labels.ndim == 1 else f"{labels.shape[1]} targets"
    if samples.classes:
        answers = f"{len(samples.classes)} classes"
    return (
        f"{source}\n          {len(samples.train_data)} samples to train on, "
        f"{len(samples.test_data)} to test, each {size}; {answers}"
    )
