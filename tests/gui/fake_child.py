"""A child that ends, writes or hangs as its first argument says; for the tests of what watches over children."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path


def say(body: dict[str, object]) -> None:
    print(json.dumps(body), flush=True)


def service(mode: str, diary: Path) -> int:
    """Stands in for the window's service; writes down each start and request it sees."""

    def note(text: str) -> None:
        with diary.open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")

    note("ready")
    say({"ready": True})
    for line in sys.stdin:
        request = json.loads(line)
        number, text = request["id"], request.get("text", "")
        note(f"{request['do']} {text or request.get('run', '')}")
        say({"id": number, "begun": True})
        if text == "hang":
            time.sleep(600)
        elif text == "crash" or (text == "crash once" and diary.read_text(encoding="utf-8").count("ready") == 1):
            print("the disk is on fire", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        elif request["do"] == "start" and mode == "slow":
            time.sleep(0.4)
            note(f"start {text} done")
        if request["do"] == "check":
            say({"id": number, "ok": True, "report": {"text": text}, "faults": []})
            if text == "twice":
                say({"id": number, "ok": True, "report": {"text": "twice again"}, "faults": [], "refreshed": True})
        else:
            say({"id": number, "ok": True, "run": f"run of {text}", "name": request.get("name", "")})
    return 0


def plain(mode: str) -> int:
    out = sys.stdout.buffer
    if mode == "lines":
        out.write("one\r\ntwo\n汉字\n".encode())
    elif mode == "code":
        sys.stderr.write("no such thing\n")
        return 3
    elif mode == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    elif mode == "crash":
        os.kill(os.getpid(), signal.SIGABRT)
    elif mode == "bytes":
        out.write(b"good \xff\xfe bad\n")
    elif mode == "flood":
        for _ in range(500):
            out.write(b"x" * 99 + b"\n" * 1 + (b"y" * 99 + b"\n") * 1047)
    elif mode == "long line":
        out.write(b"z" * (5 << 20) + b"\nafter\n")
    elif mode == "no end":
        out.write(b"first\nlast without end")
    elif mode == "reads":
        for line in sys.stdin:
            print(line.strip().upper(), flush=True)
    elif mode == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("here", flush=True)
        time.sleep(600)
    return 0


if __name__ == "__main__":
    if len(sys.argv) > 2:
        raise SystemExit(service(sys.argv[1], Path(sys.argv[2])))
    raise SystemExit(plain(sys.argv[1]))
