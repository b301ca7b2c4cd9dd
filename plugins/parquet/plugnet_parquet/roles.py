"""Which columns are inputs, which are labels, and which are neither, by their names."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from plugnet.data.label_columns import label_columns
from plugnet.errors import ArgumentError, DataError, FileFormatError, listed
from plugnet.schema import Schema
from plugnet_parquet.parts import Table

#: How pandas calls the row numbers, or other labels of rows, that it writes along.
_INDEX = re.compile(r"__index_level_\d+__")


@dataclass(frozen=True)
class Roles:
    """The names of columns.

    Attributes:
        inputs: in the order of the network's inputs.
        targets: those of labels.
        others: those of further columns, that of weights included.
        weight: that of weights, or None.
    """

    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    others: tuple[str, ...]
    weight: str | None

    @property
    def read(self) -> list[str]:
        """The columns that are read to train."""
        weight = () if self.weight is None else (self.weight,)
        return [*self.inputs, *self.targets, *weight]


@dataclass(frozen=True)
class Choice:
    """What the user says about columns: the names of labels, of those to drop, and of weights."""

    label: tuple[str, ...]
    drop: tuple[str, ...]
    weight: str | None

    @property
    def others(self) -> tuple[str, ...]:
        """The columns that are neither inputs nor labels."""
        return self.drop if self.weight is None else (*self.drop, self.weight)

    def roles(self, table: Table) -> Roles:
        """Return the roles of the columns of a table to train on.

        Raises:
            FileFormatError: there is no such column, or no input is left.
            ArgumentError: a column has two roles.
        """
        both = [*self.label, *self.others]
        if absent := [name for name in both if name not in table.names]:
            raise FileFormatError(
                f"{table.path!r} must have the columns {listed(both)}, but lacks {listed(absent)}. "
                f"Its columns are {listed(table.names)}.",
                path=table.path,
            )
        if len(set(both)) < len(both):
            raise ArgumentError(
                "label, drop and weight must name different columns, but two of them are the same.",
                argument="drop",
                value=self.drop,
            )
        others = [*self.others, *indices(table.names, both)]
        names = [name for name in table.names if name not in others]
        targets = self.label or _label(table, names)
        inputs = tuple(name for name in names if name not in targets)
        if not inputs:
            raise FileFormatError(
                f"{table.path!r} must have a column besides those of labels, but its columns are "
                f"{listed(table.names)}.",
                path=table.path,
            )
        return Roles(inputs, targets, tuple(others), self.weight)

    def roles_for(self, table: Table, schema: Schema) -> Roles:
        """Return the roles of the columns of a table that a trained model is asked about.

        Raises:
            FileFormatError: the columns are not those of the model.
            DataError: the model does not say how many inputs it has.
        """
        known = {*schema.dropped, *self.others}
        others = [name for name in table.names if name in known]
        others += indices(table.names, [*schema.columns, *schema.targets, *others])
        weight = self.weight if self.weight in table.names else None
        names = [name for name in table.names if name not in others]
        if schema.columns:
            targets = _targets(names, schema, self.label)
            match(table, schema.columns, targets, others)
            return Roles(schema.columns, targets, tuple(others), weight)
        count = math.prod(schema.input_shape)
        if not schema.input_shape:
            raise DataError(
                "The model knows neither the names of its inputs nor how many there are, so that "
                f"labels in {table.path!r} cannot be told from them. Name the columns when it is "
                "trained.",
                row=None,
            )
        targets = _targets(names, schema, self.label)
        if len(names) > count and not targets:
            targets = tuple(names[-1:])
        inputs = tuple(name for name in names if name not in targets)
        if len(inputs) != count:
            raise FileFormatError(
                f"{table.path!r} must have {count} columns of inputs, and may have labels, but has "
                f"{len(table.names)} in all.",
                path=table.path,
            )
        return Roles(inputs, targets, tuple(others), weight)


def match(
    table: Table, inputs: Sequence[str], targets: Sequence[str], others: Sequence[str]
) -> None:
    """Check that a table has columns of these names, in any order, and no others.

    Raises:
        FileFormatError: it has not.
    """
    wanted = (*inputs, *targets)
    lacks = [name for name in wanted if name not in table.names]
    more = [name for name in table.names if name not in {*wanted, *others}]
    if lacks or more:
        found = " and ".join(
            f"{verb} {listed(names)}"
            for verb, names in (("lacks", lacks), ("also has", more))
            if names
        )
        advice = (
            "Rename or add what is missing" if lacks else f"Leave it out, drop=[{listed(more)}]"
        )
        raise FileFormatError(
            f"{table.path!r} must have the columns {listed(wanted)}, in any order, but {found}. "
            f"{advice}.",
            path=table.path,
        )


def _label(table: Table, names: Sequence[str]) -> tuple[str, ...]:
    """Return the column of labels by its name, or else the last."""
    named = [names[at] for at in label_columns(names)]
    if len(named) > 1 and named[-1] != names[-1]:
        raise FileFormatError(
            f"{table.path!r} has several columns that may have the labels, {listed(named)}. Say "
            f"label={named[0]!r}.",
            path=table.path,
        )
    return tuple(named if len(named) == 1 else names[-1:])


def _targets(names: Sequence[str], schema: Schema, label: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of labels of new rows; () if there are none."""
    if any(name in names for name in schema.targets):
        return schema.targets
    found = [*label] if schema.targets or label else [names[at] for at in label_columns(names)]
    return tuple(name for name in found if name in names and name not in schema.columns)


def indices(names: Sequence[str], used: Sequence[str] = ()) -> list[str]:
    """Return the columns of row numbers by pandas, unless they are used otherwise."""
    return [name for name in names if _INDEX.fullmatch(name) and name not in used]
