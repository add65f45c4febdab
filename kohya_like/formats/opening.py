"""Open a file that someone else made: the sentences for files that are missing, unreadable or not models at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from kohya_like.schema.errors import FormatError

DOWNLOAD_AGAIN = "Download or copy the file again."


def open_regular(path: Path) -> BinaryIO:
    """Open an ordinary file for reading; a pipe or device is refused, for reading it might never end.

    Raises:
        FormatError: missing, a folder, no right, not an ordinary file.
    """
    try:
        file = open(path, "rb", opener=_open_at_once)  # noqa: SIM115 - the caller closes it
    except OSError as error:
        raise unreadable(path, error) from None
    except ValueError:
        raise FormatError(f"{str(path)!r}: is not a file name.") from None
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise FormatError(f"{path}: is not an ordinary file.")
    return file


def is_picture(path: Path) -> bool:
    """Whether a file begins like a picture: PNG, JPEG, WebP, AVIF and its kin, JPEG XL. Raises FormatError."""
    with open_regular(path) as file:
        try:
            start = file.read(16)
        except OSError as error:
            raise unreadable(path, error) from None
    if start.startswith((b"\x89PNG", b"\xff\xd8", b"\xff\x0a", b"\x00\x00\x00\x0cJXL ")):
        return True
    return start[8:12] == b"WEBP" or start[4:8] == b"ftyp"


def unreadable(path: Path, error: OSError) -> FormatError:
    """The sentence for a file that the system does not give us."""
    if isinstance(error, FileNotFoundError):
        return FormatError(f"{path}: no such file.")
    if isinstance(error, IsADirectoryError):
        return FormatError(f"{path}: is a folder, not a file.")
    return FormatError(f"{path}: cannot be read: {error.strerror or error}.")


def refuse_known_strangers(path: Path, start: bytes) -> None:
    """Say what a file is when its first bytes show something that often lands under a model's name.

    Raises:
        FormatError: empty, a web page, a git-lfs pointer, a JSON text.
    """
    if not start:
        raise FormatError(f"{path}: is empty (0 bytes).", hint=DOWNLOAD_AGAIN)
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<script")):
        raise FormatError(
            f"{path}: is a web page (HTML), not a model: the download saved an error or login page.",
            hint="Open the link in a browser, log in if it asks, and download the file itself.",
        )
    if text.startswith(b"version https://git-lfs"):
        raise FormatError(
            f"{path}: is a git-lfs pointer, a short text that stands for the real file.",
            hint="Run `git lfs pull` in that folder, or download the file itself.",
        )
    if text.startswith((b'{"', b"[{")) and start[8:9] != b"{":
        raise FormatError(f"{path}: is a JSON text, not a model.", hint=DOWNLOAD_AGAIN)


def _open_at_once(name: str, flags: int) -> int:
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))  # opening a named pipe would wait for a writer
