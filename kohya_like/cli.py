"""The command line. Each verb imports what it needs, so that `check` starts without torch."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from kohya_like import __version__
from kohya_like.console import exit_code, say
from kohya_like.schema.errors import UserError
from kohya_like.verbs.generate_options import add_generate
from kohya_like.verbs.tools import add_tools

Verb = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb. Faults of input are a sentence on stderr and code 1; wrong usage is code 2."""
    arguments = parser().parse_args(argv)
    return exit_code(lambda: int(arguments.verb(arguments)))


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser("kohya-like", description="Train Stable Diffusion networks from folders of pictures.")
    top.add_argument("--version", action="version", version=__version__)
    verbs = top.add_subparsers(required=True, metavar="VERB")

    def verb(name: str, run: Verb, help: str) -> argparse.ArgumentParser:
        sub = verbs.add_parser(name, help=help, description=help)
        sub.set_defaults(verb=run)
        return sub

    def with_config(sub: argparse.ArgumentParser, optional: bool = False) -> None:
        sub.add_argument("config", type=Path, nargs="?" if optional else None, help="a preset (.toml)")
        sub.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="network.dim=32 and the like")

    sub = verb("train", train, "Train what a preset describes.")
    with_config(sub, optional=True)
    sub.add_argument("--resume", type=Path, metavar="RUN", help="go on with a run folder instead")
    sub.add_argument("--run", type=Path, help="the run folder; default: a new one in <output_dir>/runs")
    sub.add_argument("--detach", action="store_true", help="start it and return")
    sub.add_argument("--json", action="store_true", help="events as JSON lines")

    sub = verb("check", check, "Look a preset over without training: steps, files, memory, faults.")
    with_config(sub)
    sub.add_argument("--json", action="store_true")

    sub = verb("demo", demo, "Train the demo LoRA on the embedded model: a minute or two on a CPU.")
    sub.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    sub.add_argument("--out", type=Path, default=Path("runs"), help="parent of the new run folder")
    sub.add_argument("--json", action="store_true")

    add_generate(verb)

    sub = verb("inspect", inspect, "Say what a file is: kind, family, keys, rank, metadata.")
    sub.add_argument("file", type=Path)
    sub.add_argument("--keys", action="store_true", help="list every tensor")
    sub.add_argument("--hashes", action="store_true", help="also of a base model, which takes its time")
    sub.add_argument("--json", action="store_true")

    add_tools(verb)

    sub = verb("aesthetic", aesthetic, "Make an aesthetic embedding of a folder of pictures.")
    sub.add_argument("folder", type=Path, help="the pictures")
    sub.add_argument("--tower", type=Path, required=True, help="folder of a CLIP model; for SD 1.x that of ViT-L/14")
    sub.add_argument("--out", type=Path, required=True, help="the .pt file that is written")
    sub.add_argument("--device", default="cpu")
    sub.add_argument("--force", action="store_true", help="replace an existing file")

    sub = verb("cache", cache, "Fill, list or purge the cache of encoded pictures.")
    with_config(sub, optional=True)
    sub.add_argument("--list", action="store_true")
    sub.add_argument("--purge", action="store_true", help="delete every cached file")
    sub.add_argument("--json", action="store_true")

    sub = verb("control", control, "Ask a running training for something.")
    sub.add_argument("run", type=Path, help="its run folder")
    sub.add_argument("wish", choices=["stop", "stop_after_epoch", "save", "sample", "pause"])

    sub = verb("runs", runs, "List the runs below a folder and how they stand.")
    sub.add_argument("folder", type=Path, nargs="?", default=Path("output"))
    sub.add_argument("--json", action="store_true")

    sub = verb("doctor", doctor, "Check this machine: Python, torch, GPU, memory, disk, Qt.")
    sub.add_argument("--json", action="store_true")

    sub = verb("fetch", fetch, "Download a base model from the hub, after showing its size and licence.")
    sub.add_argument("name", help="for example stabilityai/stable-diffusion-xl-base-1.0")
    sub.add_argument("--file", action="append", default=[], help="take this file of it; may be given several times")
    sub.add_argument("--variant", default="", help="for example fp16: half the size, where the model offers it")
    sub.add_argument("--to", type=Path, default=Path("models"), help="parent of the model's folder")
    sub.add_argument("--allow-ckpt", action="store_true", help="also .ckpt, .pt and .bin where there is nothing else")
    sub.add_argument("--yes", action="store_true", help="do not ask")
    sub.add_argument("--json", action="store_true", help="without --yes: only say what would be downloaded")

    sub = verb("run-trainer", run_trainer, "The training process of a run folder; the supervisor starts it.")
    sub.add_argument("run", type=Path)
    sub.add_argument("--resume", action="store_true")
    return top


