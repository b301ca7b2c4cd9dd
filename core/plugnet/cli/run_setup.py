"""What a config and the options of the command line mean: a trainer and its samples."""

from __future__ import annotations

import shlex
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from plugnet import Network, Trainer
from plugnet.arguments import file_path
from plugnet.cli import config_file, data_source
from plugnet.cli.config import RULES, Config
from plugnet.cli.inference import classes_of, infer
from plugnet.cli.run_directory import CONFIG
from plugnet.errors import ConfigError
from plugnet.interfaces import DataSplits
from plugnet.readers import reader_of
from plugnet.registry import registry
from plugnet.schema import Label

DEFAULT_NAME = "digits"
#: How data are read, as --set takes it.
EXAMPLE = 'reader=["csv", {drop=["id"]}]'


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments that say what is trained, and on what."""
    parser.epilog = f"Settings of CONFIG.toml and --set: {', '.join(RULES)}."
    parser.add_argument(
        "config",
        nargs="?",
        metavar="CONFIG.toml",
        help="settings; by default those that suit the data",
    )
    parser.add_argument(
        "--data",
        metavar="PATH",
        help="a table, another data file, or a folder of data files; by default digits",
    )
    add_set(
        parser, f"change one setting, for example batch_size=50 or '{EXAMPLE}'; may be repeated"
    )
    add_threads(parser)


def add_set(parser: ArgumentParser, meaning: str) -> None:
    """Declare the option ``--set``: a list of texts ``key=value``."""
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="assignments",
        metavar="KEY=VALUE",
        help=meaning,
    )


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
        path = Path(file_path("CONFIG.toml", arguments.config))
        _check_config(path)
        config, name = config_file.load(path), path.stem
        config = replace(config, data=data_source.relative_to(config.data, path.parent))
    elif arguments.data is not None:
        is_stream = arguments.data == data_source.STREAM
        name = "stream" if is_stream else Path(arguments.data).name.partition(".")[0]
    return reconfigured(config, arguments), name or DEFAULT_NAME


def reconfigured(config: Config, arguments: Namespace) -> Config:
    """Return the config of a run as the arguments change it."""
    config = config_file.override(config, arguments.assignments)
    data = data_source.pointed_at(
        config.data, arguments.data, data_source.sets_reader(arguments.assignments)
    )
    return replace(config, data=data_source.relative_to(data, Path.cwd()))


def _check_config(path: Path) -> None:
    """Refuse what is meant as data, or as a run.

    Raises:
        ConfigError: it is.
    """
    given = str(path)
    if (path / CONFIG).is_file():
        advice = f"{path / CONFIG} is the config of the run in {path}; give that."
    elif reader_of(path):
        advice = f"Give data as --data {shlex.quote(given)}."
    elif given in registry.datasets.names() and not path.exists():
        advice = f"Name a data set as --set data.reader={given}."
    else:
        return
    raise ConfigError(f"{path} is not a TOML file, as a config must be. {advice}", key="config")


def build(config: Config, threads: int | None) -> tuple[Trainer, DataSplits, Config]:
    """Read the data, and build the trainer; the config returned has no setting left open."""
    samples = data_source.read(config.data)
    config = infer(config, samples)
    if samples.classes:
        classes = classes_of(samples, config.training.ignore_label)
        samples = replace(samples, classes=classes)
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
        training.metrics,
        _in_words(training.class_weight, classes_of(samples)),
        training.ignore_label,
        training.scale_targets,
    )
    if network.input_shape is None:
        network.initialize(samples.train.x.shape[1:])
    return trainer, samples, config


def _in_words(class_weight: Any, classes: tuple[Label, ...]) -> Any:
    """Return weights by class; a table's keys are strings, where classes may be numbers."""
    if not isinstance(class_weight, Mapping):
        return class_weight
    words = {str(label): label for label in classes}
    return {words.get(key, key): weight for key, weight in class_weight.items()}
