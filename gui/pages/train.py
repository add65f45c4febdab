"""The Train page: the kind of training, the configuration file and its fields; beside them what it all amounts to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QTabWidget, QToolButton, QVBoxLayout, QWidget

from gui.desk import Desk
from gui.fetch_bar import FetchBar
from gui.fields import Field, fields
from gui.file_actions import FileActions
from gui.first_steps import FirstSteps
from gui.form import Form
from gui.pages.preset_bar import PresetBar
from gui.search import SearchBox
from gui.side_panel import SidePanel
from gui.theme import GAP, SMALL
from gui.widgets.drawer import Drawer

BASIC_SECTIONS = ("method", "network", "optimizer", "schedule", "train")
BASIC_KEYS = (
    "save.save_every_n_epochs", "save.save_every_n_steps", "save.save_last_n_epochs", "save.save_last_n_steps",
    "save.save_precision",
)  # fmt: skip
TABS, SUB_TABS = ("model", "folders"), ("basic", "advanced", "samples")
CHOSEN_ABOVE = ("method.name", "network.name")  # by the chooser of the method
FOLDER_KEYS = ("save.output_dir", "save.output_name")
WIDE_ENOUGH = 1080  # width of the page from which the side panel stands beside it; the window is then 1280
PANEL_WIDTH = 330


class TrainPage(QWidget):
    """Tabs Source model, Folders, Parameters (Basic, Advanced, Samples), all made from the schema."""

    def __init__(self, desk: Desk, files: FileActions) -> None:
        super().__init__()
        self._desk = desk
        self.bar = PresetBar(desk, files)
        self.search = SearchBox(desk)
        self.first_steps = FirstSteps(desk, files)
        self.basic, self.all = QToolButton(), QToolButton()
        self.tabs, self.parameters = QTabWidget(), QTabWidget()
        self.forms: dict[str, Form] = {}
        self.panel = SidePanel(desk)
        self.drawer = Drawer(desk, self.panel, PANEL_WIDTH, self)
        self._columns: dict[str, QVBoxLayout] = {}  # of each tab
        self._built: set[str] = set()
        self._lay_out()
        for tabs in (self.tabs, self.parameters):  # not before: putting in the first tab changes the current one
            tabs.currentChanged.connect(self._on_tab_changed)
        desk.service.checked.connect(self._on_checked)
        desk.language.changed.connect(self.retranslate)
        self._fields = fields()
        self._faults: list[dict[str, object]] = []
        self._show_level()
        self.retranslate()
        self._build(self._tab())

    def _lay_out(self) -> None:
        for tabs in (self.tabs, self.parameters):
            tabs.setDocumentMode(True)
            tabs.tabBar().setDrawBase(False)
        for name in TABS:
            self.tabs.addTab(self._holder(name), "")
        self.tabs.addTab(self.parameters, "")
        for name in SUB_TABS:
            self.parameters.addTab(self._holder(name), "")
        levels = QButtonGroup(self)
        for button, level in ((self.basic, "basic"), (self.all, "all")):
            button.setCheckable(True)
            levels.addButton(button)
            button.clicked.connect(lambda _=False, level=level: self.set_level(level))
        corner = QWidget()
        row = QHBoxLayout(corner)
        row.setContentsMargins(0, 0, GAP, SMALL)
        self.search.setMinimumWidth(240)
        for widget in (self.search, self.basic, self.all):
            row.addWidget(widget)
        self.tabs.setCornerWidget(corner)
        self._row = QHBoxLayout()
        self._row.setSpacing(0)
        self._row.addWidget(self.tabs, 1)
        self._row.addWidget(self.drawer)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.bar)
        column.addLayout(self._row, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.drawer.set_folded(event.size().width() < WIDE_ENOUGH)

    def _holder(self, name: str) -> QWidget:
        """An empty tab, filled when it is first shown."""
        holder = QWidget()
        holder.setObjectName(name)
        column = self._columns[name] = QVBoxLayout(holder)
        column.setContentsMargins(GAP, GAP, GAP, 0)
        column.setSpacing(GAP)
        return holder

    def _tab(self) -> str:
        holder = self.tabs.currentWidget()
        shown = self.parameters.currentWidget() if holder is self.parameters else holder
        return shown.objectName() if shown is not None and shown is not self.parameters else ""

    def _on_tab_changed(self) -> None:
        self._build(self._tab())

    def _build(self, tab: str) -> None:
        """A tab's form is made when it is first shown."""
        if not tab or tab in self._built:
            return
        self._built.add(tab)
        column = self._columns[tab]
        if tab == "model":
            above = QVBoxLayout()
            above.setContentsMargins(SMALL, SMALL, GAP, 0)  # as the form beneath
            above.addWidget(self.first_steps)
            column.addLayout(above)
            column.addWidget(FetchBar(self._desk))
        form = Form(self._desk, list(fields_of(tab, self._fields)), catch_all=tab == "model")
        form.set_level(self._desk.settings.level)
        form.level_changed.connect(self.set_level)
        form.show_faults(self._faults)
        self.forms[tab] = form
        column.addWidget(form, 1)

    def _on_checked(self, answer: dict[str, object]) -> None:
        report = answer.get("report")
        found = report.get("faults") if isinstance(report, dict) else answer.get("faults")
        self._faults = list(found) if isinstance(found, list) else []
        for form in self.forms.values():
            form.show_faults(self._faults)

    def show_field(self, key: str) -> None:
        """Bring the row of an option to the front, on whatever tab it is."""
        if key in CHOSEN_ABOVE and self._desk.settings.level == "basic" and self.bar.recipe.currentIndex() >= 0:
            self.bar.recipe.setFocus(Qt.FocusReason.ShortcutFocusReason)
            return
        tab = tab_of(key)
        self.open_tab(tab)
        self.forms[tab].focus_field(key)

    def open_tab(self, tab: str) -> None:
        """Show "model", "folders", "basic", "advanced" or "samples"."""
        if tab in SUB_TABS:
            self.tabs.setCurrentWidget(self.parameters)
            self.parameters.setCurrentIndex(SUB_TABS.index(tab))
        else:
            self.tabs.setCurrentIndex(TABS.index(tab))
        self._build(tab)

    def set_level(self, level: str) -> None:
        """Show the basic options only, or all."""
        self._desk.settings.level = level
        self._show_level()
        for form in self.forms.values():
            form.set_level(level)

    def _show_level(self) -> None:
        everything = self._desk.settings.level == "all"
        self.all.setChecked(everything)
        self.basic.setChecked(not everything)

    def retranslate(self) -> None:
        self.tabs.setTabText(0, self.tr("Source model"))
        self.tabs.setTabText(1, self.tr("Folders"))
        self.tabs.setTabText(2, self.tr("Parameters"))
        self.parameters.setTabText(0, self.tr("Basic"))
        self.parameters.setTabText(1, self.tr("Advanced"))
        self.parameters.setTabText(2, self.tr("Samples"))
        self.basic.setText(self.tr("Basic options"))
        self.all.setText(self.tr("All options"))
        self.basic.setToolTip(self.tr("Show the options that most trainings need"))
        self.all.setToolTip(self.tr("Show every option, also those for experts"))


def tab_of(key: str) -> str:
    """The tab an option stands on, by its dotted key."""
    section = key.partition(".")[0]
    if section == "model":
        return "model"
    if section == "data" or key in FOLDER_KEYS:
        return "folders"
    if section == "sample":
        return "samples"
    return "basic" if section in BASIC_SECTIONS or key in BASIC_KEYS else "advanced"


def fields_of(tab: str, every: Iterable[Field]) -> Iterable[Field]:
    """The fields of a tab. Each option stands on exactly one; what is chosen above the tabs is for experts there."""
    return (_for_experts(f) if f.key in CHOSEN_ABOVE else f for f in every if tab_of(f.key) == tab)


def _for_experts(field: Field) -> Field:
    info = replace(field.option.info, level="expert")
    return replace(field, option=replace(field.option, info=info))
