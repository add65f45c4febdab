"""Captions in and out of other files: jsonl and kohya's metadata json, and caption files of another extension.

    jsonl        {"image_path": "10_cat/a.png", "caption": "cat, dog"}          a line for each picture
    json         {"a.png": {"caption": "...", "tags": "...", ...}, ...}         kohya's fine-tuning scripts

Which picture an entry means is kohya's rule, read by the code that training uses (`kohya_like.data.metadata_file`).
Writing into a file that is there changes only the captions in it: entries of other pictures, unknown keys and the order
stay. Nothing here writes caption files: what comes in is handed to a session, which can undo it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dataset_tools.caption_file import decode
from dataset_tools.library import Library
from dataset_tools.reading import read_caption
from kohya_like.data.metadata_file import NAMES, TEXTS, entries, is_elsewhere, lines_of
from kohya_like.data.records import plain
from kohya_like.data.sidecar import stem_key
from kohya_like.schema.errors import FormatError, UserError

SEPARATOR = ","


@dataclass(frozen=True)
class Incoming:
    """Captions by picture, and the entries that belong to none of them. `label` is what undo calls it."""

    label: str
    texts: dict[int, str]
    missing: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()  # pictures whose caption cannot be read


class Finder:
    """Which pictures of a library an entry's name means: a path, a file name, or a name without its extension."""

    def __init__(self, library: Library) -> None:
        self._folders = {folder: self._names(library, folder) for folder in library.folders()}

    @staticmethod
    def _names(library: Library, folder: str) -> tuple[dict[str, int], dict[str, list[int]]]:
        whole: dict[str, int] = {}
        stems: dict[str, list[int]] = {}
        for id in library.ids_in(folder):
            name = os.path.basename(library.path(id))
            whole[name] = id
            stems.setdefault(stem_key(name.rpartition(".")[0]), []).append(id)
        return whole, stems

    def of(self, key: str) -> list[int]:
        """The pictures, more than one where several share the name; none if it is no picture of these folders."""
        place, name = os.path.split(key.replace("\\", "/"))
        found: list[int] = []
        for folder, (whole, stems) in self._folders.items():
            here = [whole[name]] if name in whole else stems.get(stem_key(name), [])
            if here and not is_elsewhere(place, Path(folder)):
                found += here
        return found


def read_table(path: Path, library: Library) -> Incoming:
    """The captions in a json or jsonl file for the pictures of a library. Raises FormatError."""
    finder = Finder(library)
    texts: dict[int, str] = {}
    missing: list[str] = []
    for key, entry in entries(path):
        found = finder.of(key)
        if not found:
            missing.append(key)
        for id in found:
            texts[id] = "\n".join(lines_of(entry, SEPARATOR))
    return Incoming(f"take captions from {plain(path.name)}", texts, tuple(missing))


def read_files(extension: str, library: Library) -> Incoming:
    """The captions in files of another extension beside the pictures: .caption files for a library of .txt."""
    texts: dict[int, str] = {}
    left_out: list[str] = []
    for id in library.ids():
        path = os.path.splitext(library.path(id))[0] + extension
        read = read_caption(path)
        if read.stamp is None and not read.caption.problem:
            continue
        if read.caption.editable:
            texts[id] = read.caption.text
        else:
            left_out.append(path)
    return Incoming(f"copy the captions in {extension} files", texts, (), tuple(left_out))


def table_text(path: Path, library: Library, ids: Iterable[int], field: str = "caption") -> str:
    """What the file would hold with the captions of these pictures in it; by its extension jsonl or json.

    Args:
        field: "caption" or "tags": where the text goes in an entry that has neither, or both.

    Raises:
        FormatError: the file that is there is none of these.
    """
    chosen = [id for id in ids if library.has_caption(id) or library.text(id)]
    wanted = dict(zip(chosen, library.texts(chosen)))
    if path.suffix.lower() == ".jsonl":
        return "".join(_jsonl(path, library, wanted, field))
    if path.suffix.lower() == ".json":
        return json.dumps(_json(path, library, wanted, field), ensure_ascii=False, indent=2) + "\n"
    raise UserError(f"{path}: captions go into .json or .jsonl", "name the file so")


def _jsonl(path: Path, library: Library, wanted: Mapping[int, str], field: str) -> Iterator[str]:
    rows: list[tuple[str, object]] = list(entries(path)) if path.exists() else []
    finder, done = Finder(library), set[int]()
    for key, row in rows:
        found = finder.of(key)
        done.update(found)
        text = next((wanted[id] for id in found if id in wanted), None)
        yield json.dumps(row if text is None else _with(row, text, field), ensure_ascii=False) + "\n"
    for id, text in wanted.items():
        if id not in done:
            yield json.dumps({NAMES[0]: _key(library, id), field: text}, ensure_ascii=False) + "\n"


def _json(path: Path, library: Library, wanted: Mapping[int, str], field: str) -> dict[str, object]:
    table: dict[str, object] = {}
    if path.exists():
        table = _table(path)
    finder, done = Finder(library), set[int]()
    for key, entry in table.items():
        found = finder.of(key)
        done.update(found)
        text = next((wanted[id] for id in found if id in wanted), None)
        if text is not None:
            table[key] = _with(entry, text, field)
    for id, text in wanted.items():
        if id not in done:
            table[_key(library, id)] = {field: text}
    return table


def _table(path: Path) -> dict[str, object]:
    caption = decode(path.read_bytes())
    try:
        table = json.loads(caption.text)
    except (ValueError, RecursionError):
        table = None
    if not isinstance(table, dict):
        raise FormatError(f"{path}: is no metadata file of kohya's", "give another name, and it is made new")
    return table


def _with(entry: object, text: str, field: str) -> object:
    """The entry with this caption; the same where it says that already."""
    if lines_of(entry, SEPARATOR) == tuple(line for part in text.splitlines() if (line := part.strip())):
        return entry
    if isinstance(entry, str) or not isinstance(entry, dict):
        return text if isinstance(entry, str) else {field: text}
    there = [key for key in (*TEXTS, "tags") if entry.get(key)]
    into = there[0] if len(there) == 1 else field
    new = {key: value for key, value in entry.items() if key == into or key not in there}
    return new | {into: text}


def _key(library: Library, id: int) -> str:
    """A name that is read back: of a single folder the file's, else its path."""
    path = library.path(id)
    return os.path.basename(path) if len(library.folders()) == 1 else path.replace(os.sep, "/")
