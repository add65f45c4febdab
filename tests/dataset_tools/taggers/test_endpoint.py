"""A vision endpoint: what is sent, what is made of the answers, and servers that are slow, failing or talk garbage."""

from __future__ import annotations

import base64
import io
import json
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from PIL import Image

from dataset_tools.endpoint import Endpoint, EndpointRefused, said, tags_in
from dataset_tools.proposals import Proposal
from dataset_tools.tagger_settings import EndpointSettings, plain_values, settings_from
from dataset_tools.taggers.base import TaggerStopped
from dataset_tools.taggers.opening import open_tagger
from dataset_tools.taggers.pipeline import Skipped, outcomes
from dataset_tools.taggers.remote import FAILURES
from kohya_like.schema.errors import UserError
from tests.dataset_tools.taggers.tiny_taggers import picture
from tests.dataset_tools.taggers.vision_server import Reply, saying, vision_server

KEY = "sk-a-very-secret-key"


def asked(address: str, pauses: list[float] | None = None, **how: object) -> str:
    settings = EndpointSettings(address, "llava", **{"seconds": 5.0, **how})  # type: ignore[arg-type]
    return Endpoint(settings, pause=(pauses if pauses is not None else []).append).ask("AAAA")


def test_what_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (200, 100), "red").save(path, pnginfo=None)
    with vision_server(lambda number, heard: saying(" A red\n picture. ")) as server:
        settings = EndpointSettings(server.address, "llava", prompt="What is it?", key=KEY, side=64, tokens=77)
        (found,) = outcomes(open_tagger(settings), [str(path)])
    assert found == Proposal(str(path), {}, "A red picture.")
    (heard,) = server.heard
    assert heard.path == "/v1/chat/completions"
    assert heard.headers["Authorization"] == f"Bearer {KEY}"
    assert heard.body["model"] == "llava" and heard.body["max_tokens"] == 77
    text, image = heard.body["messages"][0]["content"]
    assert text == {"type": "text", "text": "What is it?"}
    kind, _, data = image["image_url"]["url"].partition(",")
    sent = Image.open(io.BytesIO(base64.b64decode(data)))
    assert kind == "data:image/jpeg;base64" and sent.size == (64, 32) and sent.format == "JPEG"
    assert sent.getpixel((30, 15))[0] > 240  # type: ignore[index]


def test_tags_between_commas(tmp_path: Path) -> None:
    with vision_server(lambda number, heard: saying('1. Red hair, "blue eyes", red house.，长发、Red hair')) as server:
        settings = EndpointSettings(server.address, "llava", answer="tags")
        (found,) = outcomes(open_tagger(settings), [str(picture(tmp_path / "a.png"))])
    assert server.heard[0].body["messages"][0]["content"][0]["text"].startswith("List what this picture shows")
    assert isinstance(found, Proposal)
    assert [tag for tag, _ in found.scores["general"]] == ["Red hair", "blue eyes", "red house", "长发"]
    assert (
        tags_in("- cat\n- `dog`\n2) 3d.") == ("cat", "dog", "3d")
        and tags_in(" , ,") == ()
        and tags_in("1girl, 2boys") == ("1girl", "2boys")
    )


