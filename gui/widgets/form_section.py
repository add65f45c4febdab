"""The rows of one section: cards with a heading for each group, and above them what nobody knows."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from gui.desk import Desk
from gui.fields import Field
from gui.theme import GAP, SMALL
from gui.widgets.faults import FaultLines, Remark
from gui.widgets.row import BAR, FieldRow
from gui.widgets.text import PlainLabel
from gui.widgets.unknown import UnknownRow
from kohya_like.schema.errors import Fault

MOST_UNKNOWN = 20  # rows; a file with more of them is another program's, and the count says so


class GroupCard(QFrame):
    """Rows under a heading, in the order of their fields; `above` is the section whose title stands over it."""

    def __init__(self, desk: Desk, name: str, above: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk, self._name, self._above = desk, name, above
        self.setProperty("role", "card")
        self._heading = PlainLabel(role="heading")
        self._heading.setIndent(BAR + GAP)  # above the labels
        self._heading.setContentsMargins(0, 0, 0, SMALL)
        self._places: list[int] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(GAP, GAP, GAP, GAP)
        self._column.setSpacing(0)
        self._column.addWidget(self._heading)
        desk.language.changed.connect(self.retranslate)
        self.retranslate()

    def add(self, row: FieldRow, place: int) -> None:
        """Put a row before those of a later place."""
        at = sum(other < place for other in self._places)
        self._places.insert(at, place)
        self._column.insertWidget(1 + at, row)

    def take(self, row: FieldRow, place: int) -> None:
        self._places.remove(place)
        self._column.removeWidget(row)

    def retranslate(self) -> None:
        texts = self._desk.language.texts
        words = texts.group(self._name) if self._name else ""
        self._heading.setText(words)
        self._heading.setVisible(bool(words) and words != (texts.section(self._above) if self._above else ""))


class FormSection(QWidget):
    """`titled` where a form shows several sections. Cards appear with their first row."""

    def __init__(self, desk: Desk, name: str, titled: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk, self._name = desk, name
        self._title = PlainLabel(role="section")
        if not titled:
            self._title.hide()
        self._titled = titled
        self._faults = FaultLines(desk)
        self._groups: list[str] = []
        self._cards: dict[str, GroupCard] = {}
        self._rows: dict[FieldRow, GroupCard] = {}
        self._unknown_card = QFrame()
        self._unknown_card.setProperty("role", "banner-error")
        self._unknown_card.hide()
        self._unknown: list[UnknownRow] = []
        self._unknown_faults: tuple[Fault, ...] = ()
        self._unknown_title, self._more = PlainLabel(role="heading", wrap=True), PlainLabel(role="muted")
        self._lay_out()
        desk.language.changed.connect(self.retranslate)
        self.retranslate()

    def set_groups(self, fields: Sequence[Field]) -> None:
        """The order of the cards is that in which the fields name them."""
        self._groups = list(dict.fromkeys(field.group for field in fields))

    def add(self, row: FieldRow, place: int) -> None:
        group = row.field.group
        if group not in self._cards:
            card = self._cards[group] = GroupCard(self._desk, group, self._name if self._titled else "")
            before = sum(other in self._cards for other in self._groups[: self._groups.index(group)])
            self._cards_column.insertWidget(before, card)
        self._rows[row] = self._cards[group]
        self._cards[group].add(row, place)

    def take(self, row: FieldRow, place: int) -> None:
        """Remove a row for good."""
        self._rows.pop(row).take(row, place)
        row.hide()
        row.deleteLater()

    def show_faults(self, remarks: Sequence[Remark]) -> None:
        """What is wrong with the section as a whole."""
        self._faults.show_remarks(remarks)

    def show_unknown(self, faults: Sequence[Fault], renames: dict[str, str]) -> None:
        """The keys of this section that are no options."""
        if tuple(faults) == self._unknown_faults:
            return
        self._unknown_faults = tuple(faults)
        for row in self._unknown:
            self._unknown_column.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._unknown = [UnknownRow(self._desk, f, renames.get(f.key, "")) for f in faults[:MOST_UNKNOWN]]
        for at, row in enumerate(self._unknown):
            self._unknown_column.insertWidget(1 + at, row)
        self._unknown_card.setVisible(bool(faults))
        self.retranslate()

    @property
    def unknown(self) -> tuple[UnknownRow, ...]:
        return tuple(self._unknown)

    def settle(self) -> None:
        """Hide cards without a visible row, and the section where nothing is left."""
        shown = {card for row, card in self._rows.items() if not row.isHidden()}
        for card in self._cards.values():
            card.setVisible(card in shown)
        self.setVisible(bool(shown or self._unknown))

    def retranslate(self) -> None:
        self._title.setText(self._desk.language.texts.section(self._name))
        self._unknown_title.setText(self.tr("The preset holds keys that are no options. They stay as they are until"
                                            " you mend them."))  # fmt: skip
        more = len(self._unknown_faults) - MOST_UNKNOWN
        self._more.setText(self.tr("and {count} more").format(count=more))
        self._more.setVisible(more > 0)

    def _lay_out(self) -> None:
        self._unknown_column = QVBoxLayout(self._unknown_card)
        self._unknown_column.addWidget(self._unknown_title)
        self._unknown_column.addWidget(self._more)
        self._cards_column = QVBoxLayout()
        self._cards_column.setSpacing(GAP)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GAP)
        for part in (self._title, self._unknown_card, self._faults):
            column.addWidget(part)
        column.addLayout(self._cards_column)
