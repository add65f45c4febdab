"""The style sheet: one text, made of the theme's tokens. Roles are set as a property of the widget."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

SHEET = """
* { outline: none; }
QToolTip { background: @surface; color: @text; border: 1px solid @border; padding: 4px; }
QScrollArea, QScrollArea > QWidget > QWidget[role="page"] { background: transparent; border: none; }
QFrame[role="card"] { background: @surface; border: 1px solid @border; border-radius: 8px; }
QFrame[role="rail"] { background: @surface; border: none; border-right: 1px solid @border; }
QFrame[role="bar"] { background: @surface; border: none; border-bottom: 1px solid @border; }
QFrame[role="footer"] { background: @surface; border: none; border-top: 1px solid @border; }
QFrame[role="changed"] { background: @accent; border: none; border-radius: 1px; }
QFrame[role="unchanged"] { background: transparent; border: none; }
QFrame[role="banner-error"] { background: @surface; border: 1px solid @error; border-left: 5px solid @error;
  border-radius: 6px; }
QFrame[role="banner-warning"] { background: @surface; border: 1px solid @warning; border-left: 5px solid @warning;
  border-radius: 6px; }
QFrame[role="banner-hint"] { background: @surface; border: 1px solid @hint; border-left: 5px solid @hint;
  border-radius: 6px; }
QLabel { background: transparent; }
QLabel[role="title"] { font-size: 15pt; font-weight: 600; }
QLabel[role="section"] { font-size: 11pt; font-weight: 600; color: @muted; }
QLabel[role="heading"] { font-weight: 600; }
QLabel[role="big"] { font-size: 20pt; font-weight: 600; }
QLabel[role="muted"] { color: @muted; }
QLabel[role="error"] { color: @error; }
QLabel[role="warning"] { color: @warning; }
QLabel[role="hint"] { color: @hint; }
QLabel[role="success"] { color: @success; }
QLabel[role="mono"] { font-family: monospace; }

QPushButton { background: @raised; color: @text; border: 1px solid @border; border-radius: 5px; padding: 5px 12px;
  min-height: 18px; }
QPushButton:hover { border-color: @accent; }
QPushButton:pressed { background: @border; }
QPushButton:disabled { color: @muted; background: @window; border-color: @border; }
QPushButton:focus { border: 2px solid @focus; padding: 4px 11px; }
QPushButton[role="primary"] { background: @accent; color: @accent_text; border-color: @accent; font-weight: 600; }
QPushButton[role="primary"]:focus { border: 2px solid @text; }
QPushButton[role="primary"]:disabled { background: @raised; color: @muted; border-color: @border; }
QPushButton[role="danger"] { color: @error; border-color: @error; }
QPushButton[role="danger"]:disabled { color: @muted; border-color: @border; }
QPushButton[role="link"] { background: transparent; color: @accent; border: 1px solid transparent; padding: 2px 4px;
  text-align: left; }
QPushButton[role="link-error"] { background: transparent; color: @error; border: 1px solid transparent;
  padding: 2px 4px; text-align: left; }
QPushButton[role="link-error"]:hover { border-color: @error; }
QPushButton[role="link"]:focus, QPushButton[role="link-error"]:focus { border: 1px solid @focus; }
QPushButton[role="link"]:disabled { color: @muted; }
QPushButton::menu-indicator { subcontrol-position: right center; right: 4px; }
QToolButton { background: transparent; border: 1px solid transparent; border-radius: 5px; padding: 4px; color: @text; }
QToolButton:hover { background: @raised; }
QToolButton:focus { border: 2px solid @focus; padding: 3px; }
QToolButton:checked { background: @raised; border-color: @border; }
QToolButton[role="raised"] { background: @raised; border: 1px solid @border; }
QToolButton[role="raised"]:hover { border-color: @accent; }
QToolButton[role="raised"]:focus { border: 2px solid @focus; padding: 3px; }
QToolButton[role="rail"] { padding: 8px 10px; text-align: left; border-left: 3px solid transparent; border-radius: 0; }
QToolButton[role="rail"]:checked { border: none; border-left: 3px solid @accent; background: @raised;
  font-weight: 600; }
QToolButton[role="rail"]:focus { border: 1px solid @focus; padding: 9px 11px 9px 12px; }
QToolButton[role="rail"]:checked:focus { border-left: 3px solid @accent; padding: 9px 11px 9px 10px; }
QToolButton[role="fold"] { padding: 8px 10px; text-align: left; border-left: 3px solid transparent; border-radius: 0;
  color: @muted; }
QToolButton[role="fold"]:checked { background: transparent; border-color: transparent; }
QToolButton[role="fold"]:hover { background: @raised; }
QToolButton[role="fold"]:focus { border: 1px solid @focus; padding: 9px 11px 9px 12px; }
QToolButton::menu-indicator { image: none; }

