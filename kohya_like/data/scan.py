"""Reads the folders of a dataset: which concepts, which pictures, which captions, and what is wrong with them.

Nothing is raised for a bad folder or file, and nothing is decoded: a few kilobytes of each picture are read. The result
does not depend on the order in which the file system lists its entries.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from kohya_like.data.concept import ConceptReader, Reading, ReadingRules
from kohya_like.data.folders import Found, Walk, find_concepts, named, open_folder, read_name
from kohya_like.data.metadata_file import read_metadata
from kohya_like.data.options import DataOptions, SubsetOptions, settings_of
from kohya_like.data.records import Concept, ConceptReport, Dataset, ImageRecord, Skipped, plain
from kohya_like.schema.errors import Fault, FormatError

_NO_PICTURES = ("no-folder", "no-concepts")  # codes of a folder that class pictures are still to be drawn into

__all__ = ["Concept", "ConceptReport", "Dataset", "ImageRecord", "Skipped", "scan"]


@dataclass(frozen=True)
class _Source:
    """A folder to read, with what the options say of it."""

    found: Found
    is_reg: bool
    subset: SubsetOptions | None = None
    captions: dict[str, tuple[str, ...]] | None = None


def scan(
    options: DataOptions,
    smallest: int = 8,
    progress: Callable[[str, int], None] | None = None,
    read: Callable[[ConceptReader], Reading] = ConceptReader.read,
) -> Dataset:
    """Read all folders named in the options.

    Args:
        options: the `data` section.
        smallest: pixels; a picture with a shorter side than this (the bucket step) is left out.
        progress: called with a concept's name and the number of its pictures read so far, every few hundred.
        read: reads one concept folder; the window gives one that remembers.

    Returns: usable pictures sorted by identity; faults are values in it, nothing is raised for bad folders or files.
    """
    walk = Walk()
    rules = ReadingRules(options.bucket_reso_steps or smallest, options.masked_loss, progress)
    concepts, reports, images = [], [], []
    prefixes: set[str] = set()
    for number, source in enumerate(_sources(options, walk)):
        concept = _concept(source, options)
        prefix = _unique(f"reg/{plain(concept.name)}" if source.is_reg else plain(concept.name), prefixes)
        records, report = read(ConceptReader(concept, number, source.found.root, prefix, rules, walk))
        concepts.append(concept)
        reports.append(report)
        images += records
    to_be_drawn = bool(options.num_class_images)
    faults = [*walk.faults, *_of_links(walk), *_of_nothing(concepts, reports, walk, to_be_drawn)]
    return Dataset(
        concepts=tuple(concepts),
        images=_in_order(images),
        faults=tuple(faults),
        reports=tuple(reports),
        skipped=Skipped(walk.hidden, walk.symlinks),
    )


def _sources(options: DataOptions, walk: Walk) -> list[_Source]:
    """Concept folders of both parents, then single folders; one that is both has the options of the single folder."""
    single = {os.path.realpath(source.found.folder): source for source in _single_folders(options, walk)}
    found: list[_Source] = []
    for given, key, is_reg in (
        (options.train_data_dir, "data.train_data_dir", False),
        (options.reg_data_dir, "data.reg_data_dir", True),
    ):
        own_walk = Walk()
        folders = find_concepts(given, key, own_walk) if given else []
        walk.take(own_walk, without=_NO_PICTURES if is_reg and options.num_class_images else ())
        for one in folders:
            own = single.pop(os.path.realpath(one.folder), None)
            found.append(_Source(one, is_reg or own.is_reg, own.subset, own.captions) if own else _Source(one, is_reg))
    return found + list(single.values())


def _single_folders(options: DataOptions, walk: Walk) -> Iterator[_Source]:
    seen: set[str] = set()
    for i, subset in enumerate(options.subsets):
        key = f"data.subsets[{i}].image_dir"
        opened = open_folder(subset.image_dir, key, walk)
        if opened is None:
            continue
        folder, listing = opened
        where = plain(str(folder))
        if not listing.pictures and any(not read_name(name).refusal for name in listing.folders):
            mend = "give it as data.train_data_dir"
            walk.faults.append(Fault("holds concept folders, not pictures", key, where, mend, code="parent-folder"))
            continue
        real = os.path.realpath(folder)
        if real in seen:
            mend = "take one of them out"
            walk.faults.append(Fault("is listed twice; the second is not used", key, where, mend, "warning", "twice"))
            continue
        seen.add(real)
        says = read_name(folder.name)
        repeats, words = (1, "") if says.refusal else (says.repeats, says.class_tokens)
        captions = _metadata(subset, options, folder, listing.pictures, f"data.subsets[{i}].metadata_file", walk)
        yield _Source(Found(folder, folder, folder.name, repeats, words), subset.is_reg, subset, captions)


def _metadata(
    subset: SubsetOptions, options: DataOptions, folder: Path, pictures: list[str], key: str, walk: Walk
) -> dict[str, tuple[str, ...]] | None:
    """The captions of a subset's metadata file; what is wrong with it is told. None where it has none."""
    if not subset.metadata_file:
        return None
    path = Path(subset.metadata_file)
    where = plain(str(path))
    try:
        found = read_metadata(path, folder, pictures, settings_of(options, subset).caption_separator)
    except FormatError as error:
        text = error.text.removeprefix(f"{path}: ")
        walk.faults.append(Fault(text, key, where, error.hint, code="metadata-file"))
        return {}
    if found.missing:
        text, mend = f"names pictures that are not there: {named(found.missing)}", "give the folder it was made for"
        walk.faults.append(Fault(text, key, where, mend, "warning", "metadata-entries"))
    if found.elsewhere:
        text, mend = f"names pictures of other folders: {named(found.elsewhere)}", "list each folder in data.subsets"
        walk.faults.append(Fault(text, key, where, mend, "warning", "metadata-entries"))
    return found.lines


