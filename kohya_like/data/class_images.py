"""Class pictures: what the base model itself draws of a class, so that a training can be held to it. No torch.

Prior preservation (DreamBooth, arXiv:2208.12242) trains pictures of the class in general beside those of the subject.
Where a person has too few of them, the base model draws the rest before the training, into the regularisation folder.
They are ordinary regularisation pictures from then on; nothing that lies there is touched.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import count
from pathlib import Path

from kohya_like.data.folders import read_name, times
from kohya_like.data.options import DataOptions, settings_of
from kohya_like.data.records import Concept, ConceptReport, Dataset, ImageRecord, Size
from kohya_like.schema.errors import Fault

BYTES_PER_PIXEL = 3  # of a PNG at most
_NOT_IN_NAMES = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
LONGEST_NAME = 80


@dataclass(frozen=True)
class ClassImage:
    """A picture that is to be drawn. Its seed depends on prompt and number alone."""

    path: Path
    prompt: str
    caption_path: Path | None = None  # where the folder's name cannot hold the prompt

    @property
    def seed(self) -> int:
        return int.from_bytes(blake2b(f"{self.prompt}/{self.path.stem}".encode(), digest_size=4).digest(), "big")


def class_prompts(options: DataOptions, concepts: Sequence[Concept]) -> tuple[str, ...]:
    """The prompts given, or the class words of each trained folder: "sks cat" is a trigger word and the class "cat"."""
    if options.class_prompts:
        return tuple(dict.fromkeys(options.class_prompts))
    words = [concept.class_tokens.split()[1:] for concept in concepts if not concept.is_reg]
    return tuple(dict.fromkeys(" ".join(one) for one in words if one))


def missing_class_images(options: DataOptions, dataset: Dataset) -> tuple[ClassImage, ...]:
    """What is to be drawn so that each class has `num_class_images` pictures, in order."""
    if not options.num_class_images or not options.reg_data_dir:
        return ()
    found: list[ClassImage] = []
    for prompt in class_prompts(options, dataset.concepts):
        number = _concept_of(prompt, dataset)
        have = sum(image.subset == number for image in dataset.images)
        folder = dataset.concepts[number].folder if number is not None else None
        folder = folder or Path(options.reg_data_dir) / f"1_{_safe(prompt)}"
        free = (path for i in count() if not (path := folder / f"class-{i:05d}.png").exists())
        ending = options.caption_extension if read_name(folder.name).class_tokens != prompt else None
        for path, _ in zip(free, range(options.num_class_images - have)):
            found.append(ClassImage(path, prompt, path.with_suffix(ending) if ending else None))
    return tuple(found)


def with_class_images(dataset: Dataset, images: Sequence[ClassImage], size: Size, options: DataOptions) -> Dataset:
    """The dataset as it will be once they are drawn: for counting steps, before there are any files."""
    concepts, reports, records = list(dataset.concepts), list(dataset.reports), list(dataset.images)
    for image in images:
        folder = image.path.parent
        number = next((i for i, concept in enumerate(concepts) if concept.folder == folder), None)
        if number is None:
            number = len(concepts)
            words, weight = read_name(folder.name).class_tokens, options.prior_loss_weight
            concepts.append(Concept(folder, folder.name, 1, words, True, settings_of(options), weight))
            reports.append(ConceptReport())
        name = f"reg/{concepts[number].name}/{image.path.name}"
        captions = (image.prompt,) if image.caption_path else ()
        records.append(ImageRecord(image.path, size, captions, image.caption_path, None, number, name))
    return replace(dataset, concepts=tuple(concepts), reports=tuple(reports), images=tuple(records))


def drawn_size(resolution: Size) -> Size:
    """Width and height as a model can draw them: latents are 8 pixels wide."""
    return resolution[0] // 8 * 8, resolution[1] // 8 * 8


def needed_bytes(images: Sequence[ClassImage], size: Size) -> int:
    """Disk space for the pictures, at most."""
    return len(images) * size[0] * size[1] * BYTES_PER_PIXEL


def class_image_faults(
    options: DataOptions, dataset: Dataset, images: Sequence[ClassImage], size: Size
) -> Iterator[Fault]:
    """What keeps them from being drawn, and a hint that they will be."""
    key = "data.num_class_images"
    if options.num_class_images and not options.reg_data_dir:
        mend = "set data.reg_data_dir to a folder for them; it may be empty or new"
        yield Fault("pictures are to be drawn, but there is no folder for them", key, mend=mend, code="class-folder")
    if options.num_class_images and not class_prompts(options, dataset.concepts):
        mend = "set data.class_prompts, or name the folders by trigger word and class, such as 10_sks cat"
        yield Fault("no folder's name tells a class", key, mend=mend, code="class-prompt")
    if not images:
        return
    if options.reg_data_dir and any(c.is_reg and c.folder == Path(options.reg_data_dir) for c in dataset.concepts):
        mend = f"give {Path(options.reg_data_dir).parent} as data.reg_data_dir"
        text = "pictures of another class are to be drawn, but data.reg_data_dir is the folder of one class"
        if any(image.path.parent != Path(options.reg_data_dir) for image in images):
            yield Fault(text, key, mend=mend, code="class-folder")
    folder = images[0].path.parent.parent
    needed, free = needed_bytes(images, size), free_bytes(folder)
    if free is not None and free < needed:
        text = f"{times(len(images), 'picture')} may need {needed >> 20} MB in {folder}, where {free >> 20} MB are free"
        yield Fault(text, key, mend="make room, or draw fewer", code="class-disk")
    text = f"{times(len(images), 'class picture')} will be drawn by the base model before the training, into {folder}"
    yield Fault(text, key, mend="nothing is wrong", severity="hint", code="class-images")


def free_bytes(folder: Path) -> int | None:
    """Free space where `folder` is or will be; None where that cannot be known."""
    there = next((one for one in (folder, *folder.absolute().parents) if one.exists()), None)
    try:
        return shutil.disk_usage(there).free if there else None
    except OSError:
        return None


def _concept_of(prompt: str, dataset: Dataset) -> int | None:
    """The regularisation folder that is there for this class already."""
    wanted = {prompt.lower(), _safe(prompt).lower()}
    for number, concept in enumerate(dataset.concepts):
        if concept.is_reg and concept.class_tokens.lower() in wanted:
            return number
    return None


def _safe(prompt: str) -> str:
    """A prompt as part of a folder's name."""
    return _NOT_IN_NAMES.sub(" ", prompt).strip(" .")[:LONGEST_NAME].strip(" .") or "class"
