"""Which folders are concepts: `10_sks cat` is ten repeats of the class words "sks cat".

kohya reads one level below the folder given. A person often gives the concept folder itself, or the folder above; both
are understood or explained. What is not used is named, since a picture left out silently is the worst fault of all.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kohya_like.data.records import plain
from kohya_like.schema.errors import Fault, Severity

MAX_REPEATS = 10_000
SORTED_AT_ONCE = 20_000  # names
PICTURE_EXTENSIONS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".avif", ".jxl")
HIDDEN_NAMES = frozenset(
    {"$recycle.bin", "system volume information", "__macosx", "@eadir", "lost+found", "thumbs.db", "desktop.ini"}
)
_NUMBERED = re.compile(r"\s*([0-9]+)(?:_(.*))?", re.DOTALL)


@dataclass(frozen=True)
class Named:
    """What a folder's name says. `refusal` tells why it is no concept: "number", "zero", "width" or "many"."""

    repeats: int = 0
    class_tokens: str = ""
    refusal: str = ""


@dataclass(frozen=True)
class Found:
    """A concept folder before it is read."""

    folder: Path
    root: Path  # symlinks may lead anywhere below this
    name: str
    repeats: int
    class_tokens: str


@dataclass
class Walk:
    """What a walk over folders collects besides its result."""

    faults: list[Fault] = field(default_factory=list)
    hidden: int = 0
    symlinks: int = 0

    def take(self, other: Walk, without: Sequence[str] = ()) -> None:
        """Add what another walk collected, but for the faults with these codes."""
        self.faults += [fault for fault in other.faults if fault.code not in without]
        self.hidden += other.hidden
        self.symlinks += other.symlinks


@dataclass
class Listing:
    """The entries of a folder that count, by kind, sorted by name."""

    files: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)

    @property
    def pictures(self) -> list[str]:
        return [name for name in self.files if is_picture(name)]


def is_picture(name: str) -> bool:
    """By its extension, in any mixture of cases."""
    return name.lower().endswith(PICTURE_EXTENSIONS)


def read_name(name: str) -> Named:
    """'10_sks cat' -> 10, 'sks cat';  '010_a_b' -> 10, 'a_b';  '10' -> 10, ''."""
    match = _NUMBERED.fullmatch(name)
    if match is None:
        return Named(refusal="width" if _begins_with_foreign_digit(name) else "number")
    repeats = int(match[1])
    refusal = "zero" if repeats == 0 else "many" if repeats > MAX_REPEATS else ""
    return Named(repeats, plain(match[2] or "").strip(), refusal)


def _begins_with_foreign_digit(name: str) -> bool:
    first = name.strip()[:1]
    return bool(first) and not first.isascii() and unicodedata.category(first) == "Nd"


def named(names: Sequence[str], shown: int = 5) -> str:
    """'a, b, c, d, e and 7 more'."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(plain(name) for name in names[:shown]) + more


def times(count: int, thing: str) -> str:
    """'1 picture', '3 pictures'."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def list_folder(folder: Path, root: Path, walk: Walk) -> Listing:
    """The files and folders in `folder`. Symlinks are followed only inside `root`, and never upwards.

    Raises:
        OSError: the folder cannot be read.
    """
    listing = Listing()
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name.lower() in HIDDEN_NAMES:
                walk.hidden += 1
            elif entry.is_symlink() and not _stays_inside(entry.path, root):
                walk.symlinks += 1
            elif entry.is_dir():
                listing.folders.append(entry.name)
            elif entry.is_file():
                listing.files.append(entry.name)
            else:  # a pipe, a socket, a device
                walk.hidden += 1
    _sort(listing.files)
    listing.folders.sort()
    return listing


def _sort(names: list[str]) -> None:
    """In slices: one sort of 200,000 names would hold Python, and a window, for a tenth of a second. The last sort
    finds the sorted runs and only merges them."""
    for start in range(0, len(names), SORTED_AT_ONCE):
        names[start : start + SORTED_AT_ONCE] = sorted(names[start : start + SORTED_AT_ONCE])
    names.sort()


def _stays_inside(link: str, root: Path) -> bool:
    """Whether a symlink leads to something below `root`, and not to a folder that holds the link itself."""
    try:
        target = os.path.realpath(link, strict=True)
    except OSError:  # a loop, or nothing there
        return False
    top = os.path.realpath(root).rstrip(os.sep)
    upwards = (os.path.realpath(os.path.dirname(link)) + os.sep).startswith(target + os.sep)
    return target.startswith(top + os.sep) and not upwards


