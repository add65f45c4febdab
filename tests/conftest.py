"""For every test: no network, no window on a screen, one thread. Set before any test file imports torch or Qt."""

from __future__ import annotations

import ipaddress
import os
import socket
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ["OMP_NUM_THREADS"] = (
    "1"  # torch reads it when it is first imported; exact resume is promised per thread count
)
os.environ["MKL_NUM_THREADS"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


class NetworkRefused(RuntimeError):
    """A test tried to leave this machine. No OSError, so that no retry or fallback in the tested code hides it."""


def is_local(host: Any) -> bool:
    if host in ("", "localhost", None, b"localhost"):
        return True
    try:
        return ipaddress.ip_address(host.decode() if isinstance(host, bytes) else host).is_loopback
    except ValueError:
        return False


def refuse_network() -> None:
    """Let sockets reach this machine only, and look up no foreign name."""
    connect, connect_ex, look_up = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def check(sock: Any, address: Any) -> None:
        if sock.family in (socket.AF_INET, socket.AF_INET6) and not is_local(address[0]):
            raise NetworkRefused(f"a test wanted to connect to {address}")

    def guarded_connect(sock: Any, address: Any) -> Any:
        check(sock, address)
        return connect(sock, address)

    def guarded_connect_ex(sock: Any, address: Any) -> Any:
        check(sock, address)
        return connect_ex(sock, address)

    def guarded_look_up(host: Any, *args: Any, **more: Any) -> Any:
        if not is_local(host):
            raise NetworkRefused(f"a test wanted the address of {host}")
        return look_up(host, *args, **more)

    socket.socket.connect = guarded_connect  # type: ignore[method-assign]
    socket.socket.connect_ex = guarded_connect_ex  # type: ignore[method-assign]
    socket.getaddrinfo = guarded_look_up


refuse_network()
