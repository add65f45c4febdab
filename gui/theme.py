"""The look: colour tokens, Qt's palette and style sheet made of them, and icons drawn in their colours.

Fusion is the base style. Every pair of text and ground that the window uses has a contrast of 4.5 and more in both
themes (`tests/gui/test_theme.py` computes it). Widgets say what they are by a `role` property, never a colour.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal

from PySide6.QtCore import QByteArray, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QImage, QPainter, QPalette, QPixmap
from PySide6.QtWidgets import QApplication, QStyleFactory

from gui.style_sheet import style_sheet

SMALL, GAP, WIDE = 4, 8, 16  # spaces, logical pixels
# After the desktop's own font; without them the system's choice for Chinese may be a bold or a Japanese face.
CHINESE_FAMILIES = ("Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC", "WenQuanYi Micro Hei")
ICONS = Path(__file__).parent / "icons"
Name = Literal["light", "dark"]

TOKENS: dict[Name, dict[str, str]] = {
    "light": {
        "window": "#f3f4f7",
        "surface": "#ffffff",
        "raised": "#e9ebf0",
        "border": "#c9ced8",
        "text": "#1a1e27",
        "muted": "#555e6e",
        "accent": "#1f5fd0",
        "accent_text": "#ffffff",
        "error": "#b3261e",
        "warning": "#835400",
        "hint": "#2b5f9e",
        "success": "#1b6e38",
        "focus": "#1f5fd0",
        "plot1": "#1f5fd0",
        "plot2": "#9c4708",
        "plot3": "#176b43",
        "grid": "#d8dce4",
    },
    "dark": {
        "window": "#14161b",
        "surface": "#1c1f26",
        "raised": "#272b35",
        "border": "#3d4452",
        "text": "#e6e9ef",
        "muted": "#a5aebd",
        "accent": "#7aa9ff",
        "accent_text": "#0c1526",
        "error": "#ff938a",
        "warning": "#f0bf66",
        "hint": "#93bdf5",
        "success": "#7fd6a2",
        "focus": "#7aa9ff",
        "plot1": "#7aa9ff",
        "plot2": "#f5a55c",
        "plot3": "#72d3a0",
        "grid": "#333a47",
    },
}


class Theme(QObject):
    """The colours in use. `changed` after each switch; icons given out before must be asked for again."""

    changed = Signal()

    def __init__(self, name: str = "system") -> None:
        super().__init__()
        self.name: Name = "light"
        self._wanted = name
        application = _application()
        application.setStyle(QStyleFactory.create("Fusion"))
        font = application.font()
        font.setFamilies([font.family(), *CHINESE_FAMILIES])
        application.setFont(font)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._on_system_changed)
        self._apply(self._chosen())

    def set(self, name: str) -> None:
        """Use "light", "dark", or what the desktop says ("system")."""
        self._wanted = name
        if (chosen := self._chosen()) != self.name:
            self._apply(chosen)
            self.changed.emit()

    def color(self, token: str) -> QColor:
        return QColor(TOKENS[self.name][token])

    def icon(self, name: str, token: str = "text") -> QIcon:
        """One of our own icons in a colour of the theme; its disabled look is made of the muted colour."""
        icon = QIcon()
        for size in (16, 20, 24, 32, 48):
            icon.addPixmap(_drawn(name, TOKENS[self.name][token], size))
            icon.addPixmap(_drawn(name, TOKENS[self.name]["border"], size), QIcon.Mode.Disabled)
        return icon

    def _chosen(self) -> Name:
        if self._wanted in TOKENS:
            return self._wanted  # type: ignore[return-value]
        dark = QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
        return "dark" if dark else "light"

    def _on_system_changed(self) -> None:
        self.set(self._wanted)

    def _apply(self, name: Name) -> None:
        self.name = name
        application = _application()
        application.setPalette(palette(TOKENS[name]))
        application.setStyleSheet(style_sheet(name, TOKENS[name], ICONS))


def palette(tokens: dict[str, str]) -> QPalette:
    """Qt's own roles, so that dialogs and everything unstyled match."""
    made = QPalette()
    roles = QPalette.ColorRole
    for role, token in (
        (roles.Window, "window"),
        (roles.WindowText, "text"),
        (roles.Base, "surface"),
        (roles.AlternateBase, "raised"),
        (roles.Text, "text"),
        (roles.Button, "raised"),
        (roles.ButtonText, "text"),
        (roles.BrightText, "error"),
        (roles.ToolTipBase, "surface"),
        (roles.ToolTipText, "text"),
        (roles.PlaceholderText, "muted"),
        (roles.Highlight, "accent"),
        (roles.HighlightedText, "accent_text"),
        (roles.Link, "accent"),
        (roles.Mid, "border"),
        (roles.Dark, "border"),
        (roles.Light, "surface"),
    ):
        made.setColor(role, QColor(tokens[token]))
    for role in (roles.Text, roles.WindowText, roles.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, role, QColor(tokens["muted"]))
    return made


@lru_cache(maxsize=512)
def _drawn(name: str, color: str, size: int) -> QPixmap:
    """An icon file with `currentColor` replaced. Only files of this program are ever drawn as SVG."""
    from PySide6.QtSvg import QSvgRenderer

    source = (ICONS / f"{name}.svg").read_text(encoding="utf-8").replace("currentColor", color)
    image = QImage(QSize(size, size), QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    QSvgRenderer(QByteArray(source.encode())).render(painter, QRectF(0, 0, size, size))
    painter.end()
    return QPixmap.fromImage(image)


def _application() -> QApplication:
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    return application