def test_a_key_is_nowhere_but_in_its_header(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    settings = EndpointSettings("http://127.0.0.1:1/v1", "m", key=KEY)
    assert KEY not in repr(settings) and KEY not in json.dumps(plain_values(settings))
    echo = json.dumps({"error": {"message": f"Incorrect API key provided: {KEY}"}}).encode()
    sentences = []
    for status in (400, 401, 404, 500):
        with vision_server(lambda number, heard, s=status: (s, echo)) as server, pytest.raises(UserError) as caught:  # type: ignore[misc]
            asked(server.address, key=KEY)
        sentences.append(str(caught.value))
    assert KEY not in " ".join(sentences) and "Incorrect API key provided: ***" in sentences[0]
    assert KEY not in "".join(capfd.readouterr())
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with vision_server(lambda number, heard: saying("x")) as server:
        asked(server.address)
        monkeypatch.setenv("KOHYA_LIKE_ENDPOINT_KEY", "mine")
        asked(server.address)
    assert "Authorization" not in server.heard[0].headers  # that key is for its own host
    assert server.heard[1].headers["Authorization"] == "Bearer mine"


def test_a_key_goes_only_over_https_or_nearby() -> None:
    with pytest.raises(UserError, match="a key is not sent without https"):
        Endpoint(EndpointSettings("http://example.org/v1", "m", key=KEY))
    for address in (
        "https://example.org/v1",
        "http://192.168.1.5:8000/v1",
        "http://localhost/v1",
        "http://[::1]:80/v1",
    ):
        Endpoint(EndpointSettings(address, "m", key=KEY))
    with pytest.raises(UserError, match="the key has a blank or a letter that no key has"):
        Endpoint(EndpointSettings("https://example.org/v1", "m", key="a\r\nX: y"))


@pytest.mark.parametrize(
    "address", ["", "example.org", "ftp://a/v1", "http://", "http://a b/", "http://a:x/", "http://a/?k=1"]
)
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(UserError, match="no web address"):
        Endpoint(EndpointSettings(address, "m"))
    with pytest.raises(UserError, match="the address holds a name or a password") as caught:
        Endpoint(EndpointSettings("http://me:secret@a/v1", "m"))
    assert "secret" not in str(caught.value)


def test_busy_servers_are_asked_again() -> None:
    pauses: list[float] = []
    replies: list[Reply] = [(503, b""), (429, b"{}"), saying("at last")]
    with vision_server(lambda number, heard: replies[number]) as server:
        assert asked(server.address, pauses) == "at last"
    assert pauses == [1.0, 2.0] and len(server.heard) == 3
    with vision_server(lambda number, heard: (500, b"<html>")) as server, pytest.raises(UserError, match="HTTP 500"):
        asked(server.address, pauses, retries=2)
    assert len(server.heard) == 3


def test_a_server_says_how_long_to_wait() -> None:
    def busy(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(429)
        handler.send_header("Retry-After", "100000")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    pauses: list[float] = []
    with vision_server(lambda number, heard: saying("x") if number else busy) as server:
        asked(server.address, pauses)
    assert pauses == [60.0]


@pytest.mark.parametrize(
    ("status", "sentence"),
    [(401, "wants a key"), (403, "wants a key"), (404, "has no such model"), (308, r"sends elsewhere \(HTTP 308\)")],
)
def test_refusals_end_the_tagging(tmp_path: Path, status: int, sentence: str) -> None:
    paths = [str(picture(tmp_path / f"{i}.png")) for i in range(20)]
    with vision_server(lambda number, heard: (status, b"http://127.0.0.1:9/other")) as server:
        with pytest.raises(EndpointRefused, match=sentence):
            asked(server.address)
        with pytest.raises(TaggerStopped, match=sentence):
            list(outcomes(open_tagger(EndpointSettings(server.address, "m", threads=1)), paths))
    assert len(server.heard) < 8


def test_a_server_that_fails_for_some_and_then_for_all(tmp_path: Path) -> None:
    paths = [str(picture(tmp_path / f"{i:02}.png")) for i in range(20)]
    with vision_server(lambda number, heard: (400, b"no") if number in (1, 3) else saying("ok")) as server:
        found = list(outcomes(open_tagger(EndpointSettings(server.address, "m", threads=1)), paths))
    assert [type(one) for one in found] == [Skipped if i in (1, 3) else Proposal for i in range(20)]
    assert isinstance(found[1], Skipped) and "01.png" in found[1].reason and "HTTP 400" in found[1].reason
    with (
        vision_server(lambda number, heard: (400, b"no")) as server,
        pytest.raises(TaggerStopped, match=f"{FAILURES} pictures in a row got no answer"),
    ):
        list(outcomes(open_tagger(EndpointSettings(server.address, "m", threads=1)), paths))
    assert len(server.heard) == FAILURES


def drip(stop: threading.Event) -> Callable[[BaseHTTPRequestHandler], None]:
    """An answer that goes on, a byte at a time."""

    def talk(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not stop.wait(0.01):
            try:
                handler.wfile.write(b" ")
                handler.wfile.flush()
            except OSError:
                return

    return talk


def test_slow_servers() -> None:
    stop = threading.Event()

    def silent(handler: BaseHTTPRequestHandler) -> None:
        stop.wait(20)

    for talk in (drip(stop), silent):
        with (
            vision_server(lambda number, heard, t=talk: t) as server,  # type: ignore[misc]
            pytest.raises(UserError, match=r"no answer within 0\.3 s"),
        ):
            asked(server.address, seconds=0.3, retries=1)
        assert len(server.heard) == 2
    stop.set()


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<html>nginx</html>", b"[]", b"{}", b"null", b"\xff\xfe", b'{"choices": []}', b'{"choices": [{}]}',
        b'{"choices": [{"message": {"content": null}}]}', b'{"choices": [{"message": {"content": 5}}]}',
        b'{"choices": [{"message": {"content": [1]}}]}', b"[" * 100_000, b'{"choices": {"0": 1}}',
    ],
    ids=lambda body: body[:30].decode("latin-1"),
)  # fmt: skip
def test_garbage_is_a_sentence(body: bytes) -> None:
    with pytest.raises(UserError, match="answers, but not as chat completions do"):
        said(body, "http://x/v1")


def test_text_is_cleaned_and_bounded() -> None:
    def clean(content: object) -> str:
        return said(json.dumps({"choices": [{"message": {"content": content}}]}).encode(), "x")

    assert clean("a\x00\x1b[31m cat\u202e\r\n\n\tsits") == "a [31m cat\nsits"
    assert clean("<think>hmm\nhmm</think>\nA cat.") == "A cat."
    assert clean([{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "cat"}]) == "a cat"
    with pytest.raises(UserError, match="says nothing of this picture"):
        clean(" \n\t")
    with pytest.raises(UserError, match="says more than 4000 letters"):
        clean("word " * 1000)


def test_endless_answers_and_cut_lines() -> None:
    with (
        vision_server(lambda number, heard: (200, b"x" * (3 << 20))) as server,
        pytest.raises(UserError, match="more than 1 MB"),
    ):
        asked(server.address)

    def cut(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "5000")
        handler.end_headers()
        handler.wfile.write(b'{"choices"')

    def nonsense(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")

    for talk in (cut, nonsense):
        with vision_server(lambda number, heard, t=talk: t) as server, pytest.raises(UserError):  # type: ignore[misc]
            asked(server.address, retries=1)


def test_nobody_is_there() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(UserError, match=r"cannot be reached \(Connection refused\)\nis the server running\?"):
            asked(f"http://127.0.0.1:{port}/v1", retries=1)


def test_a_cancel_ends_the_pauses_and_keeps_what_was_said(tmp_path: Path) -> None:
    paths = [str(picture(tmp_path / f"{i}.png")) for i in range(6)]
    cancelled = threading.Event()
    stop = threading.Event()

    def answer(number: int, heard: object) -> Reply:
        if number == 1:
            cancelled.set()
            return lambda handler: stop.wait(20) and None
        return saying("seen")

    with vision_server(answer) as server:
        settings = EndpointSettings(server.address, "m", threads=1, seconds=60)
        found = list(outcomes(open_tagger(settings, cancelled.is_set), paths, cancelled.is_set))
        stop.set()
    assert found == [Proposal(paths[0], {}, "seen")]
    assert len(server.heard) <= 3


def test_settings_from_plain_values() -> None:
    values = {"kind": "endpoint", "address": "http://a/v1", "model": "m", "key": KEY, "seconds": 5, "answer": "tags"}
    settings = settings_from(values)
    assert settings == EndpointSettings("http://a/v1", "m", key=KEY, seconds=5, answer="tags")
    for change, sentence in (
        ({"kind": "x"}, "'x': no such tagger"),
        ({"modell": 1}, "the tagger endpoint has no setting modell"),
        ({"model": " "}, "the tagger endpoint needs model"),
        ({"seconds": 0}, "seconds must be a number from 1 to 3600"),
        ({"retries": 1.5}, "retries must be a whole number from 0 to 10"),
        ({"key": 5}, "key must be text"),
        ({"answer": "x"}, "answer must be one of sentence, tags"),
    ):
        with pytest.raises(UserError, match=sentence) as caught:
            settings_from({**values, **change})
        assert KEY not in str(caught.value)
