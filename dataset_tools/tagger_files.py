"""A WD14 tagger from the hub, when the person says so: its .onnx and its table of tags, and nothing else.

What is asked, checked and shown is what `kohya_like fetch` does for models: sizes and licence first, sha256 at the end.
"""

from __future__ import annotations

from pathlib import Path

from kohya_like.schema.errors import UserError
from kohya_like.verbs.fetch import Report, check_room, described, download
from kohya_like.verbs.hub import TAGGER_KINDS, Listing, RemoteFile, look_up

TABLE = "selected_tags.csv"
KNOWN = (  # a person chooses among them; nothing is fetched unasked
    "SmilingWolf/wd-vit-tagger-v3",
    "SmilingWolf/wd-swinv2-tagger-v3",
    "SmilingWolf/wd-convnext-tagger-v3",
    "SmilingWolf/wd-vit-large-tagger-v3",
    "SmilingWolf/wd-eva02-large-tagger-v3",
)

__all__ = ["KNOWN", "described", "fetched", "folder_of", "listed", "tagger_files"]


def listed(name: str) -> Listing:
    """What the hub has of a tagger. Raises UserError."""
    return look_up(name, TAGGER_KINDS)


def tagger_files(listing: Listing) -> tuple[RemoteFile, ...]:
    """The model and its table. Raises UserError: not there, undecided, without a checksum."""
    models = [file for file in listing.files if file.name.endswith(".onnx")]
    model = next((file for file in models if file.name == "model.onnx"), models[0] if len(models) == 1 else None)
    table = next((file for file in listing.files if file.name == TABLE), None)
    if model is None or table is None:
        raise UserError(
            f"{listing.name} is no tagger of this kind: model.onnx and {TABLE} are expected",
            "taggers read like SmilingWolf/wd-vit-tagger-v3",
        )
    for file in (model, table):
        if not file.expected or file.size <= 0:
            raise UserError(f"{listing.endpoint} gives no checksum for {file.name}, so it is not taken")
    return model, table


def folder_of(listing: Listing, to: Path) -> Path:
    """Where a tagger lies below the folder `to`."""
    return to / listing.name.replace("/", "--")


def fetched(listing: Listing, to: Path, report: Report) -> Path:
    """Download what is not there yet; the folder that holds it. Raises UserError, OSError."""
    files, folder = tagger_files(listing), folder_of(listing, to)
    check_room(files, folder)
    for file in files:
        download(listing, file, folder, report)
    return folder
