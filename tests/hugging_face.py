"""What stands for ``datasets.Dataset`` of Hugging Face where that is not installed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


class Column(Sequence[Any]):
    """A column, whose items are read one by one; a slice gives a list."""

    def __init__(self, values: Sequence[Any]) -> None:
        self._values = list(values)

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("a whole column is read in one")

    def __getitem__(self, key: Any) -> Any:
        assert isinstance(key, slice), "a whole column is read in one"
        return self._values[key]


class Dataset:
    """A table with ``column_names``; a name gives a column, a number a row, a slice a mapping."""

    def __init__(self, columns: Mapping[str, Sequence[Any]]) -> None:
        self._columns = {name: list(values) for name, values in columns.items()}
        self.column_names = list(columns)

    def __len__(self) -> int:
        return len(next(iter(self._columns.values())))

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            return Column(self._columns[key])
        return {name: values[key] for name, values in self._columns.items()}
