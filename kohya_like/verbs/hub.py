"""What a model hub offers: the files of a model with their sizes and hashes, and which of them we take.

Standard library only. The list comes from `<endpoint>/api/models/NAME?blobs=true`; `HF_ENDPOINT` names a mirror.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

from kohya_like.schema.errors import UserError

HUB = "https://huggingface.co"
COMPONENTS = {"unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler"}
WEIGHTS, PICKLES, TEXTS = (".safetensors",), (".ckpt", ".pt", ".pth", ".bin"), (".json", ".txt")
MODEL_KINDS, TAGGER_KINDS = WEIGHTS + PICKLES + TEXTS, (".onnx", ".csv")
TIMEOUT_SECONDS = 30.0
LISTING_CAP = 32 << 20

_NAME = re.compile(r"(?:[\w-][\w.-]{0,95}/)?[\w-][\w.-]{0,95}", re.ASCII)
_WEIGHT_NAME = re.compile(r"(?P<stem>[^.]+?)(?:\.(?P<variant>[^.]+?))?(?P<shard>-\d{5}-of-\d{5})?(?P<kind>\.[a-z]+)")


@dataclass(frozen=True)
class RemoteFile:
    """A file as the hub lists it. `local` is its path in our folder, where a variant goes by the plain name."""

    name: str
    size: int
    sha256: str  # of the bytes, for a large file
    blob: str  # git's hash, for a small one: sha1 of "blob SIZE\\0" and the bytes
    local: str

    def digest(self) -> Any:
        return hashlib.sha256() if self.sha256 else hashlib.sha1(f"blob {self.size}\0".encode())

    @property
    def expected(self) -> str:
        return self.sha256 or self.blob


@dataclass(frozen=True)
class Listing:
    """What a hub says of a model."""

    name: str
    endpoint: str
    revision: str
    licence: str
    files: tuple[RemoteFile, ...]

    def address(self, file: RemoteFile) -> str:
        return f"{self.endpoint}/{self.name}/resolve/{self.revision}/{urllib.parse.quote(file.name)}"


def megabytes(size: int) -> str:
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"


def endpoint() -> str:
    """HF_ENDPOINT, or the hub itself. Raises UserError for anything but http(s)."""
    address = os.environ.get("HF_ENDPOINT", "").strip().rstrip("/") or HUB
    if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", address):
        raise UserError(f"HF_ENDPOINT = {address}: no web address", "a mirror reads like https://hf-mirror.com")
    return address


def look_up(name: str, kinds: tuple[str, ...] = MODEL_KINDS) -> Listing:
    """Ask the hub for a model's files of these kinds. Raises UserError in words for every way in which that fails."""
    hub = endpoint()
    name = name.strip().removeprefix(f"{hub}/").removeprefix(f"{HUB}/").rstrip("/")
    if not _NAME.fullmatch(name) or ".." in name:
        raise UserError(f"{name!r}: no name of a model", "names read like stabilityai/stable-diffusion-xl-base-1.0")
    if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
        raise UserError("HF_HUB_OFFLINE is set, so nothing is downloaded", "unset it, or copy the model by hand")
    try:
        with open_address(f"{hub}/api/models/{name}?blobs=true", hub) as response:
            body = json.loads(response.read(LISTING_CAP))
        files = tuple(_remote_file(entry) for entry in body["siblings"] if _is_wanted_name(entry["rfilename"], kinds))
        revision = str(body.get("sha") or "main")
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        raise unreachable(error, name, hub) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(
            f"{hub} answers, but not with the files of {name}", "is HF_ENDPOINT a mirror of the hub?"
        ) from error
    if not re.fullmatch(r"[\w.-]+", revision, re.ASCII):
        raise UserError(f"{hub} names a revision that cannot be one: {revision!r}")
    return Listing(name, hub, revision, _licence(body), files)


def open_address(address: str, hub: str, start: int = 0) -> http.client.HTTPResponse:
    request = urllib.request.Request(address, headers={"User-Agent": "kohya-like"})
    if start:
        request.add_header("Range", f"bytes={start}-")
    token = os.environ.get("HF_TOKEN", "").strip()
    if token and hub.startswith("https://"):
        request.add_unredirected_header("Authorization", f"Bearer {token}")  # stays with the hub, not its file servers
    response: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)
    return response


def _is_wanted_name(name: str, kinds: tuple[str, ...]) -> bool:
    """A plain relative path to a file of a kind that is asked for; a hub does not choose where we write."""
    path = PurePosixPath(name)
    plain = not path.is_absolute() and ".." not in path.parts and not re.search(r"[\\:\x00-\x1f]", name)
    return plain and path.suffix in kinds


def _remote_file(entry: dict[str, Any]) -> RemoteFile:
    large = entry.get("lfs") or {}
    size = int(large.get("size", entry.get("size") or 0))
    sha256 = _hexadecimal(large.get("sha256"), 64)
    return RemoteFile(entry["rfilename"], size, sha256, _hexadecimal(entry.get("blobId"), 40), entry["rfilename"])


