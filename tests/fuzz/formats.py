"""Changes inside a format: checksums, lengths and compression are made right afterwards."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterable
from functools import lru_cache
from random import Random

from tests.fuzz.mutations import Mutation, blind, nodes, weighted, words

#: Bytes that a bomb unpacks to: within a budget of 64 MiB, and beyond any.
_BOMBS = (30_000_000, 150_000_000, 300_000_000)
_ZEROS = bytes(1_000_000)
_GZIP, _ZLIB = 31, 15  # what zlib calls these formats
_RARELY = 0.0005

_DTYPES = (
    *(b"'<f4'", b"'>f8'", b"'|u1'", b"'|O'", b"'<U10'", b"'|S3'", b"'<M8[s]'", b"'<c16'"),
    *(b"'<f16'", b"'|V8'", b"'|b1'", b"'<i8'", b"[('a', '<f4'), ('b', '|O')]", b"'x'", b"3"),
)
_SHAPES = (b"()", b"(0,)", b"(-1, 4)", b"(12,)", b"(4, 12)", b"(9223372036854775807, 4)", b"12")


# gzip --------------------------------------------------------------------------------------------


def in_gzip(mutation: Mutation) -> Mutation:
    """Return the mutation that changes what is packed, and packs it again."""

    def mutate(rng: Random, content: bytes, donor: bytes) -> bytes:
        if rng.random() < _RARELY:
            return _packed(_unpacked(content)[:16], rng.choice(_BOMBS), _GZIP)
        changed = mutation(rng, _unpacked(content), _unpacked(donor))
        parts = [changed]
        if rng.random() < 0.1:  # several members are one content
            at = rng.randrange(len(changed) + 1)
            parts = [changed[:at], changed[at:]] + [b""] * rng.choice((0, 1, 3000))
        return b"".join(gzip.compress(part, 1, mtime=0) for part in parts)

    return mutate


@lru_cache(maxsize=64)
def _unpacked(content: bytes) -> bytes:
    return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content


@lru_cache(maxsize=64)
def _packed(head: bytes, size: int, wbits: int) -> bytes:
    """Return what unpacks to ``head`` and so many zeros, which are never all in memory."""
    packer = zlib.compressobj(6, zlib.DEFLATED, wbits)
    pieces = [packer.compress(head), *(packer.compress(_ZEROS) for _ in range(size // len(_ZEROS)))]
    return b"".join([*pieces, packer.flush()])


# NumPy's formats ---------------------------------------------------------------------------------


def npy(rng: Random, content: bytes, donor: bytes) -> bytes:
    """Change the header or the values of an array; the header's length is right again."""
    length = int.from_bytes(content[8:10], "little")
    text, data = content[10 : 10 + length], content[10 + length :]
    match rng.randrange(5):
        case 0:
            text = re.sub(rb"'descr': [^,]*", b"'descr': " + rng.choice(_DTYPES), text)
        case 1:
            text = re.sub(rb"'shape': \([^)]*\)", b"'shape': " + rng.choice(_SHAPES), text)
        case 2:
            text = text.replace(b"False", rng.choice((b"True", b"None", b"1")))
        case 3:
            text = words(rng, text, donor[10:100])
        case _:
            data = blind(rng, data, donor)
    version, length = content[:8], len(text)
    if length > 65535 or rng.random() < 0.05:
        return (
            b"\x93NUMPY" + bytes([rng.choice((2, 3)), 0]) + struct.pack("<I", length) + text + data
        )
    return version + struct.pack("<H", length) + text + data


def npz(rng: Random, content: bytes, donor: bytes) -> bytes:
    """Change the members of an archive; their checksums are right again."""
    names = [name for name, _ in _members(content)]
    contents = [member for _, member in _members(content)]
    at, other = rng.randrange(len(names)), rng.choice(_members(donor))[1]
    match rng.randrange(12):
        case 0:
            names[at] = rng.choice(("../x.npy", "/x.npy", "x", "", "y.npy", "é.npy", "x.npy/"))
        case 1:
            names.append(rng.choice(names))
            contents.append(other)
        case 2:
            del names[at], contents[at]
        case 3:
            rng.shuffle(names)
        case 4:
            contents[at] = blind(rng, contents[at], donor)
        case 5:
            contents[at] = content
        case 6 if rng.random() < 12 * _RARELY:
            return _zip_bomb(names[at], rng.choice(_BOMBS))
        case _:
            contents[at] = npy(rng, contents[at], other)
    kinds = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
    archive = _zipped(zip(names, contents, strict=True), rng.choices(kinds, (10, 10, 1, 1))[0])
    if rng.random() < 0.1:  # of what the archive says of itself, and not of the members
        place = archive.rfind(b"PK\1\2")
        archive = archive[:place] + blind(rng, archive[place:], donor)
    return archive


@lru_cache(maxsize=64)
def _members(content: bytes) -> tuple[tuple[str, bytes], ...]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return tuple((name, archive.read(name)) for name in archive.namelist())


def _zipped(members: Iterable[tuple[str, bytes]], kind: int) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", kind, compresslevel=6) as archive:
        warnings.simplefilter("ignore")  # of duplicate names, which are meant
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name), content, kind)
    return file.getvalue()


