"""Tables of implied tags: "cat ears" brings "animal ears".

cat ears -> animal ears, ears          a line of one's own
cat_ears,animal_ears                   danbooru's tag_implications as CSV; further columns are not read
"""

from __future__ import annotations

from pathlib import Path

from kohya_like.schema.errors import FormatError

LIMIT = 64 << 20  # bytes
_HEADS = frozenset({"antecedent_name", "antecedent", "tag"})


def read_implied(path: Path, spaces: bool = True) -> dict[str, tuple[str, ...]]:
    """What each tag implies, by tag. `spaces`: underscores become spaces. # begins a comment line.

    Raises:
        FormatError: the file cannot be read, is no UTF-8 text, or a line of it says nothing.
    """
    table: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(_text(path).splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        tag, arrow, implied = line.partition("->")
        if arrow:
            words = [word.strip() for word in implied.split(",")]
        else:
            tag, *rest = (word.strip().strip('"') for word in line.split(","))
            words = rest[:1]
            if tag in _HEADS:
                continue
        found = [_tag(word, spaces) for word in words if word]
        if not tag.strip() or not found:
            raise FormatError(f"{path}: line {number} implies nothing", 'write "cat ears -> animal ears"')
        key = _tag(tag, spaces)
        table[key] = tuple(dict.fromkeys([*table.get(key, ()), *found]))
    return table


def _tag(word: str, spaces: bool) -> str:
    return word.strip().replace("_", " ") if spaces else word.strip()


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LIMIT:
            raise FormatError(f"{path}: is larger than {LIMIT >> 20} MiB", "leave out what is not needed")
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise FormatError(f"{path}: cannot be read ({error.strerror})", "check the path") from None
    except UnicodeDecodeError:
        raise FormatError(f"{path}: is not UTF-8 text", "save it as UTF-8") from None
