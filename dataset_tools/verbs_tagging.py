"""The verbs of the taggers: `tag` proposes captions and writes them when they are accepted; `fetch-tagger` brings one.

What a model sees can be kept in a file (--save) and taken from it again (--scores): other thresholds then cost nothing.
"""

from __future__ import annotations

import argparse
import getpass
import json
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataset_tools.caption_file import line_of
from dataset_tools.proposals import (
    MODES,
    OFF,
    WD14_THRESHOLDS,
    Proposal,
    Selection,
    accepted_texts,
    proposal_from,
)
from dataset_tools.tagger_settings import KINDS, Settings, settings_from
from kohya_like.console import say
from kohya_like.data.folders import times
from kohya_like.data.records import plain
from kohya_like.formats.atomic import atomic_text
from kohya_like.schema.errors import UserError

if TYPE_CHECKING:
    from dataset_tools.library import Library

Run = Callable[[argparse.Namespace], int]
Adder = Callable[[str, Run, str], argparse.ArgumentParser]
NAMES = {"prompt", "answer", "vocabulary", "text_model", "address", "batch", "threads", "device", "seconds", "tokens"}


def add_tagging_verbs(verb: Adder) -> None:
    """`tag` and `fetch-tagger` with their options."""
    sub = verb("tag", tag_verb, "Tag or describe pictures with a model, and put what it says into their captions.")
    sub.add_argument("folders", nargs="+", metavar="FOLDER")
    sub.add_argument("--extension", default=".txt", help="of the caption files")
    sub.add_argument("--mode", choices=MODES, default="append", help="what becomes of captions that are there")
    sub.add_argument("--dry-run", action="store_true", help="print what would change, write nothing")
    model = sub.add_argument_group("the model")
    model.add_argument("--tagger", choices=KINDS, default="wd14")
    model.add_argument("--model", help="a folder (wd14, blip, clip), or the name of an endpoint's model")
    model.add_argument("--vocabulary", help="clip: a text file with one word a line")
    model.add_argument("--text-model", help="clip: the base model whose text encoder belongs to a tower without one")
    model.add_argument("--prompt", help="blip: how captions begin; endpoint: what is asked")
    model.add_argument("--address", help="endpoint: up to /v1, http://127.0.0.1:11434/v1")
    model.add_argument(
        "--ask-key", action="store_true", help="endpoint: type the key; KOHYA_LIKE_ENDPOINT_KEY holds one"
    )
    model.add_argument("--answer", choices=("sentence", "tags"), help="endpoint: what it answers")
    model.add_argument("--seconds", type=float, help="endpoint: for one picture")
    model.add_argument("--tokens", type=int, help="blip, endpoint: length of an answer")
    model.add_argument("--batch", type=int)
    model.add_argument("--threads", type=int)
    model.add_argument("--device", choices=("auto", "cpu", "cuda", "mps"), help="blip, clip")
    kept = sub.add_argument_group("scores")
    kept.add_argument("--save", type=Path, metavar="FILE", help="keep what the model saw, as JSON lines")
    kept.add_argument("--scores", type=Path, metavar="FILE", help="take it from such a file; no model is run")
    _add_selection(sub.add_argument_group("which tags"))

    sub = verb("fetch-tagger", fetch_verb, "Download a WD14 tagger from the hub: its .onnx and its table of tags.")
    sub.add_argument("name", help="SmilingWolf/wd-vit-tagger-v3")
    sub.add_argument("--to", type=Path, default=Path("models/taggers"), metavar="FOLDER")
    sub.add_argument("--yes", action="store_true", help="do not ask")


