"""What completion and translations draw from, read in threads and shared by all lines of a desk."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from dataset_tools.completion import Completion, DatasetTags, Suggestion, TokenWords
from dataset_tools.library import Library
from dataset_tools.translations import Translations, read_translations, write_translation
from dataset_tools.vocabulary_csv import Vocabulary, read_vocabulary
from gui.background import later
from gui.captions.desk import CaptionDesk
from kohya_like.data.tokens import clip_tokenizer
from kohya_like.schema.errors import FormatError

SETTING_LIST = "captions.tag_list"
TABLE_NAME = "tags_zh_CN.tsv"  # the person's own, beside the settings
COUNT_AFTER_MILLISECONDS = 400  # after the last edit


class TagSources(QObject):
    """`completion` has what was read so far. One per desk: `TagSources.of(desk)`."""

    counted = Signal(object)  # dict[str, int]: in how many pictures each tag is
    translations_changed = Signal()
    list_changed = Signal()  # another tag list, or why it cannot be used: `list_problem`

    def __init__(self, desk: CaptionDesk) -> None:
        super().__init__(desk)
        self._desk = desk
        self.completion = Completion()
        self.counts: dict[str, int] = {}
        self.list_problem = ""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(COUNT_AFTER_MILLISECONDS)
        self._timer.timeout.connect(self.count)
        desk.opened.connect(self._forget)
        desk.ready.connect(self.count)
        desk.texts_changed.connect(lambda _: self._timer.start())
        self.read_translations()
        self.read_list()
        later(lambda: TokenWords(clip_tokenizer().ids), self._take_tokens, self._no_tokens, self)
        self.count()

    @staticmethod
    def of(desk: CaptionDesk) -> TagSources:
        """The desk's own; made when it is first asked for."""
        known = desk.findChild(TagSources)
        return known if known is not None else TagSources(desk)

    @property
    def translations(self) -> Translations | None:
        return self.completion.translations

    def translation(self, tag: str) -> str:
        """ "" where there is none, or while the tables are being read."""
        return self.translations.of(tag) if self.translations is not None else ""

    def suggest(self, text: str, without: tuple[str, ...] = ()) -> list[Suggestion]:
        return self.completion.suggest(text, without=without)

    # the dataset's tags

    def count(self) -> None:
        """Count the dataset's tags anew, in a thread."""
        library = self._desk.library
        if library is not None and self._desk.session is not None:
            later(lambda: _counted(library.counts()), lambda found: self._take_of(library, found), owner=self)

    def _take_of(self, library: Library, counted: tuple[dict[str, int], DatasetTags]) -> None:
        if library is self._desk.library:
            self._take_counts(counted)

    def _forget(self) -> None:
        self._take_counts(({}, DatasetTags({})))

    def _take_counts(self, counted: tuple[dict[str, int], DatasetTags]) -> None:
        self.counts, dataset = counted
        self._put(dataset=dataset)
        self.counted.emit(self.counts)

    # the translations

    @property
    def table(self) -> Path:
        """The person's own translations."""
        return self._desk.desk.settings.folder / TABLE_NAME

    def read_translations(self) -> None:
        table = self.table
        later(lambda: read_translations(table), self._take_translations, self._say, self)

    def translate(self, tag: str, word: str) -> None:
        """Put a translation into the person's own table; "" takes it out."""
        table = self.table
        later(lambda: write_translation(table, tag, word), lambda _: self.read_translations(), self._say, self)

    def _take_translations(self, translations: Translations) -> None:
        self._put(translations=translations)
        self.translations_changed.emit()

    # the tag list

    @property
    def tag_list(self) -> str:
        """The CSV in use, "" for none."""
        return str(self._desk.desk.settings.get(SETTING_LIST, ""))

    def use_list(self, path: str) -> None:
        """Complete from this CSV; "" from none."""
        self._desk.desk.settings.set(SETTING_LIST, path)
        self.read_list()

    def read_list(self) -> None:
        path = self.tag_list
        if path:
            later(lambda: (path, read_vocabulary(Path(path))), self._take_list, self._no_list, self)
        else:
            self._take_list(("", None))

    def _take_list(self, read: tuple[str, Vocabulary | None]) -> None:
        path, vocabulary = read
        if path == self.tag_list:
            self.list_problem = ""
            self._put(vocabulary=vocabulary)
            self.list_changed.emit()

    def _no_list(self, fault: Exception) -> None:
        self.list_problem = self._sentence(fault)
        self._put(vocabulary=None)
        self.list_changed.emit()
        self._say(fault)

    # all of them

    def _take_tokens(self, tokens: TokenWords) -> None:
        self._put(tokens=tokens)

    def _no_tokens(self, fault: Exception) -> None:
        """Without the tokenizer's words there is one source less; opening a folder says what is wrong with it."""

    def _put(self, **sources: object) -> None:
        self.completion = Completion(**{**vars(self.completion), **sources})

    def _sentence(self, fault: Exception) -> str:
        if not isinstance(fault, FormatError | OSError):
            raise fault
        return self._desk.desk.language.sentence(str(fault))

    def _say(self, fault: Exception) -> None:
        self._desk.said.emit(self._sentence(fault))


def _counted(counts: dict[str, int]) -> tuple[dict[str, int], DatasetTags]:
    return counts, DatasetTags(counts)
