"""Auto-tagging in the window: proposals change nothing until they are accepted, and undo takes that back."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from gui.captions.auto_tag import AutoTag
from gui.captions.desk import CaptionDesk
from gui.captions.tagger_form import SETTING
from gui.captions.tagging_child import TaggingChild
from tests.dataset_tools.taggers.tiny_taggers import tiny_wd14
from tests.gui.captions.opened import choose, open_captions, settle, text, until

SCORES = {"general": [["long_hair", 0.9], ["smile", 0.5], ["hat", 0.2]], "character": [["miku_(vocaloid)", 0.9]]}
PATIENCE = 30_000


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> CaptionDesk:
    return open_captions(qtbot, tmp_path, {"a": "cat", "b": "", "c": "dog, long hair"})


@pytest.fixture
def tool(qtbot: QtBot, desk: CaptionDesk) -> Iterator[AutoTag]:
    yield from made(qtbot, desk)


def made(qtbot: QtBot, desk: CaptionDesk, script: str = "") -> Iterator[AutoTag]:
    command = (sys.executable, "-u", "-c", script) if script else None
    tool = AutoTag(desk, child=TaggingChild(command=command) if command else None)
    qtbot.addWidget(tool)
    tool.resize(1000, 400)
    tool.show()
    yield tool
    tool.child.close()
    settle()


def propose(qtbot: QtBot, tool: AutoTag, desk: CaptionDesk, **sentence: str) -> None:
    """As if the tagger had answered for every picture."""
    assert desk.library is not None
    tool._ids = {desk.library.path(id): id for id in desk.shown.ids}
    for path in tool._ids:
        tool.child.proposed.emit({"picture": path, "scores": SCORES, **sentence})
    until(qtbot, lambda: not tool._fresh and not tool._is_looking and len(tool._store) == 3)
    looked(qtbot, tool)


def looked(qtbot: QtBot, tool: AutoTag) -> None:
    tool._look()
    settle()
    until(qtbot, lambda: not tool._is_looking and not tool._is_stale)


def texts(desk: CaptionDesk) -> list[str]:
    return [text(desk, stem) for stem in "abc"]


def test_nothing_changes_before_it_is_accepted_and_undo_takes_it_back(
    qtbot: QtBot, tool: AutoTag, desk: CaptionDesk
) -> None:
    before = texts(desk)
    propose(qtbot, tool, desk)
    assert texts(desk) == before and tool.accept.text() == "Accept 3"
    tool.accept.click()
    settle()
    tags = "miku (vocaloid), long hair, smile"
    assert texts(desk) == [f"cat, {tags}", tags, "dog, long hair, miku (vocaloid), smile"]
    looked(qtbot, tool)
    assert len(tool._store) == 0 and not tool.accept.isEnabled()
    desk.undo()
    settle()
    assert texts(desk) == before


def test_thresholds_modes_and_the_blacklist_move_afterwards(qtbot: QtBot, tool: AutoTag, desk: CaptionDesk) -> None:
    propose(qtbot, tool, desk)
    tool.choice.thresholds["general"].setValue(10)
    tool.choice.blacklist.setText("long_hair, smile")
    tool.choice.boxes["escape"].setChecked(True)
    tool.choice.mode_box.setCurrentIndex(3)
    looked(qtbot, tool)
    assert tool.accept.text() == "Accept 1" and tool.diff.toPlainText().startswith("b.")
    tool.accept.click()
    settle()
    assert texts(desk) == ["cat", r"miku \(vocaloid\), hat", "dog, long hair"]


def test_only_the_chosen_are_accepted_and_the_rest_is_discarded(qtbot: QtBot, tool: AutoTag, desk: CaptionDesk) -> None:
    propose(qtbot, tool, desk)
    choose(desk, "a")
    tool.accept_chosen.click()
    settle()
    assert texts(desk)[0].startswith("cat, miku") and texts(desk)[1:] == ["", "dog, long hair"]
    looked(qtbot, tool)
    assert tool.accept.text() == "Accept 2"
    tool.discard.click()
    settle()
    looked(qtbot, tool)
    assert not tool.accept.isEnabled() and texts(desk)[1:] == ["", "dog, long hair"]


def test_a_real_tagger_tags_those_without_a_caption(qtbot: QtBot, desk: CaptionDesk, tmp_path: Path) -> None:
    iterator = made(qtbot, desk)
    tool = next(iterator)
    tool.tagger.set_model(str(tiny_wd14(tmp_path / "model")))
    tool.scope.setCurrentIndex(1)
    with qtbot.waitSignal(tool.child.ended, timeout=PATIENCE) as ended:
        tool.start.click()
    assert ended.args is not None and ended.args[0]["ok"] and ended.args[0]["tagged"] == 1
    tool.choice.thresholds["general"].setValue(1)
    until(qtbot, lambda: len(tool._store) == 1)
    looked(qtbot, tool)
    tool.accept.click()
    settle()
    assert texts(desk)[0] == "cat" and texts(desk)[1] != "" and texts(desk)[2] == "dog, long hair"
    next(iterator, None)


ANSWERS = """
import json, sys
for line in sys.stdin:
    request = json.loads(line)
    for answer in json.loads({answers!r}):
        print(json.dumps({{"id": request["id"], **answer}}), flush=True)
