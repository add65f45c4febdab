"""Near-duplicates and poor pictures that the Dataset page found can be filtered and are counted in the sets."""

from __future__ import annotations

from pathlib import Path

from pytestqt.qtbot import QtBot

from gui.captions.health_link import HealthLink
from tests.gui.captions.datasets import names
from tests.gui.captions.opened import open_captions, settle, until


def test_what_was_found_is_filtered(qtbot: QtBot, tmp_path: Path) -> None:
    desk = open_captions(qtbot, tmp_path, {stem: "cat" for stem in "abcd"})
    link = HealthLink(desk)
    path = {stem: str(tmp_path / "set" / f"{stem}.png") for stem in "abcd"}
    finding = {"path": path["d"], "kind": "soft", "value": 1.0, "text": ""}
    seen_through = {**finding, "path": path["a"], "kind": "transparent"}
    gone = {**finding, "path": "/gone.png"}
    groups = [[path["a"], path["c"]], [path["b"], "/gone.png"]]
    desk.desk.health = {"pictures": 4, "groups": groups, "findings": [finding, seen_through, gone]}
    desk.desk.wishes.pictures_looked_over.emit()
    settle()
    assert link.parent() is desk and sorted(desk.findings.duplicates.values()) == [1, 1, 2]
    assert len(desk.findings.poor) == 1
    desk.set_filter("dup:1")
    until(qtbot, lambda: names(desk) == ["a", "c"])
