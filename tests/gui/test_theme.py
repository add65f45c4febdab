"""The look: contrast of every pair of colours that meet, icons that are there and tinted, switching."""

from __future__ import annotations

import itertools
import re

import pytest
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from gui.style_sheet import SHEET, style_sheet
from gui.theme import ICONS, TOKENS, Theme

pytestmark = pytest.mark.quick

GROUNDS = ("window", "surface", "raised")
TEXTS = ("text", "muted", "accent", "error", "warning", "hint", "success", "plot1", "plot2", "plot3")


def luminance(color: str) -> float:
    """WCAG 2.1, relative luminance."""
    parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in QColor(color).getRgbF()[:3]]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(first: str, second: str) -> float:
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", TOKENS)
def test_every_text_can_be_read_on_every_ground(theme: str) -> None:
    tokens = TOKENS[theme]  # type: ignore[index]
    pairs = [*itertools.product(TEXTS, GROUNDS), ("accent_text", "accent")]
    low = {pair: round(contrast(*(tokens[name] for name in pair)), 2) for pair in pairs}
    assert {pair: value for pair, value in low.items() if value < 4.5} == {}
    assert contrast(tokens["focus"], tokens["surface"]) >= 3  # WCAG 1.4.11: a focus ring


def test_the_contrast_of_grey_on_white_is_known_and_too_low() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#999999", "#ffffff") < 4.5


def test_both_themes_have_the_same_tokens_and_the_sheet_uses_no_other() -> None:
    assert set(TOKENS["light"]) == set(TOKENS["dark"])
    assert set(re.findall(r"@(\w+)", SHEET)) <= set(TOKENS["light"]) | {"name"}
    assert not re.search(r"[@#]\w*icons|@\w", style_sheet("dark", TOKENS["dark"], ICONS))


def test_a_switch_recolours_palette_sheet_and_icons(qtbot: QtBot) -> None:
    theme = Theme("light")
    label = QLabel("x")
    qtbot.addWidget(label)
    before = theme.icon("start").pixmap(32, 32).toImage()
    with qtbot.waitSignal(theme.changed):
        theme.set("dark")
    assert label.palette().windowText().color() == theme.color("text") == QColor(TOKENS["dark"]["text"])
    after = theme.icon("start").pixmap(32, 32).toImage()
    assert after.pixelColor(12, 16) == QColor(TOKENS["dark"]["text"]) != before.pixelColor(12, 16)
    with qtbot.assertNotEmitted(theme.changed):
        theme.set("dark")
    theme.set("light")


@pytest.mark.parametrize("name", sorted(path.stem for path in ICONS.glob("*.svg")))
def test_an_icon_draws_something_within_its_bounds(qtbot: QtBot, name: str) -> None:
    image = Theme("light").icon(name).pixmap(48, 48).toImage()
    inked = [(x, y) for x in range(image.width()) for y in range(image.height()) if image.pixelColor(x, y).alpha()]
    assert len(inked) > 40
    edge = image.width() - 1
    assert not [spot for spot in inked if 0 in spot or edge in spot]


def test_every_icon_that_the_window_asks_for_exists() -> None:
    asked = set()
    for path in ICONS.parent.rglob("*.py"):
        asked |= set(re.findall(r"\.icon\(\s*\"([a-z-]+)\"", path.read_text(encoding="utf-8")))
    assert asked and asked <= {path.stem for path in ICONS.glob("*.svg")}
