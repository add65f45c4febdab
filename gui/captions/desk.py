"""CaptionDesk: the pictures that are open, their captions and edits, as Qt objects see them.

It joins `dataset_tools.library` (what is known) and `dataset_tools.session` (what is changed) to the window. What is
long runs in threads of its own: one reads files, one does everything else in the order in which it was asked for; the
edit of a few pictures is done at once, in memory. The UI thread never touches a file here and never loops over all
pictures. Panels receive this object and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject, QThreadPool, Signal

from dataset_tools.edits import ConvertEncoding, RegexReplace
from dataset_tools.filter_error import FilterError
from dataset_tools.filter_sight import Findings
from dataset_tools.smart_sets import TOKENS
from gui.background import later
from gui.captions.editing import MANY, Editing
from gui.captions.keys import Keys
from gui.captions.looking import Looking
from gui.captions.opening import Opened, Opening, Ready, Rules
from gui.captions.showing import Shown, Wish
from gui.captions.thumbnail_store import ThumbnailStore
from gui.captions.thumbnails import Thumbnails
from gui.desk import Desk
from kohya_like.data.fingerprint import default_cache_dir
from kohya_like.schema.errors import Fault, UserError

if TYPE_CHECKING:
    from dataset_tools.edits import Edit
    from dataset_tools.library import Library, Picture
    from dataset_tools.outside import Outside
    from dataset_tools.preview import Preview
    from dataset_tools.session import CaptionSession, Choice, Conflict

T = TypeVar("T")


class CaptionDesk(QObject):
    """One per window. Ids are the library's numbers of pictures; they hold until another folder is opened.

    Attributes (read only for panels):
        desk: theme, language, settings, wishes of the window.
        keys: the page's keys; a panel binds its actions here.
        thumbnails: small pictures by path, read in threads.
        library, session: None until something is open; the session follows when all captions are read. Single look-ups
            (`library.picture(id)`, `tags`, `tokens`) are quick and allowed in the UI thread; `counts` and whatever else
            walks over many pictures goes through `work`.
        shown: `shown.ids` that the filter lets through, in the order of the list, and the row of each.
        selection: the chosen ids in the order of the list; current: the one the keyboard is at, -1 for none.
        faults: what is wrong with folders and caption files, known when all captions are read; gone_faults: folders
            that cannot be read any more.
        recovered: what a killed session left and this one took up, in a sentence; "".
        findings: what tools found out about pictures, for the filter; `note` adds to it.
    """

    leaving = Signal()  # the folders are about to be let go: what was typed becomes an edit now, or never
    opened = Signal()  # other pictures: the list is there, captions may still be read
    ready = Signal()  # all captions are read: `session` is there, edits are possible
    progress = Signal(int, int)  # captions read, of how many; the last one is (n, n)
    texts_changed = Signal(object)  # list[int]: captions that are another now, by an edit, an undo or from outside
    selection_changed = Signal(object)  # list[int], the same as `selection`
    current_changed = Signal(int)  # an id, or -1
    filtered = Signal()  # `shown` is another, or `filter_problem`
    conflicts_changed = Signal()  # `conflicts` is another
    history_changed = Signal()  # undo and redo, after each edit
    saved_changed = Signal()  # `unsaved` is another
    findings_changed = Signal()  # `findings` is another: sets are counted anew
    faults_changed = Signal()  # `faults` or `gone_faults`
    outside_seen = Signal(int)  # that many captions were changed by another program, and are read anew
    said = Signal(str)  # a sentence for the status line, translated
    fault = Signal(str)  # a sentence about what could not be written or read, translated

    # what the session's threads say; only `Opening` emits these
    changed_in_thread = Signal(object)
    conflict_in_thread = Signal(object)
    fault_in_thread = Signal(str)
    saved_in_thread = Signal(int)

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.keys = Keys(desk.settings, self)
        self.thumbnails = Thumbnails(ThumbnailStore(default_cache_dir()), parent=self)
        self.library: Library | None = None
        self.session: CaptionSession | None = None
        self.shown = Shown()
        self.selection: list[int] = []
        self.current = -1
        self.findings = Findings()
        self.faults: tuple[Fault, ...] = ()
        self.gone_faults: tuple[Fault, ...] = ()
        self.recovered = ""
        self._worker, self._reader = QThreadPool(self), QThreadPool(self)
        for pool in (self._worker, self._reader):
            pool.setMaxThreadCount(1)
        self._looking, self._editing = Looking(self, self._reader), Editing(self)
        self._opening = Opening(self, self._reader)
        self.changed_in_thread.connect(self._on_changed)
        self.conflict_in_thread.connect(lambda _: self.conflicts_changed.emit())
        self.fault_in_thread.connect(lambda sentence: self.fault.emit(desk.language.sentence(sentence)))
        self.saved_in_thread.connect(lambda _: self.saved_changed.emit())

    # what is open

    def open(self, folders: Sequence[str], deep: bool = False) -> None:
        """List these folders and read their captions: `opened`, `progress`, `ready`. Edits of the folders open before
        are written first. `deep`: where training would find no picture, those of all folders below are listed."""
        value = self.desk.document.value
        extension, suffix = value("data.caption_extension"), value("data.mask_suffix")
        rules = Rules(str(extension or ".txt"), str(suffix or ""), deep)
        self._opening.open(folders, rules)

    def refresh(self) -> None:
        """Compare the files with what is known, in a thread: changes from outside are taken up or become conflicts."""
        self._opening.refresh()

    def close(self) -> None:
        """Write what is unsaved and let go of the folders, in a thread; `gui.background.wait_for_all` waits for it."""
        self._opening.close()
        self.thumbnails.clear()
        self.opened.emit()
        self.show_list(Shown())
        self._tell_session()

    def flush(self) -> None:
        """Write what is unsaved now, in a thread."""
        self.leaving.emit()
        if (session := self.session) is not None:
            self.work(session.flush, self._say_flushed)

    @property
    def asked(self) -> tuple[str, ...]:
        """What was asked to be opened."""
        return self._opening.folders

    @property
    def most_tokens(self) -> int:
        """How many tokens of a caption the configuration trains."""
        value = self.desk.document.value("model.max_token_length")
        return value if isinstance(value, int) and value > 0 else TOKENS

    def picture(self, number: int) -> Picture | None:
        """None where nothing is open or the id is not known (any more)."""
        library = self.library
        return library.picture(number) if library is not None and 0 <= number < len(library) else None

    def take(self, opened: Opened) -> None:
        """The list of other folders (called by `Opening`)."""
        self.library, self.session, self.shown = opened.library, None, opened.shown
        self.selection, self.current, self.findings = [], -1, Findings()
        self.faults, self.gone_faults, self.recovered = (), (), ""
        self._looking.begin_anew()
        self.thumbnails.clear()
        self.opened.emit()
        self.show_list(opened.shown)
        self._tell_session()

    def take_session(self, ready: Ready) -> None:
        """All captions are read (called by `Opening`)."""
        self.session, self.faults = ready.session, ready.faults
        self.recovered = " ".join(self.desk.language.sentence(sentence) for sentence in ready.said)
        self.ready.emit()
        self.faults_changed.emit()
        self._tell_session()
        if self.wish != Wish():
            self.look()

    def find_faults(self) -> None:
        """Look once more at what is wrong, in the worker; `faults_changed`."""

        def done(faults: tuple[Fault, ...]) -> None:
            if library is self.library:
                self.faults, self.recovered = faults, ""
                self.faults_changed.emit()

        if (library := self.library) is not None:
            self.work(lambda: library.faults, done)

    def take_outside(self, found: Outside, changed: Sequence[int]) -> None:
        """What other programs did (called by `Opening`)."""
        self.note(gone=found.gone)
        self.take_changed(changed)
        if self.gone_faults != (told := tuple(found.faults)):
            self.gone_faults = told
            self.faults_changed.emit()
        if found.is_other_list:
            self.look()

    def take_changed(self, changed: Sequence[int]) -> None:
        """Captions that other programs wrote, read anew (called by `Opening`)."""
        if changed:
            self.note(outside={*self.findings.outside, *changed})
            self.outside_seen.emit(len(changed))

    def _tell_session(self) -> None:
        for signal in (self.history_changed, self.saved_changed, self.conflicts_changed):
            signal.emit()

    # what is chosen

    def select(self, ids: Sequence[int], current: int | None = None) -> None:
        """Choose pictures; those not shown are left out. `current` is the first of them if not given."""
        row = self.shown.row
        chosen = [number for number in ids if row(number) >= 0]
        self.selected(chosen, current if current is not None else (chosen[0] if chosen else -1))

    def select_all(self) -> None:
        self.selected(self.shown.ids.tolist(), self.current)

    def selected(self, ids: list[int], current: int) -> None:
        """What a view says: ids that are shown, in the order of the list."""
        is_other, self.selection = ids != self.selection, ids
        moved, self.current = current != self.current, current
        if moved:
            self.current_changed.emit(current)
        if is_other:
            self.selection_changed.emit(ids)

    # what is shown

    def set_filter(self, text: str) -> None:
        """Show what the filter language's `text` lets through; `filtered` when it is known. "" shows all."""
        self._looking.set_filter(text)

    def set_folder(self, folder: str) -> None:
        """Show the pictures of this folder alone; "" shows those of all."""
        self._looking.set_folder(folder)

    def set_sort(self, key: str, descending: bool = False) -> None:
        """Order the list by one of `showing.SORTS`: "size" in pixels, "changed" by the time of the caption file."""
        self._looking.set_sort(key, descending)

    def look(self) -> None:
        """Compute the list anew, with the captions as they are now; `filtered`."""
        self._looking.look()

    @property
    def filter_text(self) -> str:
        return self._looking.text

    @property
    def filter_problem(self) -> str:
        """Why the filter cannot be understood or took too long, translated; "" where there is none."""
        return self._looking.problem

    @property
    def wish(self) -> Wish:
        """What the list shows, or will show in a moment."""
        return self._looking.wish

    @property
    def is_looking(self) -> bool:
        """The list is being computed."""
        return self._looking.is_busy

    def note(self, **found: object) -> None:
        """What a tool found out about pictures (fields of `Findings`), for the filter."""
        self.findings = replace(self.findings, **found)  # type: ignore[arg-type]  # fields of Findings, each of its own type
        self.findings_changed.emit()

    def show_list(self, shown: Shown) -> None:
        """The list that was computed (called by `Looking`). What is chosen stays chosen where it is still shown."""
        self.shown = shown
        row = shown.row
        kept = sorted((number for number in self.selection if row(number) >= 0), key=row)
        current = self.current if row(self.current) >= 0 else (kept[0] if kept else -1)
        if current < 0 and len(shown.ids):
            current = shown.ids[0]
        self.filtered.emit()
        self.selected(kept or ([current] if current >= 0 else []), current)

    # what is changed

    def apply(self, edit: Edit, ids: Sequence[int] | None = None) -> None:
        """Change the captions of `ids` (default: the selection) as one entry of undo. Few are done at once, more in the
        worker; `texts_changed` either way. What cannot be edited is said."""
        wanted = list(self.selection if ids is None else ids)
        if wanted:
            is_slow = isinstance(edit, RegexReplace | ConvertEncoding)  # seconds of matching; files that are read
            self._editing.do(lambda session: session.apply(edit, wanted), MANY if is_slow else len(wanted))

    def apply_texts(self, label: str, texts: Mapping[int, str]) -> None:
        """Set the captions of several pictures as one entry of undo: accepted proposals, an import."""
        self._editing.do(lambda session: session.apply_texts(label, texts), len(texts))

    def preview(
        self, edit: Edit, ids: Sequence[int], done: Callable[[Preview], None], owner: QObject | None = None
    ) -> None:
        """What `apply` would do, made in the worker; a wrong edit is said."""
        from dataset_tools.preview import preview

        library, wanted = self.library, list(ids)
        if library is not None:
            self.work(lambda: preview(library, wanted, edit), done, owner=owner)

    def undo(self) -> None:
        self._editing.do(lambda session: session.undo(), MANY)

    def redo(self) -> None:
        self._editing.do(lambda session: session.redo(), MANY)

    @property
    def history(self) -> tuple[str, ...]:
        """What `undo` takes back, the next one last, in the program's English (`desk.language.sentence`)."""
        return self.session.history if self.session is not None else ()

    @property
    def redoable(self) -> tuple[str, ...]:
        return self.session.redoable if self.session is not None else ()

    @property
    def unsaved(self) -> int:
        """Pictures whose caption is not yet in its file."""
        return self.session.unsaved if self.session is not None else 0

    @property
    def conflicts(self) -> Mapping[int, Conflict]:
        """By id: captions edited here while their file was changed outside."""
        return self.session.conflicts if self.session is not None else {}

    def resolve(self, number: int, choice: Choice) -> None:
        """Settle a conflict with "mine", "theirs" or "merge", in the worker."""
        if (session := self.session) is not None:
            self.work(lambda: session.resolve(number, choice), lambda _: self.conflicts_changed.emit())

    def say_not_ready(self) -> None:
        if self.library is None:
            self.said.emit(self.tr("Open a folder of pictures first."))
        else:
            self.said.emit(self.tr("The captions are still being read; try again in a moment."))

    def say_faults(self, first: str, more: int) -> None:
        """Pictures that an edit left out."""
        sentence = self.desk.language.sentence(first)
        said = self.tr("{sentence} (and {count} more)").format(sentence=sentence, count=more)
        self.said.emit(said if more else sentence)

    # the worker

    def work(
        self,
        work: Callable[[], T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None] | None = None,
        owner: QObject | None = None,
    ) -> None:
        """Call `work` in the desk's own thread, after what was asked before, then `done` in the UI thread. Without
        `failed` an error of a person's making is said as a sentence. Nothing is called when `owner` was deleted."""
        later(work, done, failed or self._say, owner or self, self._worker)

    def _say(self, error: Exception) -> None:
        if not isinstance(error, UserError | OSError | FilterError):
            raise error
        self.said.emit(self.desk.language.sentence(str(error)))

    def _say_flushed(self, problems: tuple[str, ...]) -> None:
        self.said.emit(self.desk.language.sentence(problems[0]) if problems else self.tr("All captions are saved."))

    def _on_changed(self, ids: list[int]) -> None:
        self.texts_changed.emit(ids)
        self.saved_changed.emit()
