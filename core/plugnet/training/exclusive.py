"""Exclusive: what is being trained is trained by one only."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from plugnet.errors import CallOrderError
from plugnet.interfaces import Loss
from plugnet.network import Network

_lock = threading.Lock()


@contextmanager
def exclusive(network: Network, loss: Loss) -> Iterator[None]:
    """Hold a network and a loss, which keep arrays of the batch, for one training alone.

    Raises:
        CallOrderError: another training, possibly in another thread, holds one of them.
    """
    held: list[Network | Loss] = []
    try:
        with _lock:
            for name, each in (("network", network), ("loss", loss)):
                if each.is_in_training:
                    raise CallOrderError(
                        f"This {name} is in a training already, which keeps arrays in it. Wait "
                        f"until that ends, or give each training a {name} of its own."
                    )
                held.append(each)
                each.is_in_training = True
        yield
    finally:
        for each in held:
            each.is_in_training = False
