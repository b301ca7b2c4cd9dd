"""`plugnet plugins`: which components there are, who provides them, and how to write more."""

from argparse import ArgumentParser

from plugnet.cli.plugins import check, doctor, info, listing, new, why

COMMANDS = {
    "list": (listing, "list what is installed"),
    "info": (info, "describe one component"),
    "why": (why, "say what a name means, and why"),
    "doctor": (doctor, "find out what is wrong with plugins"),
    "check": (check, "put components through the conformance checks"),
    "new": (new, "write a new plugin, ready to install and to test"),
}


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the command's arguments."""
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, (command, summary) in COMMANDS.items():
        subparser = commands.add_parser(name, help=summary, description=command.__doc__)
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
