"""What a config and the options of the command line mean: a trainer and its samples."""

from __future__ import annotations

import inspect
import platform
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import plugnet
from plugnet import Network, Trainer
from plugnet.arguments import file_path
from plugnet.cli import config_file
from plugnet.cli.config import Config, DataSettings
from plugnet.errors import ConfigError
from plugnet.interfaces import DataSplits
from plugnet.registry import registry

DEFAULT_NAME = "digits"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments that say what is trained, and on what."""
    parser.add_argument(
        "config", nargs="?", metavar="CONFIG.toml", help="settings; by default those for the digits"
    )
    parser.add_argument("--data", metavar="PATH", help="a data file, or a folder of data files")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="assignments",
        metavar="KEY=VALUE",
        help="change one setting, for example batch_size=50; may be repeated",
    )
    add_threads(parser)


def add_threads(parser: ArgumentParser) -> None:
    """Declare the option ``--threads``: a whole number from 1, or None if it is not given."""
    parser.add_argument(
        "--threads",
        type=_count,
        metavar="N",
        help="divide large work among N threads; by default one for each processor",
    )


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"the number of threads must be 1 or more, not {text!r}")
    return int(text)


def configured(arguments: Namespace) -> tuple[Config, str]:
    """Return the config that the arguments make, and a name for the run."""
    config, name = Config(), DEFAULT_NAME
    if arguments.config is not None:
        path = Path(arguments.config)
        config, name = config_file.load(path), path.stem
    elif arguments.data is not None:
        name = Path(arguments.data).stem
    config = config_file.override(config, arguments.assignments)
    return replace(config, data=pointed_at(config.data, arguments.data)), name


def build(config: Config, threads: int | None) -> tuple[Trainer, DataSplits]:
    """Build the trainer and read the data, from which the network learns its input shape."""
    training, settings = config.training, config.network
    network = Network(
        settings.layers,
        dtype=settings.dtype,
        seed=config.seed,
        parameters=settings.parameters,
    )
    trainer = Trainer(
        network,
        training.loss,
        training.optimizer,
        training.policy,
        None if training.regularizer == "none" else training.regularizer,
        training.batch_size,
        config.seed,
        training.shuffle,
        training.hooks,
        threads,
    )
    samples = read(config.data)
    if network.input_shape is None:
        network.initialize(samples.train.x.shape[1:])
    return trainer, samples


def versions() -> dict[str, str]:
    """Return the versions of what computed a result."""
    return {
        "plugnet": plugnet.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


# The data ----------------------------------------------------------------------------------------


def pointed_at(settings: DataSettings, data: str | None) -> DataSettings:
    """Return ``settings`` for the file or folder ``data``; None keeps their own path.

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
    name = call(settings.reader)[0]
    if path.is_file() and suffix in registry.datasets.names():
        reader = settings.reader if name == suffix else suffix
    elif _takes(name, "path"):
        reader = settings.reader
    elif path.is_dir():
        reader = "npy" if any(path.glob("*.npy")) else "idx"
    else:
        raise ConfigError(
            f"--data {data}: no dataset reader is named '{suffix}', and '{name}' reads no files. "
            f"Readers are {', '.join(registry.datasets.names())}. Convert the file, or install a "
            "plugin that reads it.",
            key="data.path",
        )
    return replace(settings, reader=reader, path=str(path))


def read(settings: DataSettings, whole: bool = False) -> DataSplits:
    """Return the samples that ``settings`` describe.

    Args:
        settings: the reader, and optionally the path.
        whole: whether a reader that would hold out a part for testing must not do so.
    """
    name, args, kwargs = call(settings.reader)
    if settings.path is not None:
        kwargs["path"] = settings.path
    if whole and _takes(name, "test_fraction"):
        kwargs["test_fraction"] = 0.0
    return registry.datasets.build(name, *args, **kwargs).load()


def call(reader: Any) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
    """Return name, arguments and keyword arguments of a reader as a config writes it."""
    if isinstance(reader, str):
        return reader, (), {}
    name, *args = reader
    kwargs = dict(args.pop()) if args and isinstance(args[-1], dict) else {}
    return name, tuple(args), kwargs


def _takes(reader: str, argument: str) -> bool:
    return argument in inspect.signature(registry.datasets.get(reader)).parameters