def _hexadecimal(text: Any, digits: int) -> str:
    return text if isinstance(text, str) and re.fullmatch(rf"[0-9a-f]{{{digits}}}", text) else ""


def _licence(body: dict[str, Any]) -> str:
    card = body.get("cardData")
    named = card.get("license_name") or card.get("license") if isinstance(card, dict) else None
    tagged = [str(t).partition(":")[2] for t in body.get("tags") or () if str(t).startswith("license:")]
    return "".join(c for c in str(named or next(iter(tagged), "not stated")) if c.isprintable())[:100]


def unreachable(error: Exception, name: str, hub: str) -> UserError:
    code = getattr(error, "code", None)
    if code in (401, 403):
        hint = f"open {hub}/{name}, accept its conditions, and set HF_TOKEN to a read token of yours"
        return UserError(f"{hub} does not give out {name}: it is private, gated, or not there (HTTP {code})", hint)
    if code == 404:
        return UserError(f"{hub} has no {name}", "a model's name is the part of its address after the host")
    cause = getattr(error, "reason", error)
    reason = f"HTTP {code}" if code else getattr(cause, "strerror", None) or cause
    hint = "HF_ENDPOINT=https://hf-mirror.com names a mirror; https_proxy is honoured; what arrived is kept"
    return UserError(f"{hub} cannot be reached: {reason}", hint)


def choose(
    listing: Listing, named: Sequence[str] = (), variant: str = "", pickles: bool = False
) -> tuple[RemoteFile, ...]:
    """The files to take: those named; else the parts of a diffusers folder; else the only weights there are.

    Raises:
        UserError: nothing suits, or several files do and the person has to choose.
    """
    by_name = {file.name: file for file in listing.files}
    kinds = WEIGHTS + (PICKLES if pickles else ())
    if named:
        chosen = [_named(listing, by_name, name, kinds + TEXTS) for name in named]
    elif "model_index.json" in by_name:
        chosen = _folder(listing, by_name, variant, kinds)
    else:
        weights = [file for file in listing.files if file.name.endswith(kinds)]
        if len(weights) != 1:
            raise _undecided(listing, weights, pickles)
        chosen = weights
    for file in chosen:
        if not file.expected or file.size <= 0:
            raise UserError(f"{listing.endpoint} gives no checksum for {file.name}, so it is not taken")
    return tuple(chosen)


def _named(listing: Listing, by_name: dict[str, RemoteFile], name: str, kinds: tuple[str, ...]) -> RemoteFile:
    if name not in by_name:
        there = ", ".join(sorted(n for n in by_name if n.endswith(WEIGHTS + PICKLES))) or "no weights"
        raise UserError(f"{listing.name} has no file {name}", f"it has: {there}")
    if not name.endswith(kinds):
        raise UserError(f"{name} is a pickle; only .safetensors is taken", "--allow-ckpt takes it all the same")
    return by_name[name]


def _folder(listing: Listing, by_name: dict[str, RemoteFile], variant: str, kinds: tuple[str, ...]) -> list[RemoteFile]:
    chosen = [by_name["model_index.json"]]
    for component in sorted(COMPONENTS):
        inside = [f for f in listing.files if PurePosixPath(f.name).parent == PurePosixPath(component)]
        chosen += [f for f in inside if f.name.endswith(TEXTS)]
        sets: dict[tuple[str, str], list[RemoteFile]] = {}
        for file in inside:
            match = _WEIGHT_NAME.fullmatch(PurePosixPath(file.name).name)
            if match and match["kind"] in kinds:
                local = file.name if match["shard"] else f"{component}/{match['stem']}{match['kind']}"
                key = match["kind"], match["variant"] or ""
                sets.setdefault(key, []).append(replace(file, local=local))
        wanted = [(kind, name) for kind in kinds for name in (variant, "") if (kind, name) in sets]
        if wanted:
            chosen += sets[wanted[0]]
        elif any(f.name.endswith(WEIGHTS + PICKLES) for f in inside):
            names = ", ".join(PurePosixPath(f.name).name for f in inside if f.name.endswith(WEIGHTS + PICKLES))
            hint = "--variant fp16 and the like chooses among them; --allow-ckpt takes pickles (.bin) as well"
            raise UserError(f"{listing.name}: {component} has no plain .safetensors, only {names}", hint)
    return chosen


def _undecided(listing: Listing, weights: Sequence[RemoteFile], pickles: bool) -> UserError:
    if weights:
        lines = "\n".join(f"  --file {file.name}   {megabytes(file.size)}" for file in weights)
        return UserError(f"{listing.name} has several files of weights; say which:\n{lines}")
    if not pickles and any(file.name.endswith(PICKLES) for file in listing.files):
        return UserError(f"{listing.name} has no .safetensors, only pickles", "--allow-ckpt takes them all the same")
    return UserError(f"{listing.name} has no weights that can be used here")