def train(arguments: argparse.Namespace) -> int:
    from kohya_like import runs as run_folders
    from kohya_like.training import start_checked

    if (arguments.config is None) == (arguments.resume is None):
        raise UserError("say either which preset to train, or which run folder to --resume")
    if arguments.resume is not None:
        run = arguments.resume.resolve()
        offset = run_folders.event_offset(run)
        supervisor = run_folders.resume(run)
    else:
        offset = 0
        run, supervisor = start_checked(arguments.config, arguments.set, arguments.run)
    if arguments.detach:
        print(json.dumps({"run": str(run)}) if arguments.json else run)
        return 0
    return watched(run, supervisor, offset, arguments.json)


def watched(run: Path, supervisor: object, offset: int, as_json: bool) -> int:
    """Show a run until it ends. Ctrl+C asks it to stop and save; a second Ctrl+C leaves it to itself."""
    import subprocess

    from kohya_like import runs as run_folders
    from kohya_like.console import view, watch
    from kohya_like.events import Failed, Finished, read_events, send

    assert isinstance(supervisor, subprocess.Popen)
    shown = view(as_json)
    try:
        last = watch(run_folders.follow(run, supervisor, offset), shown)
    except KeyboardInterrupt:
        say("stopping after this step and saving; press Ctrl+C again to leave it running", error=True)
        send(run, "stop")
        _, offset = read_events(run / "events.jsonl", offset)
        last = watch(run_folders.follow(run, supervisor, offset), view(as_json))
    code = supervisor.wait()
    if isinstance(last, Finished) and code == 0:
        return 0
    if not isinstance(last, Failed):
        say(f"error: {run_folders.exit_text(run) or 'the run did not finish'}; see {run / 'console.log'}", error=True)
    return code if 0 < code < 126 else 1


def run_trainer(arguments: argparse.Namespace) -> int:
    from kohya_like.training import run_in_folder

    return run_in_folder(arguments.run, arguments.resume)


def check(arguments: argparse.Namespace) -> int:
    from kohya_like.config import load
    from kohya_like.preflight import check as preflight_check
    from kohya_like.preflight.rendering import render

    config, document = load(arguments.config, arguments.set)
    report = preflight_check(config, document)
    if arguments.json:
        print(json.dumps(report.as_dict(), ensure_ascii=False, indent=1))
    else:
        render(report)
    return 1 if report.errors else 0


def demo(arguments: argparse.Namespace) -> int:
    from kohya_like.demo.run import run_demo

    return run_demo(arguments.out, arguments.set, arguments.json, watched)


def inspect(arguments: argparse.Namespace) -> int:
    from kohya_like.verbs.inspect import describe_file, render

    facts = describe_file(arguments.file, arguments.keys, arguments.hashes)
    if arguments.json:
        print(json.dumps(facts, ensure_ascii=False, indent=1))
    else:
        render(facts)
    return 0


def aesthetic(arguments: argparse.Namespace) -> int:
    from kohya_like.verbs.aesthetic import aesthetic_verb

    return aesthetic_verb(arguments)


def cache(arguments: argparse.Namespace) -> int:
    from kohya_like.verbs.cache import cache_verb

    return cache_verb(arguments)


def control(arguments: argparse.Namespace) -> int:
    from kohya_like import supervise
    from kohya_like.events import send

    if supervise.status(arguments.run) != "running":
        raise UserError(f"{arguments.run}: no training is running there")
    print(send(arguments.run, arguments.wish).id)
    return 0


def runs(arguments: argparse.Namespace) -> int:
    from kohya_like import supervise

    if not arguments.folder.is_dir():
        raise UserError(f"{arguments.folder}: there is no such folder", "name the output folder of a preset")
    found = sorted(p.parent for p in arguments.folder.glob("**/run.json"))
    rows = [{"run": str(run), "status": supervise.status(run)} for run in found]
    if arguments.json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
    else:
        for row in rows:
            say(f"{row['status']:<12} {row['run']}")
        if not rows:
            say(f"no run below {arguments.folder}")
    return 0


def doctor(arguments: argparse.Namespace) -> int:
    from kohya_like.hardware import doctor as examine

    checks = examine()
    if arguments.json:
        print(json.dumps([c.as_dict() for c in checks], ensure_ascii=False, indent=1))
    else:
        for c in checks:
            say(f"{c.status:<5} {c.name}: {c.text}" + (f"\n      {c.cure}" if c.cure else ""))
    return 1 if any(c.status == "fail" for c in checks) else 0


def fetch(arguments: argparse.Namespace) -> int:
    from kohya_like.verbs.fetch import fetch_verb

    return fetch_verb(arguments)
