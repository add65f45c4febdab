"""The form: grouped rows, levels, plug-ins, faults, unknown keys, and a window that never stands still."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox, QLabel, QLineEdit, QPlainTextEdit, QWidget
from pytestqt.qtbot import QtBot

from gui.desk import Desk
from gui.fields import fields, subset_fields
from gui.form import Form
from tests.gui.desk import make_desk
from tests.gui.typing import line_of, put
from tests.gui.watch import io_of_main_thread

PRESET = Path(__file__).parent.parent.parent / "presets" / "lora-sd15.toml"


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Desk:
    return make_desk(tmp_path)


@pytest.fixture
def form_of(qtbot: QtBot, desk: Desk) -> Callable[..., Form]:
    """A shown and complete form of the sections named, or of all fields."""
    kept = []

    def make(*sections: str, level: str = "all", **more: object) -> Form:
        form = Form(desk, [one for one in fields() if not sections or one.section in sections], **more)  # type: ignore[arg-type]
        form.set_level(level)
        qtbot.addWidget(form)
        kept.append(form)
        form.resize(770, 620)
        form.show()
        qtbot.waitUntil(lambda: form.complete, timeout=20_000)
        return form

    return make


def settled(qtbot: QtBot, form: Form) -> None:
    qtbot.waitUntil(lambda: form.complete and not form._settling.isActive())


def seen(form: Form) -> set[str]:
    return {row.field.key for row in form.rows() if not row.isHidden()}


def test_every_option_of_the_chosen_plugin_has_a_row(form_of: Callable[..., Form]) -> None:
    form = form_of()
    assert [row.field for row in form.rows()] == fields({})
    assert len({row.field.key for row in form.rows()}) == len(form.rows())


def test_basic_shows_what_most_need_and_all_the_rest(qtbot: QtBot, form_of: Callable[..., Form]) -> None:
    form = form_of("train", "optimizer", level="basic")
    basic = {one.key for one in fields({}) if one.section in ("train", "optimizer") and one.level == "basic"}
    assert seen(form) == {row.field.key for row in form.rows()} == basic  # the others are not even built
    form.set_level("all")
    settled(qtbot, form)
    assert seen(form) > basic and "train.ema_decay" in seen(form)
    form.set_level("basic")
    assert seen(form) == basic


def test_a_wrong_value_of_another_level_is_not_hidden(qtbot: QtBot, desk: Desk, form_of: Callable[..., Form]) -> None:
    desk.document.new("[train]\nema_decay = 5.0\n")
    form = form_of("train", level="basic")
    assert "train.ema_decay" in seen(form)
    desk.document.set("train.ema_decay", 0.99)
    settled(qtbot, form)
    assert "train.ema_decay" not in seen(form)


def test_rows_that_do_not_count_are_hidden(qtbot: QtBot, desk: Desk, form_of: Callable[..., Form]) -> None:
    form = form_of("schedule", "objective")
    assert not {"schedule.lr_scheduler_power", "objective.adaptive_noise_scale"} & seen(form)
    desk.document.set("schedule.lr_scheduler", "polynomial")
    desk.document.set("objective.noise_offset", 0.05)
    settled(qtbot, form)
    assert {"schedule.lr_scheduler_power", "objective.adaptive_noise_scale"} <= seen(form)
    desk.document.set("schedule.lr_scheduler_power", 2.0)
    desk.document.set("schedule.lr_scheduler", "cosine")
    settled(qtbot, form)
    assert "schedule.lr_scheduler_power" in seen(form)  # it is in the preset: nothing that is set is hidden


def test_another_network_swaps_its_rows_and_no_others(qtbot: QtBot, desk: Desk, form_of: Callable[..., Form]) -> None:
    form = form_of("network", "train")
    kept = {row.field.key: row for row in form.rows() if not row.field.plugin}
    desk.document.set("network.name", "oft")
    settled(qtbot, form)
    keys = [row.field.key for row in form.rows()]
    assert "network.constraint" in keys and "network.alpha" not in keys
    assert {row.field.plugin for row in form.rows()} == {"", "oft"}
    assert all(form.row(key) is row for key, row in kept.items())
    dim = form.row("network.dim")
    assert dim is not None and dim.editor.value() == 8  # OFT's own default
    desk.document.set("network.name", "nothing")
    settled(qtbot, form)
    assert {row.field.plugin for row in form.rows()} == {""}
    desk.document.set("network.name", "loha")
    settled(qtbot, form)
    assert form.row("network.conv_alpha") is not None


def test_a_section_that_the_method_does_not_read_is_not_there(
    qtbot: QtBot, desk: Desk, form_of: Callable[..., Form]
) -> None:
    form = form_of("method", "network", "train")
    assert form.row("network.dim") is not None
    desk.document.set("method.name", "finetune")
    settled(qtbot, form)
    assert not any(row.field.section == "network" for row in form.rows())
    assert form.row("method.save_model_as") is not None and form.row("train.train_batch_size") is not None
    desk.document.set("method.name", "pivotal")
    settled(qtbot, form)
    assert form.row("network.dim") is not None and form.row("method.token_string") is not None


def test_the_help_of_the_network_is_that_of_the_chosen_one(desk: Desk, form_of: Callable[..., Form]) -> None:
    row = form_of("network").row("network.name")
    assert row is not None and "beside each layer" in row.help.text() and "LoRA" in row.help.text()
    desk.document.set("network.name", "boft")
    assert "BOFT" in row.help.text()
    desk.document.set("network.name", "no such network")
    assert "LoRA" in row.help.text()
    desk.document.set("network.name", "boft")
    desk.language.set("zh_CN")
    assert "旋转" in row.help.text()


def test_a_jump_goes_to_hidden_advanced_and_unbuilt_rows(qtbot: QtBot, form_of: Callable[..., Form]) -> None:
    form = form_of(level="basic")
    with qtbot.waitSignal(form.level_changed) as changed:
        assert form.focus_field("schedule.lr_scheduler_power")
    assert changed.args == ["all"] and form.level == "all"
    row = form.row("schedule.lr_scheduler_power")
    assert row is not None
    qtbot.waitUntil(lambda: form.focusWidget() is row.focus_target)
    settled(qtbot, form)
    qtbot.waitUntil(lambda: in_view(form, row))
    assert form.focus_field("data.resolution[1]") and form.focus_field("hardware")
    device = form.row("hardware.device")
    assert device is not None
    qtbot.waitUntil(lambda: form.focusWidget() is device.focus_target and in_view(form, device))
    assert not form.focus_field("network.constraint") and not form.focus_field("no.such")


def in_view(form: Form, row: QWidget) -> bool:
    top = row.mapTo(form.area.viewport(), row.rect().topLeft()).y()
    return top >= 0 and top + row.height() <= form.area.viewport().height()


def test_faults_of_the_service_stand_at_their_rows(qtbot: QtBot, desk: Desk, form_of: Callable[..., Form]) -> None:
    form = form_of("train", "network", level="basic")
    fault = {"text": "is not there", "key": "train.base_precision", "mend": "", "severity": "error"}
    form.show_faults([fault, {"text": "all of it", "key": "", "severity": "hint"}])
    qtbot.waitUntil(lambda: "train.base_precision" in seen(form))  # an error is shown on any level
    row = form.row("train.base_precision")
    assert row is not None and row.faults.text == "Error: is not there"


def test_a_fault_of_a_whole_section_stands_under_its_title(
    qtbot: QtBot, desk: Desk, form_of: Callable[..., Form]
) -> None:
    desk.document.new('[train]\nbase_precision = "fp16"\n')
    form = form_of("train", "network")
    said = " ".join(label.text() for label in form.findChildren(QLabel) if label.isVisible())
    assert "needs mixed_precision" in said


UNKNOWN = """# mine
[network]
alpa = 3.0  # a slip
"odd key" = 1
dim = 8

