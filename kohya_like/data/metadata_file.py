"""Captions out of a metadata file, as kohya's fine-tuning scripts make them, in place of caption files. No torch.

JSON: {"picture": {"caption": "...", "tags": "...", "train_resolution": [512, 768]}, ...}, where a picture is a path, a
file name, or a name without its extension. JSONL: a line {"image_path": "...", "caption": "..."} for each picture.
Caption and tags are joined by the separator, as kohya does. Sizes in the file are not used: pictures tell their own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kohya_like.data.sidecar import stem_key
from kohya_like.schema.errors import FormatError

LIMIT = 256 << 20  # bytes
NAMES = ("image_path", "file_name", "image", "path")  # of a picture in a JSONL line
TEXTS = ("caption", "text")


@dataclass(frozen=True)
class MetadataCaptions:
    """Lines by file name of a picture in the folder; and the entries that belong to none of them."""

    lines: dict[str, tuple[str, ...]]
    missing: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()  # pictures of other folders


def read_metadata(path: Path, folder: Path, pictures: Sequence[str], separator: str) -> MetadataCaptions:
    """The captions of a folder's pictures, given by file name. Raises FormatError for a file that is none of ours."""
    by_stem: dict[str, list[str]] = {}
    for name in pictures:
        by_stem.setdefault(stem_key(name.rpartition(".")[0]), []).append(name)
    whole = set(pictures)
    lines: dict[str, tuple[str, ...]] = {}
    missing, elsewhere = [], []
    for key, entry in entries(path):
        place, name = os.path.split(key.replace("\\", "/"))
        if is_elsewhere(place, folder):
            elsewhere.append(key)
            continue
        found = [name] if name in whole else by_stem.get(stem_key(name), [])
        if not found:
            missing.append(key)
        for one in found:
            lines[one] = lines_of(entry, separator)
    return MetadataCaptions(lines, tuple(missing), tuple(elsewhere))


def is_elsewhere(place: str, folder: Path) -> bool:
    """Whether a path's folder is another one; one of another machine counts by the picture alone, as in kohya."""
    given = folder / place if place else folder
    if given.is_dir():
        return os.path.realpath(given) != os.path.realpath(folder)
    absolute = place.startswith("/") or place[1:2] == ":"
    return not absolute and Path(place).parts != folder.parts[-len(Path(place).parts) :]


def entries(path: Path) -> Iterator[tuple[str, object]]:
    """What the file says of each picture, by the name it gives it. Raises FormatError."""
    text = _text(path)
    try:
        table = json.loads(text)
    except (ValueError, RecursionError):
        table = None
    if isinstance(table, dict) and not any(name in table for name in NAMES):
        yield from table.items()
        return
    try:
        rows = table if isinstance(table, list) else [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        raise FormatError(f"{path}: is neither JSON nor JSONL", "make it with kohya's tools, or take it out") from None
    for number, row in enumerate(rows, 1):
        name = (
            next((row[key] for key in NAMES if isinstance(row.get(key), str)), None) if isinstance(row, dict) else None
        )
        if name is None:
            raise FormatError(f"{path}: entry {number} names no picture", "each needs an image_path")
        yield name, row


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LIMIT:
            raise FormatError(f"{path}: is larger than {LIMIT >> 20} MiB", "split it, one file for each folder")
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror})", "check the path") from None
    except UnicodeDecodeError:
        raise FormatError(f"{path}: is not UTF-8 text", "save it as UTF-8") from None


def lines_of(entry: object, separator: str) -> tuple[str, ...]:
    """The lines of the caption in an entry."""
    if isinstance(entry, str):
        entry = {"caption": entry}
    if not isinstance(entry, Mapping):
        return ()
    caption = next((_joined(entry[key]) for key in TEXTS if entry.get(key)), "")
    tags = _joined(entry.get("tags"))
    whole = f"{caption}{separator} {tags}" if caption and tags else caption or tags
    return tuple(line for part in whole.splitlines() if (line := part.strip()))


def _joined(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value or "").strip()