"""


def ended_with(qtbot: QtBot, desk: CaptionDesk, script: str) -> str:
    iterator = made(qtbot, desk, script)
    tool = next(iterator)
    tool.tagger.set_model("x")
    tool.scope.setCurrentIndex(2)
    with qtbot.waitSignal(tool.child.ended, timeout=PATIENCE):
        tool.start.click()
    said = tool.said.text()
    assert tool.start.isEnabled() and tool.stop.isHidden()
    next(iterator, None)
    return said


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([{"ok": False, "faults": [{"text": "there is not enough memory", "mend": "set a smaller batch"}]}],
         "there is not enough memory. set a smaller batch"),
        ([{"skipped": {"picture": "/x/<b>.png", "text": "the file is cut off"}}, {"proposal": {"picture": 5}},
          {"ok": True, "tagged": 0, "untagged": 1, "cancelled": False}],
         "0 pictures tagged, 1 could not be. /x/<b>.png: the file is cut off"),
    ],
)  # fmt: skip
def test_faults_are_sentences(qtbot: QtBot, desk: CaptionDesk, answers: list[dict[str, Any]], words: str) -> None:
    assert ended_with(qtbot, desk, ANSWERS.format(answers=json.dumps(answers))) == words


def test_a_process_that_dies_is_said_and_what_came_stays(qtbot: QtBot, desk: CaptionDesk) -> None:
    dying = "import sys, os; sys.stdin.readline(); os.kill(os.getpid(), 9)"
    assert "was killed" in ended_with(qtbot, desk, dying)


def test_the_key_is_never_remembered(qtbot: QtBot, tool: AutoTag, desk: CaptionDesk) -> None:
    tool.tagger.kind.setCurrentIndex(tool.tagger.kind.findData("endpoint"))
    for name, value in (("address", "http://127.0.0.1:1/v1"), ("name", "llava"), ("key", "secret-key")):
        tool.tagger.inputs[name].setText(value)  # type: ignore[union-attr]
    assert tool.tagger.values() == {
        "kind": "endpoint", "address": "http://127.0.0.1:1/v1", "model": "llava", "answer": "sentence",
        "key": "secret-key",
    }  # fmt: skip
    tool.tagger.remember()
    kept = desk.desk.settings.get(SETTING, {})
    assert kept["address"] == "http://127.0.0.1:1/v1" and "secret-key" not in json.dumps(kept)


def test_a_tagger_is_fetched_only_when_asked(qtbot: QtBot, desk: CaptionDesk) -> None:
    offer = {"ok": True, "name": "a/b", "licence": "apache-2.0", "files": [{"name": "model.onnx", "size": 1 << 20}],
             "total": 1 << 20, "endpoint": "x", "revision": "y"}  # fmt: skip
    iterator = made(qtbot, desk, ANSWERS.format(answers=json.dumps([offer])))
    tool = next(iterator)
    assert tool.fetch.fetch.isHidden()
    with qtbot.waitSignal(tool.child.ended, timeout=PATIENCE):
        tool.fetch.look.click()
    assert tool.fetch.said.text() == "model.onnx: 1.0 MB, licence apache-2.0"
    assert not tool.fetch.fetch.isHidden() and tool.tagger.values() == {"kind": "wd14"}
    next(iterator, None)
