"""Pictures from disk: what may be opened, and how anything openable becomes upright 8-bit RGB.

The format is told by the content, never by the name, and only by the decoders of `FORMATS`. Pixel counts are checked
before anything is decoded. A picture that is damaged anywhere is refused: half a grey face is worse than no picture.
"""

from __future__ import annotations

import random
import re
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, UnidentifiedImageError

from kohya_like.data.augment import AUGMENT_NOTHING, Placement, draw, place
from kohya_like.data.picture_header import MAX_PIXELS, read_header
from kohya_like.data.records import plain
from kohya_like.data.resample import average_box, resize_box
from kohya_like.schema.errors import FormatError, UserError

if TYPE_CHECKING:
    from kohya_like.data.options import SubsetSettings
    from kohya_like.data.records import Fit, ImageRecord

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "AVIF")
LATENT_SCALE = 8  # pixels per latent, in each direction, of every SD family
WANTED = "PNG, JPEG, WebP, BMP or AVIF"
Mask = NDArray[np.float32]  # [H/8, W/8], 0..1
ASPECT_TOLERANCE = 0.02  # a mask may be a smaller copy of its picture, not another shape

_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # MAX_PIXELS is the limit, and an error


@dataclass(frozen=True)
class Picture:
    """A decoded picture: upright RGB on white, its alpha ("L", None if opaque), and what had to be said of it."""

    rgb: Image.Image
    alpha: Image.Image | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class CutOut:
    """The part of a picture that its bucket shows."""

    pixels: NDArray[np.uint8]  # [H, W, 3]
    alpha: Mask | None


@dataclass(frozen=True)
class Prepared:
    """A picture as the model gets it, with all that SDXL wants to know of how it was cut."""

    pixels: NDArray[np.uint8]  # [H, W, 3]
    crop: tuple[int, int]  # (top, left) in the scaled picture; of its mirror image if `flipped`
    original: tuple[int, int]  # (height, width), upright
    target: tuple[int, int]  # (height, width) of the bucket
    mask: Mask | None
    flipped: bool


def load_image(path: Path) -> Image.Image:
    """The picture as upright RGB. Raises FormatError, see `load_picture`."""
    return load_picture(path).rgb


def load_picture(path: Path) -> Picture:
    """Decode a picture whole.

    EXIF rotation is applied; ICC profiles are ignored, as every trainer does; transparency is laid on white; 16 bits
    are scaled to 8; of an animation the first frame is taken and `notes` says so.

    Raises:
        FormatError: missing, unreadable, of another kind, damaged anywhere, or of more than `MAX_PIXELS`.
    """
    if not path.is_file():  # also keeps from waiting for ever on a named pipe
        raise FormatError(f"{plain(str(path))}: there is no such file")
    try:
        with path.open("rb") as file:
            return _decode(file, path)
    except FormatError:
        raise
    except OSError as error:
        if error.errno is None:  # Pillow's own OSErrors are about content
            raise _damaged(path, error) from error
        raise FormatError(f"{plain(str(path))}: cannot be read: {error.strerror}") from error
    except MemoryError as error:
        raise FormatError(f"{plain(str(path))}: there is not enough memory to decode it", "make it smaller") from error
    except Exception as error:  # decoders raise anything on bad bytes: SyntaxError, struct.error, MemoryError, ...
        raise _damaged(path, error) from error


def _decode(file: BinaryIO, path: Path) -> Picture:
    try:
        image = Image.open(file, formats=allowed_formats())
    except UnidentifiedImageError:
        raise _unknown(path) from None
    except Image.DecompressionBombError as error:
        raise _too_large(path, int(re.findall(r"\d+", str(error))[0])) from None
    if image.width * image.height > MAX_PIXELS:
        raise _too_large(path, image.width * image.height)
    notes: tuple[str, ...] = ()
    if image.format in ("PNG", "WEBP", "AVIF") and getattr(image, "is_animated", False):
        notes = (
            f"{plain(str(path))}: is an animation of {getattr(image, 'n_frames', 0)} frames; the first one is used",
        )
    ImageFile.LOAD_TRUNCATED_IMAGES = False  # other libraries switch it on, and a torn file would load half grey
    image.load()
    turn = _UPRIGHT.get(_orientation(image))
    rgb, alpha = _to_rgb(image)
    if turn is not None:
        rgb, alpha = rgb.transpose(turn), alpha.transpose(turn) if alpha else None
    return Picture(rgb, alpha, notes)


@cache
def allowed_formats() -> tuple[str, ...]:
    """`FORMATS`, and JPEG XL where Pillow's plug-in for it is installed."""
    try:
        import pillow_jxl  # noqa: F401 - importing it is what registers the decoder
    except ImportError:
        return FORMATS
    return (*FORMATS, "JXL")


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # EXIF is written by hundreds of cameras and editors; a broken one only loses the rotation
        return 1


