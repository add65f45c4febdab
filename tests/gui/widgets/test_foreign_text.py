"""What strangers wrote (values, keys, paths, sentences that quote them) is shown as text: no file is probed for it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QLineEdit
from pytestqt.qtbot import QtBot

from gui.desk import Desk
from gui.fields import Value, fields
from gui.form import Form
from gui.widgets.row import FieldRow
from gui.widgets.text import LIMIT
from tests.gui.desk import make_desk
from tests.gui.widgets.test_editors import field

ROOT = Path(__file__).parent.parent.parent.parent
BIDI = "photo\u202egnp.exe"
PROBED = """
import sys
from pathlib import Path
from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QApplication, QLabel
application = QApplication([])
from gui.background import wait_for_all
from gui.fields import Value, fields
from gui.form import Form
from gui.search import SearchBox
from tests.gui.desk import make_desk
probe, control = sys.argv[1], sys.argv[2] == "control"
mark = f"<img src='file://{probe}'>"
if control:
    label = QLabel(mark)  # a label that guesses reads it
    label.show()
    label.grab()
    sys.exit()
desk = make_desk(Path(sys.argv[3]))
quoted = mark.replace('"', "")
desk.document.new(f'''[network]
"{quoted}" = 1
dim = "{quoted}"
targets = ["{quoted}", "x"]
[model]
family = "{quoted}"
vae = "{quoted}"
[data]
caption_prefix = "{quoted}"
resolution = "{quoted}"
flip_aug = "{quoted}"
[sample]
prompts = ["{quoted}"]
[optimizer]
optimizer_type = "{quoted}"
optimizer_args = {{ "{quoted}" = "{quoted}" }}
text_encoder_lr = "{quoted}"
learning_rate = "{quoted}"
''')
form = Form(desk, fields(), catch_all=True)
form.resize(800, 8000)
form.show()
while not form.complete:
    QCoreApplication.processEvents()
form.show_faults([{"key": "network.dim", "text": quoted, "mend": quoted, "severity": "error"}])
for row in form.rows():
    row.help.show()
    row.info.setToolTip(row.info.toolTip())
search = SearchBox(desk)
search.setText(quoted)
search.textEdited.emit(quoted)
for _ in range(20):
    QCoreApplication.processEvents()
assert form.grab().height() == 8000 and any(quoted in row.faults.text for row in form.rows())
wait_for_all()
"""


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Desk:
    return make_desk(tmp_path)


def touched(tmp_path: Path, how: str) -> list[str]:
    """The system calls that name the probe, of a process that shows it everywhere in the form."""
    probe, log = tmp_path / "PROBE.png", tmp_path / f"{how}.log"
    command = ["strace", "-f", "-e", "trace=file", "-s", "4096", "-o", str(log), sys.executable, "-c", PROBED]
    done = subprocess.run([*command, str(probe), how, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = log.read_text(errors="replace").splitlines()
    # the form's own look whether a path exists asks for the text itself, markup and all: that is no probe
    return [line for line in lines if "PROBE" in line and "execve" not in line and "<img" not in line]


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_no_file_is_probed_for_a_picture_in_a_value(tmp_path: Path) -> None:
    assert touched(tmp_path, "control")  # the watch sees what a careless label does
    assert touched(tmp_path, "form") == []


def test_all_labels_of_the_form_are_plain(qtbot: QtBot, desk: Desk) -> None:
    desk.document.new('[network]\n"<b>odd</b>" = 1\ndim = "<b>16</b>"\n')
    form = Form(desk, fields(), catch_all=True)
    qtbot.addWidget(form)
    form.show()
    qtbot.waitUntil(lambda: form.complete, timeout=20_000)
    worded = [label for label in form.findChildren(QLabel) if label.text()]
    assert len(worded) > 300 and any("<b>16</b>" in label.text() for label in worded)
    assert {label.textFormat() for label in worded} == {Qt.TextFormat.PlainText}
    for row in form.rows():  # tooltips guess: theirs is escaped
        for tip in (row.info.toolTip(), row.label.toolTip(), row.focus_target.toolTip()):
            assert "<b>" not in tip


def test_marks_that_turn_the_writing_are_seen(qtbot: QtBot, desk: Desk) -> None:
    desk.document.new(f'[network]\n"{BIDI}" = 1\ndim = "{BIDI}"\n[model]\nfamily = "{BIDI}"\n')
    form = Form(desk, [one for one in fields() if one.section in ("network", "model")])
    qtbot.addWidget(form)
    form.show()
    qtbot.waitUntil(lambda: form.complete, timeout=20_000)
    said = [label.text() for label in form.findChildren(QLabel) if "gnp.exe" in label.text()]
    assert said and not any("\u202e" in text for text in said)
    family = form.row("model.family")
    assert family is not None and "\u202e" not in family.widget.currentText()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "key", ["data.caption_prefix", "model.base", "network.dim", "optimizer.optimizer_type", "model.family",
            "sample.prompts", "optimizer.optimizer_args", "data.flip_aug"],
)  # fmt: skip
def test_a_huge_value_is_shown_in_part_and_never_cut(qtbot: QtBot, desk: Desk, key: str) -> None:
    huge = "x" * 1_000_000
    row = FieldRow(desk, field(key))
    qtbot.addWidget(row)
    value: Value = [huge] if key == "sample.prompts" else {"a": huge} if key.endswith("args") else huge
    row.editor.set_value(value)
    row.show()
    shown = [line.text() for line in row.findChildren(QLineEdit)]
    assert all(len(text) <= LIMIT + 10 for text in shown)
    assert row.editor.value() == value
    for line in row.findChildren(QLineEdit):
        if line.text():
            assert line.isReadOnly()  # what is shown in part must not be edited as if it were all
    row.editor.set_value(None)
    assert not any(line.isReadOnly() for line in row.findChildren(QLineEdit))


def test_a_huge_sentence_is_cut(qtbot: QtBot, desk: Desk) -> None:
    row = FieldRow(desk, field("network.dim"))
    qtbot.addWidget(row)
    row.show_faults([{"key": "network.dim", "text": "y" * 1_000_000, "severity": "error"}])
    assert 100 < len(row.faults.text) < 1000
