"""The command `plugnet`: which sub-command runs, and how errors and signals end it."""

from __future__ import annotations

import os
import sys
import warnings
from argparse import Action, ArgumentParser
from collections.abc import Sequence
from typing import Any

from plugnet import __version__
from plugnet.cli import convert, evaluate, plugins, predict, time, train
from plugnet.errors import PluginWarning, PlugnetError
from plugnet.registry import registry

COMMANDS = {
    "train": (train, "train a network; without arguments, on the digits that come along"),
    "evaluate": (evaluate, "say how well a trained network answers"),
    "predict": (predict, "print a trained network's answers"),
    "time": (time, "say where the time of a training step goes"),
    "convert": (convert, "turn MNIST's files into the tutorial's data.mat"),
    "plugins": (plugins, "list and describe the installed components"),
}

INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Args:
        arguments: the words after ``plugnet``; None: those of this process.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    _accept_any_text()
    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            parsed = _parser(words).parse_args(words)
            status: int = parsed.run(parsed)
            if sys.stdout is not None:
                sys.stdout.flush()
        except PlugnetError as error:
            return _fail(error, error.exit_code)
        except KeyboardInterrupt:
            print("plugnet: interrupted", file=sys.stderr)
            return INTERRUPTED
        except BrokenPipeError:
            # Who read our output has gone, as `head` does. Python would complain on exit, too.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except OSError as error:
            return _fail(error, PlugnetError.exit_code)
    return status


def _parser(words: Sequence[str]) -> ArgumentParser:
    parser = ArgumentParser(
        prog="plugnet", description="Neural networks in which every piece is a plugin."
    )
    parser.add_argument(
        "--version", action=_Version, nargs=0, help="print the versions of plugnet and its plugins"
    )
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, (command, summary) in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=summary, description=command.__doc__)
        command.add_arguments(subparser)
        if hasattr(command, "run"):
            subparser.set_defaults(run=command.run)
    if not words or words[0] not in (*COMMANDS, "--version"):
        _add_plugins(subparsers)
    return parser


def _add_plugins(subparsers: Any) -> None:
    """Let standing plugins add sub-commands; not asked for when a command of ours will run."""
    from plugnet.training.hooks import HookCaller

    for plugin, add in HookCaller().each("plugnet_cli"):
        try:
            add(subparsers=subparsers)
        except Exception as error:  # whatever a plugin does wrong, all others must still work
            warnings.warn(
                f"Sub-commands of {plugin} are missing: {type(error).__name__}: {error}",
                PluginWarning,
                stacklevel=2,
            )


class _Version(Action):
    """Prints the versions, of the plugins too, for bug reports."""

    def __call__(self, parser: ArgumentParser, *_: object) -> None:
        providers = {entry.provider for entry in registry.entries() if entry.state != "built-in"}
        print(f"plugnet {__version__}, Python {sys.version.split()[0]}")
        for provider in sorted(providers):
            print(f"  {provider}")
        parser.exit()


def _accept_any_text() -> None:
    """Let no character of a path or a class name stop us, whatever the terminal's encoding."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    if sys.stderr is not None:
        print(f"plugnet: warning: {message}", file=sys.stderr)


def _fail(error: Exception, status: int) -> int:
    if sys.stderr is not None:
        notes = [f"  {note}" for note in getattr(error, "__notes__", ())]
        print("\n".join([f"plugnet: {error}", *notes]), file=sys.stderr)
    return status