def _to_rgb(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    if image.mode.startswith("I"):
        return _from_16_bits(image).convert("RGB"), None
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        alpha = rgba.getchannel("A")
        if alpha.getextrema() == (255, 255):
            return rgba.convert("RGB"), None
        white = Image.new("RGB", rgba.size, "white")
        white.paste(rgba, mask=alpha)
        return white, alpha
    return image.convert("RGB"), None


def _from_16_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 bits to 8. Pillow's own conversion clips at 255, which makes such pictures white."""
    values = np.asarray(image).astype(np.int64)
    return Image.fromarray(((values.clip(0, 65535) * 255 + 32767) // 65535).astype(np.uint8))


def _unknown(path: Path) -> FormatError:
    """Why Pillow did not know it: it is something else, or a picture broken at its very beginning."""
    try:
        read_header(path)
        why = "is a damaged picture"
    except FormatError as error:
        why = error.text
    return FormatError(f"{plain(str(path))}: {why}", f"copy or save it again, as {WANTED}")


def _damaged(path: Path, error: Exception) -> FormatError:
    why = "the file is cut off" if "truncated" in str(error).lower() else f"the file is damaged ({error})"
    return FormatError(f"{plain(str(path))}: {why}", "copy or save the picture again, or take it out of the folder")


def _too_large(path: Path, pixels: int) -> FormatError:
    return FormatError(
        f"{plain(str(path))}: claims {pixels / 1e6:,.0f} megapixels; the limit is {MAX_PIXELS // 1_000_000}",
        "make it smaller",
    )


def prepare(
    record: ImageRecord, fit: Fit, settings: SubsetSettings, rng: random.Random | None, *, masked: bool = False
) -> Prepared:
    """Load, scale, crop and augment one picture and, with `masked`, its mask by the same geometry.

    `fit` covers the bucket: the scaled picture is at least as large in both directions. Without `rng` (validation)
    nothing is left to chance. Raises FormatError for the picture or its mask, UserError if it changed since the scan.
    """
    augmentation = draw(settings, rng) if rng else AUGMENT_NOTHING
    placement = place(fit, augmentation)
    cut = cut_out(record, placement, settings.resize_interpolation)
    pixels = cut.pixels if augmentation.colour is None else augmentation.colour.apply(cut.pixels)
    mask = choose_mask(record, settings, placement, cut.alpha) if masked else None
    (width, height), (bucket_w, bucket_h) = record.size, placement.bucket
    return Prepared(pixels, placement.crop, (height, width), (bucket_h, bucket_w), mask, augmentation.flipped)


def cut_out(record: ImageRecord, placement: Placement, interpolation: str | None) -> CutOut:
    """The part of a picture that its bucket shows, scaled and, if so placed, mirrored. Raises as `prepare`."""
    picture = load_picture(record.path)
    if picture.rgb.size != tuple(record.size):
        now, then = _by(picture.rgb.size), _by(record.size)
        raise UserError(
            f"{plain(str(record.path))}: is {now} now; it was {then} when the folder was read",
            "do not edit pictures while a training starts; start again",
        )
    pixels = resize_box(picture.rgb, placement.box(record.size), placement.bucket, interpolation)
    if placement.flipped:
        pixels = np.ascontiguousarray(pixels[:, ::-1])
    return CutOut(pixels, cut_mask(picture.alpha, placement) if picture.alpha else None)


def choose_mask(record: ImageRecord, settings: SubsetSettings, placement: Placement, alpha: Mask | None) -> Mask | None:
    """The mask of a sample: that of its mask file, else its own alpha where that is asked for. None: all counts."""
    if record.mask_path is None:
        return alpha if settings.alpha_mask else None
    mask = load_image(record.mask_path).getchannel("R")
    (width, height), (mask_w, mask_h) = record.size, mask.size
    if abs(mask_w * height / (mask_h * width) - 1) > ASPECT_TOLERANCE:
        raise FormatError(
            f"{plain(str(record.mask_path))}: the mask is {_by(mask.size)}, its picture {_by(record.size)}",
            "make it the size of the picture, or a smaller copy of the same shape",
        )
    return cut_mask(mask, placement)


def cut_mask(mask: Image.Image, placement: Placement) -> Mask:
    """A grey picture averaged to the size of the latents: each latent counts by the share of it that is white."""
    bucket_w, bucket_h = placement.bucket
    small = average_box(mask, placement.box(mask.size), (bucket_w // LATENT_SCALE, bucket_h // LATENT_SCALE))
    return np.ascontiguousarray(small[:, ::-1]) if placement.flipped else small


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
