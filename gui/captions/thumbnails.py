"""Thumbnails for views of many pictures: read by two threads, newest wish first, kept in memory and on disk."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QObject, QSize, QThreadPool, Signal
from PySide6.QtGui import QImage, QPixmap

from gui.background import later
from gui.captions.thumbnail_store import ThumbnailStore
from gui.pictures import read_picture

THREADS = 2
SIDE = 192  # pixels of a thumbnail's longer side, before the screen's scale
KEPT_BYTES = 48 << 20  # of pixels in memory: about 330 thumbnails, some eight screens
MOST_WISHES = 300  # what was scrolled past longest ago is not read any more


@dataclass(frozen=True)
class Unreadable:
    """Why a picture has no thumbnail, in the program's English."""

    reason: str
    is_gone: bool = False


class Thumbnails(QObject):
    """`of` gives what is there and wishes for what is not; `arrived` with the path, when it can be asked for again."""

    arrived = Signal(str)

    def __init__(self, store: ThumbnailStore, side: int = SIDE, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store, self._side = store, side
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(THREADS)
        self._kept: OrderedDict[str, QPixmap | Unreadable] = OrderedDict()
        self._kept_bytes = 0
        self._wishes: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, path: str) -> QPixmap | Unreadable | None:
        """None: it is being read."""
        if (there := self._kept.get(path)) is not None:
            self._kept.move_to_end(path)
            return there
        with self._lock:
            is_new = path not in self._wishes
            self._wishes[path] = None
            self._wishes.move_to_end(path)
            if len(self._wishes) > MOST_WISHES:
                self._wishes.popitem(last=False)
        if is_new:
            later(self._read_next, self._take, owner=self, pool=self._pool)
        return None

    def forget(self, path: str) -> None:
        """The picture's file is another now."""
        self._drop(path)

    def clear(self) -> None:
        """Another folder: nothing wished for is read any more."""
        with self._lock:
            self._wishes.clear()
        self._kept.clear()
        self._kept_bytes = 0
        later(self._store.close, lambda _: None)

    def _read_next(self) -> tuple[str, QImage | Unreadable] | None:
        """In a thread: the newest wish there is. There are as many calls as wishes, so that none is left."""
        with self._lock:
            if not self._wishes:
                return None
            path, _ = self._wishes.popitem()
        try:
            return path, self._read(path)
        except FileNotFoundError as error:
            return path, Unreadable(str(error), is_gone=True)
        except (OSError, ValueError) as error:
            return path, Unreadable(str(error))

    def _read(self, path: str) -> QImage:
        facts = os.stat(path)
        key = ThumbnailStore.key(path, facts.st_mtime_ns, facts.st_size, self._side)
        image = self._store.get(key)
        if image is None:
            image = read_picture(Path(path), QSize(self._side, self._side))
            self._store.put(key, image)
        return image

    def _take(self, read: tuple[str, QImage | Unreadable] | None) -> None:
        if read is None:
            return
        path, image = read
        self._drop(path)
        self._kept[path] = image if isinstance(image, Unreadable) else QPixmap.fromImage(image)
        self._kept_bytes += _bytes_of(self._kept[path])
        while self._kept_bytes > KEPT_BYTES and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._kept_bytes -= _bytes_of(oldest)
        self.arrived.emit(path)

    def _drop(self, path: str) -> None:
        if (there := self._kept.pop(path, None)) is not None:
            self._kept_bytes -= _bytes_of(there)


def _bytes_of(kept: QPixmap | Unreadable) -> int:
    return 0 if isinstance(kept, Unreadable) else kept.width() * kept.height() * 4
