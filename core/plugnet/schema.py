"""Schema: what the inputs and the answers of a model mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from plugnet.errors import brief_call

#: What a class may be called; JSON can hold it.
Label: TypeAlias = str | int


@dataclass(frozen=True)
class Schema:
    """What the inputs and the answers of a model mean.

    Attributes:
        kind: "class" if the answers are classes, "real" if they are real values.
        classes: the classes, in the order of the network's outputs; () for real values.
        columns: the names of the inputs, if they come from a table that names its columns.
        targets: the names of the answers, likewise.
        dropped: the names of columns that such a table may also have, such as an id.
        input_shape: the shape of one sample; () if it is not known.
        ignored: labels whose samples do not count, neither in training nor in evaluation.
        offsets: what was subtracted from each real target in training; () for nothing.
        scales: what it was divided by then.

    >>> Schema("class", classes=("cat", "dog"), columns=("weight", "height")).classes[1]
    'dog'
    """

    kind: Literal["class", "real"]
    classes: tuple[Label, ...] = ()
    columns: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    input_shape: tuple[int, ...] = ()
    ignored: tuple[Label, ...] = ()
    offsets: tuple[float, ...] = ()
    scales: tuple[float, ...] = ()

    def __repr__(self) -> str:
        return brief_call(self, vars(self))
