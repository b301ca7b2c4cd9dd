"""A trained network and the samples that it is asked about."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import dataclass
from pathlib import Path

from plugnet import Network, registry
from plugnet.arrays import Array
from plugnet.cli import config_file, threads
from plugnet.cli.config import Config
from plugnet.cli.data import pointed_at, read
from plugnet.cli.run_directory import CONFIG, MODEL
from plugnet.errors import ConfigError
from plugnet.interfaces import DataSplits, Loss


@dataclass(frozen=True)
class Examination:
    """A trained network and what it is to answer.

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
    classes: tuple[str, ...]

    def name(self, number: int) -> str | int | None:
        """Return the name of a class, or its number if it has none; None for -1, no class."""
        if number < 0:
            return None
        return self.classes[number] if number < len(self.classes) else int(number)


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments that name a network and samples."""
    parser.add_argument("model", metavar="RUN_OR_MODEL", help="a run directory or a model file")
    parser.add_argument("--data", metavar="PATH", help="other data than those of the run")
    threads.add_argument(parser)


def examination(arguments: Namespace) -> Examination:
    """Load the network and the samples.

    They are the test part of the data, or all where there is none; a reader that would hold out
    a part itself leaves other data than those of the run whole. A model file belongs to a run if
    there is a config beside it.

    Raises:
        ConfigError: nothing says which data to read, or a setting will not do.
        FileFormatError: the model or the data cannot be read.
    """
    path = Path(arguments.model)
    model = path
    if path.is_dir():
        model = path / MODEL
        if not model.is_file():
            raise ConfigError(
                f"{path} is not the directory of a finished run, as it has no {MODEL}.", key="model"
            )
    network = Network.load(model)
    config = Config()
    if model.with_name(CONFIG).is_file():
        config = config_file.load(model.with_name(CONFIG))
    elif arguments.data is None:
        raise ConfigError(
            f"There is no {CONFIG} beside {model}, so say by --data PATH which data to read.",
            key="data.path",
        )
    own, asked = (pointed_at(config.data, path) for path in (None, arguments.data))
    samples = read(asked, whole=asked.path != own.path)
    loss = registry.losses.resolve(config.training.loss)
    return Examination(network, loss, *_asked(samples), samples.classes)


def _asked(samples: DataSplits) -> tuple[Array, Array, str]:
    if len(samples.test_data):
        return samples.test_data, samples.test_label, "test samples"
    return samples.train_data, samples.train_label, "samples"