def _concept(source: _Source, options: DataOptions) -> Concept:
    found, subset = source.found, source.subset
    own_weight = subset.loss_weight if subset else 1.0
    return Concept(
        folder=found.folder,
        name=found.name,
        repeats=(subset.num_repeats if subset else None) or found.repeats,
        class_tokens=(subset.class_tokens if subset else None) or found.class_tokens,
        is_reg=source.is_reg,
        settings=settings_of(options, subset),
        loss_weight=own_weight * (options.prior_loss_weight if source.is_reg else 1.0),
        captions=source.captions,
    )


def _unique(prefix: str, taken: set[str]) -> str:
    """Two folders of one name in different places must not share identities."""
    name, number = prefix, 1
    while name in taken:
        number += 1
        name = f"{prefix}#{number}"
    taken.add(name)
    return name


def _in_order(images: list[ImageRecord]) -> tuple[ImageRecord, ...]:
    """Sorted by identity; names that are equal but for their Unicode form are told apart by a number."""
    images = sorted(images, key=lambda image: (image.identity, str(image.path)))
    taken: set[str] = set()
    for i, image in enumerate(images):
        if image.identity in taken:
            images[i] = image = replace(image, identity=_unique(image.identity, taken))
        taken.add(image.identity)
    return tuple(sorted(images, key=lambda image: image.identity))


def _of_links(walk: Walk) -> Iterator[Fault]:
    if walk.symlinks:
        text = f"symlinks skipped: {walk.symlinks}; they lead out of the dataset folder, in a circle or nowhere"
        mend = "copy the files, or name their folder in data.subsets"
        yield Fault(text, "data.train_data_dir", "", mend, "warning", "symlinks")


def _of_nothing(
    concepts: list[Concept], reports: list[ConceptReport], walk: Walk, to_be_drawn: bool
) -> Iterator[Fault]:
    """Nothing to train is an error; so is a regularisation folder without a picture, unless they are to be drawn."""
    if any(fault.severity == "error" for fault in walk.faults):
        return  # which says why
    trained = sum(report.images for concept, report in zip(concepts, reports) if not concept.is_reg)
    if not trained:
        mend = "give a folder that holds folders such as 10_sks cat with pictures in them"
        yield Fault("there is no usable picture to train on", "data.train_data_dir", "", mend, code="no-images")
    regularising = [report.images for concept, report in zip(concepts, reports) if concept.is_reg]
    if trained and regularising and not sum(regularising) and not to_be_drawn:
        mend = "add pictures of the class, or leave it empty"
        yield Fault("there is no usable regularisation picture", "data.reg_data_dir", "", mend, code="no-images")
