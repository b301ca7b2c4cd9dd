"""What the system allows a process, made less for a while."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def limited(name: str, most: int) -> Iterator[None]:
    """Lower a limit of this process, such as "RLIMIT_NOFILE", within the block."""
    import resource  # late: only POSIX has it

    which = getattr(resource, name)
    before = resource.getrlimit(which)
    resource.setrlimit(which, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(which, before)
