"""`plugnet convert`: from MNIST's own files to the tutorial's data.mat."""

from __future__ import annotations

import shlex
from argparse import ArgumentParser, Namespace
from pathlib import Path

from plugnet.convert import write_mat
from plugnet.errors import ConfigError
from plugnet.registry import registry


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("folder", metavar="FOLDER", help="of the four IDX files, gzipped or not")
    parser.add_argument("file", metavar="FILE.mat", help="the MATLAB file to write")
    parser.add_argument("--force", action="store_true", help="replace FILE.mat if it exists")


def run(arguments: Namespace) -> int:
    """Convert as the arguments say, and return the exit status."""
    target = Path(arguments.file)
    if target.exists() and not arguments.force:
        raise ConfigError(
            f"{target} exists already. Choose another name, or replace it with --force.", key="file"
        )
    samples = registry.datasets.build("idx", arguments.folder).load()
    write_mat(samples, target)
    print(
        f"{target}: {len(samples.train.x)} samples to train on, "
        f"{0 if samples.test is None else len(samples.test.x)} to test"
    )
    print(f"Next: plugnet train --data {shlex.quote(str(target))}")
    return 0
