"""`plugnet plugins docs`: a page of Markdown for each component, with formula, picture, example."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from pathlib import Path

from plugnet.arguments import file_path
from plugnet.cli.plugins.subject import HELP, entries, meant_folder
from plugnet.errors import ConfigError, listed
from plugnet.files.atomic import replacing
from plugnet.reference.component import Component
from plugnet.reference.github import MARK, files


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("subject", metavar="NAME|PATH", help=HELP)
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        help="where to write them; by default the folder docs in PATH, or here",
    )


def run(arguments: Namespace) -> int:
    """Write the pages, once all of them are made, and return the exit status."""
    around = meant_folder(arguments.subject) or Path()
    named = around / "docs" if arguments.out is None else Path(file_path("--out", arguments.out))
    folder = named.absolute()  # wherever a plugin's code goes
    with entries(arguments.subject) as found:
        distribution = found[0].distribution or "this program"
        built = [Component(entry) for entry in found if not entry.always_on]
        contents = files(distribution, built, folder) if built else {}
    if contents:
        _check(folder, contents, MARK.format(distribution).encode())
        folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        with replacing(folder / name) as file:
            file.write(content)
        print(named / name)
    for entry in found:
        if entry.always_on:
            print(f"No page: the {entry} is a module, which acts in every Trainer.")
    return 0


def _check(folder: Path, names: Iterable[str], mark: bytes) -> None:
    """Raise ConfigError unless each file can be written, in the place of one with the mark."""
    there = next(each for each in (folder, *folder.parents) if os.path.lexists(each))
    if not (there.is_dir() and os.access(there, os.W_OK | os.X_OK)):
        raise _refused(f"{there} is no folder that you may write to")
    files = [folder / name for name in names if os.path.lexists(folder / name)]
    if others := [file.name for file in files if not _begins(file, mark)]:
        raise _refused(
            "only pages that this command wrote for the same distribution are replaced, but "
            f"{folder} has {listed(others)}, by somebody else"
        )
    if locked := [file.name for file in files if not os.access(file, os.W_OK)]:
        raise _refused(f"you may not write to {listed(locked)} in {folder}")


def _begins(file: Path, mark: bytes) -> bool:
    if not file.is_file():
        return False
    with file.open("rb") as opened:
        return opened.read(len(mark)) == mark


def _refused(why: str) -> ConfigError:
    return ConfigError(
        f"Nothing was written: {why}. Choose another folder with --out, or remove what is there.",
        key="--out",
    )