def _add_selection(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--threshold", type=float, help="the least score, of categories not given by themselves")
    group.add_argument(
        "--category", action="append", default=[], metavar="NAME=SCORE",
        help="character=0.85, general=0.35, copyright, artist, meta; =off leaves it out",
    )  # fmt: skip
    group.add_argument("--mcut", action="store_true", help="find each picture's threshold at the largest gap")
    group.add_argument("--rating", action="store_true", help="add the likeliest rating")
    group.add_argument("--rating-prefix", default="rating:")
    group.add_argument("--blacklist", default="", metavar="TAGS", help="never taken: tags between commas")
    group.add_argument("--underscores", action="store_true", help="long_hair stays long_hair")
    group.add_argument("--escape", action="store_true", help=r"brackets as \( and \)")
    group.add_argument("--at-most", type=int, default=0, metavar="N", help="tags of a category")


def tag_verb(arguments: argparse.Namespace) -> int:
    from dataset_tools.preview import diff, preview_texts

    selection = selection_of(arguments)
    library = _library(arguments)
    ids = {library.path(id): id for id in library.ids()}
    if arguments.mode == "only-empty":
        ids = {path: id for path, id in ids.items() if not line_of(library.text(id)).strip()}
    found = _scores(arguments.scores) if arguments.scores else _tagged(arguments, list(ids))
    if arguments.save:
        lines = [json.dumps(one.as_dict(), ensure_ascii=False) + "\n" for one in found]
        atomic_text(arguments.save, "".join(lines), overwrite=False)
    proposals = {ids[one.picture]: one for one in found if one.picture in ids}
    texts = accepted_texts({id: library.text(id) for id in proposals}, proposals, selection, arguments.mode)
    label = f"tags of {arguments.tagger}"
    if arguments.dry_run:
        shown = preview_texts(library, label, texts)
        for text in diff(library, shown.changes):
            say(text)
        for fault in shown.faults:
            say(fault, error=True)
        say(f"{times(len(shown.changes), 'caption')} of {len(library.ids())} would change.")
        return 0
    return _write(library, arguments.folders, label, texts)


def _write(library: Library, folders: list[str], label: str, texts: Mapping[int, str]) -> int:
    from dataset_tools.places import state_folder
    from dataset_tools.session import CaptionSession

    session = CaptionSession(library, state_folder(folders), on_fault=lambda sentence: say(sentence, error=True))
    batch = session.apply_texts(label, texts)
    faults = [*batch.faults, *session.close()]
    for fault in faults:
        say(fault, error=True)
    say(f"{times(len(batch.changes), 'caption')} changed.")
    return 1 if faults else 0


def _library(arguments: argparse.Namespace) -> Library:
    from dataset_tools.library import Library

    library = Library(arguments.folders, caption_extension=arguments.extension)
    library.list_pictures()
    if not len(library.ids()):
        faults = "; ".join(str(fault) for fault in library.faults[:5])
        raise UserError(faults or f"{plain(arguments.folders[0])}: holds no pictures")
    library.read_captions()
    return library


def _tagged(arguments: argparse.Namespace, paths: list[str]) -> list[Proposal]:
    """What the model says of the pictures; Ctrl-C ends it and keeps what it has said."""
    from dataset_tools.taggers.opening import open_tagger
    from dataset_tools.taggers.pipeline import Skipped, outcomes

    cancelled = threading.Event()
    tagger = open_tagger(settings_of(arguments), cancelled.is_set)
    found: list[Proposal] = []
    skipped = 0
    try:
        for outcome in outcomes(tagger, paths):
            if isinstance(outcome, Skipped):
                skipped += 1
                say(f"left out: {plain(outcome.reason)}", error=True)
            else:
                found.append(outcome)
            _shown(len(found) + skipped, len(paths))
    except KeyboardInterrupt:
        cancelled.set()
        say(f"stopped; {times(len(found), 'picture')} tagged so far", error=True)
    except UserError as error:
        if not found:
            raise
        say(f"{error}; {times(len(found), 'picture')} tagged so far", error=True)
    return found


def settings_of(arguments: argparse.Namespace) -> Settings:
    """The tagger's settings; what was not given is as the kind has it. Raises UserError."""
    values: dict[str, Any] = {"kind": arguments.tagger, "model": arguments.model or ""}
    values |= {name: value for name in sorted(NAMES) if (value := getattr(arguments, name)) is not None}
    if arguments.ask_key:
        values["key"] = getpass.getpass("Key: ").strip()
    return settings_from(values)


def selection_of(arguments: argparse.Namespace) -> Selection:
    """Raises UserError for a score that is none."""
    thresholds = dict(WD14_THRESHOLDS) if arguments.threshold is None else {}
    for given in arguments.category:
        name, _, score = given.partition("=")
        try:
            thresholds[name.strip().lower()] = OFF if score.strip().lower() == "off" else float(score)
        except ValueError:
            raise UserError(f"--category {plain(given)}", "write a category and a score: character=0.85") from None
    blacklist = frozenset(tag for part in arguments.blacklist.split(",") if (tag := part.strip()))
    return Selection(
        thresholds,
        0.35 if arguments.threshold is None else arguments.threshold,
        arguments.mcut,
        arguments.rating,
        arguments.rating_prefix,
        blacklist,
        not arguments.underscores,
        arguments.escape,
        arguments.at_most,
    )


def _scores(path: Path) -> list[Proposal]:
    """Proposals that --save wrote. Raises UserError."""
    found = []
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                try:
                    found.append(proposal_from(json.loads(line)))
                except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                    raise UserError(f"{path}, line {number}: is no line of scores", "give a file of --save") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: is no file of scores", "give a file of --save") from None
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    return found


def _shown(done: int, of: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done} of {of}", end="\n" if done == of else "", file=sys.stderr, flush=True)


def fetch_verb(arguments: argparse.Namespace) -> int:
    """Show, ask, download. Returns 0, or 1 when the person said no."""
    from dataset_tools.tagger_files import described, fetched, folder_of, listed, tagger_files
    from kohya_like.verbs.fetch import agreed, progress

    listing = listed(arguments.name)
    say(described(listing, tagger_files(listing), folder_of(listing, arguments.to)))
    if not arguments.yes and not agreed():
        say("nothing was downloaded")
        return 1
    try:
        folder = fetched(listing, arguments.to, progress())
    except OSError as error:
        raise UserError(f"{error.filename or arguments.to}: {error.strerror}", "choose another --to") from error
    say(f"checked and saved: {folder}")
    return 0
