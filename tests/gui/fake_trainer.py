"""A trainer that trains nothing, for tests of the window: it writes events and obeys commands, with the standard
library alone, and goes wrong in every way that is asked for.

    python fake_trainer.py RUN [--steps 100] [--pause 0.01] [--hang-at 5] [--die-at 5] [--fail "no memory"] ...

`launch` starts it under the real supervisor, as the window's service would.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

CONFIG = 'model = "fake"\n'


def launch(run: Path, *options: object) -> subprocess.Popen[bytes]:
    """Write a config into the run folder and start this file under the supervisor, detached."""
    from kohya_like import supervise

    run.mkdir(parents=True, exist_ok=True)
    (run / "config.toml").write_text(CONFIG, encoding="utf-8")
    (run / "exit.json").unlink(missing_ok=True)
    return supervise.launch(run, [sys.executable, __file__, str(run), *map(str, options)])


def step_line(step: int, loss: float = 0.125, seconds: float = 0.01, time: float = 1.0) -> str:
    """A step as a line of the log; for tests that write the log themselves."""
    return line(time, "step", step=step, epoch=1, loss=loss, lr={"unet": 1e-4, "text_encoder": 5e-5},
                seconds=seconds, memory_bytes=1000, gradient_norm=1.0)  # fmt: skip


def line(time: float, event: str, **body: object) -> str:
    return json.dumps({"protocol": 1, "time": round(time, 3), "event": event, **body}, ensure_ascii=False) + "\n"


class Trainer:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.run: Path = options.run
        self.log = (self.run / "events.jsonl").open("a", encoding="utf-8")
        self.token = os.environ.get("KOHYA_LIKE_PROCESS", "")
        self.control = 0
        self.at_epoch_end = False
        self.step = 0

    def say(self, event: str, **body: object) -> None:
        self.log.write(line(time.time(), event, **body))
        self.log.flush()

    def train(self) -> int:
        options = self.options
        if options.silent:
            return 0
        self.say("phase", name="load", done=0, total=0)
        self.begin()
        while self.step < options.steps:
            self.go_wrong()
            time.sleep(options.pause)
            self.step += 1
            self.log.write(step_line(self.step, 0.1 + 0.1 / self.step, options.pause, time.time()))
            self.log.flush()
            if options.sample_every and self.step % options.sample_every == 0:
                self.sample()
            if options.save_every and self.step % options.save_every == 0:
                self.save_state()
            if reason := self.obey():
                return self.finish(reason)
        return self.finish("done")

    def begin(self) -> None:
        epochs = -(-self.options.steps // self.options.epoch)
        self.say("started", total_steps=self.options.steps, epochs=epochs, steps_per_epoch=self.options.epoch,
                 groups={"unet": 1e-4, "text_encoder": 5e-5}, parameters=1234, version="fake")  # fmt: skip
        if self.options.resume:
            states = sorted((self.run / "checkpoints").glob("state-*"))
            self.step = int(states[-1].name.removeprefix("state-")) if states else 0
            self.say("resumed", step=self.step, state=str(states[-1]) if states else "")
        self.say("phase", name="train", done=self.step, total=self.options.steps)

    def go_wrong(self) -> None:
        options = self.options
        if self.step == options.print_at:
            block = b"x" * 99 + b"\n"
            for _ in range(options.print_bytes // 100_000):
                sys.stdout.buffer.write(block * 1000)
            sys.stdout.flush()
        if self.step == options.die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        while self.step == options.hang_at:
            time.sleep(60)
        if self.step == options.fail_at:
            self.say("failed", text=options.fail, hint="a smaller data.resolution")
            raise SystemExit(1)

    def obey(self) -> str:
        """Take commands; a reason to end, if there is one."""
        try:
            with (self.run / "control.jsonl").open("rb") as file:
                file.seek(self.control)
                data = file.read()
        except FileNotFoundError:
            data = b""
        whole = data[: data.rfind(b"\n") + 1]
        self.control += len(whole)
        for command in map(json.loads, whole.splitlines()):
            if command["process"] != self.token:
                continue
            self.say("control", id=command["id"], verb=command["verb"], step=self.step)
            match command["verb"]:
                case "stop" | "pause" as verb:
                    return "stopped" if verb == "stop" else "paused"
                case "stop_after_epoch":
                    self.at_epoch_end = True
                case "save":
                    self.save_state()
                case "sample":
                    self.sample()
        return "stopped" if self.at_epoch_end and self.step % self.options.epoch == 0 else ""

    def save_state(self) -> None:
        folder = self.run / "checkpoints" / f"state-{self.step:08d}"
        folder.mkdir(parents=True, exist_ok=True)
        self.say("saved", step=self.step, path=str(folder), what="state")

    def sample(self) -> None:
        folder = self.run / "samples"
        folder.mkdir(exist_ok=True)
        for index, prompt in enumerate(self.options.prompt or ["a ghost", "一只猫"]):
            path = folder / f"{self.step:06d}-{index}.png"
            path.write_bytes(picture(64, (40 * index + self.step) % 256))
            self.say("sample", step=self.step, prompt=prompt, index=index, seed=1, path=str(path))

    def finish(self, reason: str) -> int:
        path = ""
        if not self.options.no_file:
            self.save_state()
        if reason != "paused" and not self.options.no_file:
            path = str(self.run / f"fake-{self.step}.safetensors")
            Path(path).write_bytes(b"fake")
            self.say("saved", step=self.step, path=path, what="network")
        if not self.options.no_finish:
            self.say("finished", reason=reason, step=self.step, path=path)
        return 0


def picture(size: int, grey: int) -> bytes:
    """A PNG of one colour."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = zlib.compress((b"\0" + bytes([grey]) * size) * size)
    head = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=Path)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--epoch", type=int, default=10, help="steps of an epoch")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds a step")
    parser.add_argument("--resume", action="store_true", help="go on from the newest state")
    parser.add_argument("--save-every", type=int, default=0)
    parser.add_argument("--sample-every", type=int, default=0)
    parser.add_argument("--prompt", action="append")
    parser.add_argument("--hang-at", type=int, default=-1, help="stop answering after this step")
    parser.add_argument("--die-at", type=int, default=-1, help="kill -9 oneself after this step")
    parser.add_argument("--fail-at", type=int, default=-1)
    parser.add_argument("--fail", default="out of memory: fake", help="the words of --fail-at")
    parser.add_argument("--print-at", type=int, default=-1)
    parser.add_argument("--print-bytes", type=int, default=1 << 30, help="how much --print-at says")
    parser.add_argument("--silent", action="store_true", help="end with code 0 and no word")
    parser.add_argument("--no-finish", action="store_true", help="end with code 0 and no last word")
    parser.add_argument("--no-file", action="store_true", help="save nothing at the end")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(Trainer(arguments()).train())
