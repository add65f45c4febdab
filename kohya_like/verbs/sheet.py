"""A labelled table of pictures of equal size. Labels are drawn in a font of the machine that has their letters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
PAPER, INK = (255, 255, 255), (32, 32, 32)
# fonts with Chinese, Japanese and Korean letters, as systems bring them; the first that is there is taken
CJK_FONTS = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
    "C:/Windows/Fonts/msyh.ttc",
    "C:/Windows/Fonts/YuGothM.ttc",
    "C:/Windows/Fonts/malgun.ttf",
    "/System/Library/Fonts/PingFang.ttc",
    "/System/Library/Fonts/Hiragino Sans GB.ttc",
)


@dataclass(frozen=True)
class Sheet:
    """Pictures row by row, with a label for each column and row; a label "" takes no room."""

    title: str
    columns: Sequence[str]
    rows: Sequence[str]
    images: Sequence[Image.Image]


def drawn(sheets: Sequence[Sheet]) -> Image.Image:
    """The sheets one below the other; all pictures have the same size."""
    width, height = sheets[0].images[0].size
    every = [label for sheet in sheets for label in (sheet.title, *sheet.columns, *sheet.rows)]
    font = font_for(every, max(12, min(32, height // 16)))
    line = _box("Ág汉", font)[1] + 8
    widest = max((_box(row, font)[0] for sheet in sheets for row in sheet.rows if row), default=-16)
    left = min(widest + 16, max(width, 160))
    heads = [line if any(sheet.columns) else 0 for sheet in sheets]
    titles = [line if sheet.title else 0 for sheet in sheets]
    total = sum(heads) + sum(titles) + sum(len(sheet.rows) * height for sheet in sheets)
    paper = Image.new("RGB", (left + len(sheets[0].columns) * width, total), PAPER)
    pen = ImageDraw.Draw(paper)
    top = 0
    for sheet, head, title in zip(sheets, heads, titles):
        _write(pen, sheet.title, (0, top, paper.width, top + title), font)
        top += title
        for i, label in enumerate(sheet.columns):
            _write(pen, label, (left + i * width, top, left + (i + 1) * width, top + head), font)
        top += head
        for j, label in enumerate(sheet.rows):
            _write(pen, label, (0, top, left, top + height), font)
            for i in range(len(sheet.columns)):
                paper.paste(sheet.images[j * len(sheet.columns) + i], (left + i * width, top))
            top += height
    return paper


def font_for(labels: Sequence[str], size: int) -> Font:
    """Pillow's own font, or for other letters one of the machine's, if there is one."""
    if any(ord(letter) > 0x24F for label in labels for letter in label):
        for path in CJK_FONTS:
            if Path(path).is_file():
                return ImageFont.truetype(path, size)
    return ImageFont.load_default(size)


def _box(text: str, font: Font) -> tuple[int, int]:
    left, top, right, bottom = font.getbbox(text)
    return int(right - left), int(bottom - top)


def _write(pen: ImageDraw.ImageDraw, text: str, box: tuple[int, int, int, int], font: Font) -> None:
    """The text in the middle of the box, its end cut off where it does not fit."""
    x0, y0, x1, y1 = box
    text = " ".join(text.split())
    if not text:
        return
    shown = text
    while len(shown) > 1 and _box(shown, font)[0] > x1 - x0 - 4:
        shown = shown[:-2] + "…"
    pen.text(((x0 + x1) / 2, (y0 + y1) / 2), shown, fill=INK, font=font, anchor="mm")
