"""Which columns of a table are inputs, which are labels, and which are neither."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from plugnet.data.label_columns import label_columns
from plugnet.errors import ArgumentError, DataError, listed
from plugnet.schema import Schema
from plugnet_builtin.datasets.table_file import Table
from plugnet_builtin.datasets.table_text import shown_path, wrong


@dataclass(frozen=True)
class Choice:
    """What the user says about columns: names, or indices from 0.

    Attributes:
        label: those of labels; (): the default, see `label_positions`.
        drop: those to leave out.
        weight: that of the samples' weights, or None.
    """

    label: tuple[str | int, ...]
    drop: tuple[str | int, ...]
    weight: str | int | None

    @property
    def others(self) -> tuple[str | int, ...]:
        """The columns that are neither inputs nor labels."""
        return self.drop if self.weight is None else (*self.drop, self.weight)


@dataclass(frozen=True)
class Roles:
    """The positions of columns.

    Attributes:
        inputs: in the order of the network's inputs.
        targets: those of labels.
        others: those of further columns.
        weight: that of weights, which is among ``others``, or None.
        index: those that must hold row numbers, which are among ``others``, too.
    """

    inputs: Sequence[int]
    targets: Sequence[int]
    others: Sequence[int]
    weight: int | None = None
    index: Sequence[int] = ()


def label_positions(table: Table, label: Sequence[str | int]) -> list[int]:
    """Return the positions of labels in a table whose header is not found yet.

    By default it is the only one of `label_columns`, or else the last column.

    Raises:
        FileFormatError: there is no such column.
    """
    names = table.first
    if not label:
        named = label_columns(names)
        return named if len(named) == 1 else [table.width - 1]
    found = (names.index(each) if each in names else each for each in label)
    return [table.position(each) for each in found if isinstance(each, int)]


def choose_roles(table: Table, choice: Choice) -> Roles:
    """Return the roles of the columns of a table to train on; finds its header, too.

    Raises:
        FileFormatError: there is no such column, or no input is left.
        ArgumentError: a column has two roles.
    """
    targets = label_positions(table, choice.label)
    table.find_header(targets, choice.others)
    if choice.label or not table.header:
        targets = [table.position(each) for each in choice.label or (-1,)]
    named = label_columns(table.header)
    if not choice.label and len(named) > 1 and targets != named[-1:]:
        names = [table.header[at] for at in named]
        says = (
            f"has several columns that may have the labels, {listed(names)}. Say label={names[0]!r}"
        )
        raise wrong(table.path, None, says)
    others = [table.position(each) for each in choice.others]
    both = [*targets, *others]
    if len(set(both)) != len(both):
        raise ArgumentError(
            "label, drop and weight must name different columns, but in "
            f"{shown_path(table.path)} two of them are the same.",
            argument="drop",
            value=choice.drop,
        )
    index = [at for at in table.index if at not in both]
    others += index
    taken = {*targets, *others}
    inputs = [at for at in range(table.width) if at not in taken]
    if not inputs:
        says = (
            f"must have a column besides those of labels, but has {_counted(table.width)} in all. "
            "Is the delimiter another? Then say which, delimiter=';'"
        )
        raise wrong(table.path, None, says)
    weight = None if choice.weight is None else table.position(choice.weight)
    return Roles(inputs, targets, others, weight, index)


def match_columns(
    table: Table, columns: Sequence[str], targets: Sequence[str], others: Collection[str | int]
) -> Roles:
    """Return the roles of the columns of another table, found by their names in any order.

    Args:
        table: it, with a header.
        columns: the names of inputs.
        targets: those of labels; (): there are none.
        others: names or indices of columns that it may also have, besides row numbers.

    Raises:
        FileFormatError: a column is missing or unknown.
    """
    place = {name: at for at, name in enumerate(table.header)}
    used = {*columns, *targets}
    allowed = [
        at for at in sorted(table.places(others).union(table.index)) if table.header[at] not in used
    ]
    missing = [name for name in (*columns, *targets) if name not in place]
    known = used.union(table.header[at] for at in allowed)
    unknown = [name for name in place if name not in known]
    if missing or unknown:
        found = " and ".join(
            f"{verb} {listed(names)}"
            for verb, names in (("lacks", missing), ("also has", unknown))
            if names
        )
        advice = f"Leave out what is unknown, drop=[{listed(unknown)}]"
        if missing:
            advice = f"{_meant(missing, unknown)}Rename or add what is missing"
        says = (
            f"must have the columns {listed([*columns, *targets])}, in any order, but {found}. "
            f"{advice}"
        )
        raise wrong(table.path, None, says)
    return Roles([place[name] for name in columns], [place[name] for name in targets], allowed)


def _meant(missing: Sequence[str], unknown: Sequence[str]) -> str:
    """Return a question for names that differ little, each column that is missing asked for once.

    Upper case and signs between words do not count.
    """
    folded = {_fold(name): name for name in reversed(missing)}
    pairs = {}
    for name in unknown:
        for match in get_close_matches(_fold(name), folded, n=1):
            pairs[folded.pop(match)] = name
    named = [
        repr(name) if len(pairs) == len(unknown) == 1 else f"{name!r} by {pairs[name]!r}"
        for name in missing
        if name in pairs
    ]
    return f"Did you mean {' and '.join(named[:10])}? " if named else ""


def _fold(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


def match_training(table: Table, trained: Table, roles: Roles, choice: Choice) -> Roles:
    """Return the roles of the columns of a table to test on; finds its header, too.

    Args:
        table: it.
        trained: the table to train on.
        roles: those of its columns.
        choice: what the user says about them.

    Raises:
        FileFormatError: the columns are not the same.
    """
    names = trained.header
    columns = [names[at] for at in roles.inputs] if names else []
    table.find_header(label_positions(table, choice.label), choice.others, columns)
    if not (names and table.header):
        if table.width != trained.width:
            says = (
                "must have as many columns as the table to train on, "
                f"{shown_path(trained.path)}, which has {trained.width}, but has {table.width}"
            )
            raise wrong(table.path, None, says)
        return Roles(roles.inputs, roles.targets, roles.others, roles.weight)
    needed = [*roles.targets, *([] if roles.weight is None else [roles.weight])]
    others = {names[at] for at in roles.others}
    found = match_columns(table, columns, [names[at] for at in needed], others)
    weight = None if roles.weight is None else found.targets[-1]
    return Roles(found.inputs, found.targets[: len(roles.targets)], found.others, weight)


def match_schema(table: Table, schema: Schema, choice: Choice, by_place: bool = False) -> Roles:
    """Return the roles of the columns of a table for a trained model; finds its header, too.

    A table is matched by the columns' names, if the model knows them, or else by their number.
    There may be no labels.

    Args:
        table: it.
        schema: what the model knows of its columns.
        choice: what the user says about them.
        by_place: whether a table without header is matched by number though the model knows names.

    Raises:
        FileFormatError: the columns are not those of the model.
        DataError: the model does not say how many inputs it has.
    """
    inputs = math.prod(schema.input_shape) if schema.input_shape else len(schema.columns)
    count = len(schema.targets) or len(choice.label) or 1
    is_labelled = table.width >= inputs + count
    labels = label_positions(table, choice.label) if is_labelled else ()
    table.find_header(labels, choice.others, schema.columns)
    if table.header and schema.columns:
        targets = _targets(table, schema, choice)
        return match_columns(table, schema.columns, targets, {*schema.dropped, *choice.others})
    if not inputs:
        raise DataError(
            "The model does not know the names of its inputs, nor how many there are, so that "
            f"labels in {shown_path(table.path)} cannot be told from them. Name the columns when "
            "it is trained.",
            row=None,
        )
    if not table.header:
        if schema.columns and not by_place:
            says = (
                f"has no header. Add one that names the columns, {listed(schema.columns)}; or, if "
                "they are in this order, say header=False"
            )
            raise wrong(table.path, None, says)
        return _match_by_place(table, choice, inputs, count)
    return _match_by_count(table, schema, choice, inputs)


def _targets(table: Table, schema: Schema, choice: Choice) -> tuple[str, ...]:
    """Return the names of labels in a table with a header; () if it has none."""
    header = table.header
    if any(name in header for name in schema.targets):
        return schema.targets
    names = [each for each in choice.label if isinstance(each, str)]
    if not schema.targets:
        names += [header[table.position(at)] for at in choice.label if isinstance(at, int)]
        names += [header[at] for at in label_columns(header) if not choice.label]
    return tuple(name for name in names if name in header and name not in schema.columns)


def _match_by_count(table: Table, schema: Schema, choice: Choice, inputs: int) -> Roles:
    """Return the roles of columns that have names, for a model that knows none of its inputs."""
    others = sorted(table.places({*schema.dropped, *choice.others}).union(table.index))
    targets = [table.header.index(name) for name in _targets(table, schema, choice)]
    found = [at for at in range(table.width) if at not in others]
    if len(found) > inputs and not targets:
        targets = found[-1:]
    found = [at for at in found if at not in targets]
    if len(found) != inputs:
        raise _wrong_number(table, inputs)
    return Roles(found, targets, others)


def _match_by_place(table: Table, choice: Choice, inputs: int, count: int) -> Roles:
    """Return the roles of columns without names: labels, and other columns, may be absent."""
    label = choice.label or range(-count, 0)
    full = inputs + count + len(choice.others)
    roles = ["input"] * full
    for role, columns in (("target", label), ("other", choice.others)):
        for each in columns:
            if isinstance(each, int) and -full <= each < full:
                roles[each] = role
    layouts = []
    for absent in ((), ("target",), ("other",), ("target", "other")):
        layout = [role for role in roles if role not in absent]
        fits = len(layout) == table.width and layout.count("input") == inputs
        if fits and layout not in layouts:
            layouts.append(layout)
    if len(layouts) != 1:
        raise _wrong_number(table, inputs)
    found = {
        role: [at for at, each in enumerate(layouts[0]) if each == role]
        for role in ("input", "target", "other")
    }
    return Roles(found["input"], found["target"], found["other"])


def _counted(columns: int) -> str:
    return "one column" if columns == 1 else f"{columns} columns"


def _wrong_number(table: Table, inputs: int) -> Exception:
    says = (
        f"must have {_counted(inputs)} of inputs, and may have labels, but has "
        f"{_counted(table.width)} in all. Add a header with the names that the columns had in "
        "training"
    )
    return wrong(table.path, None, says)
