"""A folder of pictures: one sub-folder for each class."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from plugnet.arguments import file_path, integer, number, pair
from plugnet.arrays import Array, Shape
from plugnet.data import hold_out
from plugnet.errors import ArgumentError, DataWarning, FileFormatError, counted, listed
from plugnet.files.budget import check_budget
from plugnet.interfaces import Batch, Dataset, DataSplits, Rows
from plugnet.schema import Schema
from plugnet_images.classes import Found, asked, labelled, parts_of
from plugnet_images.fitting import WAYS
from plugnet_images.headers import Headers
from plugnet_images.pictures import Form, Pictures, sized

#: Bytes of pictures that a model is asked about at a time.
_BLOCK = 1 << 25


@dataclass(eq=False)
class Images(Dataset):
    """Reads pictures from a folder with one sub-folder for each class, whose name is the class.

    Pictures are PNG, JPEG, BMP, GIF, WebP and TIFF files; those in folders below a class's belong
    to it. They are bytes from 0 to 255, so the network begins with ``("rescale", 255)``. If the
    folder has the sub-folders ``train`` and ``test``, these have the classes'. `picture` says what
    becomes of 16 bits, transparency, animations and turned photographs.

    Attributes:
        path: the folder; or, for a trained model to answer, a folder without sub-folders of
            classes, or a single picture.
        test_path: a folder to test on, with the same classes. None: the sub-folder ``test``, or
            else a part of ``path`` is held out.
        test_fraction: how much is held out, from 0 to below 1, of each class alike.
        seed: of the draw.
        size: (height, width) that pictures are brought to, or one number for both. None: all must
            have one size; for a trained model, its own.
        fit: how they are: "crop", the largest part in the middle, not stretched; "pad", all of the
            picture, not stretched, with margins; "stretch". By bilinear resampling, antialiased.
        channels: 1, grayscale, or 3, colours. None: 1 if all pictures are grayscale by their
            headers, else 3; for a trained model, its own.
        background: the gray level, from 0 to 255, behind what is transparent, and of margins.
        memory: up to how many bytes the pictures are kept in memory; more are read from their
            files whenever they are wanted.
        budget: how many bytes the pixels of each file may take. None: 64 MiB or 100 times its
            size, whichever is larger, or what the environment variable PLUGNET_BUDGET says.
    """

    path: str
    test_path: str | None = None
    test_fraction: float = 0.2
    seed: int = 0
    size: int | Sequence[int] | None = None
    fit: str = "crop"
    channels: int | None = None
    background: int = 255
    memory: int = 1 << 28
    budget: int | None = None

    def __post_init__(self) -> None:
        self.path = file_path("path", self.path)
        if self.test_path is not None:
            self.test_path = file_path("test_path", self.test_path)
        self.test_fraction = number("test_fraction", self.test_fraction, at_least=0, below=1)
        self.seed = integer("seed", self.seed, at_least=0)
        if self.size is not None:
            self.size = pair("size", self.size, at_least=1, at_most=1 << 15)
        self._require("fit", self.fit in WAYS, f"one of {', '.join(WAYS)}")
        self._require("channels", self.channels in (None, 1, 3), "1, 3 or None")
        self.background = integer("background", self.background, at_least=0, at_most=255)
        self.memory = integer("memory", self.memory, at_least=0)
        self.budget = check_budget(self.budget)

    def _require(self, argument: str, fits: bool, rule: str) -> None:
        value = getattr(self, argument)
        if not fits or isinstance(value, bool):
            raise ArgumentError(
                f"{argument} must be {rule}, not {value!r}.", argument=argument, value=value
            )

    @classmethod
    def examples(cls) -> list[dict[str, Any]]:
        return []

    def load(self) -> DataSplits:
        """Look at all pictures, and read them if they are few.

        ``x`` is ``(N, height, width, channels)`` uint8, an array or a `LazyArray`; ``y`` the names
        of classes.

        Raises:
            FileFormatError: a folder or pictures cannot be read, or a class has none.
            DataError: the pictures' sizes differ, and ``size`` is not given.
        """
        train_path, inner = parts_of(self.path)
        train, test_path = labelled(train_path), self.test_path or inner
        if test_path is None:
            form = self._form(Headers.of(train.paths, self.budget), ())
            rows, held = hold_out(_labels(train), self.test_fraction, self.seed)
            test = train.taken(held)
            train = train.taken(rows)
        else:
            test = labelled(test_path)
            _check_classes(train, test)
            form = self._form(Headers.of([*train.paths, *test.paths], self.budget), ())
        return DataSplits(
            self._batch(train, form),
            self._batch(test, form) if test.paths else None,
            train.classes,
        )

    def rows(self, schema: Schema) -> Iterator[Rows]:
        """Yield all pictures, in the order of their paths, with these as ``file``.

        The names of sub-folders are labels if one of them is a class of the model. Pictures of
        another size than the model's are brought to it; if ``size`` is not given, a warning says
        so.
        """
        parts: tuple[str, str | None] = (self.path, None)
        if not Path(self.path).is_file():
            parts = parts_of(self.path)
        start = 0
        for path in parts:
            if path is None:
                continue
            found = asked(path, schema.classes)
            headers = Headers.of(found.paths, self.budget)
            pictures = Pictures(found.paths, self._form(headers, schema.input_shape))
            labels = None if found.labels is None else _as_classes(found.labels, schema)
            names = found.names()
            step = max(_BLOCK * len(pictures) // max(pictures.nbytes, 1), 1)
            for first in range(0, len(pictures), step):
                block = slice(first, min(first + step, len(pictures)))
                yield Rows(
                    pictures[block],
                    None if labels is None else labels[block],
                    range(start + block.start, start + block.stop),
                    others={"file": names[block]},
                )
            start += len(pictures)

    def _form(self, headers: Headers, model: Shape) -> Form:
        """Return what the pictures become, for a model that takes a shape, () for a new one."""
        is_known = len(model) == 3 and model[2] in (1, 3)
        channels, size = self.channels, self.size
        if channels is None:
            channels = model[2] if is_known else 1 if headers.are_gray else 3
        if size is None and is_known:
            height, width, _ = model
            if len(others := headers.differing((height, width))):
                warnings.warn(
                    f"{counted(len(others), 'picture')} of {self.path!r} have another size than "
                    f"{sized((height, width))}, which the model takes, such as "
                    f"{headers.paths[others[0]]!r}. They are brought to it, fit={self.fit!r}.",
                    DataWarning,
                    stacklevel=3,
                )
            size = (height, width)
        fit = None if size is None else self.fit
        height, width = headers.only_size() if size is None else pair("size", size)
        return Form((height, width), channels, fit, self.background, self.budget)

    def _batch(self, found: Found, form: Form) -> Batch:
        """Return pictures and labels, in memory if they are few."""
        pictures = Pictures(found.paths, form)
        x: Any = pictures[:] if pictures.nbytes <= self.memory else pictures
        return Batch(x, _labels(found))


def _labels(found: Found) -> Array:
    assert found.labels is not None, "`labelled` gives labels"
    return found.labels


def _as_classes(labels: Array, schema: Schema) -> Array:
    """Return labels as the model has them, whose classes may be whole numbers."""
    classes = {str(each): each for each in schema.classes}
    if not all(isinstance(each, int) for each in schema.classes) or not {*labels} <= {*classes}:
        return labels
    return np.array([classes[label] for label in labels.tolist()])


def _check_classes(train: Found, test: Found) -> None:
    if unknown := sorted({*test.classes} - {*train.classes}):
        raise FileFormatError(
            f"The classes in {test.root!r} must be some of those in {train.root!r}, but "
            f"{listed(unknown)} {'is' if len(unknown) == 1 else 'are'} not. Rename these folders, "
            "or add pictures to train on.",
            path=test.root,
        )
