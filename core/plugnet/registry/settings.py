"""Which plugins may be used: decided by distribution, before anything of theirs is imported."""

from __future__ import annotations

import os
from typing import NamedTuple

from plugnet.registry.kinds import CORE
from plugnet.registry.names import normalize

ALLOW = "PLUGNET_PLUGINS"
DISABLE = "PLUGNET_PLUGINS_DISABLE"
STRICT = "PLUGNET_PLUGINS_STRICT"


class Settings(NamedTuple):
    """Distributions are named as in listings, normalised. plugnet itself is always allowed.

    Attributes:
        allowed: the only plugins to use; None: all.
        disabled: the plugins not to use.
        strict: whether every problem found is an error, for continuous integration.
        origin: what set ``allowed``, for messages.
    """

    allowed: frozenset[str] | None = None
    disabled: frozenset[str] = frozenset()
    strict: bool = False
    origin: str = f"{ALLOW} (environment)"

    @classmethod
    def from_environment(cls) -> Settings:
        """Read PLUGNET_PLUGINS (``none`` or ``a,b``), PLUGNET_PLUGINS_DISABLE and _STRICT."""
        allowed = _listed(ALLOW)
        return cls(
            allowed=allowed - {"none"} if allowed else None,
            disabled=_listed(DISABLE) - {CORE},
            strict=os.environ.get(STRICT, "").strip() not in ("", "0"),
        )

    def disabler(self, distribution: str | None) -> str | None:
        """Return what switches a distribution off, or None if it may be used."""
        if distribution is None or distribution == CORE:
            return None
        if distribution in self.disabled:
            return f"{DISABLE} (environment)"
        if self.allowed is not None and distribution not in self.allowed:
            return self.origin
        return None


def _listed(variable: str) -> frozenset[str]:
    names = os.environ.get(variable, "").split(",")
    return frozenset(normalize(name) for name in names if name.strip())
