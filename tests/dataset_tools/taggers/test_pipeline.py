"""The pipeline: order, bad pictures, cancel, and the end of a tagger."""

from __future__ import annotations

import struct
import threading
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from dataset_tools.proposals import Proposal
from dataset_tools.tagger_settings import Wd14Settings
from dataset_tools.taggers.base import Seen, TaggerStopped
from dataset_tools.taggers.opening import open_tagger
from dataset_tools.taggers.pipeline import Skipped, outcomes
from kohya_like.schema.errors import UserError
from tests.dataset_tools.taggers.tiny_taggers import picture, tiny_wd14


class Counting:
    """A tagger that prepares names and counts its batches."""

    seen_when_prepared = False
    batch, workers = 3, 2
    facts: Mapping[str, object] = {}

    def __init__(self, bad: Mapping[str, Exception] | None = None) -> None:
        self.batches: list[int] = []
        self.prepared: list[str] = []
        self.threads: set[str] = set()
        self._bad = bad or {}

    def prepare(self, picture: Path) -> str:
        self.prepared.append(picture.name)
        self.threads.add(threading.current_thread().name)
        if picture.name in self._bad:
            raise self._bad[picture.name]
        return picture.name

    def look(self, batch: Sequence[str]) -> list[Seen]:
        self.batches.append(len(batch))
        return [Seen(sentence=name) for name in batch]


NAMES = [f"{i:02}" for i in range(20)]


def test_each_picture_once_in_order_in_whole_batches() -> None:
    tagger = Counting()
    found = list(outcomes(tagger, NAMES))
    assert [one.sentence for one in found if isinstance(one, Proposal)] == NAMES
    assert tagger.batches == [3] * 6 + [2]
    assert all(name.startswith("prepare") for name in tagger.threads)
    assert list(outcomes(Counting(), [])) == []


def test_bad_pictures_are_passed_over_and_fill_no_batch() -> None:
    tagger = Counting({"01": UserError("01: is damaged", "copy it"), "04": ValueError("struct"), "05": MemoryError()})
    found = list(outcomes(tagger, NAMES))
    assert [one.picture for one in found if isinstance(one, Skipped)] == ["01", "04", "05"]
    reasons = [one.reason for one in found if isinstance(one, Skipped)]
    assert reasons[0] == "01: is damaged; copy it" and "ValueError: struct" in reasons[1]
    assert tagger.batches == [3] * 5 + [2]


def test_no_more_is_prepared_ahead_than_is_needed() -> None:
    tagger = Counting()
    run = outcomes(tagger, [str(i) for i in range(1000)])
    next(run)
    assert len(tagger.prepared) <= 3 + 2 * 3 + 2 + 1


def test_a_cancel_keeps_what_came_before() -> None:
    tagger = Counting()
    found: list[Proposal | Skipped] = []
    for one in outcomes(tagger, NAMES, lambda: len(found) >= 6):
        found.append(one)
    assert [one.picture for one in found] == NAMES[:6]
    assert sum(tagger.batches) == 6


def test_a_cancel_is_heard_while_a_picture_is_slow() -> None:
    cancelled, go_on = threading.Event(), threading.Event()

    class Slow(Counting):
        def prepare(self, picture: Path) -> str:
            cancelled.set()
            go_on.wait(20)
            return picture.name

    assert list(outcomes(Slow(), NAMES, cancelled.is_set)) == []
    go_on.set()


def test_the_end_of_a_tagger_keeps_what_came_before() -> None:
    found: list[Proposal | Skipped] = []
    with pytest.raises(TaggerStopped, match="the key is wrong"):
        for one in outcomes(Counting({"07": TaggerStopped("the key is wrong")}), NAMES):
            found.append(one)
    assert [one.picture for one in found] == NAMES[:6]


def bomb() -> bytes:
    """A PNG that claims 60,000 x 60,000 pixels."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 9999)) + chunk(b"IEND", b"")
    )


def test_pictures_that_are_none_are_said_and_the_rest_is_tagged(tmp_path: Path) -> None:
    good = picture(tmp_path / "good.png")
    contents = {
        "truncated.png": good.read_bytes()[:-30],
        "bomb.png": bomb(),
        "text.png": b"not a picture",
        "empty.jpg": b"",
        "svg.png": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder.png").mkdir()
    names = ["good.png", *contents, "folder.png", "missing.png"]
    tagger = open_tagger(Wd14Settings(str(tiny_wd14(tmp_path / "tagger"))))
    found = list(outcomes(tagger, [*(str(tmp_path / name) for name in names), str(good)]))
    assert [type(one) for one in found if isinstance(one, Proposal)] == [Proposal] * 2
    reasons = {Path(one.picture).name: one.reason for one in found if isinstance(one, Skipped)}
    assert set(reasons) == set(names[1:])
    assert "3,600 megapixels; the limit is" in reasons["bomb.png"]
    assert "there is no such file" in reasons["missing.png"]
    assert all(str(tmp_path) in reason for reason in reasons.values())
