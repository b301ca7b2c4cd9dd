"""What a stranger's code raises while its page is made, as one error."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from plugnet.errors import ConfigError, PluginError, RegistryError, raised
from plugnet.registry import Entry


@contextmanager
def guarded(entry: Entry) -> Iterator[None]:
    """Turn whatever the code of a component raises, also SystemExit, into a PluginError.

    Raises:
        ConfigError, RegistryError: they say already what is wrong.
        PluginError: the code raises anything else, except KeyboardInterrupt and MemoryError.
    """
    try:
        yield
    except (ConfigError, RegistryError, KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        raise PluginError(
            f"The page of {entry} of {entry.provider} cannot be made, because its code raises\n"
            f"  {raised(error)}\n  in {where.filename}, line {where.lineno}. Mend the plugin; "
            "plugnet plugins check shows what else is wrong with it.",
            **entry.culprits,
        ) from error
