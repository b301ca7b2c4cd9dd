"""What the headers of all pictures say, looked at before any is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from plugnet.arrays import Array
from plugnet.errors import BudgetError, DataError, FileFormatError
from plugnet_images.picture import look
from plugnet_images.pictures import cannot_be_read, sized


@dataclass(frozen=True)
class Headers:
    """What the headers of N pictures say.

    Attributes:
        paths: their files.
        sizes: ``(N, 2)``, height and width as they are seen.
        are_gray: whether all are grayscale.
    """

    paths: Sequence[str]
    sizes: Array
    are_gray: bool

    @classmethod
    def of(cls, paths: Sequence[str], budget: int | None) -> Headers:
        """Look at the headers of files.

        Raises:
            FileFormatError: some cannot be read, of which the first few are named.
            BudgetError: one would take more memory than it may.
        """
        sizes = np.empty((len(paths), 2), np.int64)
        are_gray = True
        bad: list[FileFormatError] = []
        for row, path in enumerate(paths):
            try:
                *sizes[row], is_gray = look(path, budget)
            except BudgetError:
                raise
            except FileFormatError as error:
                bad.append(error)
            else:
                are_gray &= is_gray
        if bad:
            raise cannot_be_read(bad, len(paths))
        return cls(paths, sizes, are_gray)

    def differing(self, size: tuple[int, int]) -> Array:
        """Return which pictures have another size, as their numbers."""
        return np.flatnonzero((self.sizes != size).any(axis=1))

    def only_size(self) -> tuple[int, int]:
        """Return the size of all pictures.

        Raises:
            DataError: two differ.
        """
        height, width = self.sizes[0].tolist()
        if len(others := self.differing((height, width))):
            row = int(others[0])
            smaller = self.sizes.min(axis=0).tolist()
            raise DataError(
                f"All pictures must have one size, but {self.paths[0]!r} is "
                f"{sized((height, width))} and {self.paths[row]!r} is "
                f"{sized(tuple(self.sizes[row].tolist()))}. Say which size they are to be brought "
                f"to, size={smaller}.",
                row=row,
            )
        return height, width
