"""`plugnet plugins docs`: a page of Markdown for each component, with formula, picture, example."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable
from pathlib import Path

from plugnet.cli.plugins.subject import HELP, entries, meant_folder
from plugnet.errors import ConfigError, listed
from plugnet.files.atomic import save_text
from plugnet.reference.component import Component
from plugnet.reference.github import MARK, files

MARKED = 200  # characters within which a file that this command wrote says so


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("subject", metavar="NAME|PATH", help=HELP)
    parser.add_argument(
        "--out",
        metavar="FOLDER",
        help="where to write them; by default the folder docs in PATH, or here",
    )


def run(arguments: Namespace) -> int:
    """Write the pages, and return the exit status."""
    around = meant_folder(arguments.subject) or Path()
    folder = around / "docs" if arguments.out is None else Path(arguments.out)
    with entries(arguments.subject) as found:
        built = [Component(entry) for entry in found if not entry.always_on]
        texts = files(found[0].distribution or "", built, folder) if built else {}
    _check(folder, texts)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        save_text(folder / name, text)
        print(folder / name)
    for entry in found:
        if entry.always_on:
            print(f"No page: the {entry} is a module, which acts in every Trainer.")
    return 0


def _check(folder: Path, names: Iterable[str]) -> None:
    """Raise ConfigError if a file is there already that this command has not written."""
    others = [name for name in names if (folder / name).exists() and not _is_ours(folder / name)]
    if others:
        raise ConfigError(
            f"Only pages that this command wrote are replaced, but {folder} has {listed(others)}, "
            "by somebody else. Nothing was written. Choose another folder with --out, or remove "
            "what is there.",
            key="--out",
        )


def _is_ours(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open(encoding="utf-8", errors="replace") as file:
        return MARK in file.read(MARKED)
