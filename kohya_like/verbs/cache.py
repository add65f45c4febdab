"""`cache`: fill the cache of encoded pictures ahead of a training, list it, or empty it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

from kohya_like.config import TrainConfig, load
from kohya_like.console import say, view
from kohya_like.data.cache import LatentCache, TextCache
from kohya_like.data.fingerprint import default_cache_dir
from kohya_like.data.folders import times
from kohya_like.data.store import EntryStore
from kohya_like.events import ControlFile, Reporter
from kohya_like.schema.errors import UserError

# What the cache holds, by the word a person is shown.
KINDS: dict[str, Callable[[Path], EntryStore]] = {"picture": LatentCache, "caption": TextCache}


def cache_verb(arguments: argparse.Namespace) -> int:
    config = load(arguments.config, arguments.set)[0] if arguments.config else None
    folder = Path(config.data.cache_dir) if config and config.data.cache_dir else default_cache_dir()
    if arguments.purge:
        return purged(folder, arguments.json)
    if arguments.list:
        return listed(folder, arguments.json)
    if config is None:
        raise UserError("say which preset's pictures to encode, or --list, or --purge")
    return filled(config, folder, arguments.json)


def purged(folder: Path, as_json: bool) -> int:
    removed = [make(folder).purge() for make in KINDS.values()]
    count, size = sum(r.entries for r in removed), sum(r.bytes for r in removed)
    if as_json:
        print(json.dumps({"removed": count, "bytes": size}))
    else:
        say(f"removed {count} entries, {size / 2**20:.1f} MiB")
    return 0


def listed(folder: Path, as_json: bool) -> int:
    entries = [(kind, entry) for kind, make in KINDS.items() for entry in make(folder).list()]
    total = sum(entry.bytes for _, entry in entries)
    if as_json:
        rows = [{"kind": k, "key": e.key, "source": e.source, "bytes": e.bytes, "used": e.used} for k, e in entries]
        print(json.dumps({"folder": str(folder), "entries": rows, "bytes": total}, ensure_ascii=False, indent=1))
    else:
        for kind, entry in entries:
            say(f"{kind}  {entry.bytes:>10}  {entry.source}")
        say(f"{len(entries)} entries, {total / 2**20:.1f} MiB in {folder}")
    return 0


def filled(config: TrainConfig, folder: Path, as_json: bool) -> int:
    from kohya_like.device import chosen_device
    from kohya_like.recipe import image_sources, open_model, read_pictures, watching

    if not config.data.cache_latents:
        raise UserError("data.cache_latents is false: this preset uses no cache")
    shown = view(as_json)
    reporter = Reporter(None, [shown.show])
    try:
        backbone = open_model(config, chosen_device(config.hardware.device))
        pictures = read_pictures(config, backbone, seed=0, cache_dir=folder)
        image_sources(config, backbone, pictures, folder, watching("cache", reporter, ControlFile(None, "")))
    finally:
        shown.close()
    count = len(pictures.train) + len(pictures.held_out)
    facts = {"pictures": count, "folder": str(folder)}
    if as_json:
        print(json.dumps(facts))
    else:
        say(f"{times(count, 'picture')} {'is' if count == 1 else 'are'} cached in {folder}")
    return 0