@lru_cache(maxsize=16)
def _zip_bomb(name: str, size: int) -> bytes:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({size // 16}, 4), }}\n".encode()
    info, file = zipfile.ZipInfo(name), io.BytesIO()
    info.compress_type = zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(file, "w") as archive, archive.open(info, "w") as member:
        member.write(b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header)
        for _ in range(size // len(_ZEROS)):
            member.write(_ZEROS)
    return file.getvalue()


# MATLAB ------------------------------------------------------------------------------------------


def mat(rng: Random, content: bytes, donor: bytes) -> bytes:
    """Change a variable, which is then packed again if it was, and its length is right again."""
    elements = list(_elements(content))
    at = rng.randrange(len(elements))
    packed, body = elements[at]
    match rng.randrange(12):
        case 0:
            elements.append(rng.choice(_elements(donor)))
        case 1:
            del elements[at]
        case 2:
            elements[at] = (not packed, body)
        case 3 if rng.random() < 12 * _RARELY:
            return content[:128] + _mat_bomb(rng.choice(_BOMBS))
        case 4:
            elements[at] = (packed, body + rng.choice(_elements(donor))[1])
        case _:
            elements[at] = (packed, blind(rng, body, rng.choice(_elements(donor))[1]))
    return content[:128] + b"".join(_element(packed, body) for packed, body in elements)


@lru_cache(maxsize=64)
def _elements(content: bytes) -> tuple[tuple[bool, bytes], ...]:
    """Return the variables of a file, and whether they are packed there."""
    found, at = [], 128
    while at < len(content):
        kind, length = struct.unpack_from("<II", content, at)
        body = content[at + 8 : at + 8 + length]
        found.append(
            (kind == 15, zlib.decompress(body) if kind == 15 else content[at : at + 8] + body)
        )
        at += 8 + length
    return tuple(found)


def _element(packed: bool, body: bytes) -> bytes:
    """Return a variable, whose tag says how long it is."""
    body = body[:4] + struct.pack("<I", max(len(body) - 8, 0)) + body[8:]
    if not packed:
        return body
    body = zlib.compress(body, 1)
    return struct.pack("<II", 15, len(body)) + body


def _mat_bomb(size: int) -> bytes:
    """Return a packed variable X of uint8 zeros."""
    head = struct.pack("<IIIIIIii", 6, 8, 9, 0, 5, 8, size // 4, 4) + b"\1\0\1\0X\0\0\0"
    head += struct.pack("<II", 2, size)
    body = _packed(struct.pack("<II", 14, len(head) + size) + head, size, _ZLIB)
    return struct.pack("<II", 15, len(body)) + body


# safetensors -------------------------------------------------------------------------------------


def sealed(rng: Random, content: bytes, donor: bytes) -> bytes:
    """Change anything in a file that plugnet saved; its length and its digest are right again."""
    return _reseal(_SEALED(rng, content, donor))


def _split(content: bytes) -> tuple[bytes, bytes]:
    end = 8 + int.from_bytes(content[:8], "little")
    return content[8:end], content[end:]


def _joined(header: bytes, data: bytes) -> bytes:
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + data


def _reseal(content: bytes) -> bytes:
    header, data = _split(content)
    places = [found.start(1) for found in re.finditer(rb'"sha256": "([0-9a-f]{64})"', header)]
    if not places:
        return content
    before, behind = header[: places[-1]], header[places[-1] + 64 :]
    digest = hashlib.sha256(before + b"0" * 64 + behind + data).hexdigest().encode()
    return content[:8] + before + digest + behind + data


def _document(rng: Random, content: bytes, donor: bytes) -> bytes:
    """Change what the file says of the network, the model and the training."""
    header, data = _split(content)
    entries, others = json.loads(header), json.loads(_split(donor)[0])
    text, other = (each["__metadata__"]["plugnet"].encode() for each in (entries, others))
    change = words if rng.random() < 0.1 else nodes
    changed = change(rng, text, other).decode(errors="surrogateescape")
    entries["__metadata__"]["plugnet"] = changed
    return _joined(json.dumps(entries).encode(), data)


def _entries(rng: Random, content: bytes, donor: bytes) -> bytes:
    """Change what the file says of its arrays."""
    header, data = _split(content)
    entries, others = json.loads(header), json.loads(_split(donor)[0])
    metadata = entries.pop("__metadata__")
    others.pop("__metadata__")
    changed = nodes(rng, json.dumps(entries).encode(), json.dumps(others).encode())
    text = json.dumps({"__metadata__": metadata} | json.loads(changed))
    return _joined(text.encode(), data)


def _header_words(rng: Random, content: bytes, donor: bytes) -> bytes:
    header, data = _split(content)
    return _joined(words(rng, header, _split(donor)[0]), data)


def _data(rng: Random, content: bytes, donor: bytes) -> bytes:
    header, data = _split(content)
    return _joined(header, blind(rng, data, _split(donor)[1]))


_SEALED = weighted((10, _document), (4, _entries), (1, _header_words), (3, _data), (1, blind))
