"""Pictures resized, cropped, converted, turned upright and laid on a colour: always as copies in a folder of their own.

A picture that needs no change is copied byte for byte. The pictures that are there are never touched. A plan is a value
that can be shown; carrying it out writes each file under a temporary name and renames it, skips what is done already,
and never overwrites anything else.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, Literal

from PIL import Image, ImageColor

from kohya_like.data.folders import is_picture, named
from kohya_like.data.images import Picture, allowed_formats, load_picture
from kohya_like.data.picture_header import read_header
from kohya_like.data.records import plain
from kohya_like.data.resample import resize_box
from kohya_like.data.sidecar import KNOWN_EXTENSIONS
from kohya_like.formats.atomic import atomic_bytes, atomic_write
from kohya_like.schema.errors import FormatError, UserError

Format = Literal["same", "png", "jpg", "webp"]
SUFFIXES: dict[str, str] = {"png": ".png", "jpg": ".jpg", "webp": ".webp"}
MAX_SIDE = 16_384
_SUFFIXES_OF = {"PNG": (".png",), "JPEG": (".jpg", ".jpeg"), "WEBP": (".webp",)}
_ORIENTATION = 0x0112  # EXIF


@dataclass(frozen=True)
class Shaping:
    """What becomes of each picture.

    `longest`: pixels; a longer side is shrunk to it. `crop`: (width, height); the picture is shrunk to cover it
    and cut about its middle; smaller pictures are only cut to the shape unless `enlarge`. `step`: sides become
    multiples of it by cutting. `background`: a colour as CSS writes it ("white", "#808080") on which
    transparency is laid; "" keeps transparency where the format can. `quality`: of JPEG and WebP, 1 to 100.
    """

    longest: int = 0
    crop: tuple[int, int] | None = None
    step: int = 1
    enlarge: bool = False
    background: str = ""
    format: Format = "same"
    quality: int = 95

    def __post_init__(self) -> None:
        sides = [self.longest, *(self.crop or ()), self.step]
        if max(sides) > MAX_SIDE or min(sides) < 0 or self.step < 1 or (self.crop and min(self.crop) < 1):
            raise UserError(f"sides are 1 to {MAX_SIDE} pixels", "give others")
        if not 1 <= self.quality <= 100:
            raise UserError(f"a quality of {self.quality}", "give 1 to 100")
        if self.background:
            try:
                ImageColor.getrgb(self.background)
            except ValueError:
                raise UserError(f'"{self.background[:40]}" is no colour', "write white, grey, #808080 ...") from None

    def size_of(self, size: tuple[int, int]) -> tuple[int, int]:
        """(width, height) of the copy of a picture of `size`."""
        _, made = self._cut(size)
        return made

    def _cut(self, size: tuple[int, int]) -> tuple[tuple[float, float, float, float], tuple[int, int]]:
        """The part of the picture that is kept, in its own pixels, and the size that it is given."""
        width, height = size
        if self.crop:
            scale = max(self.crop[0] / width, self.crop[1] / height)
            if scale > 1 and not self.enlarge:
                shrink = min(width / self.crop[0], height / self.crop[1])
                wanted = (max(1, round(self.crop[0] * shrink)), max(1, round(self.crop[1] * shrink)))
                scale = 1.0
            else:
                wanted = self.crop
        else:
            longest = max(size)
            scale = self.longest / longest if self.longest and (longest > self.longest or self.enlarge) else 1.0
            wanted = (max(1, round(width * scale)), max(1, round(height * scale)))
        made = tuple(max(1, side // self.step * self.step) for side in wanted)
        part_w, part_h = min(width, made[0] / scale), min(height, made[1] / scale)
        if scale == 1.0:
            left, top = float((width - made[0]) // 2), float((height - made[1]) // 2)
            return (left, top, left + made[0], top + made[1]), (made[0], made[1])
        left, top = (width - part_w) / 2, (height - part_h) / 2
        return (left, top, left + part_w, top + part_h), (made[0], made[1])

    def suffix_of(self, path: Path) -> str:
        """The extension of the copy. A picture that we read and do not write (BMP, AVIF, JXL) becomes a PNG."""
        if self.format != "same":
            return SUFFIXES[self.format]
        return path.suffix.lower() if path.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp") else ".png"

    def shaped(self, picture: Picture, keeps_alpha: bool) -> Image.Image:
        """The picture upright, cut, scaled and on its background: RGB, or RGBA where transparency stays."""
        box, size = self._cut(picture.rgb.size)
        rgb, alpha = picture.rgb, picture.alpha
        if alpha is not None and self.background:
            rgb = _recovered(picture)
            ground = Image.new("RGB", rgb.size, ImageColor.getrgb(self.background)[:3])
            ground.paste(rgb, mask=alpha)
            rgb, alpha = ground, None
        if alpha is None or not keeps_alpha:
            return Image.fromarray(resize_box(rgb, box, size, None))
        made = Image.fromarray(resize_box(_recovered(picture), box, size, None))
        made.putalpha(Image.fromarray(resize_box(alpha.convert("RGB"), box, size, None)).getchannel("R"))
        return made


def _recovered(picture: Picture) -> Image.Image:
    """The colours before they were laid on white: (c - 255 (1 - a)) / a. Wholly transparent pixels stay white."""
    import numpy as np

    assert picture.alpha is not None
    share = np.asarray(picture.alpha, dtype=np.float32)[..., None] / 255
    laid = np.asarray(picture.rgb, dtype=np.float32)
    colours = np.where(share > 0, (laid - 255 * (1 - share)) / np.maximum(share, 1e-6), 255)
    return Image.fromarray(colours.round().clip(0, 255).astype(np.uint8))


@dataclass(frozen=True)
class Copy:
    """One picture to be made. `captions`: files beside it that are copied byte for byte: (source, target)."""

    source: Path
    target: Path
    size: tuple[int, int]
    made: tuple[int, int]
    captions: tuple[tuple[Path, Path], ...] = ()


@dataclass(frozen=True)
class CopyPlan:
    """What would be written, and why some pictures are left out (path and sentence)."""

    copies: tuple[Copy, ...]
    left_out: tuple[tuple[Path, str], ...] = ()


def plan_copies(folder: Path, target: Path, shaping: Shaping, without: Collection[Path] = ()) -> CopyPlan:
    """Plan a copy of each picture of `folder` and the folders below it, under the same names below `target`.

    `without`: pictures that are left out, with their captions.

    Raises:
        UserError: `target` is the folder itself or lies in it, or the folder is not there.
    """
    if not folder.is_dir():
        raise UserError(f"{plain(str(folder))}: there is no such folder")
    if target.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"{plain(str(target))}: lies in the folder itself", "choose a folder outside of it")
    copies: list[Copy] = []
    left_out: list[tuple[Path, str]] = []
    taken: set[str] = set()
    for source, beside in pictures_in(folder):
        if source in without:
            continue
        try:
            size = read_header(source).size
        except (FormatError, OSError) as error:
            left_out.append((source, error.text if isinstance(error, FormatError) else str(error.strerror)))
            continue
        place = target / source.relative_to(folder).parent
        stem = _free_stem(place, source, shaping.suffix_of(source), taken)
        captions = tuple((one, place / (stem + one.suffix)) for one in beside)
        copies.append(Copy(source, place / (stem + shaping.suffix_of(source)), size, shaping.size_of(size), captions))
    return CopyPlan(tuple(copies), tuple(left_out))


def pictures_in(folder: Path) -> Iterable[tuple[Path, list[Path]]]:
    """Each picture with the caption files beside it. Hidden files and links are left alone."""
    for top, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        captions: dict[str, list[Path]] = {}
        for name in sorted(files):
            if name.lower().endswith(KNOWN_EXTENSIONS):
                captions.setdefault(Path(name).stem, []).append(Path(top, name))
        for name in sorted(files):
            if is_picture(name) and not name.startswith(".") and not os.path.islink(os.path.join(top, name)):
                yield Path(top, name), captions.get(Path(name).stem, [])


def _free_stem(place: Path, source: Path, suffix: str, taken: set[str]) -> str:
    """a.png and a.jpg, or A.png and a.png, would become one file: the second is named after its own extension too."""
    stem = source.stem
    if str(place / stem).casefold() in taken:
        stem = f"{source.stem}_{source.suffix[1:].lower()}"
    number = 2
    while str(place / stem).casefold() in taken:
        stem, number = f"{source.stem}_{number}", number + 1
    taken.add(str(place / stem).casefold())
    return stem


@dataclass(frozen=True)
class Copied:
    """What was done: `made` new pictures, `there` already from an earlier time, `failed` with a sentence each."""

    made: int
    there: int
    failed: tuple[tuple[Path, str], ...]


def carry_out(
    plan: CopyPlan,
    shaping: Shaping,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Copied:
    """Write the copies. What is under a target's name already is kept, so an interrupted one goes on when called again.

    Raises:
        OSError: the disk is full or cannot be written; what was made stays whole.
    """
    made = there = 0
    failed: list[tuple[Path, str]] = []
    _check_targets(plan.copies)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        chunk = 64
        for start in range(0, len(plan.copies), chunk):
            if cancelled():
                break
            part = plan.copies[start : start + chunk]
            for copy, outcome in zip(part, pool.map(partial(_make, shaping=shaping), part)):
                made += outcome == ""
                there += outcome == "there"
                if outcome not in ("", "there"):
                    failed.append((copy.source, outcome))
            if progress is not None:
                progress(start + len(part), len(plan.copies))
    return Copied(made, there, tuple(failed))


def _check_targets(copies: Sequence[Copy]) -> None:
    """A target that is there with another size is somebody's own picture: nothing is begun then."""
    foreign = []
    for copy in copies:
        if os.path.lexists(copy.target):
            try:
                is_ours = read_header(copy.target).size == copy.made
            except (FormatError, OSError):
                is_ours = False
            if not is_ours:
                foreign.append(copy.target.name)
    if foreign:
        text = f"the target folder holds other files of these names: {named(foreign)}"
        raise UserError(text, "choose a new folder")


