"""How a picture of another size is brought to the wanted one."""

from __future__ import annotations

from typing import Final

from PIL import Image, ImageOps

#: Bilinear, which takes the mean over all pixels that become one where a picture is made smaller.
_RESAMPLING: Final = Image.Resampling.BILINEAR

#: The ways.
WAYS: Final = ("crop", "pad", "stretch")


def fitted(image: Image.Image, size: tuple[int, int], way: str, background: int) -> Image.Image:
    """Return a picture as one of a size; the same if it has that size.

    Args:
        image: of the mode "L" or "RGB".
        size: (height, width).
        way: "crop": what is in the middle, as large as fits, without stretching; "pad": all of it,
            without stretching, with margins; "stretch": all of it, height and width each as they
            must be.
        background: the gray level of margins.
    """
    wanted = size[::-1]  # Pillow says (width, height)
    if image.size == wanted:
        return image
    if way == "crop":
        return ImageOps.fit(image, wanted, _RESAMPLING)
    if way == "pad":
        color = background if image.mode == "L" else (background,) * 3
        return ImageOps.pad(image, wanted, _RESAMPLING, color)
    return image.resize(wanted, _RESAMPLING)
