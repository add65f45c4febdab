"""`fetch` against a small hub on this machine that can cut the line, lie, and know no ranges."""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from kohya_like import cli
from kohya_like.schema.errors import UserError
from kohya_like.verbs import fetch, hub

pytestmark = pytest.mark.quick

NAME = "someone/tiny-model"
WEIGHTS = bytes(range(256)) * 4096  # 1 MiB


class Hub(ThreadingHTTPServer):
    """Serves `files`; each path in `cuts` loses its line after that many bytes, once for each number."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {"model.safetensors": WEIGHTS}
        self.served: dict[str, bytes] = {}  # what comes in place of the listed bytes
        self.cuts: dict[str, list[int]] = {}
        self.listing: Any = None
        self.ranges, self.status = True, 200
        self.requests: list[tuple[str, str]] = []  # path, Range
        self.headers: list[dict[str, str]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def described(self) -> Any:
        if self.listing is not None:
            return self.listing
        siblings = []
        for name, data in self.files.items():
            blob = hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
            entry: dict[str, Any] = {"rfilename": name, "size": len(data), "blobId": blob}
            if not name.endswith((".json", ".txt")):
                entry["lfs"] = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
            siblings.append(entry)
        return {"id": NAME, "sha": "a" * 40, "tags": ["license:openrail"], "siblings": siblings}


class Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        wanted = self.headers.get("Range", "")
        self.server.requests.append((self.path, wanted))
        self.server.headers.append(dict(self.headers))
        if self.server.status != 200:
            self.send_error(self.server.status)
        elif self.path.startswith("/api/models/"):
            self.reply(200, json.dumps(self.server.described()).encode())
        else:
            name = self.path.partition(f"/resolve/{'a' * 40}/")[2]
            data = self.server.served.get(name, self.server.files[name])
            if wanted and self.server.ranges:
                self.reply(206, data[int(wanted[6:-1]) :], name)
            else:
                self.reply(200, data, name)

    def reply(self, status: int, data: bytes, name: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        cuts = self.server.cuts.get(name)
        self.wfile.write(data[: cuts.pop(0)] if cuts else data)
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with Hub() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("HF_ENDPOINT", running.address)
        monkeypatch.delenv("HF_HUB_OFFLINE")
        monkeypatch.delenv("HF_TOKEN", raising=False)
        monkeypatch.setattr(fetch, "PAUSES", (0.0, 0.0))
        yield running
        running.shutdown()
        thread.join()


Run = Callable[..., int]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def call(*arguments: str) -> int:
        return fetch.fetch_verb(cli.parser().parse_args(["fetch", NAME, "--to", str(tmp_path), *arguments]))

    return call


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return tmp_path / "someone--tiny-model"


def everything(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_source_licence_and_size_are_shown_and_the_file_is_saved(
    server: Hub, run: Run, saved: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--yes") == 0
    shown = capsys.readouterr().out
    for expected in (server.address, "licence: openrail", "1 file, 1.0 MB", NAME):
        assert expected in shown
    assert everything(saved) == {"model.safetensors": WEIGHTS}


def test_without_consent_nothing_is_downloaded(
    server: Hub, run: Run, saved: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match="nobody is there to agree"):
        monkeypatch.setattr("sys.stdin", argparse.Namespace(isatty=lambda: False))
        run()
    monkeypatch.setattr("sys.stdin", argparse.Namespace(isatty=lambda: True))
    monkeypatch.setattr("builtins.input", lambda prompt: "n")
    assert run() == 1
    assert run("--json") == 0
    assert '"downloaded": false' in capsys.readouterr().out
    assert not saved.exists()
    assert all(path.startswith("/api/") for path, _ in server.requests)
    monkeypatch.setattr("builtins.input", lambda prompt: "y")
    assert run() == 0
    assert saved.exists()


def test_a_cut_line_is_taken_up_where_it_broke(server: Hub, run: Run, saved: Path) -> None:
    server.cuts["model.safetensors"] = [300_000, 200_000]
    assert run("--yes") == 0
    assert everything(saved) == {"model.safetensors": WEIGHTS}
    assert [r for _, r in server.requests[1:]] == ["", "bytes=300000-", "bytes=500000-"]


def test_a_later_call_goes_on_too(server: Hub, run: Run, saved: Path) -> None:
    server.cuts["model.safetensors"] = [300_000, 0, 0, 0, 0]
    with pytest.raises(UserError, match=r"cannot be reached.*ended early"):
        run("--yes")
    assert [name for name in everything(saved) if name.endswith(".part")] and len(everything(saved)) == 1
    server.cuts.clear()
    server.requests.clear()
    assert run("--yes") == 0
    assert server.requests[1:] == [(server.requests[1][0], "bytes=300000-")]
    assert everything(saved) == {"model.safetensors": WEIGHTS}


def test_a_server_without_ranges_starts_anew(server: Hub, run: Run, saved: Path) -> None:
    server.ranges = False
    server.cuts["model.safetensors"] = [300_000]
    assert run("--yes") == 0
    assert everything(saved) == {"model.safetensors": WEIGHTS}


@pytest.mark.parametrize("kind", ["other bytes", "a login page", "too short for ever", "more than announced"])
def test_wrong_bytes_are_thrown_away(server: Hub, run: Run, saved: Path, kind: str) -> None:
    swapped = WEIGHTS[:-1] + b"\0"
    page = b"<!DOCTYPE html>" + b" " * len(WEIGHTS)
    served = {"other bytes": swapped, "a login page": page, "too short for ever": WEIGHTS[:100]}
    server.served["model.safetensors"] = served.get(kind, b"x" + WEIGHTS)
    with pytest.raises(UserError, match="cannot be reached" if "short" in kind else "has not the checksum"):
        run("--yes")
    assert "model.safetensors" not in everything(saved)
    if "short" not in kind:
        assert everything(saved) == {}


def test_small_files_are_checked_by_gits_hash(server: Hub, run: Run, saved: Path) -> None:
    server.files = {"model_index.json": b"{}", "unet/config.json": b"{1}", "unet/model.safetensors": WEIGHTS}
    server.served["unet/config.json"] = b"{2}"
    with pytest.raises(UserError, match=r"unet/config.json.*checksum"):
        run("--yes")
    assert not (saved / "unet/config.json").exists()


def test_what_is_there_is_not_downloaded_again_and_never_overwritten(server: Hub, run: Run, saved: Path) -> None:
    run("--yes")
    server.requests.clear()
    assert run("--yes") == 0
    assert len(server.requests) == 1  # the listing alone
    (saved / "model.safetensors").write_bytes(b"my own")
    with pytest.raises(UserError, match="is there already and differs"):
        run("--yes")
    assert everything(saved) == {"model.safetensors": b"my own"}


def test_two_at_once_do_not_write_into_one_file(server: Hub, run: Run, saved: Path) -> None:
    saved.mkdir()
    with (saved / f"model.safetensors.{hashlib.sha256(WEIGHTS).hexdigest()[:12]}.part").open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="by another process"):
            run("--yes")


def test_a_full_disk_is_seen_before_the_download(
    server: Hub, run: Run, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: argparse.Namespace(free=1000))
    with pytest.raises(UserError, match=r"1,048,576 bytes are needed and 1,000 are free"):
        run("--yes")
    assert not saved.exists()


def test_a_folder_that_may_not_be_written_is_a_sentence(server: Hub, run: Run, saved: Path) -> None:
    saved.write_text("a file where the folder should be")
    with pytest.raises(UserError, match="someone--tiny-model"):
        run("--yes")


FOLDER = {
    "model_index.json": b"{}",
    "README.md": b"#",
    "v1.safetensors": b"one file",
    "v1.ckpt": b"pickle",
    "unet/config.json": b"{}",
    "unet/diffusion_pytorch_model.safetensors": b"full",
    "unet/diffusion_pytorch_model.fp16.safetensors": b"half",
    "unet/diffusion_pytorch_model.non_ema.safetensors": b"raw",
    "unet/diffusion_pytorch_model.bin": b"pickle",
    "vae/diffusion_pytorch_model.safetensors": b"vae",
    "text_encoder/model-00001-of-00002.safetensors": b"t1",
    "text_encoder/model-00002-of-00002.safetensors": b"t2",
    "text_encoder/model.safetensors.index.json": b"{ }",
    "tokenizer/merges.txt": b"merges",
    "safety_checker/model.safetensors": b"not ours",
    "scheduler/scheduler_config.json": b"{\n}",
}
TAKEN = {
    "model_index.json",
    "unet/config.json",
    "unet/diffusion_pytorch_model.safetensors",
    "vae/diffusion_pytorch_model.safetensors",
    "text_encoder/model-00001-of-00002.safetensors",
    "text_encoder/model-00002-of-00002.safetensors",
    "text_encoder/model.safetensors.index.json",
    "tokenizer/merges.txt",
    "scheduler/scheduler_config.json",
}


def test_of_a_diffusers_folder_the_parts_we_use_are_taken(server: Hub, run: Run, saved: Path) -> None:
    server.files = dict(FOLDER)
    assert run("--yes") == 0
    assert everything(saved) == {name: FOLDER[name] for name in sorted(TAKEN)}


def test_a_variant_goes_by_the_plain_name(server: Hub, run: Run, saved: Path) -> None:
    server.files = dict(FOLDER)
    assert run("--yes", "--variant", "fp16") == 0
    assert (saved / "unet/diffusion_pytorch_model.safetensors").read_bytes() == b"half"
    assert (saved / "vae/diffusion_pytorch_model.safetensors").read_bytes() == b"vae"  # it has no half
    assert set(everything(saved)) == TAKEN


def test_one_named_file_is_taken_alone(server: Hub, run: Run, saved: Path) -> None:
    server.files = dict(FOLDER)
    assert run("--yes", "--file", "v1.safetensors") == 0
    assert everything(saved) == {"v1.safetensors": b"one file"}
    with pytest.raises(UserError, match=r"no file v2.*\n.*v1.safetensors"):
        run("--yes", "--file", "v2.safetensors")


def test_pickles_are_taken_only_when_asked_for(server: Hub, run: Run, saved: Path) -> None:
    server.files = {"old.ckpt": b"pickle"}
    with pytest.raises(UserError, match=r"only pickles\n--allow-ckpt"):
        run("--yes")
    with pytest.raises(UserError, match=r"old.ckpt is a pickle"):
        run("--yes", "--file", "old.ckpt")
    assert not saved.exists()
    assert run("--yes", "--allow-ckpt") == 0
    assert everything(saved) == {"old.ckpt": b"pickle"}
    server.files = {"model_index.json": b"{}", "unet/diffusion_pytorch_model.bin": b"pickle"}
    with pytest.raises(UserError, match=r"unet has no plain .safetensors, only diffusion_pytorch_model.bin"):
        run("--yes")


def test_several_files_are_a_question(server: Hub, run: Run) -> None:
    server.files = {"a.safetensors": b"a", "b.safetensors": b"bb"}
    with pytest.raises(UserError, match=r"say which:\n  --file a.safetensors .*\n  --file b.safetensors"):
        run("--yes")


@pytest.mark.parametrize("name", ["../../evil.json", "/etc/evil.json", "a\\..\\b.json", "C:evil.json", "x\x1b[2J.json"])
def test_a_hub_does_not_choose_where_we_write(server: Hub, run: Run, saved: Path, name: str) -> None:
    server.files = {"model_index.json": b"{}", name: b"evil"}
    assert run("--yes") == 0
    assert set(everything(saved)) == {"model_index.json"}
    assert [p.name for p in saved.parent.iterdir()] == [saved.name]
    assert not any(f.name == name for f in hub.look_up(NAME).files)


def test_a_listing_without_checksums_is_refused(server: Hub, run: Run, saved: Path) -> None:
    server.listing = {"sha": "a" * 40, "siblings": [{"rfilename": "model.safetensors", "size": 9, "blobId": "../../x"}]}
    with pytest.raises(UserError, match=r"gives no checksum for model.safetensors"):
        run("--yes")
    assert not saved.exists()


@pytest.mark.parametrize(
    "listing", [[], {"siblings": 3}, {"siblings": [{}]}, "hello", {"siblings": [{"rfilename": 4}]}]
)
def test_an_answer_that_is_no_listing_is_a_sentence(server: Hub, run: Run, listing: Any) -> None:
    server.listing = listing
    with pytest.raises(UserError, match=r"not with the files of someone/tiny-model"):
        run("--yes")


@pytest.mark.parametrize(
    "status, words", [(404, "has no someone"), (401, "gated"), (403, "HF_TOKEN"), (500, "HTTP 500")]
)
def test_refusals_are_sentences(server: Hub, run: Run, status: int, words: str) -> None:
    server.status = status
    with pytest.raises(UserError) as refusal:
        run("--yes")
    assert words in str(refusal.value) and server.address in str(refusal.value)


def test_a_dead_endpoint_names_the_way_to_a_mirror(run: Run, server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9/")
    with pytest.raises(UserError, match=r"http://127.0.0.1:9 cannot be reached: .*refused[^\n]*\nHF_ENDPOINT="):
        run("--yes")


@pytest.mark.parametrize("name", ["", "a/b/c", "../x", "a b", "-x/../y", "a/b?x=1", "模型"])
def test_names_that_are_none(name: str, server: Hub) -> None:
    with pytest.raises(UserError, match="no name of a model"):
        hub.look_up(name)
    assert server.requests == []


def test_an_address_copied_from_the_browser_is_a_name_too(server: Hub) -> None:
    assert hub.look_up(f"https://huggingface.co/{NAME}/").name == NAME


@pytest.mark.parametrize("address", ["file:///etc", "ftp://x", "hf-mirror.com", "https://"])
def test_an_endpoint_that_is_no_web_address(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("HF_ENDPOINT", address)
    with pytest.raises(UserError, match="no web address"):
        hub.look_up(NAME)


def test_offline_is_offline(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UserError, match="HF_HUB_OFFLINE"):
        hub.look_up(NAME)
    assert server.requests == []


def test_a_token_travels_only_encrypted_and_not_past_the_hub(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    hub.look_up(NAME)  # plain http
    assert "Authorization" not in server.headers[-1]
    seen = []
    monkeypatch.setattr("urllib.request.urlopen", lambda request, timeout: seen.append(request))
    hub.open_address("https://hub.example/x", "https://hub.example")
    assert seen[0].unredirected_hdrs == {"Authorization": "Bearer hf_secret"}
    assert "Authorization" not in seen[0].headers
