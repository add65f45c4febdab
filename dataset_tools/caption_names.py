"""Which caption file belongs to which picture of a folder, as training finds it, and what is wrong with the names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kohya_like.data.folders import named, times
from kohya_like.data.records import plain
from kohya_like.data.sidecar import picture_stems, sidecars_by_stem
from kohya_like.schema.errors import Fault, Severity


@dataclass(frozen=True)
class CaptionNames:
    """The caption files of a folder."""

    by_stem: dict[str, str]
    names: frozenset[str]
    extension: str

    @classmethod
    def among(cls, files: Iterable[str], extension: str) -> CaptionNames:
        by_stem = sidecars_by_stem(files, extension)
        return cls(by_stem, frozenset(by_stem.values()), extension)

    def of(self, picture: str) -> str | None:
        """The caption file's name; None where there is none."""
        return next((found for stem in picture_stems(picture) if (found := self.by_stem.get(stem))), None)


@dataclass(frozen=True)
class Belonging:
    """The caption files of some pictures, in their order.

    `found`: None where there is none; `unusual`: by id, where it is not called like the picture; `sharing`: by id, all
    pictures that have a file in common.
    """

    found: list[str | None]
    unusual: dict[int, str]
    sharing: dict[int, tuple[int, ...]]
    faults: tuple[Fault, ...]


def belonging(folder: str, pictures: Sequence[str], ids: Sequence[int], captions: CaptionNames) -> Belonging:
    """Which caption file each of a folder's pictures has, and clashes of their names."""
    usual = [picture[: picture.rindex(".")] + captions.extension for picture in pictures]
    found = [
        expected if expected in captions.names and expected.isascii() else captions.of(picture)
        for picture, expected in zip(pictures, usual)
    ]
    files = [file or expected for file, expected in zip(found, usual)]
    unusual = {}
    if files != usual:
        unusual = {number: file for number, file, expected in zip(ids, files, usual) if file != expected}
    if _is_plain(pictures, captions, files):
        return Belonging(found, unusual, {}, ())
    return Belonging(found, unusual, _sharing(files, ids), tuple(_name_faults(folder, pictures, captions)))


def _is_plain(pictures: Sequence[str], captions: CaptionNames, files: Sequence[str]) -> bool:
    """Whether no two pictures share a caption, every caption has a picture, and no two names differ only in case."""
    used = set(files)
    if len(used) < len(files) or not captions.names <= used:
        return False
    joined = "\0".join([*pictures, *captions.names])
    if joined == joined.lower():  # as with most sets, and told in a tenth of the time
        return True
    return len(set(joined.lower().split("\0"))) == len(pictures) + len(captions.names)


def _sharing(files: Sequence[str], ids: Sequence[int]) -> dict[int, tuple[int, ...]]:
    users: dict[str, list[int]] = {}
    for number, file in zip(ids, files):
        users.setdefault(file, []).append(number)
    return {number: tuple(sorted(group)) for group in users.values() if len(group) > 1 for number in group}


def one_fault(
    names: Sequence[str], thing: str, text: str, mend: str, code: str, where: str, severity: Severity = "warning"
) -> Iterator[Fault]:
    """'3 caption files TEXT: a.txt, b.txt, c.txt', if there are any."""
    if names:
        yield Fault(f"{times(len(names), thing)} {text}: {named(names)}", "", plain(where), mend, severity, code)


def _name_faults(folder: str, pictures: Sequence[str], captions: CaptionNames) -> Iterator[Fault]:
    """What is wrong with the names in a folder: shared captions, clashes of case, captions without a picture."""
    by_stem: dict[str, list[str]] = {}
    by_lower: dict[str, list[str]] = {}
    used: set[str] = set()
    for name in pictures:
        stems = picture_stems(name)
        by_stem.setdefault(stems[0], []).append(name)
        by_lower.setdefault(name.lower(), []).append(name)
        used.update(stems)
    for name in captions.by_stem.values():
        by_lower.setdefault(name.lower(), []).append(name)
    shared = [" = ".join(names) for names in by_stem.values() if len(names) > 1]
    clashes = [" = ".join(names) for names in by_lower.values() if len(names) > 1]
    orphans = [name for stem, name in sorted(captions.by_stem.items()) if stem not in used]

    def _say(names: Sequence[str], thing: str, text: str, mend: str, code: str) -> Iterator[Fault]:
        return one_fault(names, thing, text, mend, code, folder)

    cure = "rename them like their picture, or delete them"
    sharing = "used by several pictures, which share one caption"
    yield from _say(shared, "name", sharing, "rename one of them", "same-stem")
    yield from _say(clashes, "name", "that differ only in case", "Windows and macOS take them for one", "case-clash")
    yield from _say(orphans, "caption file", "without a picture", cure, "orphans")
