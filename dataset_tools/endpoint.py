"""A vision model behind OpenAI's chat completions: a local server, or a service. Standard library only.

    POST ADDRESS/chat/completions   {"model", "messages": [text and a JPEG as data:], "max_tokens", "temperature"}
    -> choices[0].message.content

The key goes into one header and nowhere else: no log, no sentence, no file. It is sent over https, or to this machine
or a private network; never to where an answer redirects.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import os
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

from dataset_tools.tagger_settings import EndpointSettings
from kohya_like.schema.errors import UserError

KEY_VARIABLE = "KOHYA_LIKE_ENDPOINT_KEY"
SERVICE, SERVICE_VARIABLE = "api.openai.com", "OPENAI_API_KEY"  # this key is for that host alone
ANSWER_CAP, TEXT_CAP = 1 << 20, 4000  # bytes of an answer; letters of its text
PAUSES = (1.0, 2.0, 4.0, 8.0)  # s before each further attempt
LONGEST_PAUSE = 60.0  # s, whatever a server asks for
_DECORATION = re.compile(r"^(?:[-*•#]\s+|\d+[.)]\s+)?[\"'`*]*|[\s\"'`.。*]+$")  # "- ", "1. ", quotes, a full stop
_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504})


class EndpointRefused(UserError):
    """The server will answer no picture: wrong key, address or model."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **more: Any) -> None:
        return None


