"""Tab goes where the eye goes: down the layouts, whatever was made first.

Qt's own order is that in which widgets were made; here forms, faults and banners are made when they are needed.
"""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLayout, QScrollArea, QTabWidget, QWidget


def tab_stops(widget: QWidget) -> Iterator[QWidget]:
    """What Tab visits in a widget that is shown, in order."""
    if widget.isHidden() or not widget.isEnabled():
        return
    if widget.focusPolicy() & Qt.FocusPolicy.TabFocus == Qt.FocusPolicy.TabFocus and widget.focusProxy() is None:
        yield widget
        return
    for part in _parts(widget):
        yield from tab_stops(part)


def next_stop(root: QWidget | None, focused: QWidget | None, forward: bool) -> QWidget | None:
    """The stop after (or before) the one that has the keyboard; at the end it begins anew."""
    stops = list(tab_stops(root)) if root is not None else []
    if not stops:
        return None
    here = next((n for n, stop in enumerate(stops) if stop is focused or _is_inside(stop, focused)), None)
    if here is None:
        return stops[0 if forward else -1]
    return stops[(here + (1 if forward else -1)) % len(stops)]


def show_whole(stop: QWidget) -> None:
    """Scroll to it; Qt does that only for areas that have the keyboard already."""
    around = stop.parentWidget()
    while around is not None:
        if isinstance(around, QScrollArea):
            around.ensureWidgetVisible(stop)
        around = around.parentWidget()


def _parts(widget: QWidget) -> list[QWidget]:
    if isinstance(widget, QTabWidget):
        around = (widget.tabBar(), widget.cornerWidget(), widget.currentWidget())
        return [part for part in around if part is not None]
    layout = widget.layout()
    ordered = list(dict.fromkeys(_in_layout(layout))) if layout is not None else []
    children = widget.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly)
    rest = [child for child in children if child not in ordered and not child.isWindow()]
    return [*ordered, *sorted(rest, key=lambda child: (child.y(), child.x()))]


def _in_layout(layout: QLayout) -> Iterator[QWidget]:
    for place in range(layout.count()):
        item = layout.itemAt(place)
        inner = item.layout() if item is not None else None
        part = item.widget() if item is not None else None
        if inner is not None:
            yield from _in_layout(inner)
        elif part is not None:
            yield part


def _is_inside(stop: QWidget, focused: QWidget | None) -> bool:
    return focused is not None and stop.isAncestorOf(focused)
