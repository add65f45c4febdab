"""CaptionDesk: the pictures that are open, their captions and edits, as Qt objects see them.

It joins `dataset_tools.library` (what is known) and `dataset_tools.session` (what is changed) to the window. What is
long runs in one worker thread of its own, in the order in which it was asked for; the edit of a few pictures is done at
once, in memory. The UI thread never touches a file here and never loops over all pictures. Panels receive this
object and nothing else.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject, Signal

from gui.desk import Desk

if TYPE_CHECKING:
    from dataset_tools.edits import Edit
    from dataset_tools.library import Library, Picture
    from dataset_tools.preview import Preview
    from dataset_tools.session import CaptionSession

T = TypeVar("T")
FEW = 200  # pictures whose edit is done at once, in the UI thread


class CaptionDesk(QObject):
    """One per window. Ids are the library's numbers of pictures; they hold until another folder is opened.

    Attributes (read only for panels):
        desk: theme, language, settings, wishes of the window.
        library, session: None until something is opened. Single look-ups (`library.picture(id)`, `counts`) are quick
            and allowed in the UI thread; what walks over many pictures goes through `work`.
        shown: the ids that the filter lets through, in the order of the list.
        selection: the chosen ids in the order of the list; current: the one the keyboard is at, -1 for none.
        filter_text, filter_problem: what was asked for, and why it cannot be understood (translated; "" if it can).
    """

    opened = Signal()  # other pictures: the list is there, captions may still be read
    progress = Signal(int, int)  # captions read, of how many; the last one is (n, n)
    texts_changed = Signal(object)  # list[int]: captions that are another now, by an edit, an undo or from outside
    selection_changed = Signal(object)  # list[int], the same as `selection`
    current_changed = Signal(int)  # an id, or -1
    filtered = Signal()  # `shown` is another, or `filter_problem`
    conflicts_changed = Signal()  # `conflicts` is another
    history_changed = Signal()  # undo and redo, after each edit
    saved_changed = Signal()  # `unsaved` is another
    said = Signal(str)  # a sentence for the status line, translated

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.library: Library | None = None
        self.session: CaptionSession | None = None
        self.shown: Sequence[int] = array("i")
        self.selection: list[int] = []
        self.current = -1
        self.filter_text = self.filter_problem = ""

    # what is open

    def open(self, folders: Sequence[str]) -> None:
        """List these folders and read their captions in the worker; `opened`, then `progress`. Edits of the folders
        open before are written first."""
        raise NotImplementedError

    def refresh(self) -> None:
        """Compare the files with what is known (in the worker): changes from outside are taken up or are conflicts."""
        raise NotImplementedError

    def close(self) -> None:
        """Write what is unsaved and let go of the folders; waits for the writer at most a few seconds."""
        raise NotImplementedError

    def picture(self, number: int) -> Picture | None:
        """None where nothing is open or the id is not known (any more)."""
        raise NotImplementedError

    # what is chosen

    def select(self, ids: Sequence[int], current: int | None = None) -> None:
        """Choose pictures; those not shown are left out. `current` is the first of them if not given."""
        raise NotImplementedError

    def set_filter(self, text: str) -> None:
        """Show what the filter language's `text` lets through; `filtered` when it is known. "" shows all."""
        raise NotImplementedError

    def set_sort(self, key: str, descending: bool = False) -> None:
        """Order the list: "name", "tokens", "tags", "size" (pixels), "changed" (newest file last)."""
        raise NotImplementedError

    # what is changed

    def apply(self, edit: Edit, ids: Sequence[int] | None = None) -> None:
        """Change the captions of `ids` (default: the selection) as one entry of undo. Few are done at once, more in the
        worker; `texts_changed` either way. What cannot be edited is said."""
        raise NotImplementedError

    def preview(
        self, edit: Edit, ids: Sequence[int], done: Callable[[Preview], None], owner: QObject | None = None
    ) -> None:
        """What `apply` would do, made in the worker."""
        raise NotImplementedError

    def undo(self) -> None:
        raise NotImplementedError

    def redo(self) -> None:
        raise NotImplementedError

    @property
    def undo_words(self) -> str:
        """What `undo` would take back, in words; "" where there is nothing."""
        raise NotImplementedError

    @property
    def redo_words(self) -> str:
        raise NotImplementedError

    @property
    def unsaved(self) -> int:
        """Pictures whose caption is not yet in its file."""
        raise NotImplementedError

    @property
    def conflicts(self) -> list[int]:
        """Ids whose file was changed outside while it was edited here."""
        raise NotImplementedError

    def resolve(self, number: int, choice: str) -> None:
        """ "mine", "theirs" or "merge"."""
        raise NotImplementedError

    # the worker

    def work(
        self,
        work: Callable[[], T],
        done: Callable[[T], None],
        failed: Callable[[Exception], None] | None = None,
        owner: QObject | None = None,
    ) -> None:
        """Call `work` in the desk's own thread, after what was asked before, then `done` in the UI thread. Without
        `failed` an error is said as a sentence. Nothing is called when `owner` was deleted."""
        raise NotImplementedError
