"""Reading a `Config` from TOML and from ``--set key=value``, and writing one."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from plugnet.cli.config import RULES, SECTIONS, Config
from plugnet.cli.data_source import with_argument
from plugnet.errors import ConfigError, FileFormatError, shown
from plugnet.files.opening import open_ordinary
from plugnet.files.toml_text import assignment as written
from plugnet.files.toml_text import toml
from plugnet.registry.names import close, did_you_mean

MOST_BYTES = 1 << 18  # a config is a page; a larger file is something else
WIDTH = 80

#: How deep brackets and braces may be nested, and how many parts a key may have. The time that
#: tomllib takes grows far faster than either.
DEEPEST, MOST_PARTS = 64, 8

#: What matters for that in TOML; strings and comments are one token each.
_TOKEN = re.compile(
    r'''
    """ (?: [^"\\]++ | \\(?:.|\Z) | "(?!"") )*+ (?:"""|\Z)
    | \'\'\' (?: [^']++ | '(?!'') )*+ (?:\'\'\'|\Z)
    | " (?: [^"\\\n]++ | \\(?:[^\n]|\Z) )*+ "?
    | ' [^'\n]*+ '?
    | \# [^\n]*+
    | [][{}.,=\n]
    ''',
    re.VERBOSE | re.DOTALL,
)


def load(path: Path) -> Config:
    """Return the config in the TOML file ``path``; settings that it leaves out keep their default.

    Raises:
        ConfigError: the file cannot be read, is not TOML, or a setting is unknown or wrong.
    """
    return parse(_read(path), path)


def parse(text: str, path: Path) -> Config:
    """Return the config that is the text of a file; see `load`."""
    try:
        document = _parse(text)
        settings = _flatten(document)
        return _apply(Config(), settings, lambda key: f"{path}{_line(text, key)}")
    except ConfigError:
        raise
    except _TooDeepError as error:
        raise ConfigError(f"{path} is nested too deeply for a config: {error}.", key="") from error
    except ValueError as error:  # TOMLDecodeError, or a number of thousands of digits
        raise ConfigError(f"{path} is not valid TOML: {error}.{_quotes(error)}", key="") from error


def override(config: Config, assignments: list[str]) -> Config:
    """Return ``config`` changed by texts ``key=value``.

    A key may leave out its section if no other section has that name. A value that is not TOML is
    a plain string.

    Raises:
        ConfigError: a key is unknown, or a value is wrong.
    """
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise ConfigError(
                "--set takes key=value, for example --set batch_size=50, but it got "
                f"{assignment!r}.",
                key=assignment,
            )
        key = _full_name(name.strip(), text.strip(), config.data.reader)
        config = _apply(config, {key: read_value(key, text.strip())}, lambda _: "--set")
    return config


def dump(config: Config) -> str:
    """Return ``config`` as TOML that `load` reads back as an equal one.

    Raises:
        ConfigError: a text in it, such as a path, has bytes that are not UTF-8, so TOML lacks it.
    """
    lines = [f"seed = {config.seed}"]
    for section in SECTIONS:
        settings = getattr(config, section)
        lines += ["", f"[{section}]"]
        for setting in fields(settings):
            value = getattr(settings, setting.name)
            if value is not None:
                lines.append(_assignment(setting.name, value))
                _check_text(lines[-1], f"{section}.{setting.name}")
    return "\n".join(lines) + "\n"


def _check_text(line: str, key: str) -> None:
    try:
        line.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"The run's config must be UTF-8, but in {line!r} there is a byte that is not. Give "
            "the file another name, or a link to it that has one.",
            key=key,
        ) from error


# Reading -----------------------------------------------------------------------------------------


class _TooDeepError(ValueError):
    """TOML is nested too deeply for a config."""


def _read(path: Path) -> str:
    try:
        with open_ordinary(path) as file:
            content = file.read(MOST_BYTES + 1)
    except FileFormatError as error:
        raise ConfigError(f"The config cannot be read: {error}", key="") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.", key="") from error
    if len(content) > MOST_BYTES:
        raise ConfigError(
            f"A config must be at most {MOST_BYTES >> 10} KiB, but {path} is larger.", key=""
        )
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path} must be UTF-8 text, but its byte {error.start} is not. Save it as UTF-8.",
            key="",
        ) from error


def _parse(text: str) -> dict[str, Any]:
    """Return what TOML says.

    Raises:
        ValueError: it is not TOML, or is nested too deeply.
    """
    depth = dots = 0
    for found in _TOKEN.finditer(text):
        token = found[0]
        if token == ".":
            dots += 1
            if dots >= MOST_PARTS:
                line = text.count("\n", 0, found.start()) + 1
                raise _TooDeepError(f"line {line} has a key of more than {MOST_PARTS} parts")
            continue
        if token in ("[", "{"):
            depth += 1
            if depth > DEEPEST:
                line = text.count("\n", 0, found.start()) + 1
                raise _TooDeepError(f"line {line} has more than {DEEPEST} open brackets")
        elif token in ("]", "}"):
            depth -= 1
        elif token not in (",", "=", "\n"):
            continue  # a part of a key, in quotes
        dots = 0
    return tomllib.loads(text)


def _flatten(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings by full name; sections become prefixes."""
    settings: dict[str, Any] = {}
    for name, value in document.items():
        if name in SECTIONS and isinstance(value, dict):
            settings |= {f"{name}.{key}": inner for key, inner in value.items()}
        else:
            settings[name] = value
    return settings


def _apply(config: Config, settings: Mapping[str, Any], where: Any) -> Config:
    """Return ``config`` with checked ``settings``; ``where(key)`` says where one was written."""
    for key, raw in settings.items():
        if key not in RULES:
            raise _unknown(key, where(key), _freeze(raw, key), config.data.reader)
        value = _freeze(raw, key)
        rule = RULES[key]
        if not rule.holds(value):
            raise ConfigError(
                f"{where(key)}: {key} must be {rule.words}, but it is {shown(raw)}.", key=key
            )
        section, _, name = key.rpartition(".")
        if section:
            value = replace(getattr(config, section), **{name: value})
        config = replace(config, **{section or name: value})
    return config


def _freeze(value: Any, key: str) -> Any:
    """Return ``value`` with tuples for lists, if JSON could hold it."""
    if isinstance(value, list):
        return tuple(_freeze(item, key) for item in value)
    if isinstance(value, dict):
        return {name: _freeze(item, key) for name, item in value.items()}
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ConfigError(
            f"{key} must have whole numbers of at most 64 bits, but one is larger.", key=key
        )
    if not isinstance(value, str | int | float):
        raise ConfigError(
            f"{key} must be made of numbers and strings, but it has a date or a time.", key=key
        )
    return value


def read_value(key: str, text: str) -> Any:
    """Return the value in the text of an assignment; what is not TOML is a plain string.

    Raises:
        ConfigError: the text begins like a list, a table or a quotation, but is not TOML.
    """
    try:
        document = _parse(f"value = {text}")
    except ValueError as error:
        if text[:1] in tuple("[{\"'"):
            raise ConfigError(
                f"--set {key}: {text[:200]} is not valid TOML: {error}.{_quotes(error)}", key=key
            ) from error
        return text
    return document["value"] if len(document) == 1 else text


# Messages ----------------------------------------------------------------------------------------


def _quotes(error: Exception) -> str:
    return ' Text needs quotes, such as "text".' if "Invalid value" in str(error) else ""


def _full_name(name: str, text: str, reader: Any) -> str:
    """Return the full name of the setting ``name``, which may leave out its section."""
    meant = [key for key in RULES if name in (key, key.rpartition(".")[2])]
    if len(meant) != 1:
        raise _unknown(name, "--set", read_value(name, text), reader)
    return meant[0]


def _unknown(key: str, where: str, value: Any, reader: Any) -> ConfigError:
    """Return the error for an unknown setting, which may be an argument of a reader."""
    known = {name.rpartition(".")[2]: name for name in RULES}
    name = key.rpartition(".")[2]
    near = tuple(known[name] for name in close(name, known))
    hint = did_you_mean(near) or f"There are {', '.join(RULES)}."
    changed = with_argument(reader, name, value) if key in (name, f"data.{name}") else None
    if changed is not None:
        example = written("reader", changed) if where == "--set" else f"reader = {toml(changed)}"
        hint = f"It is an argument of the reader:\n    {example}"
    return ConfigError(f"{where}: there is no setting '{key[:100]}'. {hint}", key=key)


def _line(text: str, key: str) -> str:
    """Return ", line N" for the line that sets ``key``, or "" if that is not obvious."""
    wanted, _, name = key.rpartition(".")
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[+\s*([\w.-]+)\s*\]", line):
            section = header[1]
            if section == key:
                return f", line {number}"
        elif section == wanted and re.match(rf"\s*[\"']?{re.escape(name)}[\"']?\s*[.=]", line):
            return f", line {number}"
    return ""


# Writing -----------------------------------------------------------------------------------------


def _assignment(name: str, value: Any) -> str:
    line = f"{name} = {toml(value)}"
    if len(line) <= WIDTH or not isinstance(value, tuple):
        return line
    items = "".join(f"    {toml(item)},\n" for item in value)
    return f"{name} = [\n{items}]"
