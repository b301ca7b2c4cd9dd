"""A Python process of its own."""

import subprocess
import sys


def printed(code: str) -> str:
    """Return what a new process prints that runs ``code``."""
    words = [sys.executable, "-c", code]
    return subprocess.run(words, capture_output=True, text=True, timeout=120, check=True).stdout
