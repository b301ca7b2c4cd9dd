"""The command line: ``plugnet train``, ``evaluate``, ``predict``, ``convert``, ``plugins``."""

from plugnet.cli.command_line import main as main
