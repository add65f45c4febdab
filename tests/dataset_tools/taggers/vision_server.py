"""A server that speaks chat completions, or refuses, stammers and lies, as a test wants it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Heard:
    """What arrived."""

    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Server:
    address: str
    heard: list[Heard] = field(default_factory=list)


Reply = tuple[int, bytes] | Callable[[BaseHTTPRequestHandler], object]


def saying(text: object) -> Reply:
    return 200, json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode()


@contextmanager
def vision_server(answer: Callable[[int, Heard], Reply]) -> Iterator[Server]:
    """`answer(number of the request, from 0, request)` gives status and body, or a function that does the talking."""
    server = Server("")
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            heard = Heard(self.path, dict(self.headers), json.loads(raw))
            with lock:
                number = len(server.heard)
                server.heard.append(heard)
            reply = answer(number, heard)
            if callable(reply):
                reply(self)
                return
            status, body = reply
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", body.decode())
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            return

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    http.block_on_close = False
    server.address = f"http://127.0.0.1:{http.server_port}/v1"
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
