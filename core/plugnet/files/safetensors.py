"""Named arrays in one file, in the safetensors format.

The format (https://github.com/huggingface/safetensors, "Format"): 8 bytes of little-endian header
length, a JSON header ``{name: {dtype, shape, data_offsets}, "__metadata__": {str: str}}``, then the
arrays without gaps. Any safetensors reader opens these files. They hold no code, and what plugnet
adds is a SHA-256 digest of header and data in the metadata, so that no flipped bit goes unseen.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from plugnet.arguments import file_path
from plugnet.arrays import Array
from plugnet.errors import ArgumentError, FileFormatError, shorten, shown
from plugnet.files import bounded_json
from plugnet.files.atomic import replacing
from plugnet.files.budget import Budget
from plugnet.files.opening import open_ordinary, unreadable

if TYPE_CHECKING:
    from io import BufferedReader

DTYPES = {
    "BOOL": "?",
    "U8": "u1",
    "U16": "<u2",
    "U32": "<u4",
    "U64": "<u8",
    "I8": "i1",
    "I16": "<i2",
    "I32": "<i4",
    "I64": "<i8",
    "F16": "<f2",
    "F32": "<f4",
    "F64": "<f8",
}
NAMES = {np.dtype(code): name for name, code in DTYPES.items()}
LARGEST_HEADER = 100_000_000  # bytes; the format's own limit
MOST_ENTRIES = 100_000  # arrays, or texts in the metadata
LONGEST_NAME = 10_000  # characters; a layer within 100 others has a name of about 1,000
MOST_DIMENSIONS = 64  # NumPy's limit
WHAT = "a safetensors file"
DIGEST = "sha256"  # the last key of the metadata, which come first in the header
NO_DIGEST = b"0" * 64  # stands in the header while the digest is taken


def write(
    path: str | os.PathLike[str], arrays: Mapping[str, Array], metadata: Mapping[str, str]
) -> None:
    """Write ``arrays`` and ``metadata`` to ``path``, wholly or not at all.

    Raises:
        ArgumentError: the metadata have the key "sha256".
        FileFormatError: an array has a dtype that the format lacks.
        OSError: the file cannot be written.
    """
    if DIGEST in metadata:
        raise ArgumentError(
            f"The metadata must not have the key '{DIGEST}', which is the file's own. Choose "
            "another.",
            argument="metadata",
            value=metadata,
        )
    blocks = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    entries: dict[str, Any] = {"__metadata__": {**metadata, DIGEST: NO_DIGEST.decode()}}
    end = 0
    for name, block in blocks.items():
        little = block.dtype.newbyteorder("<")
        if little not in NAMES:
            raise FileFormatError(
                f"'{name}' cannot be saved: its dtype is {block.dtype}, and it must be one of "
                f"{', '.join(str(dtype) for dtype in NAMES)}.",
                path=str(path),
            )
        start, end = end, end + block.nbytes
        entries[name] = {
            "dtype": NAMES[little],
            "shape": list(arrays[name].shape),
            "data_offsets": [start, end],
        }
        blocks[name] = block.astype(little, copy=False)
    header = json.dumps(entries).encode()
    header += b" " * (-len(header) % 8)
    digest = hashlib.sha256(header)
    for block in blocks.values():
        digest.update(block.data)
    header = _with_digest(header, metadata, digest.hexdigest().encode())
    with replacing(path) as file:
        file.write(len(header).to_bytes(8, "little"))
        file.write(header)
        for block in blocks.values():
            file.write(block.data)


def read(
    path: str | os.PathLike[str], budget: int | None = None
) -> tuple[dict[str, Array], dict[str, str]]:
    """Return the arrays and the metadata of the file at ``path``.

    The arrays are views of one block of memory, as in the file, and may be written to. A file by
    another program, without the digest "sha256" in the metadata, is read as well.

    Args:
        path: the file.
        budget: how many bytes of memory it may take; None: see `Budget`.

    Raises:
        ArgumentError: ``path`` is not a path.
        FileFormatError: the file is missing, damaged or not in this format.
        BudgetError: it would take more memory than it may.
    """
    path = Path(file_path("path", path))
    header, data, spent = _split(path, budget)
    spent.spend(bounded_json.COST * len(header), "The header")
    try:
        entries = bounded_json.parse(header, most_objects=MOST_ENTRIES + 2)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"its header is not valid JSON ({shorten(str(error))})") from error
    if not isinstance(entries, dict):
        raise _damaged(path, "its header is not a JSON object")
    metadata = entries.pop("__metadata__", {})
    if not _is_text_map(metadata):
        raise _damaged(path, "its metadata are not texts")
    for kind, texts in (("arrays", entries), ("texts in the metadata", metadata)):
        longest = max(map(len, texts), default=0)
        if len(texts) > MOST_ENTRIES or longest > LONGEST_NAME:
            raise _damaged(
                path,
                f"it has {len(texts)} {kind}, with names of up to {longest} characters, but at "
                f"most {MOST_ENTRIES} and {LONGEST_NAME} are allowed",
            )
    _check_digest(header, data, metadata, path)
    return _arrays(entries, data, path), metadata


def _damaged(path: Path, reason: str) -> FileFormatError:
    return FileFormatError(
        f"{path} cannot be read as a safetensors file: {reason}. Use an intact copy of a file "
        "written by Network.save or Trainer.save.",
        path=str(path),
    )


def _split(path: Path, limit: int | None) -> tuple[bytes, Array, Budget]:
    """Return the header's text, the data behind it, and what else the file may take."""
    with open_ordinary(path, WHAT) as file:
        try:
            size = os.fstat(file.fileno()).st_size
            start = file.read(8)
            length = int.from_bytes(start, "little")
            if size > 8 and file.read(1) != b"{":
                raise FileFormatError(
                    f"{path} cannot be read: it is not a safetensors file, as models and "
                    f"networks are; it begins with {start!r}. Give a file that plugnet has saved.",
                    path=str(path),
                )
            if size < 8 or length > min(size - 8, LARGEST_HEADER):
                raise _damaged(
                    path,
                    f"it begins with {start!r}, which announces a header of {length} bytes, but "
                    f"it has {size} bytes in all"
                    if size
                    else "it is empty",
                )
            budget = Budget(path, size, limit)
            budget.spend(size, "Reading it")
            file.seek(8)
            header, data = file.read(length), np.empty(size - 8 - length, np.uint8)
            if cast("BufferedReader", file).readinto(data.data) < len(data):
                raise _damaged(path, "it became shorter while it was read")
            return header, data, budget
        except OSError as error:
            raise unreadable(path, WHAT, error) from error


