"""`cache`: fill the cache of encoded pictures ahead of a training, list it, or empty it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from kohya_like.config import TrainConfig, load
from kohya_like.console import say, view
from kohya_like.data.cache import LatentCache
from kohya_like.data.fingerprint import default_cache_dir
from kohya_like.events import Reporter
from kohya_like.schema.errors import UserError


def cache_verb(arguments: argparse.Namespace) -> int:
    config = load(arguments.config, arguments.set)[0] if arguments.config else None
    folder = Path(config.data.cache_dir) if config and config.data.cache_dir else default_cache_dir()
    if arguments.list or arguments.purge:
        return listed(LatentCache(folder), arguments.purge, arguments.json)
    if config is None:
        raise UserError("say which preset's pictures to encode, or --list, or --purge")
    return filled(config, folder, arguments.json)


def listed(cache: LatentCache, purge: bool, as_json: bool) -> int:
    if purge:
        removed = cache.purge()
        facts: dict[str, object] = {"removed": removed.entries, "bytes": removed.bytes}
        text = f"removed {removed.entries} entries, {removed.bytes / 2**20:.1f} MiB"
    else:
        entries = list(cache.list())
        total = sum(entry.bytes for entry in entries)
        rows = [{"key": e.key, "source": e.source, "bytes": e.bytes, "used": e.used} for e in entries]
        facts = {"folder": str(cache.folder), "entries": rows, "bytes": total}
        lines = [f"{e.bytes:>10}  {e.source}" for e in entries]
        text = "\n".join([*lines, f"{len(entries)} entries, {total / 2**20:.1f} MiB in {cache.folder}"])
    print(json.dumps(facts, ensure_ascii=False, indent=1)) if as_json else say(text)
    return 0


def filled(config: TrainConfig, folder: Path, as_json: bool) -> int:
    from kohya_like.generating import chosen_device
    from kohya_like.recipe import image_sources, open_model, read_pictures

    if not config.data.cache_latents:
        raise UserError("data.cache_latents is false: this preset uses no cache")
    shown = view(as_json)
    reporter = Reporter(None, [shown.show])
    try:
        backbone = open_model(config, chosen_device(config.hardware.device))
        pictures = read_pictures(config, backbone, seed=0, cache_dir=folder)
        image_sources(config, backbone, pictures, folder, reporter)
    finally:
        shown.close()
    count = len(pictures.train) + len(pictures.held_out)
    facts = {"pictures": count, "folder": str(folder)}
    print(json.dumps(facts)) if as_json else say(f"{count} pictures are cached in {folder}")
    return 0
