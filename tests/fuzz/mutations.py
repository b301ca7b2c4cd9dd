"""Changes to bytes, to the words of a text and to the nodes of a JSON document."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import lru_cache
from random import Random
from typing import Any, TypeAlias

#: Returns a changed content; the second content is that of another file, to take parts from.
Mutation: TypeAlias = Callable[[Random, bytes, bytes], bytes]

_SIZES = (0, 1, -1, 127, 128, 255, 256, 2**15, 2**16, 2**24, 2**31 - 1, 2**31, 2**32, 2**62, 2**63)

_WORDS = [
    *(str(size).encode() for size in (0, -1, 2**31, 2**63, 2**64, 10**400)),
    *(b"1e999", b"-1e999", b"1e-999", b"nan", b"NaN", b"-NaN", b"inf", b"Infinity", b"0.1"),
    *(b"1" * 5000, b"a" * 3000, b"0x" + b"f" * 40, b"1_000", b"1,5", b"\xd9\xa1\xd9\xa2"),
    *(b"", b"\0", b"\xef\xbb\xbf", "é".encode(), b"\xe2\x80\xae", b"\xf0\x9f\x98\x80", b"\xff"),
    *(b"\xed\xa0\x80", b"\xff\xfe", b"\xe2\x80\xa8", b"\x85", b"\x1c", b"\x0c", b"\x1a"),
    *(b"[" * 2000, b"{" * 500, b"[[", b"]", b"}", b"a.b.c", b"a = {", b"(" * 300),
    *(b'"', b"'", b'"""', b"'''", b"\\", b"\\u0000", b"\\ud800", b"\n", b"\r", b"\r\n", b"\n\n"),
    *(b",", b";", b"\t", b"|", b" ", b"=", b"#", b":", b".", b"-", b"+", b"e", b"%s", b"{}"),
    *(b"true", b"True", b"null", b"None", b"1979-05-27", b"07:32:00", b"?", b"NA"),
    *(b"../x", b"/etc/passwd", b"~", b"-", b"__class__", b"os:system", b"builtins.eval"),
]

_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, 2, -1, 2**31, 2**63, 2**64, -(2**63) - 1, 10**12, 10**400),
    *(0.5, -0.0, 1e308, -1e308, 5e-324, float("nan"), float("inf"), float("-inf")),
    *("", "x", "x" * 3000, "\0", "é", "\ud800", "nan", "0", "os:system", "builtins.eval"),
    *("__class__", "../../x", "float64", "tanh", "adam", "fc", "MT19937", "object", "<f4"),
    *([], {}, [0], [0, 0], [2**40, 0], [-1], [[]], [None], [0.5] * 300, {"": 0}, {"kind": "layer"}),
)

_TOKEN = re.compile(rb"[A-Za-z0-9_.+-]+|[ \t]+|.", re.DOTALL)


def weighted(*choices: tuple[int, Mutation]) -> Mutation:
    """Return the mutation that makes one of several, each so often as its number says."""
    weights, mutations = [weight for weight, _ in choices], [each for _, each in choices]

    def mutate(rng: Random, content: bytes, donor: bytes) -> bytes:
        (chosen,) = rng.choices(mutations, weights)
        return chosen(rng, content, donor)

    return mutate


# Bytes -------------------------------------------------------------------------------------------


def blind(rng: Random, content: bytes, donor: bytes) -> bytes:
    """Change bytes in one to some places, without regard to what they mean."""
    for _ in range(rng.choice((1, 1, 1, 1, 2, 3, 6))):
        content = rng.choice(_BLIND)(rng, content, donor)
    return content


def _place(rng: Random, content: bytes) -> int:
    """Return a place, often one near the beginning, where headers are."""
    return min(rng.randrange(max(len(content), 1)), rng.randrange(max(len(content), 1)))


def _flip_bit(rng: Random, content: bytes, donor: bytes) -> bytes:
    at = _place(rng, content)
    return (
        content[:at]
        + bytes(b ^ 1 << rng.randrange(8) for b in content[at : at + 1])
        + (content[at + 1 :])
    )


def _set_byte(rng: Random, content: bytes, donor: bytes) -> bytes:
    at = _place(rng, content)
    return content[:at] + bytes([rng.choice((0, 1, 255, rng.randrange(256)))]) + content[at + 1 :]


def _cut(rng: Random, content: bytes, donor: bytes) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def _insert(rng: Random, content: bytes, donor: bytes) -> bytes:
    at, count = _place(rng, content), rng.choice((1, 2, 4, 8, 100))
    return content[:at] + rng.choice((bytes(count), rng.randbytes(count))) + content[at:]


def _delete(rng: Random, content: bytes, donor: bytes) -> bytes:
    at = _place(rng, content)
    return content[:at] + content[at + rng.choice((1, 2, 4, 8, 100)) :]


def _copy(rng: Random, content: bytes, donor: bytes) -> bytes:
    start, at, count = _place(rng, content), _place(rng, content), rng.choice((1, 4, 8, 64, 500))
    return content[:at] + content[start : start + count] + content[at + rng.choice((0, count)) :]


def _swap(rng: Random, content: bytes, donor: bytes) -> bytes:
    count = rng.choice((1, 4, 8, 16))
    one, two = sorted((_place(rng, content), _place(rng, content)))
    two = max(two, one + count)
    first, second = content[one : one + count], content[two : two + count]
    return content[:one] + second + content[one + count : two] + first + content[two + count :]