def _is_text_map(metadata: object) -> bool:
    return isinstance(metadata, dict) and all(isinstance(text, str) for text in metadata.values())


def _with_digest(header: bytes, metadata: Mapping[str, str], digest: bytes) -> bytes:
    """Return ``header`` with ``digest`` in the place of the digest."""
    before = json.dumps({"__metadata__": {**metadata, DIGEST: ""}}).removesuffix('"}}')
    return header[: len(before)] + digest + header[len(before) + len(digest) :]


def _check_digest(header: bytes, data: Array, metadata: dict[str, str], path: Path) -> None:
    if DIGEST not in metadata:
        return
    digest = hashlib.sha256(_with_digest(header, metadata, NO_DIGEST))
    digest.update(data.data)
    if digest.hexdigest() != metadata[DIGEST]:
        raise _damaged(path, "its contents do not match their SHA-256 digest")


def _arrays(entries: dict[str, Any], data: Array, path: Path) -> dict[str, Array]:
    """Return views of ``data``, which must lie behind one another without gap or overlap."""
    arrays: dict[str, Array] = {}
    end = 0
    for name, (code, shape, start, stop) in sorted(
        ((name, _entry(name, entry, path)) for name, entry in entries.items()),
        key=lambda item: item[1][2:],
    ):
        dtype = np.dtype(DTYPES[code])
        if start != end or stop - start != math.prod(shape) * dtype.itemsize or stop > len(data):
            raise _damaged(path, f"the place of {shown(name)} does not fit its shape or the file")
        array = np.frombuffer(data.data, dtype, math.prod(shape), start).reshape(shape)
        if not array.flags.aligned or not array.dtype.isnative:
            array = array.astype(dtype.newbyteorder("="))
        arrays[name] = array
        end = stop
    if end != len(data):
        raise _damaged(path, f"{len(data) - end} bytes belong to no array")
    return arrays


def _entry(name: str, entry: Any, path: Path) -> tuple[str, list[int], int, int]:
    """Return dtype, shape, start and stop, or raise if ``entry`` is not made of these."""
    match entry:
        case {"dtype": str(code), "shape": list(shape), "data_offsets": [start, stop]} if (
            len(entry) == 3
            and code in DTYPES
            and len(shape) <= MOST_DIMENSIONS
            and all(type(size) is int and 0 <= size < 2**63 for size in [*shape, start, stop])
            # NumPy makes no empty array, either, whose other sizes it cannot multiply.
            and math.prod(filter(None, shape)) * np.dtype(DTYPES[code]).itemsize < 2**63
        ):
            return code, shape, start, stop
    raise _damaged(path, f"it describes {shown(name)} as {shown(entry)}")
