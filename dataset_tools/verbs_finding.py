"""The verbs that look for something and change nothing: pictures by a filter, tags by their counts."""

from __future__ import annotations

import argparse

from dataset_tools.verbs_edits import Adder, add_folder, chosen, opened
from kohya_like.console import say
from kohya_like.data.folders import times
from kohya_like.data.records import plain


def add_finding_verbs(verb: Adder) -> None:
    """find, tags."""
    sub = verb("find", find_verb, "List the pictures that a filter lets through.")
    add_folder(sub)
    sub.add_argument("filter", nargs="?", default="", metavar="FILTER", help="tag:cat AND tokens:>75 ...; none: all")
    sub.add_argument("--captions", action="store_true", help="with the line that training reads")
    sub = verb("tags", tags_verb, "List the tags with the number of pictures that have them, the most frequent first.")
    add_folder(sub)
    sub.add_argument("--only", default="", metavar="FILTER", help="of these pictures: tag:cat tokens:>75 ...")
    sub.add_argument("--least", type=int, default=1, metavar="N", help="in so many pictures or more")


def find_verb(arguments: argparse.Namespace) -> int:
    """One path on each line, for other programs too; how many there are goes to stderr."""
    from dataset_tools.caption_file import line_of

    library = opened(arguments)
    ids = chosen(library, arguments.filter)
    for number in ids:
        path = library.path(number)
        say(f"{plain(path)}: {plain(line_of(library.text(number)))}" if arguments.captions else plain(path))
    say(f"{times(len(ids), 'picture')} of {len(library.ids())}", error=True)
    return 0


def tags_verb(arguments: argparse.Namespace) -> int:
    """Count and tag on each line."""
    library = opened(arguments)
    counts = library.counts()
    if arguments.only:
        wanted = frozenset(chosen(library, arguments.only))
        counts = {tag: len(wanted.intersection(library.ids_with(tag))) for tag in counts}
    rows = [(count, tag) for tag, count in counts.items() if count >= max(1, arguments.least)]
    for count, tag in sorted(rows, key=lambda row: (-row[0], row[1])):
        say(f"{count:7}  {plain(tag)}")
    say(times(len(rows), "tag"), error=True)
    return 0
