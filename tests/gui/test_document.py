"""The open preset: edits keep the author's text, undo takes every one of them back."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from gui.document import RESET_ALL, PresetDocument

TEXT = """\ufeff# my ghost\r
[network]   # small\r
name = "lora"\r
dim = 16    # rank\r
  dimm = 3  # a typo\r
\r
# conv_dim = 4\r
[data]\r
train_data_dir = 'ghost'\r
optimizer = 1\r
\r
[[data.subsets]]\r
image_dir = "a"\r
"""


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def document(qtbot: QtBot, clock: Clock) -> PresetDocument:
    document = PresetDocument(clock=clock)
    document.new(TEXT)
    return document


def changed_lines(before: str, after: str) -> list[tuple[str, str]]:
    return [(a, b) for a, b in zip(before.split("\n"), after.split("\n"), strict=True) if a != b]


def test_an_edit_changes_its_line_and_nothing_else(document: PresetDocument) -> None:
    document.set("network.dim", 32)
    assert changed_lines(TEXT, document.text) == [("dim = 16    # rank\r", "dim = 32    # rank\r")]
    assert document.value("network.dim") == 32 and document.modified


def test_setting_what_is_there_is_no_edit(document: PresetDocument, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(document.edited), qtbot.assertNotEmitted(document.state_changed):
        document.set("network.dim", 16)
        document.set("network.dim", 16.0)
        document.set("network.alpha", None)
        document.set_many({"network.name": "lora", "data.subsets": [{"image_dir": "a"}]})
    assert document.text == TEXT and not document.modified and not document.can_undo
    document.set("network.dim", "16")  # a text is no number
    assert document.modified


def test_values_are_the_texts_or_the_defaults_of_the_chosen_plugin(document: PresetDocument) -> None:
    assert document.is_set("network.dim") and not document.is_set("network.alpha")
    assert document.value("network.alpha") == 8.0 and document.default("network.dim") == 16
    document.set("network.name", "loha")
    assert (document.value("network.alpha"), document.default("network.dim")) == (4.0, 8)
    document.set("network.name", None)
    assert document.value("network.name") == "lora" and document.default("method.name") == "network"
    assert document.value("sample.prompts") == [] and document.default("data.subsets[0].flip_aug") is None
    assert document.default("data.subsets[0].image_dir") is None and document.default("network.dimm") is None
    assert document.values()["network"]["dimm"] == 3


def test_a_value_handed_out_is_not_the_documents(document: PresetDocument) -> None:
    document.value("data.subsets").append({"image_dir": "b"})
    document.default("sample.prompts").append("x")
    assert len(document.value("data.subsets")) == 1 and document.value("sample.prompts") == []


def test_any_value_can_be_set_and_is_complained_about(document: PresetDocument) -> None:
    document.set_many({"network.dim": 0, "train.seed": "many", "optimizer.learning_rate": float("inf")})
    said = {fault.key: fault.text for fault in document.faults}
    assert document.config is None
    assert {"network.dim", "train.seed", "optimizer.learning_rate", "network.dimm", "data.optimizer"} <= said.keys()
    assert "at least 1" in said["network.dim"]
    document.set_many({"network.dimm": None, "data.optimizer": None, "network.dim": 4, "train.seed": None})
    document.reset("optimizer.learning_rate")
    assert document.faults == () and document.config is not None and document.config.network.dim == 4


def test_the_faults_are_read_once_per_text(document: PresetDocument) -> None:
    assert document.faults is document.faults
    before = document.faults
    document.set("network.dim", 8)
    assert document.faults is not before


def test_unknown_keys_and_comments_stay_when_everything_is_reset(document: PresetDocument) -> None:
    document.reset_all()
    assert document.undo_label == RESET_ALL
    assert document.values() == {"network": {"dimm": 3}, "data": {"optimizer": 1}}
    for kept in ("\ufeff# my ghost\r\n", "[network]   # small\r\n", "  dimm = 3  # a typo\r\n", "# conv_dim = 4\r\n"):
        assert kept in document.text
    document.undo()
    assert document.text == TEXT


def test_undo_and_redo_walk_through_every_edit(document: PresetDocument, clock: Clock) -> None:
    texts = [document.text]
    for key, value in {"network.dim": 4, "train.seed": 7, "save.output_name": "x"}.items():
        document.set(key, value)
        texts.append(document.text)
    document.add_item("data.subsets", {"image_dir": "b", "num_repeats": 2})
    texts.append(document.text)
    document.remove_item("data.subsets", 0)
    texts.append(document.text)
    labels = []
    for text in reversed(texts[:-1]):
        labels.append(document.undo_label)
        document.undo()
        assert document.text == text
    assert labels == ["data.subsets", "data.subsets", "save.output_name", "train.seed", "network.dim"]
    assert not document.can_undo and not document.modified
    document.undo()
    for text in texts[1:]:
        assert document.can_redo
        document.redo()
        assert document.text == text
    document.redo()
    assert document.modified and not document.can_redo and document.redo_label == ""


def test_quick_edits_of_one_field_are_one_step(document: PresetDocument, clock: Clock) -> None:
    for value in (17, 18, 19):
        clock.now += 0.9
        document.set("network.dim", value)
    document.undo()
    assert document.text == TEXT and not document.can_undo
    document.redo()
    clock.now += 0.1
    document.set("network.dim", 20)  # after a redo, a step of its own
    document.undo()
    assert document.value("network.dim") == 19


def test_slow_edits_and_edits_of_other_fields_are_steps_of_their_own(document: PresetDocument, clock: Clock) -> None:
    document.set("network.dim", 17)
    clock.now += 1.1
    document.set("network.dim", 18)
    document.set("train.seed", 1)
    document.set("network.dim", 19)
    seen = []
    while document.can_undo:
        document.undo()
        seen.append(document.value("network.dim"))
    assert seen == [18, 18, 17, 16]


def test_typing_there_and_back_is_no_step(document: PresetDocument) -> None:
    document.set("network.dim", 17)
    document.set("network.dim", 16)
    assert document.text == TEXT and not document.can_undo and not document.modified


def test_the_signals_name_the_key_and_undo_does_too(document: PresetDocument, qtbot: QtBot) -> None:
    seen: list[str] = []
    document.edited.connect(seen.append)
    document.set("network.dim", 4)
    document.set_many({"network.dim": 5, "train.seed": 1}, label="recipe")
    assert document.undo_label == "recipe"
    document.undo()
    document.set_many({}, {"network.dimm": "network.alpha"})
    names = ("title", "author", "tags", "license", "description", "usage_hint", "trigger_phrase")
    document.set_many({f"save.metadata_{name}": "x" for name in names} | {"train.seed": 2, "network.dim": 9})
    assert seen == ["network.dim", "network.dim", "train.seed", "network.dim", "train.seed", "", ""]


def test_renames_keep_place_and_comment(document: PresetDocument) -> None:
    document.set_many({"network.dim": 8}, {"network.dimm": "network.alpha"})
    assert "  alpha = 3  # a typo\r\n" in document.text and document.value("network.dim") == 8


def test_of_edits_that_cannot_all_be_done_none_is(document: PresetDocument, qtbot: QtBot) -> None:
    with qtbot.waitSignal(document.failed) as caught:
        document.set_many({"train.seed": 1}, {"network.dimm": "network.dim"})
    assert caught.args == [
        "network.dimm: cannot become network.dim, which is there already; take one of the two out.",
        "",
    ]
    with qtbot.waitSignal(document.failed) as caught:
        document.set_many({"train.seed": 1, "data.optimizer.deep": 3})
    assert "holds a value here, not a table" in caught.args[0]
    with qtbot.waitSignal(document.failed) as caught:
        document.set("save.training_comment", "x" * 300_000)
    assert "at most 262,144 bytes are taken" in caught.args[0]
    with qtbot.waitSignal(document.failed) as caught:
        document.set("", 3)
    with qtbot.waitSignal(document.failed) as caught:
        document.remove_item("data.subsets", 7)
    assert caught.args[0] == "data.subsets[7]: there is no list item of that number."
    assert document.text == TEXT and not document.can_undo


def test_a_new_document_has_no_file(document: PresetDocument, qtbot: QtBot) -> None:
    document.set("network.dim", 4)
    with qtbot.waitSignal(document.opened):
        document.new("[train]\nseed = 3\n", "Example")
    assert (document.path, document.modified, document.can_undo, document.label) == (None, False, False, "Example")
    assert document.folder == Path.cwd() and document.value("train.seed") == 3
    with qtbot.waitSignal(document.failed) as caught:
        document.new("[train")
    assert "is not TOML" in caught.args[0] and document.value("train.seed") == 3
    with qtbot.waitSignal(document.failed) as caught:
        document.save()
    assert caught.args[0] == "This preset has no file yet."
