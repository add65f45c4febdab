"""The form: rows made from fields, bound to the open preset, grouped by section.

Rows are built a few at a time between other events, those at the top first; what is not shown (another level, another
plug-in) is not built.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from gui.desk import Desk
from gui.fields import Field, chosen_plugin, unread_sections
from gui.theme import GAP, SMALL, WIDE
from gui.widgets.faults import Remark, is_of
from gui.widgets.form_section import FormSection
from gui.widgets.row import FieldRow
from kohya_like.config import TrainConfig
from kohya_like.schema.errors import Fault
from kohya_like.schema.validate import renames

UNREAD = "(unread)"  # in place of a plug-in's name: the training method does not read this section
TURN_SECONDS = 0.006  # of building rows, before other events have their turn
LAY_OUT_MILLISECONDS = 30  # after the last new row its place is known
ROOM_ABOVE = 80  # pixels left above a row that is scrolled to


class Form(QWidget):
    """`fields()` without values gives it the options of every plug-in; it shows those of the chosen one.

    `prefix` binds the fields of a list item: Form(desk, subset_fields(), "data.subsets[0]"). `catch_all`: also show
    unknown keys of sections that do not exist.
    """

    built = Signal()  # every row that is to be shown now
    level_changed = Signal(str)  # by the form itself, to show a field

    def __init__(
        self,
        desk: Desk,
        fields: Sequence[Field],
        prefix: str = "",
        catch_all: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._desk, self._prefix, self._catch_all = desk, prefix, catch_all
        self._fields = [field.at(prefix) for field in fields]
        self._tables = {field.table for field in self._fields if field.plugin}
        self._level = "all"
        self._forced: set[str] = set()  # shown although they do not count, because someone asked for them
        self._rows: dict[int, FieldRow] = {}  # by place in `_fields`
        self._queue: deque[int] = deque()
        self._faults: Sequence[Mapping[str, object]] = ()
        self._target: FieldRow | None = None
        self.area = QScrollArea()
        self._sections: dict[str, FormSection] = {}
        self._building = QTimer(self, interval=0)
        self._settling = QTimer(self, interval=0, singleShot=True)
        self._revealing = QTimer(self, interval=LAY_OUT_MILLISECONDS, singleShot=True)
        self._revealing.timeout.connect(self._on_laid_out)
        self._lay_out()
        self._building.timeout.connect(self._build_some)
        self._settling.timeout.connect(self._settle)
        desk.document.edited.connect(self._settling.start)
        self._settle()

    @property
    def level(self) -> str:
        """ "basic" or "all"."""
        return self._level

    def set_level(self, level: str) -> None:
        """Show the basic options, or all."""
        if level != self._level:
            self._level = level
            self._settle()

    def row(self, key: str) -> FieldRow | None:
        """The row of a key, if it has been built."""
        return next((row for row in self._rows.values() if row.field.key == key), None)

    def rows(self) -> list[FieldRow]:
        """Those built so far, in order."""
        return [self._rows[place] for place in sorted(self._rows)]

    @property
    def complete(self) -> bool:
        """Nothing waits to be built."""
        return not self._queue

    def sections(self) -> tuple[FormSection, ...]:
        return tuple(self._sections.values())

    def show_faults(self, faults: Sequence[Mapping[str, object]]) -> None:
        """What the service found, each at its row."""
        self._faults = faults
        for row in self._rows.values():
            row.show_faults(faults)
        self._settling.start()

    def focus_field(self, key: str) -> bool:
        """Bring a row into view and put the cursor there; False if this form has no such field."""
        place = self._place_of(key)
        if place is None:
            return self._focus_unknown(key)
        field = self._fields[place]
        self._forced.add(field.key)
        if self._level == "basic" and field.level != "basic":
            self.set_level("all")
            self.level_changed.emit("all")
        if place not in self._rows:
            self._make(place)
        self._settle()
        self._target = self._rows[place]
        self._reveal()
        QTimer.singleShot(0, self, self._reveal)  # a row that was built just now takes the keyboard when it is shown
        self._revealing.start()
        return True

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._queue:
            self._building.start()

    def _lay_out(self) -> None:
        content = QWidget()
        content.setProperty("role", "page")
        self._column = QVBoxLayout(content)
        self._column.setContentsMargins(SMALL, SMALL, GAP, WIDE)
        self._column.setSpacing(WIDE)
        names = list(dict.fromkeys(field.section for field in self._fields))
        for name in names:
            section = self._sections[name] = FormSection(self._desk, name, titled=len(names) > 1)
            section.set_groups([field for field in self._fields if field.section == name])
            self._column.addWidget(section)
        self._column.addStretch(1)
        self.area.setWidget(content)
        self.area.setWidgetResizable(True)
        self.area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.area)

    def _settle(self) -> None:
        """After an edit or another level: which rows are there, and which of them are seen."""
        self._settling.stop()
        chosen = self._chosen()
        for place in [place for place in self._rows if not self._is_of(self._fields[place], chosen)]:
            row = self._rows.pop(place)
            if row is self._target:
                self._target = None
            self._sections[row.field.section].take(row, place)
        self._show_document_faults()
        self._queue = deque(
            place
            for place, field in enumerate(self._fields)
            if place not in self._rows and self._is_of(field, chosen) and self._is_wanted(field)
        )
        for row in self._rows.values():
            row.setVisible(self._is_seen(row))
        for section in self._sections.values():
            section.settle()
        if self._queue:
            self._building.start()

    def _build_some(self) -> None:
        until = time.perf_counter() + TURN_SECONDS
        while self._queue and time.perf_counter() < until:
            self._make(self._queue.popleft())
        for section in self._sections.values():
            section.settle()
        if self._target is not None:
            self._revealing.start()
        if not self._queue:
            self._building.stop()
            self.built.emit()

    def _make(self, place: int) -> None:
        row = self._rows[place] = FieldRow(self._desk, self._fields[place])
        row.show_faults(self._faults)
        self._sections[row.field.section].add(row, place)
        row.setVisible(self._is_seen(row))

    def _chosen(self) -> dict[str, str]:
        values = self._desk.document.values()
        chosen = {table: chosen_plugin(values, table) for table in self._tables}
        return chosen | dict.fromkeys(unread_sections(values), UNREAD)

    def _is_of(self, field: Field, chosen: dict[str, str]) -> bool:
        if chosen.get(field.section) == UNREAD:
            return False
        return field.plugin in ("", chosen.get(field.table, ""))

    def _is_wanted(self, field: Field) -> bool:
        """A row of this level; of another one only where it is wrong, so that nobody looks for it in vain."""
        return self._level == "all" or field.level == "basic" or field.key in self._wrong

    def _is_seen(self, row: FieldRow) -> bool:
        if row.field.key in self._forced:
            return self._level == "all" or row.field.level == "basic"
        return self._is_wanted(row.field) and row.relevant

    def _show_document_faults(self) -> None:
        faults = self._desk.document.faults
        service = {str(fault.get("key")) for fault in self._faults if fault.get("severity") == "error"}
        self._wrong = {_row_key(fault.key) for fault in faults} | {_row_key(key) for key in service}
        unknown = [fault for fault in faults if fault.code == "unknown-key"]
        new = renames(TrainConfig, self._desk.document.values(), unknown[:50]) if unknown else {}
        for name, section in self._sections.items():
            mine = [fault for fault in unknown if self._is_mine(fault, name)]
            section.show_unknown(mine, new)
            section.show_faults([Remark(f.text, f.mend, f.severity) for f in faults if f.key == name and f not in mine])

    def _is_mine(self, fault: Fault, section: str) -> bool:
        if self._prefix:
            return fault.key.startswith(f"{self._prefix.rstrip('.')}.")
        named = re.split(r"[.\[]", fault.key)[0]
        stray = named not in TrainConfig.model_fields
        return section == next(iter(self._sections)) if stray and self._catch_all else section == named

    def _place_of(self, key: str) -> int | None:
        """The field of a key, of the list it is an item of, or the first one of a table."""
        chosen = self._chosen()
        places = [place for place, field in enumerate(self._fields) if self._is_of(field, chosen)]
        exact = [place for place in places if key == self._fields[place].key]
        around = [place for place in places if is_of(key, self._fields[place].key)]
        inside = [place for place in places if self._fields[place].key.startswith(f"{key}.")]
        return next(iter((*exact, *around, *inside)), None)

    def _focus_unknown(self, key: str) -> bool:
        for section in self._sections.values():
            for row in section.unknown:
                if row.fault.key == key:
                    (row.remove if row.rename.isHidden() else row.rename).setFocus(Qt.FocusReason.ShortcutFocusReason)
                    self.area.ensureWidgetVisible(row, 0, ROOM_ABOVE)
                    return True
        return False

    def _reveal(self) -> None:
        if self._target is not None:
            self._target.focus_target.setFocus(Qt.FocusReason.ShortcutFocusReason)
            self.area.ensureWidgetVisible(self._target, 0, ROOM_ABOVE)

    def _on_laid_out(self) -> None:
        """Rows that were built above the one wanted have pushed it down."""
        if self._target is not None and self.window().focusWidget() is self._target.focus_target:
            self._reveal()
        if self.complete:
            self._target = None


def _row_key(key: str) -> str:
    """The key of the row that shows a fault about a part of its value."""
    return re.sub(r"\[\d+\]$", "", key)
