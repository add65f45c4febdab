"""`selected_tags.csv`: what the outputs of a WD14 model mean, in their order: name and category of each tag."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from dataset_tools.proposals import RATING
from kohya_like.schema.errors import FormatError

FILE = "selected_tags.csv"
# danbooru's numbers, and 9, by which WD14 marks ratings
CATEGORIES = {"0": "general", "1": "artist", "3": "copyright", "4": "character", "5": "meta", "9": RATING}
LARGEST_BYTES, MOST_TAGS, LONGEST_NAME = 32 << 20, 200_000, 500


@dataclass(frozen=True)
class TagTable:
    """Names in the order of the model's outputs, and the outputs of each category."""

    names: tuple[str, ...]
    categories: dict[str, tuple[int, ...]]


def read_selected_tags(path: Path) -> TagTable:
    """The tags of a model. Raises FormatError: not there, no such table, too large."""
    names: list[str] = []
    categories: dict[str, list[int]] = {}
    reader = csv.reader(io.StringIO(_text(path), newline=""))
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
        if not {"name", "category"} <= set(header):
            raise FormatError(f"{path}: is no table of tags: its first line names no columns name and category")
        name_at, category_at = header.index("name"), header.index("category")
        for row in reader:
            if not row:
                continue
            if len(row) <= max(name_at, category_at) or not 0 < len(row[name_at].strip()) <= LONGEST_NAME:
                raise FormatError(f"{path}, line {reader.line_num}: is no tag with a name and a category")
            if len(names) == MOST_TAGS:
                raise FormatError(f"{path}: has more than {MOST_TAGS:,} tags; no model has as many")
            categories.setdefault(CATEGORIES.get(row[category_at].strip(), "other"), []).append(len(names))
            names.append(row[name_at].strip())
    except csv.Error as error:
        raise FormatError(f"{path}, line {reader.line_num}: is no line of a table ({error})") from error
    if not names:
        raise FormatError(f"{path}: has no tags")
    return TagTable(tuple(names), {name: tuple(found) for name, found in categories.items()})


def _text(path: Path) -> str:
    try:
        if not path.is_file():
            raise FormatError(f"{path}: there is no such file", f"{FILE} lies beside the model where it is published")
        if path.stat().st_size > LARGEST_BYTES:
            raise FormatError(f"{path}: is larger than {LARGEST_BYTES >> 20} MB; no table of tags is")
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"{path}: is not in UTF-8", "download it again") from error
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror})") from error