def open_folder(given: str, key: str, walk: Walk) -> tuple[Path, Listing] | None:
    """The folder a person named, with its entries; None after saying why not."""
    folder = Path(os.path.abspath(os.path.expanduser(given)))
    where = plain(str(folder))
    try:
        return folder, list_folder(folder, folder, walk)
    except FileNotFoundError:
        nearest = next(parent for parent in folder.parents if parent.exists())
        mend = f"{plain(str(nearest))} exists, {plain(folder.relative_to(nearest).parts[0])} in it does not"
        walk.faults.append(Fault("does not exist", key, where, mend, code="no-folder"))
    except NotADirectoryError:
        mend = "give the folder it is in"
        walk.faults.append(Fault("is a file, not a folder", key, where, mend, code="not-a-folder"))
    except OSError as error:
        mend = "check its permissions"
        text = f"cannot be read ({error.strerror or error})"
        walk.faults.append(Fault(text, key, where, mend, code="unreadable-folder"))
    return None


def find_concepts(given: str, key: str, walk: Walk) -> list[Found]:
    """The concept folders in the folder named by the option `key`, which may be one of them itself."""
    opened = open_folder(given, key, walk)
    if opened is None:
        return []
    folder, listing = opened
    readings = {name: read_name(name) for name in listing.folders}
    found = [
        Found(folder / name, folder, name, reading.repeats, reading.class_tokens)
        for name, reading in readings.items()
        if not reading.refusal
    ]
    own = read_name(folder.name)
    where = plain(str(folder))
    if not found and listing.pictures and not own.refusal:
        text = (
            f'is a concept folder itself: read as the concept "{own.class_tokens}" with {times(own.repeats, "repeat")}'
        )
        mend = f"to train its neighbours as well, give {plain(str(folder.parent))}"
        walk.faults.append(Fault(text, key, where, mend, "hint", "leaf"))
        return [Found(folder, folder, folder.name, own.repeats, own.class_tokens)]
    walk.faults += refusals(readings, key, where)
    if found and listing.pictures:
        text = f"beside the concept folders, not used: {named(listing.pictures)}"
        mend = "move them into a folder such as 10_name"
        walk.faults.append(Fault(text, key, where, mend, "warning", "loose-pictures"))
    if not found:
        walk.faults.append(_nothing_found(folder, listing, key))
    return found


_REFUSALS: dict[str, tuple[str, Severity, str]] = {
    "zero": ("folders with 0 repeats are not used", "warning", "begin the name with 1 or more"),
    "number": ("folders without a number in front are not used", "warning", "name them like 10_cat"),
    "width": ("folders whose number is not in the plain digits 0-9", "error", "type it in half width: 10_cat"),
    "many": (f"folders with more than {MAX_REPEATS} repeats", "error", "a date? begin the name with the repeats"),
}  # fmt: skip


def refusals(readings: dict[str, Named], key: str, where: str) -> Iterator[Fault]:
    """One sentence for each reason why some of these folders are no concepts."""
    for refusal, (text, severity, mend) in _REFUSALS.items():
        names = [f'"{name}"' for name, reading in readings.items() if reading.refusal == refusal]
        if names:
            yield Fault(f"{text}: {named(names)}", key, where, mend, severity, f"folder-{refusal}")


def _nothing_found(folder: Path, listing: Listing, key: str) -> Fault:
    where = plain(str(folder))
    if listing.pictures:
        text = f"holds {times(len(listing.pictures), 'picture')}, but its name has no number of repeats"
        mend = f'put them into a folder "10_{plain(folder.name)}" in it: 10 repeats, then the class words'
        return Fault(text, key, where, mend, code="no-repeats")
    for name in listing.folders:
        if any(not read_name(inner).refusal for inner in _folder_names(folder / name)):
            mend = f"the concept folders are one level deeper: give {plain(str(folder / name))}"
            return Fault("holds no concept folder", key, where, mend, code="no-concepts")
    if listing.folders:
        example = f"10_{plain(listing.folders[0])}"
        mend = f'name its folders like "{example}": repeats, _, class words'
        return Fault("holds no concept folder", key, where, mend, code="no-concepts")
    text = "holds no pictures" if listing.files else "is empty"
    return Fault(text, key, where, "put pictures into a folder such as 10_sks cat in it", code="no-concepts")


def _folder_names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
