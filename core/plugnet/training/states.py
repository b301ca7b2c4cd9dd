"""States: what components remember, taken apart into JSON and arrays, and put together again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from plugnet.arrays import Array
from plugnet.errors import SpecError, shown

#: An object with this key alone stands for an array, or for a number that JSON lacks.
ARRAY: Final = "$array"
NUMBER: Final = "$number"


def split(state: Any, path: str) -> tuple[Any, dict[str, Array]]:
    """Return a state as JSON has it, and the arrays that were in it, by their paths.

    Args:
        state: mappings from strings, lists, tuples, strings, numbers, None and arrays.
        path: of the state, before the paths of the arrays.

    Raises:
        SpecError: something else is in it.
    """
    arrays: dict[str, Array] = {}

    def plain(value: Any, path: str) -> Any:
        if isinstance(value, np.ndarray):
            arrays[path] = value
            return {ARRAY: path}
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, float) and not math.isfinite(value):
            return {NUMBER: str(value)}
        if value is None or isinstance(value, str | bool | int | float):
            return value
        if isinstance(value, list | tuple):
            return [plain(item, f"{path}/{i}") for i, item in enumerate(value)]
        if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
            return {key: plain(item, f"{path}/{key}") for key, item in value.items()}
        raise SpecError(
            f"{path}: what is saved must be made of numbers, strings, None, arrays, lists and "
            f"mappings from strings, but here is {shown(value)}, of type {type(value).__name__}.",
            path=path,
        )

    return plain(state, path), arrays


def join(document: Any, arrays: Mapping[str, Array]) -> Any:
    """Return the state that was `split`, with lists for tuples.

    Raises:
        KeyError: an array is missing.
        ValueError: a number is not one.
    """
    if isinstance(document, list):
        return [join(item, arrays) for item in document]
    if not isinstance(document, dict):
        return document
    if document.keys() == {ARRAY}:
        return arrays[document[ARRAY]]
    if document.keys() == {NUMBER}:
        return float(document[NUMBER])
    return {key: join(item, arrays) for key, item in document.items()}
