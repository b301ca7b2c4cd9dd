"""The command `plugnet`: which sub-command runs, and how errors and signals end it."""

from __future__ import annotations

import re
import sys
import warnings
from argparse import Action, ArgumentParser
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any, NoReturn

from plugnet.errors import PluginWarning, PlugnetError

#: Each sub-command's module, which has `add_arguments` and `run`, and what it does.
COMMANDS = {
    "train": ("plugnet.cli.train", "train a network on a table or other data, by default digits"),
    "evaluate": ("plugnet.cli.evaluate", "compute loss and metrics of a trained network"),
    "predict": ("plugnet.cli.predict", "predict new rows with a trained network"),
    "time": ("plugnet.cli.time_command", "show where the time of a training step goes"),
    "convert": ("plugnet.cli.convert", "turn any data set into the tutorial's data.mat"),
}
#: The same for `plugnet plugins`.
PLUGINS = {
    "list": ("plugnet.cli.plugins.listing", "list the installed components"),
    "info": ("plugnet.cli.plugins.info", "describe one component"),
    "why": ("plugnet.cli.plugins.why", "say what a name means, and why"),
    "doctor": ("plugnet.cli.plugins.doctor", "find out what is wrong with plugins"),
    "check": ("plugnet.cli.plugins.check", "run the conformance checks on components"),
    "docs": ("plugnet.cli.plugins.docs", "write a page of Markdown for each component"),
    "new": ("plugnet.cli.plugins.new", "write a new plugin, ready to install and to test"),
}

#: What a plugin's error could command the terminal with.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
INTERRUPTED = 130  # 128 + SIGINT, the shells' convention


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status.

    Args:
        arguments: the words after ``plugnet``; None: those of this process.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # no character of a path or a class name stops us
            stream.reconfigure(errors="backslashreplace")
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: _complain(f"warning: {message}")
        try:
            parser = _parser(words)
            parsed, rest = parser.parse_known_args(words)
            if rest:
                from plugnet.cli.unknown_words import hint  # late: most words are known

                parser.error(
                    f"unrecognized arguments: {' '.join(rest)}\n{hint(parsed, rest, words)}"
                )
            status: int = parsed.run(parsed)
            if sys.stdout is not None:
                sys.stdout.flush()
        except KeyboardInterrupt:
            _complain("interrupted")
            return INTERRUPTED
        except BrokenPipeError:
            from plugnet.cli.output import silence  # late: it is rarely needed

            silence()  # whoever read our output has gone, as `head` does
            return 1
        except (PlugnetError, OSError, MemoryError) as error:
            notes = [f"  {note}" for note in getattr(error, "__notes__", ())]
            _complain("\n".join([str(error) or "there is not enough memory", *notes]))
            kind = type(error) if isinstance(error, PlugnetError) else PlugnetError
            return kind.exit_code
    return status


def _complain(message: str) -> None:
    from plugnet.cli.prose import wrap  # late: most runs have nothing to complain about

    if sys.stderr is not None:
        with suppress(OSError, ValueError):  # nobody is left to be told
            # The no-break space keeps a long path on the first line.
            safe = _CONTROL.sub(lambda found: ascii(found[0])[1:-1], message)
            print(wrap(f"plugnet:\xa0{safe}"), file=sys.stderr, flush=True)


class _Parser(ArgumentParser):
    """Parses the words of a command, whose module is imported only if that command is asked for.

    Attributes:
        module: the name of the module; None where all arguments are declared already.
    """

    module: str | None = None

    def parse_known_args(  # type: ignore[override]  # of the overloads one is enough here
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        if self.module is not None:
            command = import_module(self.module)
            self.description = command.__doc__
            command.add_arguments(self)
            self.set_defaults(run=command.run)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        from plugnet.cli.prose import wrap

        self.print_usage(sys.stderr)
        self.exit(2, wrap(f"{self.prog}: error: {message}") + "\n")


def _parser(words: Sequence[str]) -> _Parser:
    parser = _Parser(
        prog="plugnet", description="Neural networks in which every piece is a plugin."
    )
    parser.add_argument(
        "--version", action=_Version, nargs=0, help="print the versions of plugnet and its plugins"
    )
    commands = _add_commands(parser, COMMANDS)
    summary = "list, describe, check and write components"
    plugins = commands.add_parser("plugins", help=summary, description=f"{summary.capitalize()}.")
    _add_commands(plugins, PLUGINS)
    if not words or words[0] not in (*COMMANDS, "plugins", "--version"):
        _add_commands_of_plugins(commands)
    return parser


def _add_commands(parser: _Parser, commands: Mapping[str, tuple[str, str]]) -> Any:
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, (module, summary) in commands.items():
        subparsers.add_parser(name, help=summary).module = module
    return subparsers


def _add_commands_of_plugins(subparsers: Any) -> None:
    """Let plugins that are always on add sub-commands."""
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
    """Prints the versions, also those of the plugins, for bug reports."""

    def __call__(self, parser: ArgumentParser, *_: object) -> None:
        from plugnet import __version__, registry

        providers = {entry.provider for entry in registry.entries() if entry.state != "built-in"}
        print(f"plugnet {__version__}, Python {sys.version.split()[0]}")
        for provider in sorted(providers):
            print(f"  {provider}")
        parser.exit()
