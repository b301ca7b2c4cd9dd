"""Values as TOML has them."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def toml(value: Any) -> str:
    """Return ``value`` as TOML has it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, dict):
        items = (
            f"{name if BARE_KEY.fullmatch(name) else toml(name)} = {toml(item)}"
            for name, item in value.items()
        )
        return f"{{ {', '.join(items)} }}"
    return repr(value)


def assignment(key: str, value: Any) -> str:
    """Return the words of a command that set a setting, ready for a shell."""
    return f"--set {shlex.quote(f'{key}={toml(value)}')}"
