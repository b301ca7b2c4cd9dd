"""The command line: ``plugnet train``, ``evaluate``, ``predict``, ``time`` and others."""

from plugnet.cli.command_line import main as main
