"""The keys of the captions page: names, what they are at first, what the person made of them, and who answers.

A key works where the widget it is bound to, or a part of it, has the keyboard. The window's own keys (Ctrl+Z, Ctrl+S,
F5 ...) stay what they are and cannot be given to another action.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

from gui.settings import Settings

SETTING = "captions.keys"
FAVOURITES = 9
DEFAULTS: dict[str, tuple[str, ...]] = {
    "next": ("J", "Alt+Down"),
    "previous": ("K", "Alt+Up"),
    "next_untagged": ("Ctrl+J",),
    "zoom": ("Space",),
    "grid": ("Alt+1",),
    "list": ("Alt+2",),
    "single": ("Alt+3",),
    "filter": ("/", "Alt+F"),
    "open": ("Ctrl+Shift+O",),
    "add_tag": ("A",),
    "first_suggestion": ("Ctrl+Return",),
    "rename": ("F2",),
    "delete": ("Del",),
    "replace": ("Ctrl+R",),
    "batch": ("Ctrl+E",),
    "dedupe": ("Ctrl+D",),
    "copy": ("Ctrl+C",),
    "paste": ("Ctrl+V",),
    "paste_append": ("Ctrl+Shift+V",),
    "auto_tag": ("Ctrl+T",),
    "mask": ("Ctrl+M",),
    "crop": ("C",),
    "rating": ("R",),
    "history": ("Ctrl+H",),
    "keys": ("?",),
    **{f"favourite_{number}": (str(number),) for number in range(1, FAVOURITES + 1)},
}
WINDOWS_OWN = (
    "F5", "Ctrl+O", "Ctrl+S", "Ctrl+Shift+S", "Ctrl+N", "Ctrl+Z", "Ctrl+Y", "Ctrl+Shift+Z", "Ctrl+F", "Ctrl+B",
    *(f"Ctrl+{number}" for number in range(1, 10)),
)  # fmt: skip


class Keys(QObject):
    """`bind` an action's name to a call; `set` gives it other keys. `changed` with the name, after each change."""

    changed = Signal(str)

    def __init__(self, settings: Settings, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self._bound: dict[str, list[QAction]] = {}

    def of(self, name: str) -> tuple[str, ...]:
        """The keys of an action, in Qt's portable spelling; () where it has none."""
        own = self._own().get(name)
        return tuple(own) if own is not None else DEFAULTS[name]

    def shown(self, name: str) -> str:
        """The first key as this system writes it, for menus and tooltips; "" where there is none."""
        keys = self.of(name)
        return QKeySequence(keys[0]).toString(QKeySequence.SequenceFormat.NativeText) if keys else ""

    def taken_by(self, key: str, but: str = "") -> str:
        """The action that has the key, "window" for one of the window's own, "" where it is free."""
        wanted = QKeySequence(key)
        if any(QKeySequence(one) == wanted for one in WINDOWS_OWN):
            return "window"
        return next((n for n in DEFAULTS if n != but and any(QKeySequence(k) == wanted for k in self.of(n))), "")

    def set(self, name: str, keys: Sequence[str]) -> None:
        """Give an action other keys, or none; those of them that another action has are taken from it. The caller asks
        `taken_by` before; keys of the window are left out."""
        kept = [key for key in keys if QKeySequence(key).count() and self.taken_by(key, name) != "window"]
        others = {other for key in kept if (other := self.taken_by(key, name))}
        own = self._own()
        given = [QKeySequence(key) for key in kept]
        for other in others:
            own[other] = [key for key in self.of(other) if QKeySequence(key) not in given]
        own[name] = list(kept)
        self._keep(own, [*others, name])

    def reset(self, name: str = "") -> None:
        """The keys an action had at first; of all actions without a name."""
        own = self._own()
        names = [name] if name else list(own)
        self._keep({one: keys for one, keys in own.items() if one not in names}, names)

    def bind(self, name: str, widget: QWidget, call: Callable[[], object]) -> QAction:
        """Let the action's keys call `call` while the keyboard is in `widget`. The QAction lives with the widget."""
        action = QAction(widget)
        action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.setShortcuts([QKeySequence(key) for key in self.of(name)])
        action.triggered.connect(lambda *_: call())
        widget.addAction(action)
        self._bound.setdefault(name, []).append(action)
        return action

    @property
    def names(self) -> list[str]:
        """The actions that somebody answers, in the order of the table: what a sheet of keys shows."""
        return [name for name in DEFAULTS if any(isValid(action) for action in self._bound.get(name, ()))]

    def _own(self) -> dict[str, list[str]]:
        """What the person changed; what is no list of texts, or belongs to no action, is passed over."""
        found = self._settings.get(SETTING, {})
        return {
            name: [key for key in keys if isinstance(key, str)]
            for name, keys in found.items()
            if name in DEFAULTS and isinstance(keys, list)
        }

    def _keep(self, own: dict[str, list[str]], names: Sequence[str]) -> None:
        self._settings.set(SETTING, {name: keys for name, keys in own.items() if tuple(keys) != DEFAULTS[name]})
        for name in names:
            for action in filter(isValid, self._bound.get(name, ())):
                action.setShortcuts([QKeySequence(key) for key in self.of(name)])
            self.changed.emit(name)

    def label(self, name: str) -> str:
        """What the action does, in the window's language."""
        if name.startswith("favourite_"):
            return self.tr("Add or remove favourite tag {number}").format(number=name.removeprefix("favourite_"))
        return {
            "next": self.tr("Next picture"),
            "previous": self.tr("Previous picture"),
            "next_untagged": self.tr("Next picture without a caption"),
            "zoom": self.tr("Zoom: fit or 100 %"),
            "grid": self.tr("Show as a grid"),
            "list": self.tr("Show as a list"),
            "single": self.tr("Show one picture"),
            "filter": self.tr("Filter"),
            "open": self.tr("Open a folder"),
            "add_tag": self.tr("Add a tag"),
            "first_suggestion": self.tr("Take the first suggestion"),
            "rename": self.tr("Rename a tag"),
            "delete": self.tr("Delete a tag"),
            "replace": self.tr("Find and replace"),
            "batch": self.tr("Edit many captions"),
            "dedupe": self.tr("Remove repeated tags"),
            "copy": self.tr("Copy tags"),
            "paste": self.tr("Paste tags in place of the present ones"),
            "paste_append": self.tr("Paste tags after the present ones"),
            "auto_tag": self.tr("Tag automatically"),
            "mask": self.tr("Paint a mask"),
            "crop": self.tr("Crop"),
            "rating": self.tr("Rating"),
            "history": self.tr("History"),
            "keys": self.tr("Keys of this page"),
        }[name]