def _splice(rng: Random, content: bytes, donor: bytes) -> bytes:
    at = rng.randrange(len(content) + 1)
    return content[:at] + donor[rng.choice((at, rng.randrange(len(donor) + 1))) :]


def _set_size(rng: Random, content: bytes, donor: bytes) -> bytes:
    """Put an interesting number at an aligned place."""
    width = rng.choice((1, 2, 4, 4, 8, 8))
    at = _place(rng, content) // width * width
    size = rng.choice((*_SIZES, len(content), rng.randrange(64))) & ((1 << 8 * width) - 1)
    number = size.to_bytes(width, rng.choice(("little", "big")))
    return content[:at] + number + content[at + width :]


_BLIND: tuple[Mutation, ...] = (
    *(_flip_bit, _flip_bit, _set_byte, _set_byte, _set_size, _set_size, _set_size),
    *(_cut, _insert, _delete, _copy, _swap, _splice),
)


# Words -------------------------------------------------------------------------------------------


def words(rng: Random, content: bytes, donor: bytes) -> bytes:
    """Change the words of a text: numbers, names, brackets, delimiters."""
    tokens = list(_tokens(content))
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at = rng.randrange(max(len(tokens), 1))
        rng.choice(_WORDWISE)(rng, tokens, at, donor)
    return b"".join(tokens)


@lru_cache(maxsize=64)
def _tokens(content: bytes) -> Sequence[bytes]:
    return tuple(_TOKEN.findall(content))


def _replace_token(rng: Random, tokens: list[bytes], at: int, donor: bytes) -> None:
    tokens[at : at + 1] = [rng.choice(_WORDS)]


def _insert_token(rng: Random, tokens: list[bytes], at: int, donor: bytes) -> None:
    tokens.insert(at, rng.choice(_WORDS))


def _delete_tokens(rng: Random, tokens: list[bytes], at: int, donor: bytes) -> None:
    del tokens[at : at + rng.choice((1, 1, 2, 5, 20))]


def _double_tokens(rng: Random, tokens: list[bytes], at: int, donor: bytes) -> None:
    tokens[at:at] = tokens[at : at + rng.choice((1, 2, 5, 20))] * rng.choice((1, 1, 1, 50))


def _swap_tokens(rng: Random, tokens: list[bytes], at: int, donor: bytes) -> None:
    if tokens:
        other = rng.randrange(len(tokens))
        tokens[at], tokens[other] = tokens[other], tokens[at]


def _nest_token(rng: Random, tokens: list[bytes], at: int, donor: bytes) -> None:
    count, (left, right) = rng.choice((1, 2, 50, 1500)), rng.choice((b"[]", b"{}", b'""', b"()"))
    tokens[at : at + 1] = [bytes([left]) * count, *tokens[at : at + 1], bytes([right]) * count]


def _take_tokens(rng: Random, tokens: list[bytes], at: int, donor: bytes) -> None:
    others = _tokens(donor)
    start, count = rng.randrange(max(len(others), 1)), rng.choice((1, 3, 10, 40))
    tokens[at : at + rng.choice((0, count))] = others[start : start + count]


def _change_digit(rng: Random, tokens: list[bytes], at: int, donor: bytes) -> None:
    numbers = [place for place, token in enumerate(tokens) if token[:1].isdigit()]
    if numbers:
        place = rng.choice(numbers)
        tokens[place] = rng.choice((str(rng.randrange(20)).encode(), tokens[place] * 2, b"-1"))


_WORDWISE: tuple[Callable[[Random, list[bytes], int, bytes], None], ...] = (
    *(_replace_token, _replace_token, _insert_token, _delete_tokens, _double_tokens),
    *(_swap_tokens, _nest_token, _take_tokens, *[_change_digit] * 4),
)


# JSON --------------------------------------------------------------------------------------------


def nodes(rng: Random, content: bytes, donor: bytes) -> bytes:
    """Change the values of a JSON document, which stays one."""
    document = json.loads(content)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        _change_node(rng, document, donor)
    return json.dumps(document).encode()


def _change_node(rng: Random, document: Any, donor: bytes) -> None:
    places = list(_places(document))
    if not places:
        return
    parent, key = rng.choice(places)
    match rng.randrange(8):
        case 0 | 1 | 2:
            parent[key] = deepcopy(rng.choice(_VALUES))
        case 3:
            del parent[key]
        case 4:
            other, name = rng.choice(places)
            if name in other if isinstance(other, dict) else name < len(other):
                parent[key] = deepcopy(other[name])  # no circles
        case 5:
            other, name = rng.choice(list(_places(json.loads(donor))))
            parent[key] = other[name]
        case 6:
            parent[key] = _nested(parent[key], rng.choice((1, 2, 100)), rng.random() < 0.5)
        case 7 if isinstance(parent, dict):
            parent[rng.choice(("", "x", "kind", "name", "__class__", "é"))] = parent.pop(key)
        case _:
            parent.extend(deepcopy(parent[key]) for _ in range(rng.choice((1, 2, 500))))


def _places(node: Any) -> Any:
    """Yield the containers in a document with the keys of all that they hold."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in pairs:
        yield node, key
        if isinstance(value, dict | list):
            yield from _places(value)


def _nested(value: Any, depth: int, in_list: bool) -> Any:
    for _ in range(depth):
        value = [value] if in_list else {"args": value}
    return value
