"""What tags mean in another language, from tables on this machine that anybody may edit.

    long hair<TAB>长发<TAB>长头发          a tag, its translation, further words for it; # begins a remark
    long_hair,长发                        a CSV as the completion plug-ins share it is read as well

The project's own table (`tags_zh_CN.tsv`) comes first; tables of the user add to it and win over it.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from dataset_tools.name_index import NameIndex, folded
from kohya_like.formats.atomic import atomic_text
from kohya_like.schema.errors import FormatError

SHIPPED = Path(__file__).parent / "tags_zh_CN.tsv"
MOST_BYTES = 64 << 20
LONGEST = 200  # characters of a cell
_WEIGHT = re.compile(r"\(+([^()]+?)(?::\s*[\d.]+)?\)+")


def plain_tag(tag: str) -> str:
    """A tag as tables have it: (Long_Hair:1.2) -> long hair, rem \\(re:zero\\) -> rem (re:zero)."""
    if "\\" in tag:
        return folded(tag.replace("\\(", "(").replace("\\)", ")"))
    match = _WEIGHT.fullmatch(tag.strip())
    return folded(match[1] if match else tag)


class Translations:
    """Tags with their words; the first word of a tag is its translation. `skipped`: lines that were no row."""

    def __init__(self, rows: Iterable[tuple[str, Sequence[str]]], skipped: int = 0) -> None:
        """Later rows of a tag win over earlier ones; their words come in addition."""
        self._words: dict[str, tuple[str, ...]] = {}
        for tag, words in rows:
            self._words[tag] = tuple(dict.fromkeys([*words, *self._words.get(tag, ())]))
        pairs = [(word, tag) for tag, words in self._words.items() for word in words]
        self._index = NameIndex([word.lower() for word, _ in pairs])
        self._tags = [tag for _, tag in pairs]
        self._names = NameIndex([tag for tag in self._words if "\n" not in tag])
        self.skipped = skipped

    def __len__(self) -> int:
        return len(self._words)

    def of(self, tag: str) -> str:
        """The translation of a tag as it stands in a caption; "" where there is none."""
        words = self._words.get(plain_tag(tag))
        return words[0] if words else ""

    def words_of(self, tag: str) -> tuple[str, ...]:
        return self._words.get(plain_tag(tag), ())

    def tags_like(self, text: str, limit: int) -> list[str]:
        """Tags of the table that begin with this text, then those that have a word that does."""
        wanted = folded(text)
        numbers = [*self._names.starting(wanted, limit), *self._names.containing(wanted, limit, at_word=True)]
        return [self._names[number] for number in dict.fromkeys(numbers)][:limit]

    def tags_for(self, text: str, limit: int) -> list[tuple[str, str]]:
        """Tags with a word that is, begins with or has this text inside, and that word; the best first."""
        wanted = text.strip().lower()
        numbers = [*self._index.starting(wanted, 4 * limit), *self._index.containing(wanted, 4 * limit)]
        numbers.sort(key=lambda n: (not self._index[n].startswith(wanted), len(self._index[n])))
        best: dict[str, str] = {}
        for number in numbers:
            best.setdefault(self._tags[number], self._index[number])
        return list(best.items())[:limit]


def read_translations(*tables: Path, shipped: bool = True) -> Translations:
    """The tables in one, later ones winning; a table that is not there is an empty one. Raises FormatError."""
    rows: list[tuple[str, Sequence[str]]] = []
    skipped = 0
    for path in (*([SHIPPED] if shipped else []), *tables):
        for row in _lines(path):
            cells = [cell.strip() for cell in row]
            if len(cells) > 1 and cells[0] and cells[1] and all(len(cell) <= LONGEST for cell in cells):
                rows.append((plain_tag(cells[0]), [cell for cell in cells[1:] if cell]))
            else:
                skipped += 1
    return Translations(rows, skipped)


def write_translation(path: Path, tag: str, word: str) -> None:
    """Put a tag's translation into the user's own table, in place of the one it had there; "" takes it out.

    Other lines and remarks stay. Raises FormatError where the table cannot be read, OSError where not written.
    """
    wanted = plain_tag(tag)
    kept = [line for line in _text(path).splitlines() if line.startswith("#") or plain_tag(_first(line)) != wanted]
    cleaned = re.sub(r"\s+", " ", word).strip()
    rows = [*kept, f"{wanted}\t{cleaned}"] if cleaned else kept
    path.parent.mkdir(parents=True, exist_ok=True)
    atomic_text(path, "".join(f"{line}\n" for line in rows))


def _first(line: str) -> str:
    return next(csv.reader([line], delimiter=_delimiter(line)), [""])[0] if line.strip() else ""


def _delimiter(line: str) -> str:
    return "\t" if "\t" in line else ","


def _lines(path: Path) -> Iterable[list[str]]:
    """The rows of a table; blank lines and remarks are none."""
    lines = (line for line in _text(path).splitlines() if line.strip() and not line.startswith("#"))
    for line in lines:
        try:
            yield next(csv.reader([line], delimiter=_delimiter(line)))
        except (csv.Error, StopIteration):
            yield []


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise FormatError(f"{path}: is larger than {MOST_BYTES >> 20} MiB; no table of translations is")
        return path.read_text(encoding="utf-8-sig").replace("\0", "")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise FormatError(f"{path}: is not in UTF-8", "save it as UTF-8") from None
    except OSError as fault:
        raise FormatError(f"{path}: {fault.strerror or fault}") from None
