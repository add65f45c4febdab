"""The fence around the tests holds."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.request

import pytest

pytestmark = pytest.mark.quick


@pytest.mark.parametrize("host", ["example.org", "93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_a_test_cannot_leave_this_machine(host: str) -> None:
    with pytest.raises(RuntimeError, match="a test wanted"):
        socket.create_connection((host, 80), timeout=1)
    with pytest.raises(RuntimeError, match="a test wanted"), socket.socket() as plain:
        plain.connect((host, 80))


def test_urllib_does_not_turn_the_refusal_into_its_own_error() -> None:
    with pytest.raises(RuntimeError, match="a test wanted"):
        urllib.request.urlopen("http://example.org/", timeout=1)


def test_this_machine_stays_reachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as there:
        here, _ = server.accept()
        here.sendall(b"hello")
        here.close()
        assert there.recv(16) == b"hello"


def test_torch_runs_on_one_thread_here_and_in_children() -> None:
    asks = "import torch; print(torch.get_num_threads())"
    assert subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, check=True).stdout == "1\n"
