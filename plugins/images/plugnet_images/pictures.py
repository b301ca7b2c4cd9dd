"""Pictures that are read when they are wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from plugnet.arrays import Array
from plugnet.data.lazy import LazyArray
from plugnet.errors import DataError, FileFormatError
from plugnet_images.fitting import fitted
from plugnet_images.picture import pixels

#: Pictures that an error names.
_NAMED = 5


@dataclass(frozen=True)
class Form:
    """What pictures become.

    Attributes:
        size: (height, width).
        channels: 1 for grayscale, 3 for colours.
        fit: how others are brought to this size, see `plugnet_images.fitting`; None: none may
            have another.
        background: the gray level behind what is transparent, and of margins.
        budget: how many bytes the pixels of each file may take.
    """

    size: tuple[int, int]
    channels: int
    fit: str | None
    background: int
    budget: int | None

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return (*self.size, self.channels)

    def read(self, path: str) -> Array:
        """Return the pixels of a file, ``(height, width, channels)`` uint8.

        Raises:
            FileFormatError: it cannot be read, or has another size, and none may.
        """
        image = pixels(path, self.channels, self.background, self.budget)
        if self.fit is not None:
            image = fitted(image, self.size, self.fit, self.background)
        elif image.size != self.size[::-1]:
            raise FileFormatError(
                f"{path!r} must be {sized(self.size)}, but is {sized(image.size[::-1])}: it has "
                "been replaced since its folder was looked at. Read the folder again.",
                path=path,
            )
        return np.asarray(image).reshape(self.shape)


class Pictures(LazyArray):
    """Pictures in files, ``(N, height, width, channels)`` bytes.

    Attributes:
        paths: the N files.
        form: what they become.
    """

    def __init__(self, paths: Sequence[str], form: Form) -> None:
        """Take over the files; none is read yet."""
        self.paths, self.form = paths, form
        self.shape, self.dtype = (len(paths), *form.shape), np.dtype(np.uint8)

    def read(self, rows: Array) -> Array:
        """Return some pictures.

        Raises:
            DataError: one cannot be read; ``row`` says which.
        """
        out = np.empty((len(rows), *self.shape[1:]), np.uint8)
        bad: dict[int, FileFormatError] = {}
        for place, row in enumerate(rows.tolist()):
            try:
                out[place] = self.form.read(self.paths[row])
            except FileFormatError as error:
                bad[row] = error
        if bad:
            row = next(iter(bad))
            problem = cannot_be_read([*bad.values()], len(rows))
            raise DataError(f"Row {row}: {problem}", row=row) from bad[row]
        return out


def cannot_be_read(bad: Sequence[FileFormatError], count: int) -> FileFormatError:
    """Return the error for some of ``count`` pictures."""
    first, *others = bad
    path = first.path
    if not others:
        return FileFormatError(str(first), path=path)
    named = [repr(each.path) for each in bad[:_NAMED]]
    more = f" and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
    return FileFormatError(
        f"{len(bad)} of {count} pictures cannot be read: {', '.join(named)}{more}. The first: "
        f"{first} So with the others.",
        path=path,
    )


def sized(size: tuple[int, int]) -> str:
    """Return a size in words."""
    return f"{size[0]} by {size[1]} pixels (height by width)"
