"""The verbs that take captions in from other files, and give them out."""

from __future__ import annotations

import argparse
import difflib
from pathlib import Path

from dataset_tools.verbs_edits import Adder, add_choice, add_folder, chosen, opened, set_texts
from kohya_like.console import say
from kohya_like.data.folders import named, times
from kohya_like.schema.errors import UserError


def add_exchange_verbs(verb: Adder) -> None:
    """import, export, copy-captions."""
    sub = verb("import", import_verb, "Take captions from a .json (kohya's metadata) or .jsonl file.")
    add_folder(sub)
    sub.add_argument("file", type=Path, metavar="FILE")
    sub.add_argument("--dry-run", action="store_true", help="print the changes as a diff, write nothing")

    sub = verb("export", export_verb, "Write captions into a .json (kohya's metadata) or .jsonl file.")
    add_folder(sub)
    sub.add_argument("file", type=Path, metavar="FILE")
    sub.add_argument("--field", choices=["caption", "tags"], default="caption", help="where the text goes")
    sub.add_argument(
        "--update", action="store_true", help="change the captions in a file that is there; the rest stays"
    )
    add_choice(sub)

    sub = verb("copy-captions", copy_verb, "Write the captions of one kind of file into another: .txt to .caption.")
    add_folder(sub)
    sub.add_argument("source", metavar="FROM", help="the extension to read, such as .caption; --extension is written")
    sub.add_argument("--dry-run", action="store_true", help="print the changes as a diff, write nothing")


def import_verb(arguments: argparse.Namespace) -> int:
    """Captions of a table into caption files, as one entry of undo."""
    from dataset_tools.exchange import read_table

    library = opened(arguments)
    incoming = read_table(arguments.file, library)
    if incoming.missing:
        say(f"pictures that are not here: {named(incoming.missing)}", error=True)
    return set_texts(library, incoming.label, incoming.texts, arguments.dry_run)


def copy_verb(arguments: argparse.Namespace) -> int:
    """Captions of other files into those of --extension, as one entry of undo."""
    from dataset_tools.exchange import read_files

    extension = "." + arguments.source.lstrip(".")
    library = opened(arguments)
    incoming = read_files(extension, library)
    if incoming.left_out:
        say(f"left out, convert them to UTF-8 first: {named(incoming.left_out)}", error=True)
    return set_texts(library, incoming.label, incoming.texts, arguments.dry_run)


def export_verb(arguments: argparse.Namespace) -> int:
    """Captions into a table; a table that is there is changed only with --update."""
    from dataset_tools.exchange import table_text
    from kohya_like.formats.atomic import atomic_text

    path = arguments.file
    if path.exists() and not arguments.update:
        raise UserError(f"{path}: already exists", "--update changes the captions in it and keeps all else")
    library = opened(arguments)
    ids = chosen(library, arguments.only)
    text = table_text(path, library, ids, arguments.field)
    if arguments.dry_run:
        old = path.read_text(encoding="utf-8-sig") if path.exists() else ""
        names = (str(path) if path.exists() else "/dev/null", str(path))
        for line in difflib.unified_diff(old.splitlines(), text.splitlines(), *names, lineterm="", n=0):
            say(line)
        return 0
    atomic_text(path, text, overwrite=arguments.update)
    say(f"{times(len(ids), 'caption')} written to {path}")
    return 0