[foo]
bar = 1
"""


def test_unknown_keys_are_shown_kept_and_mended(qtbot: QtBot, desk: Desk, form_of: Callable[..., Form]) -> None:
    desk.document.new(UNKNOWN)
    form = form_of("network", "train")
    network, train = form.sections()
    slip, odd = network.unknown
    assert slip.line.text() == "network.alpa = 3.0" and not train.unknown
    assert slip.sentence.text() == "no such option (did you mean 'alpha'?)"
    assert odd.rename.isHidden() and not slip.rename.isHidden()
    desk.document.set("network.dim", 16)
    assert 'alpa = 3.0  # a slip\n"odd key" = 1' in desk.document.text  # byte for byte
    assert slip.rename.text() == "Rename to network.alpha"
    slip.rename.click()
    settled(qtbot, form)
    assert "alpha = 3.0  # a slip" in desk.document.text and len(network.unknown) == 1
    network.unknown[0].remove.click()
    settled(qtbot, form)
    assert desk.document.text == UNKNOWN.replace("alpa", "alpha").replace("dim = 8", "dim = 16").replace(
        '"odd key" = 1\n', ""
    )
    assert not network.unknown


def test_sections_that_do_not_exist_are_shown_by_the_form_that_catches_all(
    qtbot: QtBot, desk: Desk, form_of: Callable[..., Form]
) -> None:
    desk.document.new(UNKNOWN)
    assert [row.fault.key for row in form_of("train").sections()[0].unknown] == []
    catcher = form_of("train", catch_all=True)
    (row,) = catcher.sections()[0].unknown
    assert row.fault.key == "foo" and row.line.text() == "foo = {bar = 1}"
    assert catcher.focus_field("foo")
    assert catcher.focusWidget() is row.remove


def test_many_unknown_keys_are_counted(desk: Desk, form_of: Callable[..., Form]) -> None:
    desk.document.new("[train]\n" + "".join(f"odd{n} = {n}\n" for n in range(90)))
    (section,) = form_of("train").sections()
    assert len(section.unknown) == 20
    assert any(label.text() == "and 70 more" for label in section.findChildren(QLabel) if label.isVisible())


def test_an_option_of_another_network_is_an_unknown_key_here(desk: Desk, form_of: Callable[..., Form]) -> None:
    desk.document.new('[network]\nname = "oft"\nalpha = 1.0\n')
    (row,) = form_of("network").sections()[0].unknown
    assert "alpha is an option of " in row.sentence.text() and "loha, lokr, lora" in row.sentence.text()


def test_rows_of_a_list_item_edit_that_item(qtbot: QtBot, desk: Desk) -> None:
    desk.document.new('[[data.subsets]]\nimage_dir = "a"\n\n[[data.subsets]]\nimage_dir = "b"\n')
    form = Form(desk, subset_fields(), "data.subsets[1]")
    qtbot.addWidget(form)
    form.show()
    qtbot.waitUntil(lambda: form.complete)
    row = form.row("data.subsets[1].num_repeats")
    assert row is not None
    put(line_of(row.widget), "10")
    assert desk.document.text.endswith('image_dir = "b"\nnum_repeats = 10\n')
    assert form.focus_field("data.subsets[1].class_tokens") and not form.focus_field("data.subsets[0].class_tokens")


def test_the_form_changes_its_language_while_it_is_open(qtbot: QtBot, desk: Desk, form_of: Callable[..., Form]) -> None:
    form = form_of("network")
    desk.language.set("zh_CN")
    labels = [row.label.text() for row in form.rows()]
    assert all(re.search("[\u4e00-\u9fff]", text) for text in labels)
    desk.language.set("en")
    assert not any(re.search("[\u4e00-\u9fff]", row.label.text()) for row in form.rows())


@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_nothing_is_clipped_and_nothing_scrolls_sideways(
    qtbot: QtBot, desk: Desk, form_of: Callable[..., Form], language: str
) -> None:
    desk.document.new(PRESET.read_text(encoding="utf-8"))
    desk.language.set(language)
    form = form_of()
    form.resize(1280 - 320 - 190, 600)  # beside the rail and the right column
    for _ in range(5):
        QCoreApplication.processEvents()
    content = form.area.widget()
    assert content is not None and content.width() == form.area.viewport().width()
    assert content.minimumSizeHint().width() <= form.area.viewport().width()
    for row in form.rows():
        if not row.isHidden():
            right = row.widget.mapTo(form.area.viewport(), row.widget.rect().topRight()).x()
            assert right <= form.area.viewport().width(), row.field.key
            needed = row.label.heightForWidth(row.label.width())
            assert row.label.height() >= needed and row.label.width() >= longest_word(row.label), row.field.key
    desk.language.set("en")


def longest_word(label: QLabel) -> int:
    words = label.text().split()
    return 0 if re.search("[\u4e00-\u9fff]", label.text()) else max(map(label.fontMetrics().horizontalAdvance, words))


def test_every_control_has_a_name_and_tab_visits_the_rows_in_order(qtbot: QtBot, form_of: Callable[..., Form]) -> None:
    form = form_of("optimizer", "train", "network")
    for kind in (QLineEdit, QComboBox, QAbstractSpinBox, QPlainTextEdit, QAbstractButton):
        for control in form.findChildren(kind):
            if control.isVisible() and control.objectName() not in ("qt_spinbox_lineedit", "qt_toolbar_ext_button"):
                inside = isinstance(control.parent(), (QLineEdit, QComboBox))  # parts of a control that has a name
                assert control.accessibleName() or inside, (control, control.parent())
    order = []
    widget: QWidget | None = form
    for _ in range(2000):
        assert widget is not None
        widget = widget.nextInFocusChain()
        order += [row.field.key for row in form.rows() if row.focus_target is widget]
        if widget is form:
            break
    assert order == [row.field.key for row in form.rows()]


def test_building_the_form_reads_no_file(qtbot: QtBot, desk: Desk, form_of: Callable[..., Form]) -> None:
    desk.document.new(PRESET.read_text(encoding="utf-8"))
    form_of()  # texts, icons and modules are read once
    with io_of_main_thread() as touched:
        form = form_of()
        form.set_level("basic")
        desk.document.set("network.name", "loha")
        settled(qtbot, form)
    assert touched == []
    with io_of_main_thread() as touched:  # the control: the watch sees a read
        PRESET.read_text(encoding="utf-8")
    assert touched
