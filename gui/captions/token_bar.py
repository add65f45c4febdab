"""How many tokens a caption has, as a bar with a mark after each chunk of 75, and in words."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from dataset_tools.smart_sets import TOKENS
from gui.amounts import whole
from gui.captions.desk import CaptionDesk
from gui.theme import SMALL
from gui.widgets.text import PlainLabel

CHUNKS = 3  # marks at 75, 150 and 225
HEIGHT = 18  # px


class TokenBar(QWidget):
    """`show_tokens` with the count of one caption, or the highest of several. All encoders of SD1, SD2 and SDXL cut
    text alike, so that one number holds for CLIP ViT-L and for OpenCLIP bigG."""

    def __init__(self, desk: CaptionDesk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.tokens, self._of_many = 0, False
        self.said = PlainLabel(role="muted")
        self.bar = _Bar(desk, self)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SMALL // 2)
        column.addWidget(self.said)
        column.addWidget(self.bar)
        desk.desk.language.changed.connect(self.retranslate)
        desk.desk.theme.changed.connect(self.bar.update)
        self.retranslate()

    def show_tokens(self, tokens: int, of_many: bool = False) -> None:
        self.tokens, self._of_many = tokens, of_many
        self.retranslate()

    def retranslate(self) -> None:
        most, tokens = self._desk.most_tokens, self.tokens
        chunks = max(1, -(-tokens // TOKENS))
        said = self.tr("longest: {tokens} tokens") if self._of_many else self.tr("{tokens} tokens")
        said = said.format(tokens=whole(tokens))
        if tokens > most:
            more = self.tr("{count} more than training reads ({most})")
            said += " · " + more.format(count=whole(tokens - most), most=whole(most))
        elif chunks > 1:
            said += " · " + self.tr("{count} chunks of 75").format(count=chunks)
        self.said.setText(said)
        self.said.setProperty("role", "error" if tokens > most else "muted")
        self.said.style().polish(self.said)
        tip = self.tr(
            "Tokens of the line that training reads, with marks at 75, 150 and 225. The thick mark is what this "
            "configuration reads. CLIP ViT-L and OpenCLIP bigG cut text alike: the number holds for both encoders."
        )
        self.bar.setToolTip(tip)
        self.setAccessibleName(said)
        self.bar.tokens, self.bar.most = tokens, most
        self.bar.update()


class _Bar(QWidget):
    def __init__(self, desk: CaptionDesk, parent: QWidget) -> None:
        super().__init__(parent)
        self._desk = desk
        self.tokens, self.most = 0, TOKENS
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(150, HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, theme = QPainter(self), self._desk.desk.theme
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        end = max(CHUNKS * TOKENS, self.tokens, self.most) * 1.04
        room = QRectF(0.5, 0.5, self.width() - 1, 7)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("raised"))
        painter.drawRoundedRect(room, 3, 3)
        painter.setBrush(theme.color("error" if self.tokens > self.most else "accent"))
        filled = QRectF(room)
        filled.setWidth(room.width() * self.tokens / end)
        painter.drawRoundedRect(filled, 3, 3)
        font = painter.font()
        font.setPointSizeF(max(6.0, font.pointSizeF() * 0.75))
        painter.setFont(font)
        for number in range(1, CHUNKS + 1):
            x = room.width() * number * TOKENS / end
            is_most = number * TOKENS == self.most
            painter.fillRect(QRectF(x - is_most, 0, 1 + 2 * is_most, 9), theme.color("text" if is_most else "muted"))
            painter.setPen(theme.color("muted"))
            words = QRectF(x - 20, 8, 40, HEIGHT - 7)
            painter.drawText(words, Qt.AlignmentFlag.AlignCenter, str(number * TOKENS))
        painter.end()
