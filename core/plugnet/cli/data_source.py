"""Where the command line reads its data: a reader, and optionally the path of a file or folder."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from plugnet.arguments import file_path
from plugnet.cli.config import DataSettings
from plugnet.errors import ConfigError, DataError, FileFormatError, PlugnetError
from plugnet.files.toml_text import assignment
from plugnet.interfaces import Dataset, DataSplits, Rows
from plugnet.readers import reader_of, suffix_of
from plugnet.registry import registry
from plugnet.schema import Schema

STREAM = "-"  # in place of a path: the standard input or output

#: The value of a reader's argument, as errors advise it.
_VALUE = r"\[[^]]*\]|\"[^\"]*\"|'[^']*'|True|False|-?\d+"


def call(reader: Any) -> tuple[str, dict[str, Any]]:
    """Return the name and the arguments, by their names, of a reader as a config writes it."""
    if isinstance(reader, str):
        return reader, {}
    name, *args = reader
    given = dict(args.pop()) if args and isinstance(args[-1], dict) else {}
    parameters = list(_parameters(name))
    if len(args) > len(parameters):
        return name, {**given, **{f"argument {i + 1}": arg for i, arg in enumerate(args)}}
    return name, {**dict(zip(parameters, args, strict=False)), **given}


def build(settings: DataSettings) -> Dataset:
    """Return the data set that ``settings`` describe."""
    name, arguments = call(settings.reader)
    if settings.path is not None:
        arguments["path"] = settings.path
    return registry.datasets.build(name, **arguments)


def read(settings: DataSettings) -> DataSplits:
    """Return the samples that ``settings`` describe."""
    with _advising(settings):
        return build(settings).load()


def rows_of(settings: DataSettings, schema: Schema) -> Iterator[Rows]:
    """Yield all rows, with or without labels, for a model to answer."""
    with _advising(settings):
        yield from build(settings).rows(schema)


def pointed_at(
    settings: DataSettings, data: str | None, keeps_reader: bool = False
) -> DataSettings:
    """Return ``settings`` for the file or folder ``data``, absolute; None keeps their own path.

    A file is read by the reader that is named like its suffix, or as a table if that is .tsv, .txt
    or .data; a further suffix .gz does not count. A folder, or any other file, is read by the
    reader of ``settings`` if that takes a ``path``; a folder otherwise by ``npy`` if it holds such
    files, else by ``idx``. The standard input is a table.

    Args:
        settings: the reader and its arguments.
        data: the file or folder.
        keeps_reader: whether the user has asked for this reader, whatever the suffix.

    Raises:
        ConfigError: the path does not exist, or no reader fits it.
    """
    if data is None:
        return settings
    name = call(settings.reader)[0]
    if data == STREAM:
        is_table = _class(name) is _class("csv")
        return replace(settings, reader=settings.reader if is_table else "csv", path=STREAM)
    path = Path(file_path("--data", data)).expanduser().absolute()
    if not path.exists():
        is_name = data in registry.datasets.names()
        advice = f" For the data set of that name: --set data.reader={data}." if is_name else ""
        raise ConfigError(
            f"--data {data}: there is no such file or folder.{advice}", key="data.path"
        )
    if not path.is_dir() and not path.is_file():
        raise ConfigError(
            f"--data {data}: this is a pipe or a device. Give a file, or - for the standard input.",
            key="data.path",
        )
    found = reader_of(path)
    if path.is_file() and found and not keeps_reader:
        reader = settings.reader if _class(name) is _class(found) else found
    elif "path" in _parameters(name):
        reader = settings.reader
    elif path.is_dir():
        reader = found
    else:
        raise ConfigError(
            f"--data {data}: no dataset reader is named '{suffix_of(path)}', and '{name}' reads no "
            "files. "
            f"Readers are {', '.join(registry.datasets.names())}. Say which reads it, for example "
            "--set data.reader=csv, convert the file, or install a plugin that reads it.",
            key="data.path",
        )
    return replace(settings, reader=reader, path=str(path))


def sets_reader(assignments: Sequence[str]) -> bool:
    """Tell whether ``--set`` names a reader."""
    return any(a.partition("=")[0].strip() in ("reader", "data.reader") for a in assignments)


def relative_to(settings: DataSettings, folder: Path) -> DataSettings:
    """Return ``settings`` with absolute paths; relative ones begin at ``folder``."""
    name, arguments = call(settings.reader)
    moved = {
        key: _from(folder, value) if key == "path" or key.endswith("_path") else value
        for key, value in arguments.items()
    }
    reader = settings.reader if moved == arguments else (name, moved)
    path = None if settings.path is None else _from(folder, settings.path)
    return replace(settings, reader=reader, path=path)


@contextmanager
def _advising(settings: DataSettings) -> Iterator[None]:
    """Let an error that names an argument of the reader also tell how it is given here."""
    try:
        yield
    except (DataError, FileFormatError) as error:
        names = "|".join(_parameters(call(settings.reader)[0]))
        found = re.search(rf"\b({names})=({_VALUE})", str(error))
        with suppress(ValueError, SyntaxError):  # the value is cut short, for example
            if found and found[1] and (advice := advised(settings, found[1], _value(found[2]))):
                of = " of plugnet train" * ("Train again" in str(error))
                error.add_note(f"On the command line{of}:\n    {advice}")
        raise


def _value(text: str) -> Any:
    """Return a value of Python as a config has it.

    Raises:
        ValueError: it is none; or SyntaxError.
    """
    value = ast.literal_eval(text)
    return tuple(value) if isinstance(value, list) else value


def advised(settings: DataSettings, argument: str, value: Any) -> str:
    """Return what sets an argument of the reader, beside those given, on the command line.

    Columns to drop are added to those given. It is "" if the reader does not take them all.
    """
    name, arguments = call(settings.reader)
    if argument == "drop":
        given = arguments.get(argument, ())
        value = (*((given,) if isinstance(given, str | int) else given), *value)
    changed = (name, {**arguments, argument: value})
    try:
        build(replace(settings, reader=changed))
    except PlugnetError:
        return ""
    return assignment("reader", changed)


def _from(folder: Path, path: Any) -> Any:
    """Return a path that begins at ``folder``, unless it says where it begins."""
    if not isinstance(path, str) or path == STREAM:
        return path
    return str(folder.absolute() / file_path("data.path", path))


def with_argument(reader: Any, argument: str, value: Any) -> tuple[str, dict[str, Any]] | None:
    """Return a reader, or else that of tables, with an argument; None if neither takes it."""
    for each in (reader, "csv"):
        name = each if isinstance(each, str) else each[0]
        if name in registry.datasets.names() and argument in _parameters(name):
            return name, {**call(each)[1], argument: value}
    return None


def _parameters(reader: str) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(_class(reader)).parameters)


def _class(reader: str) -> type[Dataset]:
    return registry.datasets.get(reader)
