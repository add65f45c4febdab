"""A panel that stands beside the page where there is room, and over its edge where there is not."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from gui.desk import Desk
from gui.side_panel import SidePanel
from gui.theme import SMALL


class Drawer(QFrame):
    """Holds the side panel. Folded, it is a narrow strip with a button that lays the panel over the page."""

    def __init__(self, desk: Desk, panel: SidePanel, width: int, page: QWidget) -> None:
        super().__init__(page)
        self._desk, self._panel, self._width, self._page = desk, panel, width, page
        self._folded = False
        self.button = QToolButton()
        self.button.setCheckable(True)
        self.button.setProperty("role", "raised")
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        self.button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.button.toggled.connect(self._on_toggled)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignTop)
        self._column.addWidget(panel, 1)
        self.setFixedWidth(width)
        self.button.hide()
        page.installEventFilter(self)
        desk.language.changed.connect(self.retranslate)
        desk.theme.changed.connect(self.retranslate)
        self.retranslate()

    def set_folded(self, folded: bool) -> None:
        """Narrow strip and overlay, or panel beside the page."""
        if folded == self._folded:
            return
        self._folded = folded
        self.button.setVisible(folded)
        self.button.setChecked(False)
        if folded:
            self._fit()
            self._panel.setParent(self._page)
            self._panel.hide()
        else:
            self._column.setContentsMargins(0, 0, 0, 0)
            self.setFixedWidth(self._width)
            self._column.addWidget(self._panel, 1)
            self._panel.show()

    def _fit(self) -> None:
        """A strip as wide as its button."""
        self._column.setContentsMargins(0, SMALL, SMALL, 0)
        self.setFixedWidth(self.button.sizeHint().width() + SMALL)

    @property
    def folded(self) -> bool:
        return self._folded

    def retranslate(self) -> None:
        said = self.tr("Steps and checks")
        self.button.setText(self.tr("Steps"))
        self.button.setToolTip(said)
        self.button.setAccessibleName(said)
        self.button.setIcon(self._desk.theme.icon("chevron-right" if self.button.isChecked() else "ok"))
        if self._folded:
            self._fit()

    def _on_toggled(self, shown: bool) -> None:
        if self._folded:
            self._place()
            self._panel.setVisible(shown)
            self._panel.raise_()
        self.retranslate()

    def _place(self) -> None:
        strip = self.geometry()
        top = self.mapTo(self._page, self.rect().topLeft()).y()
        self._panel.setGeometry(strip.left() - self._width, top, self._width, self._page.height() - top)
        self._panel.setAutoFillBackground(True)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Of the page: a key that nobody on it or on the panel took comes by here, too."""
        if self._folded and self.button.isChecked():
            if event.type() == QEvent.Type.Resize:
                self._place()
            elif isinstance(event, QKeyEvent) and self._closes(event):
                return True
        return bool(super().eventFilter(watched, event))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._closes(event):
            super().keyPressEvent(event)

    def _closes(self, event: QKeyEvent) -> bool:
        """Escape puts the panel away; who was on it stands on the button then."""
        if event.type() != QEvent.Type.KeyPress or event.key() != Qt.Key.Key_Escape or not self.button.isChecked():
            return False
        self.button.setFocus()
        self.button.setChecked(False)
        return True
