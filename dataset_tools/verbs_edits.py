"""The verbs that edit captions, one for each edit, and those that take edits back."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from kohya_like.console import say
from kohya_like.data.folders import times
from kohya_like.data.records import plain
from kohya_like.schema.errors import UserError

if TYPE_CHECKING:
    from dataset_tools.edits import Edit
    from dataset_tools.library import Library
    from dataset_tools.preview import Preview
    from dataset_tools.session import CaptionSession

Run = Callable[[argparse.Namespace], int]
Adder = Callable[[str, Run, str], argparse.ArgumentParser]
Maker = Callable[[argparse.Namespace], "Edit"]


def add_edit_verbs(verb: Adder) -> None:
    """A verb for each edit; then undo, redo and history."""

    def edit(name: str, make: Maker, help: str) -> argparse.ArgumentParser:
        sub = verb(name, lambda arguments: edit_verb(arguments, make), help)
        add_folder(sub)
        add_choice(sub)
        return sub

    _tag_verbs(edit)
    _word_verbs(edit)
    for name, help in (
        ("undo", "Take the last edit of these captions back."),
        ("redo", "Do again what was undone last."),
        ("history", "List the edits of these captions that can be undone, oldest first."),
    ):
        add_folder(verb(name, history_verb, help))


def _tag_verbs(edit: Callable[[str, Maker, str], argparse.ArgumentParser]) -> None:
    from dataset_tools import edits

    sub = edit("add", lambda a: edits.AddTags(tags_in(a.tags), a.at), "Add tags that are not there yet.")
    sub.add_argument("tags", nargs="+", metavar="TAG", help="commas part tags as well")
    sub.add_argument("--at", type=int, help="before the tag of this number, from 0; -1: before the last; default: end")
    sub = edit("remove", lambda a: edits.RemoveTags(tags_in(a.tags)), "Remove tags.")
    sub.add_argument("tags", nargs="+", metavar="TAG")
    sub = edit("rename", lambda a: edits.RenameTag(_one(a.old), _one(a.new)), "Rename a tag.")
    sub.add_argument("old", metavar="OLD")
    sub.add_argument("new", metavar="NEW")
    sub = edit("replace", lambda a: edits.ReplaceTag(_one(a.old), tags_in(a.new)), "Put other tags in place of one.")
    sub.add_argument("old", metavar="OLD")
    sub.add_argument("new", nargs="+", metavar="NEW")
    sub = edit("move", lambda a: edits.MoveTag(_one(a.tag), a.to), "Move a tag to a place.")
    sub.add_argument("tag", metavar="TAG")
    sub.add_argument("--to", type=int, default=0, help="from 0; -1 is the last; default: the first")
    sub = edit("trigger", lambda a: edits.AddTrigger(_one(a.word)), "Put a trigger word first.")
    sub.add_argument("word", metavar="WORD")
    sub = edit("sort", lambda a: edits.SortTags(a.by, a.keep), "Sort the tags.")
    sub.add_argument("--by", choices=["name", "count", "length"], default="name")
    sub.add_argument("--keep", type=int, default=0, help="so many tags in front stay")
    edit("dedupe", lambda a: edits.Dedupe(), "Remove tags that stand there twice.")
    sub = edit("imply", lambda a: edits.AddImplied(_table(a.table, a.spaces)), "Add the tags that others imply.")
    sub.add_argument("table", type=Path, metavar="TABLE", help='lines "cat ears -> animal ears", or danbooru\'s CSV')
    sub.add_argument("--underscores", dest="spaces", action="store_false", help="do not make spaces of underscores")
    sub = edit("drop-rare", lambda a: edits.DropRare(a.minimum, a.keep), "Remove tags that few captions have.")
    sub.add_argument("minimum", type=int, metavar="MINIMUM", help="tags in fewer captions go")
    sub.add_argument("--keep", type=int, default=0, help="so many tags in front stay")


def _word_verbs(edit: Callable[[str, Maker, str], argparse.ArgumentParser]) -> None:
    from dataset_tools import edits

    sub = edit(
        "regex",
        lambda a: edits.RegexReplace(a.pattern, a.replacement, a.scope, a.ignore_case),
        "Replace what a regular expression matches; groups are \\1 and \\g<name>.",
    )
    sub.add_argument("pattern", metavar="PATTERN")
    sub.add_argument("replacement", metavar="REPLACEMENT")
    sub.add_argument("--scope", choices=["text", "line", "tags"], default="text", help="the file, its line, each tag")
    sub.add_argument("--ignore-case", action="store_true")
    sub = edit("case", lambda a: edits.ChangeCase(a.case), "Change the case of all tags.")
    sub.add_argument("case", choices=["lower", "upper", "title"])
    sub = edit("underscores", lambda a: edits.Underscores(not a.back, tags_in(a.keep)), "Underscores become spaces.")
    sub.add_argument("--back", action="store_true", help="spaces become underscores")
    sub.add_argument("--keep", nargs="*", default=[], metavar="TAG", help="these stay; faces such as ^_^ always do")
    sub = edit("prefix", lambda a: edits.AddPrefix(a.text), "Put a text before each caption, as it is.")
    sub.add_argument("text", metavar="TEXT")
    sub = edit("suffix", lambda a: edits.AddSuffix(a.text), "Put a text behind each caption, as it is.")
    sub.add_argument("text", metavar="TEXT")
    sub = edit("set", lambda a: edits.SetText(a.text), "Write this as the whole caption.")
    sub.add_argument("text", metavar="TEXT")
    sub = edit("to-utf8", lambda a: edits.ConvertEncoding(a.encoding), "Save captions of another encoding as UTF-8.")
    sub.add_argument("--from", dest="encoding", default="gb18030", metavar="ENCODING", help="default: gb18030 (GBK)")


def add_folder(sub: argparse.ArgumentParser) -> None:
    """The folder, and how its captions are found."""
    sub.add_argument("folder", metavar="FOLDER", help="holds pictures, or concept folders such as 10_cat")
    sub.add_argument("--extension", default=".txt", help="of the caption files")
    sub.add_argument("--recursive", action="store_true", help="all folders below, whatever their names")


def add_choice(sub: argparse.ArgumentParser) -> None:
    """Which pictures, and whether anything is written."""
    sub.add_argument("--only", default="", metavar="FILTER", help="of these pictures: tag:cat tokens:>75 ...")
    sub.add_argument("--dry-run", action="store_true", help="print the changes as a diff, write nothing")


def edit_verb(arguments: argparse.Namespace, make: Maker) -> int:
    """Do one edit, or show it."""
    from dataset_tools.preview import preview

    edit = make(arguments)
    library = opened(arguments)
    ids = chosen(library, arguments.only)
    if arguments.dry_run:
        return shown(library, preview(library, ids, edit))
    return done(library, lambda session: session.apply(edit, ids))


def history_verb(arguments: argparse.Namespace) -> int:
    """undo, redo, history: by the name they were called with."""
    library = opened(arguments)
    if arguments.verb_name == "history":
        session = _session(library)
        for label in session.history:
            say(label)
        session.close()
        return 0
    return done(library, lambda session: session.undo() if arguments.verb_name == "undo" else session.redo())


def opened(arguments: argparse.Namespace) -> Library:
    """The library of the folder, captions read. Raises UserError if it holds no picture."""
    from dataset_tools.library import Library

    library = Library([arguments.folder], caption_extension=arguments.extension, recursive=arguments.recursive)
    library.list_pictures()
    if not len(library.ids()):
        faults = "; ".join(str(fault) for fault in library.faults[:5])
        raise UserError(faults or f"{plain(arguments.folder)}: holds no pictures")
    library.read_captions()
    return library


def chosen(library: Library, only: str) -> list[int]:
    """The pictures that the filter lets through; all without one. Raises FilterError."""
    if not only:
        return list(library.ids())
    from dataset_tools.filter_language import found, parse
    from dataset_tools.filter_terms import asks

    wanted = parse(only)
    keys = asks(wanted)
    if foreign := keys & {"dup", "quality", "changed"}:
        raise UserError(
            f"{min(foreign)}: is a filter of the window", "the verb health finds what dup: and quality: mean"
        )
    if keys & {"size", "ar", "width", "height"}:
        library.read_sizes()
    return sorted(found(wanted, library))


def shown(library: Library, preview: Preview) -> int:
    """Print a preview as a diff."""
    from dataset_tools.preview import diff

    for text in diff(library, preview.changes):
        say(text)
    for fault in preview.faults:
        say(fault, error=True)
    say(f"{times(len(preview.changes), 'caption')} of {len(library.ids())} would change.")
    return 0


def done(library: Library, act: Callable[[CaptionSession], Preview | None]) -> int:
    """Do it in a session, wait until it is in the files, and say what was done. Code 1 if something was left out."""
    session = _session(library)
    try:
        batch = act(session)
    finally:
        problems = session.close()
    faults = [*(batch.faults if batch else ()), *problems]
    for fault in faults:
        say(fault, error=True)
    if batch is None:
        say("There is nothing to take back or to do again.")
        return 1
    say(f"{batch.label}: {times(len(batch.changes), 'caption')} changed.")
    return 1 if faults else 0


def set_texts(library: Library, label: str, texts: Mapping[int, str], dry_run: bool) -> int:
    """Set these captions, or show what that would be."""
    from dataset_tools.preview import preview_texts

    if dry_run:
        return shown(library, preview_texts(library, label, texts))
    return done(library, lambda session: session.apply_texts(label, texts))


def _session(library: Library) -> CaptionSession:
    from dataset_tools.places import state_folder
    from dataset_tools.session import CaptionSession

    return CaptionSession(
        library, state_folder(library.given), threaded=False, on_fault=lambda text: say(text, error=True)
    )


def tags_in(words: Iterable[str]) -> tuple[str, ...]:
    """Tags as typed: each argument may hold several, parted by commas."""
    return tuple(tag for word in words for part in word.split(",") if (tag := part.strip()))


def _one(word: str) -> str:
    from dataset_tools.edits import whole_tag

    return whole_tag(word)


def _table(path: Path, spaces: bool) -> dict[str, tuple[str, ...]]:
    from dataset_tools.implied import read_implied

    return read_implied(path, spaces)
