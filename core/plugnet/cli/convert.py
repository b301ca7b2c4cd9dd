"""`plugnet convert`: from any data set to the tutorial's data.mat."""

from __future__ import annotations

import shlex
from argparse import ArgumentParser, Namespace
from pathlib import Path

from plugnet.cli.config import DataSettings
from plugnet.cli.data_source import pointed_at, read
from plugnet.convert import columns_of_labels, write_mat
from plugnet.errors import ConfigError, counted
from plugnet.registry import registry


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "data",
        metavar="DATA",
        help="a data file, a folder of data files such as MNIST's, or the name of a data set",
    )
    parser.add_argument("file", metavar="FILE.mat", help="the MATLAB file to write")
    parser.add_argument("--force", action="store_true", help="replace FILE.mat if it exists")


def run(arguments: Namespace) -> int:
    """Convert as the arguments say, and return the exit status."""
    target = Path(arguments.file)
    if target.exists() and not arguments.force:
        raise ConfigError(
            f"{target} exists already. Choose another name, or replace it with --force.", key="file"
        )
    samples = read(_settings(arguments.data))
    write_mat(samples, target)
    print(
        f"{target}: {counted(len(samples.train.x), 'sample')} to train on, "
        f"{0 if samples.test is None else len(samples.test.x)} to test"
    )
    classes = columns_of_labels(samples)
    if classes != tuple(range(len(classes))):
        print(f"Columns of the labels: {', '.join(map(str, classes))}")
    print(f"Next: plugnet train --data {shlex.quote(str(target))}")
    return 0


def _settings(data: str) -> DataSettings:
    if data in registry.datasets.names() and not Path(data).exists():
        return DataSettings(data)
    return pointed_at(DataSettings(), data)