class Endpoint:
    """`ask` may be called from several threads. `cancelled` ends pauses and waiting between attempts."""

    def __init__(
        self,
        settings: EndpointSettings,
        cancelled: Callable[[], bool] = lambda: False,
        pause: Callable[[float], None] | None = None,
    ) -> None:
        self._settings, self._cancelled, self._pause = settings, cancelled, pause or self._wait
        self.address = _checked_address(settings.address)
        host = urllib.parse.urlsplit(self.address).hostname or ""
        self._key = settings.key or _key_for(host)
        if self._key and not (self.address.startswith("https://") or _is_near(host)):
            raise UserError(f"{self.address}: a key is not sent without https", "give an address with https://")
        if re.search(r"[^\x21-\x7e]", self._key):
            raise UserError("the key has a blank or a letter that no key has", "copy it again")
        proxies: dict[str, str] | None = (
            {} if _is_near(host) else None
        )  # a proxy set for the web does not reach a local server
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler(proxies), _NoRedirect)

    def ask(self, jpeg_base64: str) -> str:
        """What the model says of one picture, cleaned.

        Raises:
            EndpointRefused: every further picture would fail as well.
            UserError: this picture got no answer that can be used.
        """
        request = self._request(jpeg_base64)
        attempt = 0
        while True:
            problem, pause = UserError(""), 0.0
            try:
                return said(self._received(request), self.address)
            except urllib.error.HTTPError as error:
                if error.code not in _AGAIN:
                    raise self._refusal(error) from error
                problem = UserError(f"{self.address}: answers with HTTP {error.code}")
                pause = _asked_pause(error)
            except TimeoutError:
                problem = UserError(
                    f"{self.address}: no answer within {self._settings.seconds:g} s", "allow more seconds per picture"
                )
            except (http.client.HTTPException, OSError) as error:
                problem = UserError(f"{self.address}: cannot be reached ({_reason(error)})", "is the server running?")
            if attempt == self._settings.retries or self._cancelled():
                raise problem
            self._pause(pause or PAUSES[min(attempt, len(PAUSES) - 1)])
            attempt += 1

    def _wait(self, seconds: float) -> None:
        ends = time.monotonic() + seconds
        while not self._cancelled() and (left := ends - time.monotonic()) > 0:
            time.sleep(min(left, 0.2))

    def _request(self, jpeg_base64: str) -> urllib.request.Request:
        settings = self._settings
        content = [
            {"type": "text", "text": settings.question},
            {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{jpeg_base64}"}},
        ]
        body = {
            "model": settings.model,
            "messages": [{"role": "user", "content": content}],
            "max_tokens": settings.tokens,
            "temperature": settings.temperature,
        }
        headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "kohya-like"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        return urllib.request.Request(f"{self.address}/chat/completions", json.dumps(body).encode(), headers)

    def _received(self, request: urllib.request.Request) -> bytes:
        """The answer's bytes, all within the time of one picture, however slowly they drip."""
        ends = time.monotonic() + self._settings.seconds
        data = b""
        try:
            with self._opener.open(request, timeout=self._settings.seconds) as response:
                while part := response.read1(1 << 16):
                    data += part
                    if len(data) > ANSWER_CAP:
                        raise UserError(f"{self.address}: answers with more than {ANSWER_CAP >> 20} MB")
                    if time.monotonic() > ends or self._cancelled():
                        raise TimeoutError
        except urllib.error.HTTPError:
            raise
        except urllib.error.URLError as error:
            if isinstance(error.reason, TimeoutError):
                raise TimeoutError from error
            raise
        return data

    def _refusal(self, error: urllib.error.HTTPError) -> UserError:
        code, told = error.code, self._told(error)
        if code in (401, 403):
            text = f"{self.address}: refuses the key (HTTP {code})" if self._key else f"{self.address}: wants a key"
            return EndpointRefused(text, f"set {KEY_VARIABLE}, or type it when asked; it is not saved")
        if code in (404, 405):
            text = f"{self.address}: has no such model or no chat completions (HTTP {code}): {told}"
            return EndpointRefused(text, "the address ends in /v1 on most servers; is the model's name right?")
        if 300 <= code < 400:
            return EndpointRefused(f"{self.address}: sends elsewhere (HTTP {code})", "give the address it leads to")
        return UserError(f"{self.address}: refuses this picture (HTTP {code}): {told}")

    def _told(self, error: urllib.error.HTTPError) -> str:
        """What the server gives as its reason, as one line; the key is cut out should it be in there."""
        try:
            body = json.loads(error.read(1 << 14))
            found = body["error"]["message"] if isinstance(body["error"], dict) else body["error"]
        except (ValueError, KeyError, TypeError, OSError, http.client.HTTPException):
            return "no reason given"
        text = _line(str(found))[:200]
        return text.replace(self._key, "***") if self._key else text


def said(answer: bytes, address: str) -> str:
    """The text in a server's answer, its lines kept. Raises UserError for anything that is none."""
    try:
        content = json.loads(answer)["choices"][0]["message"]["content"]
        if isinstance(content, list):  # parts, as some servers give them
            content = " ".join(part["text"] for part in content if part.get("type", "text") == "text")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{address}: answers, but not as chat completions do", "the address ends in /v1") from error
    if not isinstance(content, str):
        raise UserError(f"{address}: answers, but not as chat completions do", "the address ends in /v1")
    lines = re.sub(r"(?s)<think>.*?</think>", "", content).splitlines()
    text = "\n".join(line for raw in lines if (line := _line(raw)))
    if not text:
        raise UserError(f"{address}: says nothing of this picture")
    if len(text) > TEXT_CAP:
        raise UserError(f"{address}: says more than {TEXT_CAP} letters of this picture", "ask for one sentence")
    return text


def tags_in(text: str) -> tuple[str, ...]:
    """The tags of an answer between commas or line ends, each once; numbering, quotes and full stops taken off."""
    parts = (_DECORATION.sub("", part.strip()) for part in re.split(r"[,;，、；\n]", text))
    return tuple(dict.fromkeys(part for part in parts if part))


def _line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _checked_address(address: str) -> str:
    address = address.strip().rstrip("/").removesuffix("/chat/completions")
    parts = urllib.parse.urlsplit(address)
    try:
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fine = False
    if not fine or re.search(r"[\s\x00-\x1f]", address) or parts.query or parts.fragment:
        raise UserError(f"{address[:200]!r}: no web address", "addresses read like http://127.0.0.1:11434/v1")
    if parts.username or parts.password:
        raise UserError("the address holds a name or a password", f"leave them out; a key is set by {KEY_VARIABLE}")
    return address


def _key_for(host: str) -> str:
    found = os.environ.get(KEY_VARIABLE, "").strip()
    return found or (os.environ.get(SERVICE_VARIABLE, "").strip() if host == SERVICE else "")


def _is_near(host: str) -> bool:
    """This machine, or an address of a private network."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host == "localhost" or host.endswith((".local", ".lan"))


def _asked_pause(error: urllib.error.HTTPError) -> float:
    try:
        return min(max(float(error.headers.get("Retry-After", "0")), 0.0), LONGEST_PAUSE)
    except ValueError:  # a date: our own pauses do
        return 0.0


def _reason(error: Exception) -> str:
    cause = getattr(error, "reason", error)
    return str(getattr(cause, "strerror", None) or cause or type(cause).__name__)[:200]
