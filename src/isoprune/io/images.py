"""Reading images: whatever their file holds, eight-bit RGB comes out, converted on purpose."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from isoprune.errors import UnreadableFileError
from isoprune.io.files import existing

if TYPE_CHECKING:
    from PIL import Image

_GREY_16_BIT = {"I;16", "I;16L", "I;16B", "I;16N"}


def read_image(path: str | Path, where: str) -> Image.Image:
    """An image as eight-bit RGB.

    Parameters
    ----------
    path : path
        Anything that Pillow reads.
    where : str
        Who needs the image, e.g. ``stimulus 'cat'``, for the error messages.

    Returns
    -------
    PIL.Image.Image of mode RGB
        Turned as its EXIF orientation says. Grey becomes three equal channels, 16-bit grey is scaled to
        8 bits, palettes and CMYK are converted, and transparent parts show white. Pixels are taken as sRGB:
        embedded colour profiles are not applied.

    Raises
    ------
    MissingFileError
        If there is no such file.
    UnreadableFileError
        If it is no image, is cut off, holds several frames, or its brightness range is not defined.
    """
    from PIL import Image, ImageOps

    path = existing(path, where=where, remedy="Correct the path in the table of stimuli.")
    try:
        with Image.open(path) as image:
            # Camera files of format MPO hold a preview as their second frame; the first is the photograph.
            frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
            image.load()
            written_as = image.format
            upright = ImageOps.exif_transpose(image)
    except Exception as problem:  # a damaged file makes Pillow trip anywhere
        raise UnreadableFileError(
            where,
            f"'{path}' cannot be decoded ({problem})",
            "a whole image in a format that Pillow reads (JPEG, PNG, TIFF, …)",
            "Copy or convert the image again.",
        ) from problem
    if frames > 1:
        raise UnreadableFileError(
            where,
            f"'{path}' has {frames} frames",
            "one picture",
            "Save the frame you mean as an image of its own.",
        )
    # Older versions of Pillow open 16-bit PNGs in the 32-bit mode.
    if upright.mode in _GREY_16_BIT or (upright.mode == "I" and written_as == "PNG"):
        return _eight_bit_grey(upright).convert("RGB")
    return _rgb(upright, path, where)


def _rgb(image: Image.Image, path: Path, where: str) -> Image.Image:
    from PIL import Image

    if image.mode in {"I", "F"}:
        raise UnreadableFileError(
            where,
            f"'{path}' has 32-bit pixels (mode {image.mode}), whose black and white are not defined",
            "8 or 16 bits a channel",
            "Save the image with 8 bits a channel, scaled as it should be seen.",
        )
    if image.mode in {"LA", "La", "PA", "RGBA", "RGBa"} or "transparency" in image.info:
        # Premultiplied modes convert only to their own plain mode first.
        plain = image.convert({"La": "LA", "RGBa": "RGBA"}.get(image.mode, image.mode)).convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", plain.size, "white"), plain).convert("RGB")
    return image.convert("RGB")


def _eight_bit_grey(image: Image.Image) -> Image.Image:
    """16-bit grey scaled to 8 bits; Pillow's own conversion has clipped or cut it, by version."""
    import numpy as np
    from PIL import Image

    levels = np.asarray(image).astype(np.float64)
    return Image.fromarray(np.rint(levels / 257).astype(np.uint8))
