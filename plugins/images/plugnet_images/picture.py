"""One picture in a file: a look at its header, and its pixels.

Only the formats that `FORMATS` names are tried, whatever a file says of itself. A picture is turned
as its EXIF orientation says, where that comes before the pixels; of an animation the first frame
counts. Of 16 bits per pixel the upper 8 are kept. What is transparent lies on a background.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from plugnet.errors import BudgetError, FileFormatError
from plugnet.files.beginnings import looks_like
from plugnet.files.budget import Budget
from plugnet.files.opening import open_ordinary

#: Suffixes of pictures, in small letters.
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff")

#: Formats as Pillow names them.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF")

_GRAY_16 = ("I;16", "I;16L", "I;16B", "I;16N")
_GRAY = ("1", "L", "LA", "La", *_GRAY_16)
_COLOUR = ("P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr")

#: Bytes per pixel, when it is turned and has been given an alpha channel.
_BYTES = 8

_ORIENTATION = 0x0112  # the tag of EXIF
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SWAPPED = (5, 6, 7, 8)

#: How whole files end, and in how many last bytes that must be.
_ENDS = {"PNG": (b"IEND", 64), "JPEG": (b"\xff\xd9", 64), "GIF": (b"\x3b", 1)}


class Header(NamedTuple):
    """What a picture's header says: its size as it is seen, and whether it is grayscale."""

    height: int
    width: int
    is_gray: bool


def look(path: str, budget: int | None = None) -> Header:
    """Return what a header says; a file that seems to be cut short is decoded to be sure.

    Args:
        path: the file.
        budget: how many bytes its pixels may take, see `plugnet.files.budget`.

    Raises:
        FileFormatError: it cannot be read, is no picture, or one of a kind that is not supported.
        BudgetError: its pixels would take more than they may.
    """
    with _opened(path, budget) as (image, file):
        width, height = image.size
        if _orientation(image) in _SWAPPED:
            width, height = height, width
        header = Header(height, width, _is_gray(image))
        if not _seems_whole(file, image.format or ""):
            image.load()
        return header


def pixels(path: str, channels: int, background: int, budget: int | None = None) -> Image.Image:
    """Return a picture in the mode "L" if ``channels`` is 1, "RGB" if it is 3.

    Args:
        path: the file.
        channels: 1 or 3.
        background: the gray level behind what is transparent.
        budget: as `look` takes it.

    Raises:
        FileFormatError: as `look`.
        BudgetError: as `look`.
    """
    with _opened(path, budget) as (image, _):
        turn = _TURNS.get(_orientation(image))
        found = _plain(image, background).convert("L" if channels == 1 else "RGB")
        return found if turn is None else found.transpose(turn)


@contextmanager
def _opened(path: str, budget: int | None) -> Iterator[tuple[Image.Image, BinaryIO]]:
    """Open a picture; whatever is wrong with it becomes a FileFormatError."""
    with open_ordinary(path, "a picture") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        limit = Budget(path, size, budget)
        try:
            with Image.open(file, formats=FORMATS) as image:
                limit.check(image.width * image.height * _BYTES, "its pixels")
                _check_mode(image)
                yield image, file
        except (BudgetError, MemoryError):
            raise
        except UnidentifiedImageError:
            file.seek(0)
            raise _unreadable(path, f"it is {looks_like(file.read(200))}") from None
        except Exception as error:  # Pillow raises many kinds on damaged files
            reason = str(error) or type(error).__name__
            raise _unreadable(path, reason) from error


def _unreadable(path: str, reason: str) -> FileFormatError:
    return FileFormatError(
        f"{path!r} must be a picture (PNG, JPEG, BMP, GIF, WebP or TIFF) that can be read, but: "
        f"{reason.rstrip('.')}. Replace it, or take it out of the folder.",
        path=path,
        reason=reason,
    )


def _check_mode(image: Image.Image) -> None:
    if image.mode not in (*_GRAY, *_COLOUR) and not _is_old_16(image):
        raise ValueError(
            f"its pixels are of the kind {image.mode!r}, which has no 0 and no 255; save it with 8 "
            "or 16 bits"
        )


def _is_old_16(image: Image.Image) -> bool:
    """Tell whether this is a PNG of 16 bits in grayscale as Pillow before 11.1 has it."""
    return image.mode == "I" and image.format == "PNG"


def _is_gray(image: Image.Image) -> bool:
    return image.mode in _GRAY or _is_old_16(image)


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 if there is none, or if Pillow turns the picture, a TIFF.

    That of a PNG counts if it precedes the pixels.
    """
    if image.format == "TIFF" or (image.format == "PNG" and "exif" not in image.info):
        return 1
    found = image.getexif().get(_ORIENTATION, 1)
    return found if isinstance(found, int) else 1


def _plain(image: Image.Image, background: int) -> Image.Image:
    """Return the picture with 8 bits and nothing transparent."""
    if image.mode in _GRAY_16 or _is_old_16(image):
        values = np.asarray(image)
        levels = (values >> 8).astype(np.uint8)
        if isinstance(clear := image.info.get("transparency"), int):
            levels[values == clear] = background
        return Image.fromarray(levels)
    if not image.has_transparency_data:
        return image
    behind = Image.new("RGBA", image.size, (background, background, background, 255))
    return Image.alpha_composite(behind, image.convert("RGBA"))


def _seems_whole(file: BinaryIO, kind: str) -> bool:
    """Tell whether the file ends as such a picture does, as far as its last bytes show."""
    place = file.tell()
    size = file.seek(0, os.SEEK_END)
    try:
        if kind == "WEBP":
            file.seek(4)
            return int.from_bytes(file.read(4), "little") + 8 <= size
        if kind == "BMP":
            file.seek(2)
            return int.from_bytes(file.read(4), "little") <= size
        end, count = _ENDS.get(kind.replace("MPO", "JPEG"), (b"", 0))  # an MPO is JPEGs
        file.seek(max(size - count, 0))
        return end in file.read(count)
    finally:
        file.seek(place)