QLineEdit, QPlainTextEdit, QAbstractSpinBox, QComboBox, QListView, QTreeView, QTableView {
  background: @surface; color: @text; border: 1px solid @border; border-radius: 5px;
  selection-background-color: @accent; selection-color: @accent_text; }
QLineEdit, QAbstractSpinBox, QComboBox { padding: 3px 6px; min-height: 20px; }
QLineEdit:focus, QPlainTextEdit:focus, QAbstractSpinBox:focus, QComboBox:focus, QListView:focus,
QTreeView:focus, QTableView:focus { border: 2px solid @focus; }
QLineEdit:focus, QAbstractSpinBox:focus, QComboBox:focus { padding: 2px 5px; }
QLineEdit[state="error"], QAbstractSpinBox[state="error"], QComboBox[state="error"],
QPlainTextEdit[state="error"] { border: 2px solid @error; }
QLineEdit:disabled, QAbstractSpinBox:disabled, QComboBox:disabled, QPlainTextEdit:disabled {
  background: @window; color: @muted; }
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button { border: none; width: 18px; }
QAbstractSpinBox::up-arrow { image: url("#icons/arrow-up-@name.svg"); width: 10px; height: 10px; }
QAbstractSpinBox::down-arrow { image: url("#icons/arrow-@name.svg"); width: 10px; height: 10px; }
QComboBox::drop-down { border: none; width: 20px; }
QComboBox::down-arrow { image: url("#icons/arrow-@name.svg"); width: 12px; height: 12px; }
QComboBox QAbstractItemView { background: @surface; color: @text; border: 1px solid @border; outline: none; }
QAbstractItemView::item { padding: 4px; color: @text; }
QAbstractItemView::item:hover { background: @raised; color: @text; }
QAbstractItemView::item:selected { background: @accent; color: @accent_text; }
QTableCornerButton::section { background: @raised; border: none; border-bottom: 1px solid @border; }
QHeaderView { background: @surface; border: none; }
QHeaderView::section { background: @raised; color: @text; border: none; border-right: 1px solid @border;
  border-bottom: 1px solid @border; padding: 4px 8px; font-weight: 600; }
QTableView, QTreeView { gridline-color: @border; alternate-background-color: @window; }
QCheckBox, QRadioButton { color: @text; spacing: 8px; padding: 2px; border: 2px solid transparent; border-radius: 5px; }
QCheckBox::indicator { width: 15px; height: 15px; border: 1px solid @muted; border-radius: 3px; background: @surface; }
QCheckBox::indicator:hover { border-color: @accent; }
QCheckBox::indicator:checked { background: @accent; border-color: @accent; image: url("#icons/check-@name.svg"); }
QCheckBox::indicator:indeterminate { background: @raised; image: url("#icons/dash-@name.svg"); }
QCheckBox::indicator:disabled { background: @window; border-color: @border; }
QRadioButton::indicator { width: 14px; height: 14px; border: 1px solid @muted; border-radius: 8px;
  background: @surface; }
QRadioButton::indicator:hover { border-color: @accent; }
QRadioButton::indicator:checked { border: 5px solid @accent; width: 6px; height: 6px; background: @accent_text; }
QCheckBox:focus, QRadioButton:focus { border-color: @focus; }

QTabBar { background: transparent; }
QTabBar::tab { background: transparent; color: @muted; padding: 7px 14px; border: 2px solid transparent;
  border-bottom: 3px solid transparent; }
QTabBar::tab:selected { color: @text; border-bottom-color: @accent; font-weight: 600; }
QTabBar::tab:hover { color: @text; }
QTabBar::tab:focus { border: 2px solid @focus; border-bottom: 3px solid @accent; }
QTabWidget::pane { border: none; border-top: 1px solid @border; }
QProgressBar { background: @raised; border: none; border-radius: 4px; max-height: 8px; min-height: 8px;
  color: transparent; }
QProgressBar::chunk { background: @accent; border-radius: 4px; }
QSplitter::handle { background: transparent; }
QSplitter::handle:hover { background: @border; }
QScrollBar:vertical { background: transparent; width: 11px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 11px; margin: 0; }
QScrollBar::handle { background: @border; border-radius: 4px; margin: 2px; min-height: 28px; min-width: 28px; }
QScrollBar::handle:hover { background: @muted; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QMenu { background: @surface; color: @text; border: 1px solid @border; padding: 4px; }
QMenu::item { padding: 6px 24px 6px 12px; border-radius: 4px; }
QMenu::item:selected { background: @accent; color: @accent_text; }
QMenu::item:disabled { color: @muted; }
QMenu::separator { height: 1px; background: @border; margin: 4px 8px; }
"""


def style_sheet(name: str, tokens: Mapping[str, str], icons: Path) -> str:
    """The sheet of a theme ("light", "dark"); `icons` is the folder of the arrows that Qt cannot tint itself."""
    sheet = SHEET.replace("#icons", icons.as_posix()).replace("@name", name)
    for name in sorted(tokens, key=len, reverse=True):
        sheet = sheet.replace(f"@{name}", tokens[name])
    return sheet
