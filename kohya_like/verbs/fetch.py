"""`fetch NAME`: a model from the hub, only when asked, after its size, licence and source were shown.

Standard library only. The bytes come from `<endpoint>/NAME/resolve/REVISION/FILE`. A download continues where it
was cut (HTTP range) and gets its final name only when its sha256 is the one the hub has on record. Weights are
taken as safetensors; a pickle only with --allow-ckpt, and then our own reader opens it, which runs no code.
"""

from __future__ import annotations

import argparse
import fcntl
import http.client
import json
import os
import shutil
import sys
import time
import urllib.error
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

from kohya_like.schema.errors import UserError
from kohya_like.verbs.hub import Listing, RemoteFile, choose, look_up, megabytes, open_address, unreachable

PAUSES = (1.0, 2.0, 4.0, 8.0)  # seconds before each further attempt; bytes that arrive start the count anew
CHUNK = 1 << 20

Report = Callable[[str, int, int], None]  # file, bytes here, bytes in all


def download(listing: Listing, file: RemoteFile, folder: Path, report: Report) -> Path:
    """Bring one file, whole and checked, to `folder / file.local`; what a cut line left is continued.

    Raises:
        UserError: another file of that name is there, the hash is wrong, the line stays dead, the disk is full.
    """
    path = folder / file.local
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        if path.stat().st_size == file.size and _hash_of(path, file) == file.expected:
            report(file.name, file.size, file.size)
            return path
        raise UserError(f"{path} is there already and differs from the hub's", "move it away, or choose another --to")
    part = path.with_name(f"{path.name}.{file.expected[:12]}.part")
    with part.open("a+b") as target:
        try:
            fcntl.flock(target, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UserError(f"{part} is being downloaded by another process") from error
        _receive(listing, file, target, report)
        if _hash_of(part, file) != file.expected:
            part.unlink()
            raise UserError(
                f"{file.name}: what arrived has not the checksum on record at {listing.endpoint}; it was thrown away",
                "try again, or another mirror; if it happens twice, do not use that mirror",
            )
        os.fsync(target.fileno())
        os.replace(part, path)
    return path


def _receive(listing: Listing, file: RemoteFile, target: BinaryIO, report: Report) -> None:
    """Append to `target` until it has `file.size` bytes, over as many connections as that takes."""
    attempt = 0
    while (have := target.seek(0, os.SEEK_END)) < file.size:
        problem: Exception = UserError("the connection ended early")
        try:
            with open_address(listing.address(file), listing.endpoint, have) as response:
                if have and response.status != 206:  # a server without ranges begins anew
                    target.truncate(0)
                    have = 0
                _copy(response, target, file, have, report)
        except urllib.error.HTTPError as error:
            if error.code == 416:
                target.truncate(0)
            elif error.code not in (408, 429) and error.code < 500:
                raise unreachable(error, f"{listing.name}/{file.name}", listing.endpoint) from error
            problem = error
        except (OSError, http.client.HTTPException) as error:
            problem = error
        attempt = 0 if target.seek(0, os.SEEK_END) > have else attempt + 1
        if attempt > len(PAUSES):
            raise unreachable(problem, listing.name, listing.endpoint) from problem
        if attempt:
            time.sleep(PAUSES[attempt - 1])


def _copy(response: http.client.HTTPResponse, target: BinaryIO, file: RemoteFile, have: int, report: Report) -> None:
    while have < file.size and (data := response.read(min(CHUNK, file.size - have))):
        try:
            target.write(data)
            target.flush()
        except OSError as error:
            raise UserError(
                f"{target.name}: {error.strerror}", "what arrived is kept; make room and fetch again"
            ) from error
        have += len(data)
        report(file.name, have, file.size)


def _hash_of(path: Path, file: RemoteFile) -> str:
    digest = file.digest()
    with path.open("rb") as stream:
        while data := stream.read(CHUNK):
            digest.update(data)
    return str(digest.hexdigest())


def described(listing: Listing, files: Sequence[RemoteFile], folder: Path) -> str:
    """What will be downloaded, for a person to agree to."""
    total = sum(file.size for file in files)
    width = max(len(file.name) for file in files)
    rows = [f"  {file.name:<{width}}  {megabytes(file.size):>9}" for file in files]
    head = [f"{listing.name} from {listing.endpoint}, revision {listing.revision[:12]}", f"licence: {listing.licence}"]
    return "\n".join([*head, *rows, f"{len(files)} file{'s' * (len(files) != 1)}, {megabytes(total)}, into {folder}"])


def fetch_verb(arguments: argparse.Namespace) -> int:
    """Show, ask, download. Returns 0, or 1 when the person said no."""
    listing = look_up(arguments.name)
    files = choose(listing, arguments.file, arguments.variant, arguments.allow_ckpt)
    folder = arguments.to / listing.name.replace("/", "--")
    plan = {
        "name": listing.name,
        "endpoint": listing.endpoint,
        "revision": listing.revision,
        "licence": listing.licence,
        "folder": str(folder),
        "bytes": sum(file.size for file in files),
        "files": [asdict(file) for file in files],
    }
    if arguments.json and not arguments.yes:
        print(json.dumps({**plan, "downloaded": False}, ensure_ascii=False, indent=1))
        return 0
    if not arguments.json:
        print(described(listing, files, folder))
    if not arguments.yes and not agreed():
        print("nothing was downloaded")
        return 1
    check_room(files, folder)
    try:
        paths = [download(listing, file, folder, progress()) for file in files]
    except OSError as error:
        raise UserError(f"{error.filename or folder}: {error.strerror}", "choose another --to") from error
    if arguments.json:
        print(json.dumps({**plan, "downloaded": True}, ensure_ascii=False, indent=1))
    else:
        print(f"checked and saved: {folder if len(paths) > 1 else paths[0]}")
    return 0


def agreed() -> bool:
    """Whether the person says yes. Raises UserError where nobody can be asked."""
    if not sys.stdin.isatty():
        raise UserError("nobody is there to agree to the download", "look at the list above and add --yes")
    return input("Download? [y/N] ").strip().lower() in ("y", "yes", "j", "是")


def check_room(files: Sequence[RemoteFile], folder: Path) -> None:
    """Raises UserError where the disk has not the space for what is not there yet."""
    there = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(there).free
    needed = sum(file.size for file in files if not (folder / file.local).exists())
    if free < needed:
        raise UserError(
            f"{there}: {needed:,} bytes are needed and {free:,} are free", "make room, or choose another --to"
        )


def progress() -> Report:
    """A line that renews itself on a terminal; one line per file elsewhere."""
    terminal = sys.stderr.isatty()

    def report(name: str, have: int, size: int) -> None:
        if terminal:
            end = "\n" if have >= size else ""
            print(
                f"\r{name}  {megabytes(have)} of {megabytes(size)} ({have / size:.0%})",
                end=end,
                file=sys.stderr,
                flush=True,
            )
        elif have >= size:
            print(f"{name}  {megabytes(size)}", file=sys.stderr)

    return report
