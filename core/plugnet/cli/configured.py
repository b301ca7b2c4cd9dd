"""From a config and the options that change it to a trainer and its samples."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import replace
from pathlib import Path

from plugnet import Network, Trainer
from plugnet.cli import config_file, threads
from plugnet.cli.config import Config
from plugnet.cli.data import pointed_at, read
from plugnet.interfaces import DataSplits

DEFAULT_NAME = "digits"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments that say what is trained, and on what."""
    parser.add_argument(
        "config", nargs="?", metavar="CONFIG.toml", help="settings; without it, the digits"
    )
    parser.add_argument("--data", metavar="PATH", help="a data file, or a folder of data files")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="assignments",
        metavar="KEY=VALUE",
        help="change one setting, as batch_size=50; may be repeated",
    )
    threads.add_argument(parser)


def configured(arguments: Namespace) -> tuple[Config, str]:
    """Return the config that the arguments make, and a name for it."""
    config, name = Config(), DEFAULT_NAME
    if arguments.config is not None:
        path = Path(arguments.config)
        config, name = config_file.load(path), path.stem
    elif arguments.data is not None:
        name = Path(arguments.data).stem
    config = config_file.override(config, arguments.assignments)
    return replace(config, data=pointed_at(config.data, arguments.data)), name


def prepare(config: Config, threads: int | None) -> tuple[Trainer, DataSplits]:
    """Build the trainer and read the data; the network's shapes are known then."""
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
        network.initialize(samples.train_data.shape[1:])
    return trainer, samples
