"""A trained network and the samples to try it on."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import NamedTuple

from plugnet import Network, registry
from plugnet.arrays import Array
from plugnet.cli import config_file
from plugnet.cli.config import Config
from plugnet.cli.run_directory import CONFIG, MODEL
from plugnet.cli.run_setup import add_threads, pointed_at, read
from plugnet.errors import ConfigError
from plugnet.interfaces import Loss
from plugnet.schema import Label


class TrainedRun(NamedTuple):
    """A trained network and the samples to try it on.

    Attributes:
        network: the network.
        loss: what it was trained to minimise.
        x: the samples, ``(M, *shape)``.
        targets: their labels, ``(M,)`` or ``(M, K)``.
        part: what to call the samples.
        classes: the names of the classes, or ().
    """

    network: Network
    loss: Loss
    x: Array
    targets: Array
    part: str
    classes: tuple[Label, ...]

    def class_name(self, number: int) -> Label | None:
        """Return the name of a class, or its number if it has none; None for -1, no class."""
        if number < 0:
            return None
        return self.classes[number] if number < len(self.classes) else int(number)


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments that name a network and samples."""
    parser.add_argument("model", metavar="RUN_OR_MODEL", help="a run directory or a model file")
    parser.add_argument("--data", metavar="PATH", help="data other than the run's")
    add_threads(parser)


def load(arguments: Namespace) -> TrainedRun:
    """Load the network and the samples.

    These are the test part of the data, or all where there is none. Of data that are not the run's
    own, a reader holds nothing out. A model file belongs to a run if there is a config beside it.

    Raises:
        ConfigError: nothing says which data to read, or a setting is wrong.
        FileFormatError: the model or the data cannot be read.
    """
    path = Path(arguments.model)
    model = path / MODEL if path.is_dir() else path
    if path.is_dir() and not model.is_file():
        raise ConfigError(
            f"{path} must be the directory of a finished run, but it has no {MODEL}. Name another "
            "directory, or a model file.",
            key="model",
        )
    network = Network.load(model)
    config = Config()
    if model.with_name(CONFIG).is_file():
        config = config_file.load(model.with_name(CONFIG))
    elif arguments.data is None:
        raise ConfigError(
            f"There is no {CONFIG} beside {model}. Name the data to read with --data PATH.",
            key="data.path",
        )
    own, asked = (pointed_at(config.data, path) for path in (None, arguments.data))
    samples = read(asked, whole=asked.path != own.path)
    given, part = samples.test, "test samples"
    if given is None:
        given, part = samples.train, "samples"
    x, targets, _ = given
    loss = registry.losses.resolve(config.training.loss)
    return TrainedRun(network, loss, x, targets, part, samples.classes)
