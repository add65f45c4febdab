"""The verbs for pictures: duplicates, quality, health, clean, resize, new, statistics. What writes has --dry-run."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from kohya_like.console import say
from kohya_like.data.records import plain
from kohya_like.schema.errors import UserError

if TYPE_CHECKING:
    from dataset_tools.health import Health
    from dataset_tools.picture_facts import PictureFacts

Run = Callable[[argparse.Namespace], int]
Adder = Callable[[str, Run, str], argparse.ArgumentParser]


def add_picture_verbs(verb: Adder) -> None:
    """The seven verbs and their options."""
    sub = verb("duplicates", duplicates_verb, "List groups of pictures that are nearly the same. Nothing is deleted.")
    _folder(sub)
    _distance(sub)

    sub = verb("quality", quality_verb, "List pictures that are damaged, too small, soft, very long or transparent.")
    _folder(sub)
    _limits(sub)

    sub = verb("health", health_verb, "Both of these at once, for several folders.")
    sub.add_argument("folders", type=Path, nargs="+")
    _rules(sub)
    sub.add_argument("--json", action="store_true", help="JSON lines: how far it is, at the end what was found")

    sub = verb("clean", clean_verb, "Copy a dataset to a new folder without near-duplicates and damaged pictures.")
    sub.add_argument("folder", type=Path)
    sub.add_argument("target", type=Path, help="a new folder, outside of the first")
    sub.add_argument(
        "--without", default="duplicate,damaged", metavar="REASONS", help="of duplicate, damaged, soft, small, long"
    )
    sub.add_argument("--background", default="", metavar="COLOUR", help="lay transparency on it: white, #808080 ...")
    _rules(sub)
    _dry_run(sub)
    sub.add_argument("--json", action="store_true", help="JSON lines: how far it is, at the end what was done")

    sub = verb("resize", resize_verb, "Write copies of the pictures, resized, cut or converted, to a new folder.")
    sub.add_argument("folder", type=Path)
    sub.add_argument("target", type=Path, help="a new folder, outside of the first")
    sub.add_argument("--longest", type=int, default=0, help="pixels; a longer side is shrunk to it")
    sub.add_argument("--crop", type=_size, metavar="512 or 512x768", help="shrink to cover it, cut about the middle")
    sub.add_argument("--step", type=int, default=1, help="sides become multiples of it, by cutting")
    sub.add_argument("--enlarge", action="store_true", help="smaller pictures are enlarged too")
    sub.add_argument("--background", default="", metavar="COLOUR", help="lay transparency on it: white, #808080 ...")
    sub.add_argument("--format", default="same", choices=["same", "png", "jpg", "webp"])
    sub.add_argument("--quality", type=int, default=95, help="of JPEG and WebP; 100 is a lossless WebP")
    _dry_run(sub)

    sub = verb("new", new_verb, "Make a dataset: folders named REPEATS_NAME, filled from others.")
    sub.add_argument("parent", type=Path, help="the folder to make them in")
    sub.add_argument(
        "--concept", nargs=3, action="append", required=True, metavar=("REPEATS", "NAME", "SOURCE"),
        help="REPEATS: a number, or auto; may be given several times",
    )  # fmt: skip
    sub.add_argument("--link", action="store_true", help="hard links instead of copies: no room is taken")
    sub.add_argument("--steps", type=int, default=4000, help="what auto repeats aim at, in all")
    sub.add_argument("--epochs", type=int, default=10)
    sub.add_argument("--batch", type=int, default=1)
    _dry_run(sub)

    sub = verb("statistics", statistics_verb, "Count sizes, shapes, buckets, tokens and tags.")
    _folder(sub)
    sub.add_argument("--extension", default=".txt", help="of the caption files")
    sub.add_argument("--resolution", type=_size, default=(512, 512), metavar="512 or 512x768", help="of the training")
    sub.add_argument("--svg", type=Path, metavar="FILE", help="write the charts as a picture")


def _folder(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("folder", type=Path)
    sub.add_argument("--json", action="store_true")


def _distance(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--distance", type=int, default=10, help="of 128 bits; 0: only copies, 10: other sizes too")


def _limits(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--resolution", type=_size, default=(512, 512), metavar="512 or 512x768", help="of the training")
    sub.add_argument("--sharpness", type=float, default=60.0, help="below it a picture counts as soft")
    sub.add_argument("--aspect", type=float, default=2.5, help="longer by shorter side, above it a picture is too long")


def _rules(sub: argparse.ArgumentParser) -> None:
    _distance(sub)
    _limits(sub)


def _dry_run(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--dry-run", action="store_true", help="say what would be done, write nothing")


def _size(text: str) -> tuple[int, int]:
    """ "512" or "512x768"."""
    try:
        sides = [int(part) for part in text.lower().split("x")]
    except ValueError:
        sides = []
    if len(sides) not in (1, 2) or min(sides) < 8:
        raise argparse.ArgumentTypeError(f'"{text}": write 512 or 512x768')
    return sides[0], sides[-1]


def duplicates_verb(arguments: argparse.Namespace) -> int:
    from dataset_tools.duplicates import MAX_DISTANCE, find_duplicates, names_of

    if not 0 <= arguments.distance <= MAX_DISTANCE:
        raise UserError(f"--distance {arguments.distance}", f"give 0 to {MAX_DISTANCE}")
    groups = find_duplicates(_facts(arguments.folder), arguments.distance)
    if arguments.json:
        print(json.dumps(names_of(groups), ensure_ascii=False))
        return 0
    for group in groups:
        say(f"{len(group.pictures)} alike, the first has the most pixels:")
        for path in group.pictures:
            say(f"    {plain(str(path))}")
    spare = sum(len(group.pictures) - 1 for group in groups)
    say(f"{len(groups)} groups; {spare} pictures could go." if groups else "No two pictures are nearly the same.")
    return 0


def quality_verb(arguments: argparse.Namespace) -> int:
    from dataset_tools.quality import QualityRules

    rules = QualityRules(arguments.resolution, arguments.sharpness, arguments.aspect)
    findings = rules.findings(_facts(arguments.folder))
    if arguments.json:
        rows = [{"path": str(one.path), "kind": one.kind, "value": one.value, "text": one.text} for one in findings]
        print(json.dumps(rows, ensure_ascii=False))
        return 0
    for one in sorted(findings, key=lambda finding: (finding.kind, str(finding.path))):
        say(f"{one.kind:12} {plain(str(one.path))}: {one.text}")
    say(f"{len({one.path for one in findings})} pictures want a look." if findings else "Nothing to be said.")
    return 0


def _facts(folder: Path) -> dict[Path, PictureFacts]:
    """Of all pictures in the folder and below; progress goes to stderr when a person looks."""
    from dataset_tools.copies import pictures_in
    from dataset_tools.facts_store import FactsStore
    from kohya_like.data.fingerprint import default_cache_dir

    paths = [path.absolute() for path, _ in pictures_in(_existing(folder))]
    if not paths:
        raise UserError(f"{plain(str(folder))}: holds no pictures")
    store = FactsStore(default_cache_dir())
    try:
        return store.all_of(paths, _shown if sys.stderr.isatty() else None)
    finally:
        store.close()


def _existing(folder: Path) -> Path:
    if not folder.is_dir():
        raise UserError(f"{plain(str(folder))}: there is no such folder")
    return folder


def _shown(done: int, of: int) -> None:
    print(f"\r{done} of {of}", end="\n" if done == of else "", file=sys.stderr, flush=True)


def health_verb(arguments: argparse.Namespace) -> int:
    health = _health(arguments, arguments.folders)
    if arguments.json:
        _line(health.as_dict())
        return 0
    for group in health.groups:
        say(f"{len(group.pictures)} alike: {', '.join(plain(str(path)) for path in group.pictures)}")
    for one in health.findings:
        say(f"{one.kind:12} {plain(str(one.path))}: {one.text}")
    say(f"{health.pictures} pictures; {len(health.groups)} groups of near-duplicates; {len(health.findings)} remarks.")
    return 0


def _health(arguments: argparse.Namespace, folders: Sequence[Path]) -> Health:
    from dataset_tools.duplicates import MAX_DISTANCE
    from dataset_tools.facts_store import FactsStore
    from dataset_tools.health import look_over
    from dataset_tools.quality import QualityRules
    from kohya_like.data.fingerprint import default_cache_dir

    if not 0 <= arguments.distance <= MAX_DISTANCE:
        raise UserError(f"--distance {arguments.distance}", f"give 0 to {MAX_DISTANCE}")
    rules = QualityRules(arguments.resolution, arguments.sharpness, arguments.aspect)
    store = FactsStore(default_cache_dir())
    try:
        return look_over(folders, rules, store, arguments.distance, _progress(arguments.json))
    finally:
        store.close()


def _progress(as_json: bool) -> Callable[[int, int], None] | None:
    """JSON lines for a program, a counter for a person who looks."""
    if as_json:
        return lambda done, of: _line({"done": done, "of": of})
    return _shown if sys.stderr.isatty() else None


def _line(value: object) -> None:
    print(json.dumps(value), flush=True)


def clean_verb(arguments: argparse.Namespace) -> int:
    from dataset_tools.copies import Shaping, carry_out
    from dataset_tools.health import plan_clean_copy

    reasons = [reason.strip() for reason in arguments.without.split(",") if reason.strip()]
    shaping = Shaping(background=arguments.background)
    health = _health(arguments, [arguments.folder])
    plan = plan_clean_copy(arguments.folder, arguments.target, health, reasons, shaping)
    without = sorted(health.left_out(reasons))
    if arguments.dry_run:
        for path in without:
            say(f"left out: {plain(str(path))}")
        say(f"{len(plan.copies)} pictures would be copied, {len(without)} left out.")
        return 0
    copied = carry_out(plan, shaping, _progress(arguments.json))
    if arguments.json:
        failed = [[str(path), why] for path, why in (*plan.left_out, *copied.failed)]
        _line({"made": copied.made, "there": copied.there, "left_out": len(without), "failed": failed})
        return 0
    for path, why in (*plan.left_out, *copied.failed):
        say(f"not copied: {plain(str(path))}: {why}", error=True)
    say(f"{copied.made} pictures copied, {copied.there} were there already, {len(without)} left out.")
    return 0


def resize_verb(arguments: argparse.Namespace) -> int:
    from dataset_tools.copies import Shaping, carry_out, plan_copies

    shaping = Shaping(
        arguments.longest, arguments.crop, arguments.step, arguments.enlarge, arguments.background,
        arguments.format, arguments.quality,
    )  # fmt: skip
    plan = plan_copies(arguments.folder, arguments.target, shaping)
    for path, why in plan.left_out:
        say(f"left out: {plain(str(path))}: {why}")
    if arguments.dry_run:
        for copy in plan.copies:
            say(f"{plain(str(copy.source))} {_by(copy.size)} -> {plain(str(copy.target))} {_by(copy.made)}")
        say(f"{len(plan.copies)} copies would be made.")
        return 0
    copied = carry_out(plan, shaping, _shown if sys.stderr.isatty() else None)
    for path, why in copied.failed:
        say(f"not made: {plain(str(path))}: {why}", error=True)
    say(f"{copied.made} copies made, {copied.there} were there already.")
    return 1 if copied.failed else 0


def _by(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def new_verb(arguments: argparse.Namespace) -> int:
    from dataset_tools.copies import pictures_in
    from dataset_tools.new_dataset import NewConcept, make_dataset, plan_dataset
    from dataset_tools.repeats import suggest_repeats

    given = [(repeats, name, Path(source)) for repeats, name, source in arguments.concept]
    counts = [len(list(pictures_in(_existing(source)))) for _, _, source in given]
    if min(arguments.epochs, arguments.batch, arguments.steps) < 1:
        raise UserError("--epochs, --batch and --steps are 1 or more")
    advised = suggest_repeats(counts, arguments.epochs, arguments.batch, arguments.steps).repeats
    concepts = []
    for (repeats, name, source), advice in zip(given, advised):
        if repeats != "auto" and not (repeats.isascii() and repeats.isdigit()):
            raise UserError(f'"{plain(repeats)}" is no number of repeats', "give a number, or auto")
        concepts.append(NewConcept(name, advice if repeats == "auto" else int(repeats), (source,)))
    plan = plan_dataset(arguments.parent, concepts)
    for folder, count in plan.pictures.items():
        say(f"{plain(str(arguments.parent / folder))}: {count} pictures")
    if arguments.dry_run:
        for filling in plan.fillings:
            say(f"{plain(str(filling.source))} -> {plain(str(filling.target))}")
        say(f"{len(plan.fillings)} files would be {'linked' if arguments.link else 'copied'}.")
        return 0
    make_dataset(plan, "link" if arguments.link else "copy")
    say(f"{len(plan.fillings)} files {'linked' if arguments.link else 'copied'}.")
    return 0


def statistics_verb(arguments: argparse.Namespace) -> int:
    from dataset_tools.library import Library
    from dataset_tools.statistics import as_json, as_svg, statistics_of
    from kohya_like.data.buckets import BucketRules
    from kohya_like.formats.atomic import atomic_text

    library = Library([str(_existing(arguments.folder))], caption_extension=arguments.extension, recursive=True)
    library.list_pictures()
    library.read_captions()
    library.read_sizes()
    pictures = [library.picture(number) for number in library.ids()]
    if not pictures:
        raise UserError(f"{plain(str(arguments.folder))}: holds no pictures")
    found = statistics_of(
        [one.size for one in pictures if one.size],
        [one.tags for one in pictures],
        [one.tokens for one in pictures],
        BucketRules(arguments.resolution),
    )
    if arguments.svg:
        atomic_text(arguments.svg, as_svg(found, arguments.folder.name), overwrite=False)
    if arguments.json:
        print(json.dumps(as_json(found), ensure_ascii=False))
        return 0
    say(f"{found.pictures} pictures, {found.captioned} with a caption; {found.different_tags} tags, "
        f"{found.tags_used_once} of them used once")  # fmt: skip
    for heading, bars in found.charts:
        say(f"\n{heading}")
        most = max((count for _, count in bars), default=0) or 1
        for words, count in bars:
            say(f"  {plain(words)[:30]:30} {count:7} {'#' * round(40 * count / most)}")
    return 0
