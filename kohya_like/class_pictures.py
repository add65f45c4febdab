"""Drawing the class pictures that a training asks for and the regularisation folder lacks, before it begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from kohya_like.data.class_images import ClassImage, free_bytes, needed_bytes
from kohya_like.data.records import Size
from kohya_like.formats.atomic import atomic_text, atomic_write
from kohya_like.prompt_file import SamplePrompt
from kohya_like.sampling import Painter
from kohya_like.schema.errors import UserError

STEPS, SCALE, SAMPLER = 30, 7.0, "dpmpp_2m"


def draw_class_pictures(
    painter: Painter, images: Sequence[ClassImage], size: Size, progress: Callable[[int, int], None]
) -> None:
    """Draw each picture into its place; one that appeared there meanwhile stays, and the drawing goes on after a stop.

    Args:
        size: width and height in pixels, multiples of 8.
        progress: called with the number drawn and that of all; may raise to end here.
    Raises:
        UserError: the disk has not enough room for them.
    """
    if not images:
        return
    folder = images[0].path.parent.parent
    needed, free = needed_bytes(images, size), free_bytes(folder)
    if free is not None and free < needed:
        text = f"{folder}: {len(images)} class pictures may need {needed >> 20} MB, and {free >> 20} MB are free"
        raise UserError(text, "make room, or set data.num_class_images lower")
    prompts = [SamplePrompt(image.prompt, "", *size, image.seed, SCALE, STEPS, SAMPLER) for image in images]
    progress(0, len(images))
    for done, (number, picture) in enumerate(painter.draw(prompts), start=1):
        image = images[number]
        image.path.parent.mkdir(parents=True, exist_ok=True)
        if image.caption_path is not None and not image.caption_path.exists():
            atomic_text(image.caption_path, image.prompt + "\n", overwrite=False)
        if not image.path.exists():
            atomic_write(image.path, partial(picture.save, format="PNG"), overwrite=False)
        progress(done, len(images))
