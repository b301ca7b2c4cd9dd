"""Identity: what a training must have in common with its continuation to end in the same bits."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

import numpy as np

from plugnet.data.lazy import LazyArray
from plugnet.errors import ResumeError, TrainingWarning
from plugnet.interfaces import Batch
from plugnet.training.threads import blas_name
from plugnet.versions import running
from plugnet.warning import warn_user

#: Of a larger array some blocks stand for all.
WHOLE: Final = 2**30  # bytes
BLOCKS: Final = 256
BLOCK: Final = 2**16  # bytes
LAZY: Final = BLOCKS * BLOCK

#: Bytes per second of a digest, about; and the share of a training that it may take at its end.
SPEED: Final = 1e9
SHARE: Final = 0.02

#: Before the names of the arrays of data.
PARTS: Final = ("training ", "validation ", "test ")
#: Before the names of arguments: of the trainer, the network and `fit`.
ARGUMENT: Final = "argument "
#: Before the names of distributions.
VERSION: Final = "version of "


def digest(array: Any) -> str:
    """Return a text that tells an array from others: its shape, dtype and SHA-256.

    The digest is over all its bytes; above 1 GiB, or 16 MiB of a `LazyArray`, it is over 256 blocks
    of 64 KiB at fixed places.
    """
    found = hashlib.sha256()
    parts: list[Any] = [...]
    if array.nbytes > (LAZY if isinstance(array, LazyArray) else WHOLE):
        rows = max(1, BLOCK * len(array) // array.nbytes)
        starts = np.linspace(0, len(array) - rows, BLOCKS).astype(int)
        parts = [slice(start, start + rows) for start in starts]
    for part in parts:
        block = np.ascontiguousarray(array[part])
        found.update(block.data.cast("B") if block.size else b"")
    return f"{' x '.join(map(str, array.shape))} {array.dtype.name}, SHA-256 {found.hexdigest()}"


class Data:
    """The arrays of a `fit`, whose digests are taken once they are asked for."""

    def __init__(self, parts: Mapping[str, Batch | None]) -> None:
        """Take samples, labels and weights of "training", "validation" and "test".

        Args:
            parts: by name; None: nothing is known of it, as of a source of batches.
        """
        self._arrays = {
            f"{part} {name}": array
            for part, batch in parts.items()
            if batch is not None
            for name, array in zip(("samples", "labels", "weights"), batch, strict=True)
            if array is not None
        }
        self._fields: dict[str, str] | None = None

    def fields(self) -> dict[str, str]:
        """Return the digest of each array."""
        if self._fields is None:
            self._fields = {name: digest(array) for name, array in self._arrays.items()}
            self._arrays = {}
        return self._fields

    def release(self, seconds: float) -> None:
        """Let the arrays go, if their digests take a small part of the time of the training."""
        size = sum(
            min(array.nbytes, LAZY) if isinstance(array, LazyArray) else array.nbytes
            for array in self._arrays.values()
        )
        if size < SHARE * seconds * SPEED:
            with suppress(Exception):  # of a sample that no step has read: `fields` tells it later
                self.fields()


def of_components(specs: Mapping[str, Mapping[str, Any] | None]) -> dict[str, str]:
    """Return what each component is, and its arguments."""
    return {
        name: "none" if spec is None else f"{spec['name']} {json.dumps(spec['args'])}"
        for name, spec in specs.items()
    }


def of_environment(threads: int, specs: Any) -> dict[str, str]:
    """Return what computes: versions, BLAS with its kernel, the processor's kind, threads.

    Args:
        threads: among how many work is divided.
        specs: of all components, whose distributions count, too.
    """
    versions = running()
    # NumPy leaves out what is empty, as where it was built without any.
    found = np.show_config(mode="dicts").get("SIMD Extensions", {}).get("found", [])
    return {
        "NumPy": versions["numpy"],
        "BLAS": blas_name(),
        "SIMD": " ".join(found) or "none",
        "threads": str(threads),
        **{f"{VERSION}{name}": version for name, version in sorted(set(_providers(specs)))},
    }


def _providers(spec: Any) -> Iterator[tuple[str, str]]:
    """Yield the distributions that provide components, and their versions."""
    if isinstance(spec, Mapping):
        if isinstance(spec.get("provider"), str):
            yield spec["provider"], str(spec.get("version"))
        spec = spec.values()
    elif not isinstance(spec, list | tuple):
        return
    for item in spec:
        yield from _providers(item)


def differences(
    old: Mapping[str, str], new: Mapping[str, str], in_one_call: bool = True
) -> list[str]:
    """Return what has changed, a line for each field with the old value and the new one.

    Args:
        old: what was known; of the rest only data count.
        new: what is true now.
        in_one_call: whether a `fit` that was interrupted goes on; another one may be evaluated on
            other samples.
    """
    ignored: tuple[str, ...] = ()
    if not in_one_call:
        ignored = ("validation ", "test ", f"{ARGUMENT}evaluate_every")
    if not any(name.startswith("training ") for name in old):
        ignored += ("training ",)  # it was a source of batches, or there was no training yet
    old, new = (
        {name: value for name, value in each.items() if not name.startswith(ignored)}
        for each in (old, new)
    )
    asked = {**old, **{name: text for name, text in new.items() if name.startswith(PARTS)}}
    changed = [name for name in asked if old.get(name) != new.get(name)]
    return [
        f"{name}: {_shown(old, name)} before, {_shown(new, name)} now{_advice(name, old)}"
        for name in changed
    ]


def _shown(fields: Mapping[str, str], name: str) -> str:
    """Return a field without most of its digest."""
    return re.sub(r"\b([0-9a-f]{12})[0-9a-f]{52}\b", r"\1...", fields.get(name, "none"))


def _advice(name: str, old: Mapping[str, str]) -> str:
    """Return how to have the old value back, where a command does it."""
    if name not in old:
        return ""
    if name.startswith(VERSION):
        return f". Run: pip install {name.removeprefix(VERSION)}=={old[name]}"
    if name == "NumPy":
        return f". Run: pip install numpy=={old[name]}"
    if name == "threads":
        return f". Give threads={old[name]}, on the command line --threads {old[name]}"
    return ""


def check(found: list[str], allow: bool) -> None:
    """Refuse to resume with differences, or warn of them.

    Raises:
        ResumeError: there are some, and they are not allowed.
    """
    if not found:
        return
    lines = "\n".join(f"  {line}" for line in found)
    if allow:
        warn_user(f"The run goes on inexactly. What has changed:\n{lines}", TrainingWarning)
        return
    raise ResumeError(
        "The run can't go on to the same bits as without the interruption, because something has "
        f"changed:\n{lines}\nUndo it, or go on all the same by inexact=True, on the command line "
        "--inexact.",
        differences=tuple(found),
    )