def _make(copy: Copy, shaping: Shaping) -> str:
    """ "" if it was made, "there", or why it could not be made."""
    if copy.target.exists():
        return "there"
    try:
        picture = load_picture(copy.source)
        copy.target.parent.mkdir(parents=True, exist_ok=True)
        for source, target in copy.captions:
            if not target.exists():
                atomic_bytes(target, source.read_bytes(), overwrite=False)
    except FormatError as error:
        return error.text.removeprefix(f"{plain(str(copy.source))}: ")
    if _is_as_wanted(copy, picture, shaping):
        atomic_write(copy.target, partial(_copied, copy.source), overwrite=False)
        return ""
    image = shaping.shaped(picture, copy.target.suffix not in (".jpg", ".jpeg"))
    atomic_write(copy.target, partial(_save, image, copy.target.suffix, shaping.quality), overwrite=False)
    return ""


def _is_as_wanted(copy: Copy, picture: Picture, shaping: Shaping) -> bool:
    """Upright, of the wanted size and format, and without transparency that a background should replace."""
    if copy.size != copy.made or (picture.alpha is not None and shaping.background):
        return False
    with Image.open(copy.source, formats=allowed_formats()) as opened:
        is_upright = opened.getexif().get(_ORIENTATION, 1) == 1
        return is_upright and copy.target.suffix in _SUFFIXES_OF.get(opened.format or "", ())


def _copied(source: Path, file: BinaryIO) -> None:
    with source.open("rb") as opened:
        shutil.copyfileobj(opened, file, 1 << 20)


def _save(image: Image.Image, suffix: str, quality: int, file: BinaryIO) -> None:
    if suffix == ".png":
        image.save(file, "PNG")
    elif suffix == ".webp":
        image.save(file, "WEBP", quality=quality, lossless=quality == 100)
    else:
        image.save(file, "JPEG", quality=quality, subsampling=0 if quality >= 90 else 2)
