"""The menu of the right pane: translations, and the list of tags that completion knows beside those of the dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog, QMenu

from gui.captions.desk import CaptionDesk
from gui.captions.tag_sources import TagSources
from gui.widgets.text import shortened

if TYPE_CHECKING:
    from gui.captions.caption_panel import CaptionPanel


class PanelMenu(QMenu):
    """Filled each time it opens."""

    def __init__(self, desk: CaptionDesk, panel: CaptionPanel) -> None:
        super().__init__(panel)
        self._desk, self._panel, self._sources = desk, panel, TagSources.of(desk)
        self.aboutToShow.connect(self._fill)
        self._fill()

    def _fill(self) -> None:
        self.clear()
        words = self.addAction(self.tr("Translations under the tags"))
        words.setCheckable(True)
        words.setChecked(self._panel.chips.cells.shows_translations)
        words.toggled.connect(self._panel.show_translations)
        self.addAction(self.tr("Read the translations again"), self._sources.read_translations)
        self.addSeparator()
        self.addAction(self.tr("Choose a tag list (CSV) ..."), self._choose)
        if path := self._sources.tag_list:
            vocabulary = self._sources.completion.vocabulary
            name = shortened(Path(path).name, 60).replace("&", "&&")
            if self._sources.list_problem:
                said = self.tr("{name} cannot be used").format(name=name)
            elif vocabulary is None:
                said = self.tr("{name} is being read").format(name=name)
            else:
                said = self.tr("{name}: {count} tags").format(name=name, count=f"{len(vocabulary):,}".replace(",", " "))
            self.addAction(said).setEnabled(False)
            self.addAction(self.tr("Without a tag list"), lambda: self._sources.use_list(""))

    def _choose(self) -> None:
        start = str(Path(self._sources.tag_list).parent) if self._sources.tag_list else ""
        title, kinds = self.tr("Choose a tag list"), self.tr("Tag lists (*.csv *.tsv *.txt);;All files (*)")
        path, _ = QFileDialog.getOpenFileName(self._panel, title, start, kinds)
        if path:
            self._sources.use_list(path)
